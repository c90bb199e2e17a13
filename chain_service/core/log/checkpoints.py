"""Checkpoints of logs as signed notes (C2SP tlog-checkpoint, signed-note), with Ed25519 keys of their own.

<origin>
<size>
<root, base64>

— <key name> <base64(key id ‖ signature)>
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Final

from chain_service.core.encoding.cose import Signer, verify_ed25519
from chain_service.core.encoding.decoding import read_base64
from chain_service.core.encoding.digests import sha256
from chain_service.core.log.merkle import MAX_SIZE
from chain_service.errors import InvalidProof, MalformedDocument

MAX_NOTE_BYTES: Final = 64 * 1024
MAX_SIGNATURES: Final = 64
MAX_NAME: Final = 200

_ED25519: Final = b"\x01"
_DASH: Final = "\N{EM DASH} "
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,15}")
_NAME: Final = re.compile(rf"[^\s+]{{1,{MAX_NAME}}}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's name, size and root."""

    origin: str
    size: int
    root: bytes

    def to_text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """Whose signatures on notes to believe: the key's name and its 32 bytes."""

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """4 bytes of SHA-256 over name and key."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public_key)[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_ED25519 + self.public_key).decode()}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """The key that `str` wrote: `name+hex(key id)+base64(type ‖ key)`. Raises MalformedDocument."""
        name, _, rest = text.partition("+")
        key_id, _, encoded = rest.partition("+")
        raw = _base64(encoded)
        if not _NAME.fullmatch(name) or raw is None or len(raw) != 33 or raw[:1] != _ED25519:
            raise MalformedDocument("a verifier key is name+id+key, the key Ed25519", field="key")
        key = cls(name, raw[1:])
        if key.key_id.hex() != key_id:
            raise MalformedDocument("a verifier key's id does not match its name and key", field="key")
        return key


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint with its signatures (key name, key id, signature), none of them verified."""

    checkpoint: Checkpoint
    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]

    def verify(self, key: VerifierKey) -> None:
        """Returns only if the key signed. Raises InvalidProof, also if one of several signatures by it is wrong."""
        by_key = [signature for name, id, signature in self.signatures if (name, id) == (key.name, key.key_id)]
        if not by_key:
            raise InvalidProof("the checkpoint is not signed by the expected key", code="checkpoint_unsigned")
        for signature in by_key:
            verify_ed25519(key.public_key, signature, self.text.encode())


def sign(checkpoint: Checkpoint, signer: Signer) -> bytes:
    """The checkpoint as a note signed under its origin's name."""
    text = checkpoint.to_text()
    key = VerifierKey(checkpoint.origin, signer.public_key)
    signature = base64.b64encode(key.key_id + signer.sign(text.encode())).decode()
    return f"{text}\n{_DASH}{key.name} {signature}\n".encode()


def parse(data: bytes) -> SignedCheckpoint:
    """The note in these bytes. Raises MalformedDocument."""
    if len(data) > MAX_NOTE_BYTES:
        raise MalformedDocument(f"a checkpoint has at most {MAX_NOTE_BYTES} bytes", field="")
    try:
        whole = data.decode()
    except UnicodeDecodeError:
        raise MalformedDocument("a checkpoint is UTF-8", field="") from None
    if any(ord(character) < 32 and character != "\n" for character in whole):
        raise MalformedDocument("a checkpoint has no control characters but line feeds", field="")
    text, _, tail = whole.rpartition("\n\n")
    if not text or not tail.endswith("\n"):
        raise MalformedDocument("a checkpoint is a text, an empty line and signatures", field="")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise MalformedDocument(f"a checkpoint has at most {MAX_SIGNATURES} signatures", field="")
    return SignedCheckpoint(_checkpoint(text + "\n"), text + "\n", tuple(_signature(line) for line in lines))


def _checkpoint(text: str) -> Checkpoint:
    origin, size, root, *others = text[:-1].split("\n") if text.count("\n") >= 3 else ("", "", "")
    raw = _base64(root)
    if not origin or not _NUMBER.fullmatch(size) or int(size) > MAX_SIZE or raw is None or len(raw) != 32:
        raise MalformedDocument("a checkpoint is origin, size and root, a line each", field="")
    if not all(others):
        raise MalformedDocument("a checkpoint has no empty line in its text", field="")
    return Checkpoint(origin, int(size), raw)


def _signature(line: str) -> tuple[str, bytes, bytes]:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    raw = _base64(encoded)
    if not line.startswith(_DASH) or not _NAME.fullmatch(name) or raw is None or len(raw) < 5:
        raise MalformedDocument("a signature line is a dash, a key's name and base64", field="")
    return name, raw[:4], raw[4:]


def _base64(text: str) -> bytes | None:
    """The bytes of standard base64 in its only form; None for anything else."""
    try:
        raw = read_base64(text, limit=MAX_NOTE_BYTES)
    except MalformedDocument:
        return None
    return raw if base64.b64encode(raw).decode() == text else None
