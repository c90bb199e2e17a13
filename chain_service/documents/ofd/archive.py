"""The ZIP around an OFD document, read from bytes and bounded before any work is done.

What counts is what readers act on: which files there are, under which names, and the bytes each inflates to. Writers
differ in how they say so (sizes in ZIP64 fields, flags in one header only, backslashes, a maker's bytes around the
archive), and every such form is read here. What is refused is an archive in which two readers could see two contents:
a name twice, entries that overlap, headers that lead to different bytes, a second archive hidden beside the first.
"""

from __future__ import annotations

import re
import struct
import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from chain_service.documents.ofd.zip_headers import (
    CentralDirectory,
    CentralHeader,
    directory_of,
    extra_fields,
    local_of,
    zip64_sizes,
)
from chain_service.errors import MalformedDocument

__all__ = ["ROOT", "Archive", "Entry", "has_file", "open_archive"]

ROOT: Final = "OFD.xml"
"""The file at the root by which an archive is an OFD document."""

MAX_NAME: Final = 512
"""Bytes of one name."""
MAX_DEPTH: Final = 32
MAX_ENTRY: Final = 48 * 1024 * 1024
MAX_TOTAL: Final = 96 * 1024 * 1024
"""Bytes of all entries once they are inflated."""
MAX_HELD: Final = 8 * 1024 * 1024
MAX_RATIO: Final = 250
RATIO_FREE: Final = 4 * 1024 * 1024
"""Below this many inflated bytes the ratio does not matter: an empty page compresses very well."""
MAX_HEAD: Final = 4096
"""Bytes that a maker may put before the archive."""
CHUNK: Final = 256 * 1024

_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _DESCRIPTOR, _STRONG, _UTF8, _MASKED = 1, 1 << 3, 1 << 6, 1 << 11, 1 << 13
_PATCH: Final = 1 << 5
_UNICODE_PATH: Final = 0x7075
_RECORD: Final = re.compile(rb"PK(?:\x01\x02|\x03\x04|\x05\x06|\x06\x06|\x06\x07|\x07\x08)")
"""How the records of a ZIP archive begin."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the archive as both of its headers describe it."""

    name: str
    """With slashes, however it is written."""
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
    backslashes: bool


@dataclass(frozen=True, slots=True)
class Archive:
    """A checked archive; the files in it are inflated when they are asked for."""

    data: bytes
    entries: dict[str, Entry]
    """By name, directories left out, in the order of the central directory."""
    commented: bool
    """It or one of its entries carries a comment, which belongs to no file and so is never signed."""
    surrounded: bool
    """There are bytes before, between or after its records, which belong to no file either."""
    backslashes: bool
    """Its names separate folders by backslashes."""
    held: dict[str, bytes] = field(default_factory=dict, repr=False)
    """Small files that were inflated once and are kept, MAX_HELD bytes of them."""

    def chunks(self, name: str) -> Iterator[bytes]:
        """The inflated bytes of a file piece by piece. Raises MalformedDocument: size or checksum differ."""
        if name in self.held:
            yield self.held[name]
            return
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
    # 1. the directory, found from the end
    directory = directory_of(data)
    entries = [_entry(data, row, directory.shift) for row in directory.rows]
    # 2. no name twice, however it is written
    _distinct(entries)
    # 3. sizes, before anything is inflated
    _bounded(entries)
    # 4. entries do not overlap, and no record of another archive lies around them
    surrounded = _alone(data, entries, directory)
    files = {entry.name: entry for entry in entries if not entry.name.endswith("/")}
    commented = directory.commented or any(entry.commented for entry in entries)
    archive = Archive(data, files, commented, surrounded, any(entry.backslashes for entry in entries))
    # 5. every file is what its headers say
    left = MAX_HELD
    for name, entry in files.items():
        if entry.size > min(left, CHUNK):
            for _ in archive.chunks(name):
                pass
        else:
            archive.held[name] = b"".join(archive.chunks(name))
            left -= entry.size
    return archive


def has_file(data: bytes, name: str) -> bool:
    """Whether an archive names a file at its root: by its directory, or where that is lost by a local header."""
    try:
        return any(row.raw.lower() == name.lower().encode() for row in directory_of(data).rows)
    except MalformedDocument:
        length = struct.pack("<H", len(name))
        header = rb"PK\x03\x04.{22}" + re.escape(length) + rb".." + re.escape(name.encode())
        return re.search(header, data, re.DOTALL | re.IGNORECASE) is not None


def _refused(code: str, detail: str) -> MalformedDocument:
    return MalformedDocument(detail, code=code)


def _entry(data: bytes, row: CentralHeader, shift: int) -> Entry:
    """The entry of a central header, once its local header is found to lead to the same bytes."""
    begin = row.offset + shift
    local = local_of(data, begin)
    name, backslashes = _name(row.raw, row.flags | local.flags)
    if local.raw != row.raw:
        raise _refused("headers_disagree", f"the two headers of {name} name different files")
    for extra in (row.extra, local.extra):
        _same_unicode(extra, name)
    if (row.flags | local.flags) & (_ENCRYPTED | _STRONG | _MASKED):
        raise _refused("encrypted_entry", f"{name} is encrypted")
    if (row.flags | local.flags) & _PATCH:
        raise _refused("unknown_compression", f"{name} is a patch of another file")
    if row.method != local.method:
        raise _refused("headers_disagree", f"the two headers of {name} name different compressions")
    if row.method not in (_STORED, _DEFLATED):
        raise _refused("unknown_compression", f"{name} is compressed by method {row.method}, which is not supported")
    if row.method == _STORED and row.packed != row.size:
        raise _refused("headers_disagree", f"{name} is stored and has two sizes")
    if name.endswith("/") and row.size:
        raise _refused("bad_name", f"the directory {name} has content")
    # the local header may leave size and checksum to a descriptor, and has to agree where it does not
    told, described = (row.crc, row.size, row.packed), bool(local.flags & _DESCRIPTOR)
    sizes = zip64_sizes(local.extra, local.size, local.packed)
    if (local.crc, *sizes) != told and not (described and (local.crc, local.size, local.packed) in _POSTPONED):
        raise _refused("headers_disagree", f"the two headers of {name} disagree about size or checksum")
    end = local.start + row.packed
    if end > len(data):
        raise _refused("headers_disagree", f"{name} lies outside the archive")
    if described:
        if row.method == _STORED and data.find(b"PK\x07\x08", local.start, end) >= 0:
            raise _refused("headers_disagree", f"where {name} ends is open to readers that do not seek")
        end += _descriptor(data, end, row, name)
    return Entry(
        name, row.method, row.crc, row.packed, row.size, local.start, end, begin, row.commented, backslashes
    )  # fmt: skip


_POSTPONED: Final = ((0, 0, 0), (0, 0xFFFFFFFF, 0xFFFFFFFF))
"""CRC-32, size and packed size of a local header before a descriptor."""


def _descriptor(data: bytes, at: int, row: CentralHeader, name: str) -> int:
    """Bytes of the data descriptor at an offset: with its signature or without, sizes of 4 or 8 bytes."""
    forms = [struct.pack(form, row.crc, row.packed, row.size) for form in ("<3L", "<L2Q")]
    for form in (*(b"PK\x07\x08" + descriptor for descriptor in forms), *forms):
        if data.startswith(form, at):
            return len(form)
    raise _refused("headers_disagree", f"what follows {name} disagrees with its header")


def _name(raw: bytes, flags: int) -> tuple[str, bool]:
    """The name with slashes, and whether it was written with backslashes."""
    if not raw or len(raw) > MAX_NAME:
        raise _refused("bad_name", f"a name has {len(raw)} bytes; 1 to {MAX_NAME} are allowed")
    written = _decoded(raw, flags)
    name = written.replace("\\", "/")
    if name != written and "/" in written:
        raise _refused("bad_name", "a name separates its folders in two ways")
    parts = name.removesuffix("/").split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise _refused("path_escapes", "a name is absolute or has empty, '.' or '..' parts: it could leave the archive")
    if any(unicodedata.category(char) in ("Cc", "Cf", "Cs") or char in ':*?"<>|' for char in name):
        raise _refused("path_escapes", "a name has a colon, wildcard or control character")
    if len(parts) > MAX_DEPTH:
        raise _refused("bad_name", f"a name is {len(parts)} folders deep; {MAX_DEPTH} are allowed")
    return name, name != written


def _same_unicode(extra: bytes, name: str) -> None:
    """The Info-ZIP Unicode path, which some readers prefer, has to be the name."""
    for kind, value in extra_fields(extra):
        if kind == _UNICODE_PATH and value[5:].replace(b"\\", b"/") != name.encode():
            raise _refused("headers_disagree", "a name and its Unicode form disagree")


def _decoded(raw: bytes, flags: int) -> str:
    for encoding in ("utf-8",) if flags & _UTF8 else ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _refused("bad_name", "a name is neither UTF-8 nor GB 18030")


def _distinct(entries: list[Entry]) -> None:
    """Readers on some systems do not tell case or composed characters apart, and leave out full stops and blanks at a
    name's end, so such names count as one.

    Readers elsewhere take a backslash for a letter: where only some names have them, only those files would be lost.
    """
    seen: set[str] = set()
    for entry in entries:
        folded = unicodedata.normalize("NFKC", entry.name.removesuffix("/")).casefold()
        key = "/".join(part.rstrip(". ") for part in folded.split("/"))
        if key in seen:
            raise _refused("duplicate_entry", f"the archive has {entry.name} twice")
        seen.add(key)
    if len({entry.backslashes for entry in entries if "/" in entry.name}) > 1:
        raise _refused("bad_name", "some names separate folders by slashes and others by backslashes")


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


def _alone(data: bytes, entries: list[Entry], directory: CentralDirectory) -> bool:
    """Whether bytes lie around the entries. Raises MalformedDocument: some of them are records of another archive.

    A reader that goes by local headers, or looks for the directory elsewhere, would find another content there.
    """
    gaps, at = [], 0
    for entry in sorted(entries, key=lambda entry: entry.begin):
        if entry.begin < at:
            raise _refused("entries_overlap", f"{entry.name} overlaps another entry")
        gaps.append((at, entry.begin))
        at = entry.end
    if at > directory.begin:
        raise _refused("entries_overlap", "an entry overlaps the archive's directory")
    gaps += [(at, directory.begin), (directory.end, len(data))]
    if any(_RECORD.search(data, start, end) for start, end in gaps):
        raise _refused("hidden_data", "there are records of another archive around the entries of this one")
    if gaps[0][1] > MAX_HEAD:
        raise _refused("hidden_data", f"{gaps[0][1]} bytes stand before the archive; {MAX_HEAD} are allowed")
    return any(start < end for start, end in gaps)


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
