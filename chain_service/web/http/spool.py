"""Bodies on disk: the part of an upload that is too large to wait for its end in memory.

All of them lie in one file, in blocks, so that a hundred uploads take one descriptor and their bytes have one bound.
The file has no name and its blocks are encrypted under a key that only this process knows: what was presented to be
verified, or was erased, is not found on the disk afterwards.
"""

from __future__ import annotations

import asyncio
import errno
import os
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from chain_service.config import Settings
from chain_service.files import nameless
from chain_service.web.http.problems import Overloaded, TooManyAtOnce

BLOCK = 2**16

Result = TypeVar("Result")


async def _finished(work: Coroutine[Any, Any, Result]) -> Result:
    """What the work gives. Who is cancelled meanwhile still waits for its end: its blocks may become another's."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


class Spool:
    """The blocks of all bodies that are on disk."""

    def __init__(self, settings: Settings) -> None:
        self.folder: Path = settings.data
        self.most = settings.spool_bytes // BLOCK
        self.most_of_address = settings.address_spool_bytes // BLOCK
        self.key = os.urandom(32)
        self.used = 0
        self._of_address: Counter[str] = Counter()
        self._file: int | None = None
        self._free: list[int] = []
        self._end = 0

    def take(self, address: str, count: int) -> list[int]:
        """The numbers of so many blocks. Raises Overloaded, TooManyAtOnce."""
        if self._of_address[address] + count > self.most_of_address:
            limit = self.most_of_address * BLOCK
            raise TooManyAtOnce(
                f"at most {limit} bytes of unfinished uploads of one address", reason="address_spool_bytes", limit=limit
            )
        if self.used + count > self.most:
            limit = self.most * BLOCK
            raise Overloaded(f"at most {limit} bytes of unfinished uploads", reason="spool_bytes", limit=limit)
        self.used += count
        self._of_address[address] += count
        taken = [self._free.pop() for _ in range(min(count, len(self._free)))]
        fresh = count - len(taken)
        self._end += fresh
        return taken + list(range(self._end - fresh, self._end))

    def give_back(self, address: str, blocks: list[int]) -> None:
        """The blocks are free again; where no other is in use, their room on the disk too."""
        self.used -= len(blocks)
        self._of_address[address] -= len(blocks)
        if not self._of_address[address]:
            del self._of_address[address]
        self._free += blocks
        if not self.used and self._file is not None:
            self._free, self._end = [], 0
            os.ftruncate(self._file, 0)

    def descriptor(self) -> int:
        """Of the file, which is made when it is first needed and lives as long as the process. Raises OSError.

        Where DIR takes no files, as evidence on a read-only file system, it is made where the machine keeps its
        temporary ones.
        """
        if self._file is None:
            try:
                self._file = nameless(self.folder)
            except OSError as error:
                if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
                    raise
                self._file = nameless(Path(tempfile.gettempdir()))
        return self._file


class SpooledBody:
    """One body that grows at its end and is then read once."""

    def __init__(self, spool: Spool, address: str) -> None:
        self.spool = spool
        self.address = address
        self.cipher = Cipher(AES(spool.key), CTR(os.urandom(16)))
        self.size = 0
        self._encryptor = self.cipher.encryptor()
        self._blocks: list[int] = []
        self._tail = bytearray()

    async def append(self, data: bytes | bytearray) -> None:
        """The body has these bytes at its end, on disk in whole blocks. Raises Overloaded, TooManyAtOnce."""
        self.size += len(data)
        self._tail += data
        count = len(self._tail) // BLOCK
        if count:
            blocks = self.spool.take(self.address, count)
            self._blocks += blocks
            sealed = self._encryptor.update(bytes(self._tail[: count * BLOCK]))
            del self._tail[: count * BLOCK]
            try:
                await _finished(asyncio.to_thread(self._write, self.spool.descriptor(), blocks, sealed))
            except OSError as error:
                raise Overloaded(f"no room for uploads on the disk: {error.strerror}", reason="disk") from None

    def _write(self, file: int, blocks: list[int], sealed: bytes) -> None:
        for place, block in enumerate(blocks):
            rest = memoryview(sealed)[place * BLOCK : (place + 1) * BLOCK]
            written = 0
            while written < BLOCK:
                written += os.pwrite(file, rest[written:], block * BLOCK + written)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The whole body in order. Raises OSError."""
        decryptor = self.cipher.decryptor()
        for block in self._blocks:
            sealed = await _finished(asyncio.to_thread(os.pread, self.spool.descriptor(), BLOCK, block * BLOCK))
            yield decryptor.update(sealed)
        yield bytes(self._tail)

    def close(self) -> None:
        """Its blocks are free."""
        self.spool.give_back(self.address, self._blocks)
        self._blocks = []
        self._tail.clear()
