"""Files encrypted with a password, in a stream that is never whole in memory.

The password goes through scrypt (memory-hard, so that guessing is dear) to one secret a backup, and by HKDF to one key
a file, bound to the file's name. A file is a row of chunks under AES-256-GCM, each with its number and whether it is
the last one in its nonce (the STREAM construction, as age and Tink have it): no chunk can be altered, left out, moved
or taken from another file, and a file that ends early is refused. Everything comes from `cryptography`, which the
service has anyway; gpg or age would be one more program to install and keep on the day of a disaster.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import secrets
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from chain_service.errors import Corrupt

MAGIC = b"chain-service/sealed/1\n"
CHUNK = 2**20
SALT, PREFIX, TAG = 16, 7, 16
COST = 2**17
"""scrypt's N with r = 8: 128 MiB and about half a second for each guess."""
KEY = 32


class Secret:
    """What a password and a backup's salt give."""

    def __init__(self, password: str, salt: bytes) -> None:
        self.salt = salt
        self._secret = Scrypt(salt=salt, length=KEY, n=COST, r=8, p=1).derive(password.encode())

    @classmethod
    def new(cls, password: str) -> Secret:
        """A secret with a salt of its own."""
        return cls(password, secrets.token_bytes(SALT))

    def mac(self, data: bytes) -> bytes:
        """Shows that `data` comes from whoever knows the password."""
        return hmac.digest(self._key("manifest"), data, "sha256")

    def cipher(self, name: str) -> AESGCM:
        """The cipher of the file of this name."""
        return AESGCM(self._key(f"file/{name}"))

    def _key(self, purpose: str) -> bytes:
        return HKDF(algorithm=SHA256(), length=KEY, salt=None, info=purpose.encode()).derive(self._secret)


class SealingStream(io.RawIOBase):
    """What is written goes encrypted into `target`; `finish` ends it, and without it the file is refused later."""

    def __init__(self, target: BinaryIO, secret: Secret, name: str) -> None:
        super().__init__()
        self._target, self._cipher = target, secret.cipher(name)
        self._prefix = secrets.token_bytes(PREFIX)
        self._number, self._waiting = 0, bytearray()
        self._digest, self.size = hashlib.sha256(), 0
        self._put(MAGIC + self._prefix)

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: bytes | bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Takes all of it."""
        self._waiting += data
        while len(self._waiting) > CHUNK:
            self._seal(bytes(self._waiting[:CHUNK]), last=False)
            del self._waiting[:CHUNK]
        return len(data)

    def finish(self) -> str:
        """The SHA-256 of the whole encrypted file, in hex."""
        self._seal(bytes(self._waiting), last=True)
        self._waiting.clear()
        return self._digest.hexdigest()

    def _seal(self, part: bytes, *, last: bool) -> None:
        self._put(self._cipher.encrypt(_nonce(self._prefix, self._number, last), part, None))
        self._number += 1

    def _put(self, data: bytes) -> None:
        self._target.write(data)
        self._digest.update(data)
        self.size += len(data)


class OpeningStream(io.RawIOBase):
    """Reads what `SealingStream` wrote. Raises Corrupt (`backup_damaged`) where it is not exactly that."""

    def __init__(self, source: BinaryIO, secret: Secret, name: str) -> None:
        super().__init__()
        self._source, self._cipher, self._name = source, secret.cipher(name), name
        start = source.read(len(MAGIC) + PREFIX)
        if len(start) != len(MAGIC) + PREFIX or not start.startswith(MAGIC):
            raise self._damaged()
        self._prefix = start[len(MAGIC) :]
        self._number, self._ready, self._ended = 0, b"", False
        self._next = source.read(CHUNK + TAG)

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Fills the buffer as far as one chunk goes; 0 at the end, which is checked to be the real one."""
        while not self._ready and not self._ended:
            self._open()
        part = self._ready[: len(buffer)]
        self._ready = self._ready[len(part) :]
        buffer[: len(part)] = part
        return len(part)

    def _open(self) -> None:
        part, self._next = self._next, self._source.read(CHUNK + TAG)
        self._ended = not self._next
        try:
            self._ready = self._cipher.decrypt(_nonce(self._prefix, self._number, self._ended), part, None)
        except InvalidTag:
            raise self._damaged() from None
        self._number += 1

    def _damaged(self) -> Corrupt:
        return Corrupt(f"{self._name} in the backup is damaged or cut short", code="backup_damaged", file=self._name)


def _nonce(prefix: bytes, number: int, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([last])
