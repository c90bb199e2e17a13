"""The ZIP around an OFD document, read from bytes and bounded before any work is done.

Stricter than ZIP readers are used to be, because two readers that see different files in one archive are an attack:
the entries and the directory fill the archive without a gap, both headers of an entry agree, no name occurs twice.
"""

from __future__ import annotations

import struct
import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from chain_service.errors import MalformedDocument

__all__ = ["Archive", "Entry", "open_archive"]

MAX_ENTRIES: Final = 4_096
MAX_NAME: Final = 512
"""Bytes of one name."""
MAX_DEPTH: Final = 32
MAX_ENTRY: Final = 48 * 1024 * 1024
MAX_TOTAL: Final = 96 * 1024 * 1024
"""Bytes of all entries once they are inflated."""
MAX_RATIO: Final = 250
RATIO_FREE: Final = 4 * 1024 * 1024
"""Below this many inflated bytes the ratio does not matter: an empty page compresses very well."""
NEWEST_VERSION: Final = 63
"""Of the ZIP specification, times ten."""
CHUNK: Final = 256 * 1024

_END: Final = struct.Struct("<4s4H2LH")
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _DESCRIPTOR, _STRONG, _UTF8, _MASKED = 1, 1 << 3, 1 << 6, 1 << 11, 1 << 13
_UNICODE_PATH: Final = 0x7075
_UNSEEN: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the archive as both of its headers describe it."""

    name: str
    method: int
    crc: int
    packed: int
    """Bytes in the archive."""
    size: int
    """Bytes once inflated."""
    start: int
    """Offset of its data."""
    end: int
    """Offset of what follows it, a data descriptor included."""
    begin: int
    """Offset of its local header."""
    commented: bool


@dataclass(frozen=True, slots=True)
class Archive:
    """A checked archive; the files in it are inflated when they are asked for."""

    data: bytes
    entries: dict[str, Entry]
    """By name, directories left out, in the order of the central directory."""
    commented: bool
    """It or one of its entries carries a comment, which belongs to no file and so is never signed."""

    def chunks(self, name: str) -> Iterator[bytes]:
        """The inflated bytes of a file piece by piece. Raises MalformedDocument: size or checksum differ."""
        entry = self.entries[name]
        packed = memoryview(self.data)[entry.start : entry.start + entry.packed]
        seen, crc = 0, 0
        for chunk in _inflated(packed, entry):
            seen += len(chunk)
            if seen > entry.size:
                raise _refused("size_differs", f"{name} is larger than its header says")
            crc = zlib.crc32(chunk, crc)
            yield chunk
        if seen != entry.size:
            raise _refused("size_differs", f"{name} is smaller than its header says")
        if crc != entry.crc:
            raise _refused("checksum_differs", f"{name} is damaged: its CRC-32 differs")

    def read(self, name: str, limit: int) -> bytes:
        """A whole file. Raises MalformedDocument: more than `limit` bytes, or damaged."""
        size = self.entries[name].size
        if size > limit:
            raise _refused("too_large", f"{name} has {size} bytes; {limit} are allowed for such a file")
        return b"".join(self.chunks(name))


def open_archive(data: bytes) -> Archive:
    """The archive with every file checked once. Raises MalformedDocument with a code that says what is wrong."""
    # 1. the end record, at the very end
    count, size, offset, comment = _end(data)
    # 2. the directory, all of it and nothing else between the entries and the end record
    directory = data[offset : offset + size]
    entries = list(_directory(data, directory, count))
    # 3. no name twice, however it is written
    _distinct(entries)
    # 4. sizes, before anything is inflated
    _bounded(entries)
    # 5. the entries fill the space before the directory
    _seamless(entries, offset)
    files = {entry.name: entry for entry in entries if not entry.name.endswith("/")}
    archive = Archive(data, files, comment or any(entry.commented for entry in entries))
    # 6. every file is what its headers say
    for name in files:
        for _ in archive.chunks(name):
            pass
    return archive


def _refused(code: str, detail: str) -> MalformedDocument:
    return MalformedDocument(detail, code=code)


def _end(data: bytes) -> tuple[int, int, int, bool]:
    """Entries, bytes and offset of the directory, and whether there is a comment."""
    if data[:4] not in (b"PK\x03\x04", b"PK\x05\x06"):
        raise _refused("not_zip", "the file does not begin as a ZIP archive")
    at = data.rfind(b"PK\x05\x06", max(0, len(data) - _END.size - 0xFFFF))
    if at < 0 or at + _END.size > len(data):
        raise _refused("not_zip", "the archive's end record is missing: the file is cut off")
    _, disk, start_disk, here, count, size, offset, comment = _END.unpack_from(data, at)
    if at + _END.size + comment != len(data):
        raise _refused("data_appended", "bytes were appended after the archive's end record")
    if disk or start_disk or here != count:
        raise _refused("split_archive", "the archive is one part of several")
    if count > MAX_ENTRIES:
        raise _refused("too_many_entries", f"the archive has {count} entries; {MAX_ENTRIES} are allowed")
    if offset == _UNSEEN or size == _UNSEEN or data[at - 20 : at - 16] == b"PK\x06\x07":
        raise _refused("zip64", "ZIP64 is not read: a document of this size does not need it")
    if offset + size != at:
        raise _refused("hidden_data", "the archive's directory does not end where its end record begins")
    return count, size, offset, comment > 0


def _directory(data: bytes, directory: bytes, count: int) -> Iterator[Entry]:
    at = 0
    for _ in range(count):
        if at + _CENTRAL.size > len(directory):
            raise _refused("not_zip", "the archive's directory is cut off")
        fields = _CENTRAL.unpack_from(directory, at)
        names, extras, comments = fields[10:13]
        end = at + _CENTRAL.size + names + extras + comments
        if fields[0] != b"PK\x01\x02" or end > len(directory):
            raise _refused("not_zip", "the archive's directory is damaged")
        raw = directory[at + _CENTRAL.size : at + _CENTRAL.size + names]
        extra = directory[at + _CENTRAL.size + names : end - comments]
        yield _entry(data, fields, raw, extra)
        at = end
    if at != len(directory):
        raise _refused("hidden_data", "the archive's directory has more bytes than entries")


def _entry(data: bytes, fields: tuple[int, ...], raw: bytes, extra: bytes) -> Entry:
    """The entry of a central header, once its local header is found to agree with it."""
    _, _, needed, flags, method, time, date, crc, packed, size, *_, offset = fields
    name = _name(raw, flags, extra)
    if flags & (_ENCRYPTED | _STRONG | _MASKED):
        raise _refused("encrypted_entry", f"{name} is encrypted")
    if needed & 0xFF > NEWEST_VERSION:
        raise _refused("unknown_compression", f"{name} needs a newer version of ZIP than there is")
    if method not in (_STORED, _DEFLATED):
        raise _refused(
            "unknown_compression", f"{name} is compressed by method {method}; only stored and deflate are read"
        )
    if method == _STORED and packed != size:
        raise _refused("headers_disagree", f"{name} is stored and has two sizes")
    if name.endswith("/") and size:
        raise _refused("bad_name", f"the directory {name} has content")
    if offset + _LOCAL.size > len(data):
        raise _refused("headers_disagree", f"{name} lies outside the archive")
    local = _LOCAL.unpack_from(data, offset)
    start = offset + _LOCAL.size + local[9] + local[10]
    local_name = data[offset + _LOCAL.size : offset + _LOCAL.size + local[9]]
    local_extra = data[offset + _LOCAL.size + local[9] : start]
    described = bool(flags & _DESCRIPTOR)
    sizes = (0, 0, 0) if described and local[6:9] != (crc, packed, size) else (crc, packed, size)
    told = (b"PK\x03\x04", flags, method, time, date, *sizes, raw)
    if (local[0], *local[2:9], local_name) != told:
        raise _refused("headers_disagree", f"the two headers of {name} disagree")
    _name(local_name, flags, local_extra)
    end = start + packed
    if end > len(data):
        raise _refused("headers_disagree", f"{name} lies outside the archive")
    if described:
        end += _descriptor(data, end, (crc, packed, size), name)
    return Entry(name, method, crc, packed, size, start, end, offset, fields[12] > 0)


def _descriptor(data: bytes, at: int, told: tuple[int, int, int], name: str) -> int:
    """Bytes of the data descriptor at an offset."""
    values = struct.pack("<3L", *told)
    for form in (b"PK\x07\x08" + values, values):
        if data.startswith(form, at):
            return len(form)
    raise _refused("headers_disagree", f"what follows {name} disagrees with its header")


def _name(raw: bytes, flags: int, extra: bytes) -> str:
    if not raw or len(raw) > MAX_NAME:
        raise _refused("bad_name", f"a name has {len(raw)} bytes; 1 to {MAX_NAME} are allowed")
    name = _decoded(raw, flags)
    parts = name.removesuffix("/").split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise _refused("path_escapes", "a name is absolute or has empty, '.' or '..' parts: it could leave the archive")
    if any(unicodedata.category(char) in ("Cc", "Cf", "Cs") or char in '\\:*?"<>|' for char in name):
        raise _refused("path_escapes", "a name has a backslash, colon, wildcard or control character")
    if len(parts) > MAX_DEPTH:
        raise _refused("bad_name", f"a name is {len(parts)} folders deep; {MAX_DEPTH} are allowed")
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == _UNICODE_PATH and extra[at + 9 : at + 4 + length] != name.encode():
            raise _refused("headers_disagree", "a name and its Unicode form disagree")
        at += 4 + length
    return name


def _decoded(raw: bytes, flags: int) -> str:
    for encoding in ("utf-8",) if flags & _UTF8 else ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _refused("bad_name", "a name is neither UTF-8 nor GB 18030")


def _distinct(entries: list[Entry]) -> None:
    """Readers on some systems do not tell case or composed characters apart, so such names count as one."""
    seen: set[str] = set()
    for entry in entries:
        key = unicodedata.normalize("NFKC", entry.name.removesuffix("/")).casefold()
        if key in seen:
            raise _refused("duplicate_entry", f"the archive has {entry.name} twice")
        seen.add(key)


def _bounded(entries: list[Entry]) -> None:
    total = sum(entry.size for entry in entries)
    packed = sum(entry.packed for entry in entries)
    largest = max(entries, key=lambda entry: entry.size, default=None)
    if largest and largest.size > MAX_ENTRY:
        raise _refused("zip_bomb", f"{largest.name} would have {largest.size} bytes; {MAX_ENTRY} are allowed")
    if total > MAX_TOTAL:
        raise _refused("zip_bomb", f"the archive would have {total} bytes; {MAX_TOTAL} are allowed")
    if total > RATIO_FREE and total > MAX_RATIO * packed:
        raise _refused("zip_bomb", f"the archive grows more than {MAX_RATIO} times when it is opened")


def _seamless(entries: list[Entry], directory: int) -> None:
    at = 0
    for entry in sorted(entries, key=lambda entry: entry.begin):
        if entry.begin < at:
            raise _refused("headers_disagree", f"{entry.name} overlaps another entry")
        if entry.begin > at:
            raise _refused("hidden_data", f"the archive hides {entry.begin - at} bytes before {entry.name}")
        at = entry.end
    if at != directory:
        raise _refused("hidden_data", f"the archive hides {directory - at} bytes before its directory")


def _inflated(packed: memoryview, entry: Entry) -> Iterator[bytes]:
    if entry.method == _STORED:
        for at in range(0, len(packed), CHUNK):
            yield bytes(packed[at : at + CHUNK])
        return
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for at in range(0, len(packed), CHUNK):
            rest: bytes | memoryview = packed[at : at + CHUNK]
            while rest and not inflater.eof:
                yield inflater.decompress(rest, CHUNK)
                rest = inflater.unconsumed_tail
        while not inflater.eof:
            chunk = inflater.decompress(b"", CHUNK)
            if not chunk:
                break
            yield chunk
    except zlib.error as error:
        raise _refused("checksum_differs", f"{entry.name} is damaged: it cannot be inflated") from error
    if not inflater.eof or inflater.unused_data:
        raise _refused("size_differs", f"{entry.name} has more or fewer packed bytes than its stream")
