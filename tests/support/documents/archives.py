"""ZIP archives broken on purpose, byte by byte: what no honest writer makes."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
from collections.abc import Callable, Mapping

from document_makers.packages import archive

END = 22
"""Bytes of an end record without a comment."""


def central_headers(data: bytes) -> dict[str, int]:
    """Offset of each entry's central header by name."""
    size, offset = struct.unpack_from("<2L", data, len(data) - END + 12)
    found, at = {}, offset
    while at < offset + size:
        names, extras, comments = struct.unpack_from("<3H", data, at + 28)
        found[data[at + 46 : at + 46 + names].decode()] = at
        at += 46 + names + extras + comments
    return found


def local_header(data: bytes, name: str) -> int:
    """Offset of an entry's local header."""
    return int(struct.unpack_from("<L", data, central_headers(data)[name] + 42)[0])


def patched(data: bytes, at: int, form: str, value: int) -> bytes:
    out = bytearray(data)
    struct.pack_into(form, out, at, value)
    return bytes(out)


def with_comment(data: bytes, comment: bytes = b"a comment") -> bytes:
    return data[:-2] + struct.pack("<H", len(comment)) + comment


def cut_off(data: bytes) -> bytes:
    return data[: len(data) // 2]


def encrypted(data: bytes, name: str = "OFD.xml") -> bytes:
    """The flag in both headers."""
    out = patched(data, local_header(data, name) + 6, "<H", 1)
    return patched(out, central_headers(data)[name] + 8, "<H", 1)


def names_disagree(data: bytes, name: str = "OFD.xml") -> bytes:
    at = local_header(data, name) + 30
    return data[:at] + b"o" + data[at + 1 :]


def sizes_disagree(data: bytes, name: str = "OFD.xml") -> bytes:
    at = local_header(data, name) + 22
    return patched(data, at, "<L", struct.unpack_from("<L", data, at)[0] + 1)


def wrong_checksum(data: bytes, name: str = "OFD.xml") -> bytes:
    """The same wrong CRC-32 in both headers."""
    out = patched(data, local_header(data, name) + 14, "<L", 0x01020304)
    return patched(out, central_headers(data)[name] + 16, "<L", 0x01020304)


def understated_size(data: bytes, name: str = "OFD.xml") -> bytes:
    """Both headers say that the file is smaller than it inflates to."""
    out = patched(data, local_header(data, name) + 22, "<L", 10)
    return patched(out, central_headers(data)[name] + 24, "<L", 10)


def unknown_compression(data: bytes, name: str = "OFD.xml") -> bytes:
    out = patched(data, local_header(data, name) + 8, "<H", 12)
    return patched(out, central_headers(data)[name] + 10, "<H", 12)


def two_entries_share_bytes(data: bytes, name: str = "Doc_0/Document.xml") -> bytes:
    """An entry of the directory points into another one: the way to a bomb of overlapping files."""
    at = central_headers(data)[name] + 42
    return patched(data, at, "<L", local_header(data, "OFD.xml"))


def more_entries_than_said(data: bytes) -> bytes:
    (count,) = struct.unpack_from("<H", data, len(data) - END + 10)
    out = patched(data, len(data) - END + 10, "<H", count - 1)
    return patched(out, len(data) - END + 8, "<H", count - 1)


def of_two_disks(data: bytes) -> bytes:
    return patched(data, len(data) - END + 4, "<H", 1)


def zip64(data: bytes) -> bytes:
    return patched(data, len(data) - END + 16, "<L", 0xFFFFFFFF)


def unicode_name_differs(files: Mapping[str, bytes]) -> bytes:
    """One name for readers that know the Unicode path field, another for those that do not."""
    other = b"Doc_0/Other.xml"
    extra = struct.pack("<2HBL", 0x7075, 5 + len(other), 1, 0) + other
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, data in files.items():
            row = zipfile.ZipInfo(name)
            row.extra = extra if name == "Doc_0/Document.xml" else b""
            made.writestr(row, data)
    return out.getvalue()


def bomb(files: Mapping[str, bytes], size: int = 60 * 2**20) -> bytes:
    return archive({**files, "Doc_0/Res/zeros.bin": bytes(size)})


def many_small_bombs(files: Mapping[str, bytes], count: int = 40) -> bytes:
    return archive({**files, **{f"Doc_0/Res/zeros_{place}.bin": bytes(2**20) for place in range(count)}})


def duplicate(files: Mapping[str, bytes], name: str = "Doc_0/Document.xml", written: str | None = None) -> bytes:
    """A second entry of a name, perhaps written otherwise."""
    out = io.BytesIO(archive(files))
    with warnings.catch_warnings(), zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as made:
        warnings.simplefilter("ignore")
        made.writestr(zipfile.ZipInfo(written or name), b"<other/>")
    return out.getvalue()


def with_name(files: Mapping[str, bytes], name: str) -> bytes:
    """One file more, under a name that zipfile would mend."""
    stand_in = "x" * len(name.encode())
    data = archive({**files, stand_in: b"escaped"})
    return data.replace(stand_in.encode(), name.encode())


def too_many_entries(files: Mapping[str, bytes], count: int = 5_000) -> bytes:
    return archive({**files, **{f"Doc_0/Res/{place}": b"" for place in range(count)}}, zipfile.ZIP_STORED)


FROM_FILES: Mapping[str, tuple[Callable[[Mapping[str, bytes]], bytes], str]] = {
    "one enormous file": (bomb, "zip_bomb"),
    "many files that grow": (many_small_bombs, "zip_bomb"),
    "too many entries": (too_many_entries, "too_many_entries"),
    "a name twice": (duplicate, "duplicate_entry"),
    "a name in two cases": (lambda files: duplicate(files, written="doc_0/DOCUMENT.xml"), "duplicate_entry"),
    "a path that leaves the archive": (lambda files: with_name(files, "../../etc/evil"), "path_escapes"),
    "a path that leaves a folder": (lambda files: with_name(files, "Doc_0/../../evil"), "path_escapes"),
    "an absolute path": (lambda files: with_name(files, "/etc/evil"), "path_escapes"),
    "a drive": (lambda files: with_name(files, "C:/evil"), "path_escapes"),
    "a zero byte in a name": (lambda files: with_name(files, "Doc_0/a\0b"), "path_escapes"),
    "a Unicode name that differs": (unicode_name_differs, "headers_disagree"),
}
"""What is wrong, its maker and the code it must be refused with."""

FROM_ARCHIVE: Mapping[str, tuple[Callable[[bytes], bytes], str]] = {
    "cut off": (cut_off, "not_zip"),
    "an encrypted entry": (encrypted, "encrypted_entry"),
    "names that disagree": (names_disagree, "headers_disagree"),
    "sizes that disagree": (sizes_disagree, "headers_disagree"),
    "a wrong checksum": (wrong_checksum, "checksum_differs"),
    "a size that is understated": (understated_size, "size_differs"),
    "an unknown compression": (unknown_compression, "unknown_compression"),
    "a version that does not exist": (
        lambda data: patched(data, central_headers(data)["OFD.xml"] + 6, "<H", 202),
        "unknown_compression",
    ),
    "an entry that leads to another one": (two_entries_share_bytes, "headers_disagree"),
    "more entries than it says": (more_entries_than_said, "hidden_data"),
    "one of two disks": (of_two_disks, "split_archive"),
    "ZIP64": (zip64, "zip64"),
}
