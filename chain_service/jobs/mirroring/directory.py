"""The files of a mirrored log: those that were proven, and those fetched for a checkpoint not proven yet."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import orjson

from chain_service.core.encoding.canonical import read_json
from chain_service.core.log import checkpoints
from chain_service.core.log.checkpoints import SignedCheckpoint
from chain_service.core.log.merkle import leaf_hash, root_of
from chain_service.core.log.tiles import WIDTH, entries_path, entries_tile, root, tile_path
from chain_service.errors import BadRequest, ChainServiceError, Conflict, Corrupt, MalformedRecord
from chain_service.files import SHARED, move, replace_file
from chain_service.jobs.context import Progress
from chain_service.remote.tile_server import LogSource

HASH = 32
ENTRIES = -1
CHECKPOINT = "checkpoint"
MAX_CHAIN_FILE = 4096
_CHAIN = "chain.json"
_STAGED = ".fetched"
_ENTRY = 2 + HASH


class Mirror:
    """A directory that holds a log as it is served, `checkpoint` and `tile/…`, and can be served itself.

    What is fetched lies apart until `keep`, so that a forger's tiles never mix with proven ones.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.fetched = 0
        self._staged = directory / _STAGED
        self._read = lru_cache(maxsize=4096)(self._read_tile)
        self._size = 0

    def head(self) -> SignedCheckpoint | None:
        """The last head that was proven. Raises `Corrupt` (code `mirror_damaged`)."""
        file = self.directory / CHECKPOINT
        if not file.is_file():
            return None
        try:
            return checkpoints.parse(file.read_bytes())
        except BadRequest as error:
            raise Corrupt("the kept checkpoint cannot be read", code="mirror_damaged", file=str(file)) from error

    def fetch(self, source: LogSource, size: int, progress: Progress) -> int:
        """Every tile of the log of this size is here and each is what those below it say; how many there are.

        Raises `Conflict` (code `tile_mismatch`) naming the tile, `Corrupt` (code `mirror_damaged`) for one that was
        proven when it was kept, `NotFound`, `Unavailable`.
        """
        self._size = size
        self._read.cache_clear()
        level, hashes, checked = 0, iter(self._leaves(source, size, progress)), 0
        width = size
        while width:
            above: list[bytes] = []
            for n in range((width + WIDTH - 1) // WIDTH):
                expected = next(hashes)
                path = tile_path(level, n, len(expected) // HASH)
                if self._bytes(source, path, WIDTH * HASH) != expected:
                    raise self._wrong(path, "is not what the entries or tiles below it give")
                checked += 1
                if len(expected) == WIDTH * HASH:
                    above.append(root_of(_split(expected)))
            level, width = level + 1, width // WIDTH
            hashes = iter([b"".join(above[at : at + WIDTH]) for at in range(0, len(above), WIDTH)])
        return checked

    def _leaves(self, source: LogSource, size: int, progress: Progress) -> Iterator[bytes]:
        """The leaf hashes of every entries tile, joined."""
        count = (size + WIDTH - 1) // WIDTH
        for n in range(count):
            entries = self._entries(source, n, min(WIDTH, size - n * WIDTH))
            yield b"".join(map(leaf_hash, entries))
            progress("tiles", n + 1, count)

    def _entries(self, source: LogSource, n: int, width: int) -> list[bytes]:
        path = entries_path(n, width)
        data = self._bytes(source, path, WIDTH * _ENTRY)
        entries = [data[at + 2 : at + _ENTRY] for at in range(0, len(data), _ENTRY)]
        if len(entries) != width or entries_tile(entries) != data:
            raise self._wrong(path, f"does not hold {width} entries of 32 bytes")
        return entries

    def root(self, size: int) -> bytes:
        """Root of the log's first `size` leaves, not more than were fetched."""
        return root(size, self._read)

    def first_entry(self) -> bytes:
        """The log's founding entry, as fetched."""
        return self._local(entries_path(0, min(WIDTH, self._size))).read_bytes()[2:_ENTRY]

    def keep(self, checkpoint: bytes) -> None:
        """What was fetched is part of the mirror, this checkpoint its last head; shorter partial tiles are gone."""
        for file in sorted(self._staged.rglob("*")):
            if file.is_file():
                target = self.directory / file.relative_to(self._staged)
                target.parent.mkdir(parents=True, exist_ok=True)
                move(file, target)
        self.forget()
        replace_file(self.directory / CHECKPOINT, checkpoint, mode=SHARED)
        for partial in (self.directory / "tile").rglob("*.p"):
            whole = partial.with_suffix("")
            widths = sorted(int(file.name) for file in partial.iterdir())
            for width in widths if whole.is_file() else widths[:-1]:
                (partial / str(width)).unlink()
            if whole.is_file():
                partial.rmdir()

    def forget(self) -> None:
        """Nothing fetched and unproven is left."""
        shutil.rmtree(self._staged, ignore_errors=True)

    def refuse(self, checkpoint: bytes, note: SignedCheckpoint) -> Path:
        """The refused checkpoint is kept as evidence; where."""
        head = note.checkpoint
        file = self.directory / "refused" / f"{head.size}-{head.root.hex()[:16]}.{CHECKPOINT}"
        file.parent.mkdir(exist_ok=True)
        replace_file(file, checkpoint, mode=SHARED)
        return file

    def chain_block(self) -> int:
        """Up to which block the chain's heads were compared; 0 at first."""
        file = self.directory / _CHAIN
        try:
            kept = read_json(file.read_bytes(), limit=MAX_CHAIN_FILE)
        except (FileNotFoundError, MalformedRecord):
            return 0
        block = kept.get("block") if isinstance(kept, dict) else None
        return block if type(block) is int and block >= 0 else 0

    def set_chain_block(self, block: int) -> None:
        """The chain's heads up to this block were compared."""
        replace_file(self.directory / _CHAIN, orjson.dumps({"block": block}), mode=SHARED)

    def _wrong(self, path: str, why: str) -> ChainServiceError:
        if (self.directory / path).is_file():
            return Corrupt(f"the kept {path} {why}", code="mirror_damaged", path=path)
        return Conflict(f"{path} {why}", code="tile_mismatch", path=path)

    def _bytes(self, source: LogSource, path: str, limit: int) -> bytes:
        file = self._local(path)
        if file.is_file():
            return file.read_bytes()
        data = source.get(path, limit)
        self.fetched += 1
        target = self._staged / path
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target, data, mode=SHARED)
        return data

    def _local(self, path: str) -> Path:
        kept = self.directory / path
        return kept if kept.is_file() else self._staged / path

    def _read_tile(self, level: int, n: int) -> bytes:
        width = min(WIDTH, (self._size >> 8 * level) - n * WIDTH)
        return self._local(tile_path(level, n, width)).read_bytes()


def _split(hashes: bytes) -> Sequence[bytes]:
    return [hashes[at : at + HASH] for at in range(0, len(hashes), HASH)]
