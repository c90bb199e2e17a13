"""Clique block headers (EIP-225) and what a majority of their signers proves.

A consensus form ends in a `ProvenHeader`; whoever adds another form adds a function that returns one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Literal, NoReturn

import coincurve

from chain_service.core import strict_rlp
from chain_service.core.digests import keccak256
from chain_service.errors import InvalidProof

Assurance = Literal["trial", "majority", "quorum"]

MAX_HEADER_BYTES: Final = 4096
MAX_HEADERS: Final = 16
"""Headers in one proof; enough for a majority of 31 validators."""

_VANITY: Final = 32
_SEAL: Final = 65
_NO_OMMERS: Final = bytes.fromhex("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347")
_ZERO_ADDRESS: Final = bytes(20)
_ZERO_NONCE: Final = bytes(8)
_NONCES: Final = (_ZERO_NONCE, b"\xff" * 8)
_JSON_FIELDS: Final = (
    ("parentHash", 32),
    ("sha3Uncles", 32),
    ("miner", 20),
    ("stateRoot", 32),
    ("transactionsRoot", 32),
    ("receiptsRoot", 32),
    ("logsBloom", 256),
    ("difficulty", None),
    ("number", None),
    ("gasLimit", None),
    ("gasUsed", None),
    ("timestamp", None),
    ("extraData", 0),
    ("mixHash", 32),
    ("nonce", 8),
)
_FIXED_LENGTHS: Final = tuple((place, size) for place, (_, size) in enumerate(_JSON_FIELDS) if size)


@dataclass(frozen=True, slots=True)
class CliqueHeader:
    """A well-formed header; nothing is said yet about who sealed it."""

    raw: bytes
    """The header's RLP."""
    block_hash: bytes
    parent_hash: bytes
    coinbase: bytes
    """The address voted on, or zero."""
    state_root: bytes
    difficulty: int
    number: int
    time: int
    """Unix seconds, set by the proposer."""
    signers: tuple[bytes, ...]
    """The validators this header names, ascending; empty except at epoch blocks and in genesis."""
    seal: bytes
    """r ‖ s ‖ v; zero in genesis."""
    seal_digest: bytes
    """What the seal signs: keccak256 of the header without its seal."""


@dataclass(frozen=True, slots=True)
class ProvenHeader:
    """A block that enough validators stand behind."""

    block: int
    block_hash: bytes
    state_root: bytes
    time: int
    assurance: Assurance
    validators: int
    """How many validators there are."""
    signers: int
    """How many different ones sealed."""


def majority_size(validators: int) -> int:
    """k = ⌊N/2⌋ + 1: how many consecutive headers prove the first of them (EIP-225, SIGNER_LIMIT)."""
    return validators // 2 + 1


def parse_header(raw: bytes) -> CliqueHeader:
    """The header these bytes encode, its form checked as EIP-225 asks (15 fields, or 16 with London's base fee).

    Raises InvalidProof. Genesis (number 0) is free in difficulty, coinbase, nonce and seal, as in go-ethereum.
    """
    if len(raw) > MAX_HEADER_BYTES:
        raise InvalidProof("header is too large", bytes=len(raw))
    fields = strict_rlp.decode_list(raw)
    if len(fields) not in (15, 16):
        raise InvalidProof("a Clique header has 15 or 16 fields", fields=len(fields))
    flat: list[bytes] = [field for field in fields if isinstance(field, bytes)]
    if len(flat) != len(fields):
        raise InvalidProof("a header field is a list")
    if any(len(flat[place]) != size for place, size in _FIXED_LENGTHS):
        raise InvalidProof("a header field has the wrong length")
    difficulty = strict_rlp.integer(flat[7])
    number, _, _, time = (strict_rlp.integer(field, 64) for field in flat[8:12])
    if len(flat) == 16:
        strict_rlp.integer(flat[15])
    extra = flat[12]
    signers = _named_signers(extra)
    if number:
        _check_form(flat, difficulty, signers)
    flat[12] = extra[:-_SEAL]
    return CliqueHeader(
        raw=raw,
        block_hash=keccak256(raw),
        parent_hash=flat[0],
        coinbase=flat[2],
        state_root=flat[3],
        difficulty=difficulty,
        number=number,
        time=time,
        signers=signers,
        seal=extra[-_SEAL:],
        seal_digest=keccak256(strict_rlp.encode(flat)),
    )


def _named_signers(extra: bytes) -> tuple[bytes, ...]:
    size = len(extra) - _VANITY - _SEAL
    if size < 0 or size % 20:
        raise InvalidProof("extraData is not vanity, signers and seal", bytes=len(extra))
    signers = tuple(extra[at : at + 20] for at in range(_VANITY, _VANITY + size, 20))
    if any(left >= right for left, right in pairwise(signers)):
        raise InvalidProof("the signers in extraData are not ascending")
    return signers


def _check_form(fields: Sequence[bytes], difficulty: int, signers: tuple[bytes, ...]) -> None:
    coinbase, nonce = fields[2], fields[14]
    if fields[1] != _NO_OMMERS or any(fields[13]):
        raise InvalidProof("a Clique block has no ommers and a zero mixHash")
    if nonce not in _NONCES:
        raise InvalidProof("a Clique nonce is all zero or all ff", nonce=nonce.hex())
    if difficulty not in (1, 2):
        raise InvalidProof("a Clique difficulty is 1 or 2", difficulty=difficulty)
    if signers and (coinbase != _ZERO_ADDRESS or nonce != _ZERO_NONCE):
        raise InvalidProof("a block that names the signers carries no vote")


def header_rlp_from_json(block: Mapping[str, Any]) -> bytes:
    """The RLP of a header as `eth_getBlockByNumber` gives it; its keccak256 equals the block's `hash`.

    Raises InvalidProof for a block that is no Clique block, is malformed, or does not have that hash.
    """
    fields = [_json_field(block, name, size) for name, size in _JSON_FIELDS]
    if block.get("baseFeePerGas") is not None:
        fields.append(_json_field(block, "baseFeePerGas", None))
    raw = strict_rlp.encode(fields)
    if keccak256(raw) != _json_field(block, "hash", 32):
        raise InvalidProof("the header fields of a block do not give its hash")
    return raw


def _json_field(block: Mapping[str, Any], name: str, size: int | None) -> bytes:
    """Bytes of `size` (0 = any), or with None the minimal bytes of an integer."""
    text = block.get(name)
    if not isinstance(text, str) or not text.startswith("0x"):
        _malformed_field(name)
    try:
        if size is None:
            return strict_rlp.integer_bytes(int(text[2:], 16))
        data = bytes.fromhex(text[2:])
    except (ValueError, OverflowError):
        _malformed_field(name)
    if len(data) * 2 + 2 != len(text) or (size and len(data) != size):
        _malformed_field(name)
    return data


def _malformed_field(name: str) -> NoReturn:
    raise InvalidProof("a header field is missing or malformed", field=name)


def recover_signer(header: CliqueHeader) -> bytes:
    """The 20-byte address whose key sealed the header (any number but 0). Raises InvalidProof."""
    if not header.number:
        raise InvalidProof("genesis carries no seal")
    if header.seal[64] > 1:
        raise InvalidProof("the last byte of a seal is 0 or 1", v=header.seal[64])
    try:
        key = coincurve.PublicKey.from_signature_and_message(header.seal, header.seal_digest, hasher=None)
    except ValueError as error:
        raise InvalidProof("a seal is not a signature", block=header.number) from error
    return keccak256(key.format(compressed=False)[1:])[12:]


def verify_seal(header: CliqueHeader, validators: Sequence[bytes], epoch: int | None = None) -> bytes:
    """The validator that sealed this header, which keeps to what EIP-225 asks of a set of signers.

    `validators` are the ascending addresses that may seal it. Headers name their signers at multiples of `epoch` and
    nowhere else; None leaves open where. Raises InvalidProof.
    """
    if epoch and bool(header.signers) != (header.number % epoch == 0):
        raise InvalidProof("signers are named at epoch blocks and only there", block=header.number)
    if header.signers and header.signers != tuple(validators):
        raise InvalidProof("a header names other signers than the trusted ones", block=header.number)
    signer = recover_signer(header)
    if signer not in validators:
        raise InvalidProof("a header is sealed by a stranger", block=header.number, signer="0x" + signer.hex())
    in_turn = header.number % len(validators) == validators.index(signer)
    if header.difficulty != (2 if in_turn else 1):
        raise InvalidProof("a header's difficulty contradicts its signer's turn", block=header.number)
    return signer


def verify_majority(
    headers: Sequence[CliqueHeader], validators: Sequence[bytes], epoch: int | None = None
) -> ProvenHeader:
    """The first header, shown to be one that more than half of `validators` built on.

    `headers` are the block in question and the ⌊N/2⌋ after it; `validators` the ascending addresses that may seal
    all of them. With one validator the assurance is `trial`: an operator's signature. Raises InvalidProof.
    """
    count = len(validators)
    if not count or any(left >= right for left, right in pairwise(validators)):
        raise InvalidProof("the trusted validators must be ascending and not empty")
    # 1. as many headers as a majority has members
    needed = majority_size(count)
    if len(headers) != needed:
        raise InvalidProof("a majority needs exactly so many headers", needed=needed, given=len(headers))
    # 2. consecutive numbers, linked by parentHash
    for parent, child in pairwise(headers):
        if child.number != parent.number + 1 or child.parent_hash != parent.block_hash:
            raise InvalidProof("a header does not follow the one before it", block=child.number)
    # 3. each sealed by another validator
    signers = {verify_seal(header, validators, epoch) for header in headers}
    if len(signers) != needed:
        raise InvalidProof("two headers are sealed by the same validator", block=headers[0].number)
    first = headers[0]
    return ProvenHeader(
        block=first.number,
        block_hash=first.block_hash,
        state_root=first.state_root,
        time=first.time,
        assurance="trial" if count == 1 else "majority",
        validators=count,
        signers=len(signers),
    )
