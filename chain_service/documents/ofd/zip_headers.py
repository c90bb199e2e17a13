"""The records of a ZIP archive (APPNOTE.TXT 6.3.10) as they are written, with ZIP64 fields resolved.

The directory is found as readers find it: by the last end record of the file. Offsets count from the beginning of the
file or, where bytes were put before the archive, from its own beginning; both are in use.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from chain_service.errors import MalformedDocument

__all__ = [
    "CentralDirectory",
    "CentralHeader",
    "LocalHeader",
    "directory_of",
    "extra_fields",
    "local_of",
    "zip64_sizes",
]

MAX_ENTRIES: Final = 4_096
NEWEST_VERSION: Final = 63
"""Of the ZIP specification, times ten."""
MAX_TAIL: Final = 0xFFFF
"""Bytes after the end record within which readers look for it: those of the longest comment."""

_END: Final = struct.Struct("<4s4H2LH")
_END64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR: Final = struct.Struct("<4sLQL")
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_ZIP64: Final = 1
_UNSEEN: Final = 0xFFFFFFFF
"""The value stands in the ZIP64 field."""


@dataclass(frozen=True, slots=True)
class CentralHeader:
    """A central header; sizes and offset are resolved."""

    raw: bytes
    """The name's bytes."""
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    extra: bytes
    commented: bool


@dataclass(frozen=True, slots=True)
class LocalHeader:
    """A local header as it is written."""

    raw: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    extra: bytes
    start: int
    """Offset of the data behind it."""


@dataclass(frozen=True, slots=True)
class CentralDirectory:
    """The central directory and where it stands."""

    rows: tuple[CentralHeader, ...]
    begin: int
    end: int
    """Offset of what follows the end record and its comment."""
    shift: int
    """What to add to an offset of its headers."""
    commented: bool


def directory_of(data: bytes) -> CentralDirectory:
    """The directory of an archive. Raises MalformedDocument; code `not_zip` where the archive was cut off."""
    at, count, size, offset, comment = _end(data)
    end = at + _END.size + comment
    at, count, size, offset = _end64(data, at, count, size, offset)
    begin = at - size
    shift = begin - offset
    if count > MAX_ENTRIES:
        raise _refused("too_many_entries", f"the archive has {count} entries; {MAX_ENTRIES} are allowed")
    if begin < 0 or shift < 0:
        raise _refused("not_zip", "the archive's directory lies outside of the file")
    if shift and data.startswith(b"PK\x01\x02", offset):
        raise _refused("hidden_data", "the archive has a second directory where a reader might look for it")
    rows = tuple(_rows(data, begin, at, count))
    return CentralDirectory(rows, begin, end, shift, comment > 0)


def _refused(code: str, detail: str) -> MalformedDocument:
    return MalformedDocument(detail, code=code)


def _end(data: bytes) -> tuple[int, int, int, int, int]:
    """Offset of the last end record, and its entries, bytes and offset of the directory, bytes of its comment."""
    at = data.rfind(b"PK\x05\x06", max(0, len(data) - _END.size - MAX_TAIL))
    if at < 0 and b"PK\x05\x06" in data:
        raise _refused("data_appended", "too many bytes follow the archive's end record for readers to find it")
    if at + _END.size > len(data) and b"PK\x05\x06" in data[:at]:
        raise _refused("hidden_data", "the archive has two end records")
    if at < 0 or at + _END.size > len(data):
        raise _refused("not_zip", "the archive's end record is missing: the file is cut off")
    _, disk, start_disk, here, count, size, offset, comment = _END.unpack_from(data, at)
    if at + _END.size + comment > len(data):
        raise _refused("not_zip", "the archive's comment is cut off")
    if at + _END.size + comment < len(data) and _ends_exactly(data, at):
        raise _refused("hidden_data", "the archive has a second end record, whose comment ends with the file")
    if disk not in (0, 0xFFFF) or start_disk not in (0, 0xFFFF) or here != count:
        raise _refused("split_archive", "the archive is one part of several")
    return at, count, size, offset, comment


def _ends_exactly(data: bytes, before: int) -> bool:
    """Whether an earlier end record has a comment up to the file's end: some readers ask for that, and take it."""
    at = before
    while (at := data.rfind(b"PK\x05\x06", max(0, len(data) - _END.size - MAX_TAIL), at)) >= 0:
        if at + _END.size + _END.unpack_from(data, at)[-1] == len(data):
            return True
    return False


def _end64(data: bytes, at: int, count: int, size: int, offset: int) -> tuple[int, int, int, int]:
    """Where the directory ends and what the end record says, once its ZIP64 form, if there is one, is found to agree.

    Readers that know it take its values, others those of the end record: they must mean the same.
    """
    told = (count, size, offset)
    unseen = (0xFFFF, _UNSEEN, _UNSEEN)
    if at < _LOCATOR.size or not data.startswith(b"PK\x06\x07", at - _LOCATOR.size):
        if offset == _UNSEEN or size == _UNSEEN:
            raise _refused("zip64", "the archive's ZIP64 end record is missing")
        return at, *told
    locator = at - _LOCATOR.size
    _, disk, place, disks = _LOCATOR.unpack_from(data, locator)
    begin = locator - _END64.size
    if begin < 0 or not data.startswith(b"PK\x06\x06", begin) or place > begin:
        raise _refused("zip64", "the archive's ZIP64 end record does not stand before its locator")
    _, length, _, _, this, first, here, whole, size64, offset64 = _END64.unpack_from(data, begin)
    resolved = (whole, size64, offset64)
    if length != _END64.size - 12 or disk or disks > 1 or this or first or here != whole:
        raise _refused("zip64", "the archive's ZIP64 end record is of another form")
    if any(one not in (value, blank) for value, one, blank in zip(resolved, told, unseen, strict=True)):
        raise _refused("headers_disagree", "the archive's two end records disagree")
    if begin - size64 - offset64 != begin - place:
        raise _refused("headers_disagree", "the archive's ZIP64 locator points elsewhere")
    return begin, *resolved


def _rows(data: bytes, at: int, end: int, count: int) -> Iterator[CentralHeader]:
    for _ in range(count):
        if at + _CENTRAL.size > end:
            raise _refused("not_zip", "the archive's directory is cut off")
        head, *fields = _CENTRAL.unpack_from(data, at)
        names, extras, comments = fields[9:12]
        behind = at + _CENTRAL.size + names + extras + comments
        if head != b"PK\x01\x02" or behind > end:
            raise _refused("not_zip", "the archive's directory is damaged")
        start = at + _CENTRAL.size
        extra = data[start + names : start + names + extras]
        yield _central(data[start : start + names], extra, fields)
        at = behind
    if at != end:
        raise _refused("hidden_data", "the archive's directory has more bytes than entries")


def _central(raw: bytes, extra: bytes, fields: list[int]) -> CentralHeader:
    flags, method, crc, packed, size, offset = fields[2], fields[3], *fields[6:9], fields[15]
    if fields[1] & 0xFF > NEWEST_VERSION:
        raise _refused("unknown_compression", "an entry needs a newer version of ZIP than there is")
    size, packed, offset = _resolved(extra, (size, packed, offset))
    return CentralHeader(raw, flags, method, crc, packed, size, offset, extra, fields[11] > 0)


def local_of(data: bytes, at: int) -> LocalHeader:
    """The local header at an offset. Raises MalformedDocument: there is none."""
    if at + _LOCAL.size > len(data) or not data.startswith(b"PK\x03\x04", at):
        raise _refused("headers_disagree", "an entry of the directory points to no file")
    _, _, flags, method, _, _, crc, packed, size, names, extras = _LOCAL.unpack_from(data, at)
    start = at + _LOCAL.size
    end = start + names + extras
    return LocalHeader(data[start : start + names], flags, method, crc, packed, size, data[start + names : end], end)


def zip64_sizes(extra: bytes, size: int, packed: int) -> tuple[int, int]:
    """Size and packed size of a local header, by its ZIP64 field where it leaves them to it."""
    resolved = _resolved(extra, (size, packed))
    return resolved[0], resolved[1]


def _resolved(extra: bytes, told: tuple[int, ...]) -> tuple[int, ...]:
    """The values, those that are left to the ZIP64 field from there, in its order: size, packed size, offset.

    Raises MalformedDocument: it is missing, occurs twice, or says something else than the header.
    """
    fields = list(extra_fields(extra))
    wide = [value for kind, value in fields if kind == _ZIP64]
    if len(wide) > 1:
        raise _refused("headers_disagree", "an entry has two ZIP64 fields")
    numbers = [int.from_bytes(wide[0][at : at + 8], "little") for at in range(0, len(wide[0]) - 7, 8)] if wide else []
    if _UNSEEN not in told:
        if any(one not in (0, value) for one, value in zip(numbers, told, strict=False)):
            raise _refused("headers_disagree", "an entry has another size in its ZIP64 field")
        return told
    if len(numbers) < told.count(_UNSEEN):
        raise _refused("headers_disagree", "an entry lacks the ZIP64 field that it refers to")
    rest = iter(numbers)
    return tuple(next(rest) if value == _UNSEEN else value for value in told)


def extra_fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    """The fields of an extra area; fewer than four bytes at its end are padding. Raises MalformedDocument."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if at + 4 + length > len(extra):
            raise _refused("headers_disagree", "an extra field is longer than the area it stands in")
        yield kind, extra[at + 4 : at + 4 + length]
        at += 4 + length
