"""ZIP archives in the forms that writers give them, written by hand, and those that two readers see differently."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from document_makers.packages import archive
from support.documents.archives import with_comment

UNSEEN = 0xFFFFFFFF
UTF8, DESCRIPTOR = 1 << 11, 1 << 3


@dataclass(frozen=True)
class Form:
    """How an archive is written; the default is the plainest."""

    local_flags: int = 0
    central_flags: int = 0
    local_zip64: bool = False
    central_zip64: bool = False
    offset_zip64: bool = False
    end_zip64: bool = False
    descriptor: str = ""
    """struct format of its CRC-32 and sizes; empty: sizes stand in the local header."""
    signed_descriptor: bool = True
    told_before: bool = False
    """The local header has the sizes though a descriptor follows."""
    separator: str = "/"
    folders: tuple[str, ...] = ()
    """Entries for directories."""
    local_time: int = 0x5A21
    head: bytes = b""
    counted: bool = False
    """Offsets count from the head's beginning."""
    gap: bytes = b""
    """Between the entries and the directory."""
    tail: bytes = b""
    stored: bool = False

    def write(self, files: Mapping[str, bytes]) -> bytes:
        """The archive of these files."""
        out, central = b"", b""
        base = len(self.head) if self.counted else 0
        listed = {**dict.fromkeys(self.folders, b""), **files}
        for written, data in listed.items():
            name = written.replace("/", self.separator).encode()
            squeeze = zlib.compressobj(6, zlib.DEFLATED, -15)
            packed = data if self.stored else squeeze.compress(data) + squeeze.flush()
            offset, told = len(out) + base, (zlib.crc32(data), len(packed), len(data))
            out += self._local(name, told) + packed + self._descriptor(told)
            central += self._central(name, told, offset)
        start = len(out) + len(self.gap) + base
        end = self._end(len(listed), len(central), start)
        return self.head + out + self.gap + central + end + self.tail

    def _local(self, name: bytes, told: tuple[int, int, int]) -> bytes:
        crc, packed, size = told if not self.descriptor or self.told_before else (0, 0, 0)
        wide = struct.pack("<2H2Q", 1, 16, size, packed) if self.local_zip64 else b""
        shown = (UNSEEN, UNSEEN) if self.local_zip64 else (packed, size)
        flags = self.local_flags | (DESCRIPTOR if self.descriptor else 0)
        method, version = (0 if self.stored else 8), (45 if self.local_zip64 else 20)
        head = (b"PK\x03\x04", version, flags, method, 0, self.local_time, crc, *shown, len(name), len(wide))
        return struct.pack("<4s5H3L2H", *head) + name + wide

    def _descriptor(self, told: tuple[int, int, int]) -> bytes:
        if not self.descriptor:
            return b""
        return (b"PK\x07\x08" if self.signed_descriptor else b"") + struct.pack(self.descriptor, *told)

    def _central(self, name: bytes, told: tuple[int, int, int], offset: int) -> bytes:
        crc, packed, size = told
        values = (*((size, packed) if self.central_zip64 else ()), *((offset,) if self.offset_zip64 else ()))
        wide = struct.pack(f"<2H{len(values)}Q", 1, 8 * len(values), *values) if values else b""
        shown = (UNSEEN, UNSEEN) if self.central_zip64 else (packed, size)
        flags = self.central_flags | (DESCRIPTOR if self.descriptor else 0)
        method = 0 if self.stored else 8
        head = (b"PK\x01\x02", 45, 45, flags, method, 0, 0x5A21, crc, *shown, len(name), len(wide), 0, 0, 0, 0)
        place = UNSEEN if self.offset_zip64 else offset
        return struct.pack("<4s6H3L5H2L", *head, place) + name + wide

    def _end(self, count: int, size: int, start: int) -> bytes:
        if not self.end_zip64:
            return struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, size, start, 0)
        wide = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
        locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, start + size, 1)
        end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, UNSEEN, UNSEEN, 0)
        return wide + locator + end


HONEST: Mapping[str, Form] = {
    "plain": Form(),
    "UTF-8 flag in local headers only": Form(local_flags=UTF8),
    "UTF-8 flag in central headers only": Form(central_flags=UTF8),
    "sizes in the ZIP64 field of local headers": Form(local_zip64=True),
    "sizes in the ZIP64 field of central headers": Form(central_zip64=True),
    "offsets in the ZIP64 field": Form(offset_zip64=True),
    "everything in ZIP64": Form(local_zip64=True, central_zip64=True, offset_zip64=True, end_zip64=True),
    "a descriptor": Form(descriptor="<3L"),
    "a descriptor without signature": Form(descriptor="<3L", signed_descriptor=False),
    "a descriptor of ZIP64": Form(descriptor="<L2Q", local_zip64=True),
    "a descriptor that repeats": Form(descriptor="<3L", told_before=True),
    "another time in local headers": Form(local_time=0x5A22),
    "directory entries": Form(folders=("Doc_0/", "Doc_0/Signs/")),
    "stored": Form(stored=True),
}
"""Forms that say the same to every reader, without anything to note."""

IRREGULAR: Mapping[str, tuple[Form, str]] = {
    "backslashes": (Form(separator="\\"), "irregular_file"),
    "backslashes and directory entries": (Form(separator="\\", folders=("Doc_0/",)), "irregular_file"),
    "a maker's head": (Form(head=b"KGHEAD" + bytes(58)), "uncovered_files"),
    "a maker's head that offsets count": (Form(head=b"KGHEAD" + bytes(58), counted=True), "uncovered_files"),
    "a maker's head before ZIP64": (Form(head=b"KGHEAD\1" + bytes(57), end_zip64=True), "uncovered_files"),
    "a maker's tail": (Form(tail=b"KGTAIL" + bytes(58)), "uncovered_files"),
    "zeros behind it": (Form(tail=bytes(16)), "uncovered_files"),
    "padding before the directory": (Form(gap=bytes(12)), "uncovered_files"),
    "bytes before the directory": (Form(gap=b"hidden from every reader"), "uncovered_files"),
}
"""Forms that say the same to every reader, and the warning that each deserves."""


def _two_archives(files: Mapping[str, bytes]) -> bytes:
    return archive({**files, "Doc_0/Res/x": b"another"}) + archive(files)


def _prefixed(files: Mapping[str, bytes]) -> bytes:
    """Readers that go by local headers read the entry in front, others never see it."""
    front = archive({"OFD.xml": b"<other/>"})
    return Form(head=front[: front.index(b"PK\x01\x02")]).write(files)


def _between(files: Mapping[str, bytes]) -> bytes:
    front = archive({"OFD.xml": b"<other/>"})
    return Form(gap=front[: front.index(b"PK\x01\x02")]).write(files)


def _second_directory(files: Mapping[str, bytes]) -> bytes:
    """The offset of the directory leads to one inside an entry, unless it is taken to count from the head's end."""
    other = archive({"OFD.xml": b"<other/>"})
    made = Form(stored=True).write({"x.bin": other, **files})
    offset: int = struct.unpack_from("<L", made, len(made) - 6)[0]
    return b"\1" * (offset - made.index(other) - other.index(b"PK\x01\x02")) + made


def _archive_in_comment(files: Mapping[str, bytes]) -> bytes:
    return with_comment(archive({**files, "Doc_0/Res/x": b"another"}), archive(files))


def _archive_in_tail(files: Mapping[str, bytes]) -> bytes:
    return archive(files) + b"\0" * 9 + archive({**files, "OFD.xml": files["OFD.xml"] + b" "})


def _end_that_ends_the_file(files: Mapping[str, bytes]) -> bytes:
    """A stored file is an archive whose comment ends with the file, which has a tail behind its own end."""
    tail, other = b"KGTAIL", archive({"OFD.xml": b"<other/>"})
    length = len(Form(stored=True, tail=tail).write({**files, "Doc_0/Res/x": other}))
    behind = length - Form(stored=True).write({**files, "Doc_0/Res/x": other}).index(other) - len(other)
    return Form(stored=True, tail=tail).write({**files, "Doc_0/Res/x": other[:-2] + struct.pack("<H", behind)})


def _end_in_comment(files: Mapping[str, bytes]) -> bytes:
    return with_comment(archive(files), b"PK\x05\x06 and no more")


def _mixed_separators(files: Mapping[str, bytes]) -> bytes:
    """Only readers elsewhere than on Windows lose the page."""
    data, name = archive(files), "Doc_0/Pages/Page_0/Content.xml"
    return data.replace(name.encode(), name.replace("/", "\\").encode())


def _sizes_differ_in_zip64(files: Mapping[str, bytes]) -> bytes:
    """The ZIP64 field of the local header says another size than the central header."""
    data = bytearray(Form(local_zip64=True).write(files))
    at = data.index(b"OFD.xml") + len(b"OFD.xml") + 4
    struct.pack_into("<Q", data, at, struct.unpack_from("<Q", data, at)[0] + 1)
    return bytes(data)


def _unneeded_zip64_differs(files: Mapping[str, bytes]) -> bytes:
    """A ZIP64 field that no reader needs and some may read."""
    data = Form(local_zip64=True).write(files)
    at = data.index(b"PK\x03\x04")
    packed, size = struct.unpack_from("<H2Q", data, data.index(b"OFD.xml") + len(b"OFD.xml") + 2)[1:][::-1]
    out = bytearray(data)
    struct.pack_into("<2L", out, at + 18, packed, size)
    struct.pack_into("<Q", out, data.index(b"OFD.xml") + len(b"OFD.xml") + 4, size + 1)
    return bytes(out)


def _checksum_differs_locally(files: Mapping[str, bytes]) -> bytes:
    data = bytearray(Form().write(files))
    struct.pack_into("<L", data, 14, 0x01020304)
    return bytes(data)


def _method_differs(files: Mapping[str, bytes]) -> bytes:
    data = bytearray(Form(stored=True).write(files))
    struct.pack_into("<H", data, 8, 8)
    return bytes(data)


def _encrypted_locally(files: Mapping[str, bytes]) -> bytes:
    data = bytearray(Form().write(files))
    struct.pack_into("<H", data, 6, 1)
    return bytes(data)


def _descriptor_inside(files: Mapping[str, bytes]) -> bytes:
    """Readers that do not seek end the stored file at the first descriptor they find."""
    return Form(stored=True, descriptor="<3L").write({**files, "Doc_0/Res/x": b"a" + b"PK\x07\x08" + bytes(12)})


def _end_records_differ(files: Mapping[str, bytes]) -> bytes:
    data = bytearray(Form(end_zip64=True).write(files))
    struct.pack_into("<H", data, len(data) - 12, 1)
    struct.pack_into("<H", data, len(data) - 14, 1)
    return bytes(data)


def _polyglot(files: Mapping[str, bytes]) -> bytes:
    """A reader of PDF shows what stands in the first entry."""
    return Form(stored=True).write({"Doc_0/a.bin": b"%PDF-1.7\n1 0 obj\n", **files})


def _inside_another(files: Mapping[str, bytes]) -> bytes:
    """An entry whose header and bytes lie inside a stored one: the way to a bomb of overlapping files."""
    form = Form(stored=True)
    told = (zlib.crc32(b"inner"), 5, 5)
    inner = form._local(b"Doc_0/Res/y", told) + b"inner"
    made = form.write({"Doc_0/Res/x": inner, **files})
    at = len(made) - 22
    row = form._central(b"Doc_0/Res/y", told, made.index(inner))
    size, start = struct.unpack_from("<2L", made, at + 12)
    (count,) = struct.unpack_from("<H", made, at + 10)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count + 1, count + 1, size + len(row), start, 0)
    return made[:at] + row + end


def _long_head(files: Mapping[str, bytes]) -> bytes:
    return Form(head=b"\1" * 5_000).write(files)


AMBIGUOUS: Mapping[str, Callable[[Mapping[str, bytes]], bytes]] = {
    "two archives, one behind the other": _two_archives,
    "an entry in front": _prefixed,
    "an entry before the directory": _between,
    "a second directory": _second_directory,
    "an archive in the comment": _archive_in_comment,
    "an archive in the tail": _archive_in_tail,
    "an end record in the comment": _end_in_comment,
    "another end record that ends the file": _end_that_ends_the_file,
    "two separators": _mixed_separators,
    "another size in ZIP64": _sizes_differ_in_zip64,
    "another size in a ZIP64 field that is not needed": _unneeded_zip64_differs,
    "another checksum in a local header": _checksum_differs_locally,
    "another compression in a local header": _method_differs,
    "encrypted by a local header": _encrypted_locally,
    "a descriptor inside a stored file": _descriptor_inside,
    "two end records that differ": _end_records_differ,
    "an entry inside another one": _inside_another,
    "a PDF in the first entry": _polyglot,
    "a web page before it": lambda files: Form(head=b"<html><body>a licence</body></html>").write(files),
    "a web page in a maker's head": lambda files: Form(head=b"KG\0<!doctype html><p>a licence").write(files),
    "a head of thousands of bytes": _long_head,
}
"""Archives of which two readers may make two things: never found good."""
