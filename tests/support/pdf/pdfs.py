"""PDF files written by hand, apart from the reader's libraries: unsigned, signed, changed afterwards, broken.

A file is its bytes; whatever is done to it appends an incremental update (ISO 32000-2 §7.5.6), as programs do.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from document_makers.certificates import Holder
from support.cms.cms import signed_data, timestamp_token

CATALOG, PAGES, PAGE, CONTENT, FONT, FORM, NAME_FIELD = range(1, 8)
HOLDER = "张三"
PLACE = b"/ByteRange [0 0000000000 0000000000 0000000000]"


def document(*, ballast: int = 0, streams: bool = False) -> bytes:
    """One page with a form of one text field.

    ballast: bytes of an attached stream that nothing shows; streams: cross-references as a stream.
    """
    shown = b"BT /F1 24 Tf 72 700 Td (Licence 2026-0001) Tj ET"
    objects = {
        CATALOG: b"<< /Type /Catalog /Pages 2 0 R /AcroForm 6 0 R >>",
        PAGES: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        PAGE: page(),
        CONTENT: stream(shown),
        FONT: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        FORM: b"<< /Fields [7 0 R] /DA (/F1 12 Tf) /DR << /Font << /F1 5 0 R >> >> >>",
        NAME_FIELD: name_field(""),
    }
    if ballast:
        objects[8] = stream(bytes((31 * place + place // 251) % 251 for place in range(ballast)))
    return append(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", objects, streams=streams)


def page(*annotations: int, contents: int = CONTENT) -> bytes:
    shown = b" ".join(b"%d 0 R" % one for one in (NAME_FIELD, *annotations))
    return (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> /Annots [%s] >>" % (contents, shown)
    )


def name_field(value: str) -> bytes:
    return (
        b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (holder) /V (%s) /DA (/F1 12 Tf) /Rect [72 600 300 620] "
        b"/F 4 /P 3 0 R >>" % value.encode("ascii")
    )


def form(*fields: int) -> bytes:
    listed = b" ".join(b"%d 0 R" % one for one in (NAME_FIELD, *fields))
    return b"<< /Fields [%s] /SigFlags 3 /DA (/F1 12 Tf) /DR << /Font << /F1 5 0 R >> >> >>" % listed


def stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<< /Length %d %s>>\nstream\n%s\nendstream" % (len(data), entries, data)


def append(data: bytes, objects: Mapping[int, bytes], *, streams: bool = False) -> bytes:
    """The file with one revision more, in which these objects are new or replaced."""
    previous = re.findall(rb"startxref\s+(\d+)", data)
    body, places = data, {}
    for number, written in sorted(objects.items()):
        places[number] = len(body)
        body += b"%d 0 obj\n%s\nendobj\n" % (number, written)
    size = max(size_of(data), max(objects) + 1)
    if streams:
        return body + _reference_stream(places, size, len(body), previous)
    rows = b"" if previous else b"0 1\n0000000000 65535 f \n"
    rows += b"".join(b"%d 1\n%010d 00000 n \n" % entry for entry in places.items())
    before = b"/Prev %s " % previous[-1] if previous else b""
    trailer = b"trailer\n<< /Size %d /Root 1 0 R %s>>\n" % (size, before)
    return body + b"xref\n" + rows + trailer + b"startxref\n%d\n%%%%EOF\n" % len(body)


def _reference_stream(places: Mapping[int, int], size: int, at: int, previous: list[bytes]) -> bytes:
    places = {**places, size: at}
    index = b" ".join(b"%d 1" % number for number in places)
    packed = zlib.compress(b"".join(b"\x01" + place.to_bytes(4, "big") + b"\0" for place in places.values()))
    before = b"/Prev %s " % previous[-1] if previous else b""
    entries = b"/Type /XRef /Size %d /Root 1 0 R /W [1 4 1] /Index [%s] /Filter /FlateDecode %s" % (
        size + 1, index, before,
    )  # fmt: skip
    return b"%d 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n" % (size, stream(packed, entries), at)


def size_of(data: bytes) -> int:
    """The number after the last object."""
    return max((int(size) for size in re.findall(rb"/Size (\d+)", data)), default=1)


def sign(
    data: bytes, signer: Holder, *, name: str = "Seal", at: int, permission: int | None = None, room: int = 6000,
    subfilter: str = "ETSI.CAdES.detached", others: tuple[int, ...] | None = None,
    timestamp: tuple[Holder, int] | None = None,
    attributes: bool = True, ber: bool = False, beside: tuple[bytes, ...] = (), claims: bool = True,
    place: Place | None = None, limits: bytes = b"", gap: tuple[int, int] = (0, 0),
) -> bytes:  # fmt: skip
    """The file with one signature more over all of it.

    others: object numbers of annotations that are there already, if not all are to stay; permission: P of DocMDP;
    timestamp: authority and time of a token over the signature; ber: its wrapping without definite lengths;
    gap: bytes before and behind the value that are not signed either, less than none where its brackets are signed.
    """
    prepared, start = _prepare(
        data, name, at if claims else None, permission, room, subfilter, others, place=place, limits=limits, gap=gap
    )
    content = prepared[: start - gap[0]] + prepared[start + 2 * room + 2 + gap[1] :]
    value = signed_data(
        content, signer, at=at if claims else None, attributes=attributes, timestamp=timestamp, ber=ber, beside=beside
    )
    return _filled(prepared, start, room, value)


def stamp(data: bytes, authority: Holder, *, at: int, others: tuple[int, ...] | None = None, room: int = 6000) -> bytes:
    """The file with a document timestamp over all of it."""
    prepared, start = _prepare(data, "Timestamp", None, None, room, "ETSI.RFC3161", others, kind="DocTimeStamp")
    content = prepared[:start] + prepared[start + 2 * room + 2 :]
    return _filled(prepared, start, room, timestamp_token(content, authority, at))


def _prepare(
    data: bytes, name: str, at: int | None, permission: int | None, room: int, subfilter: str,
    others: tuple[int, ...] | None, kind: str = "Sig", place: Place | None = None,
    limits: bytes = b"", gap: tuple[int, int] = (0, 0),
) -> tuple[bytes, int]:  # fmt: skip
    """The file with room for a signature, its ranges written; and where the room begins."""
    field = size_of(data) if place is None or place.field is None else place.field
    value = size_of(data) + (field == size_of(data))
    when = b"" if at is None else b"/M (%s) " % pdf_date(at)
    limits = limits if permission is None else (
        b"/Reference [<< /Type /SigRef /TransformMethod /DocMDP "
        b"/TransformParams << /Type /TransformParams /P %d /V /1.2 >> >>] " % permission
    )  # fmt: skip
    dictionary = b"<< /Type /%s /Filter /Adobe.PPKLite /SubFilter /%s %s%s%s /Contents <%s> >>" % (
        kind.encode(), subfilter.encode(), when, limits, PLACE, b"0" * (2 * room),
    )  # fmt: skip
    above = b"" if place is None or place.parent is None else b"/Parent %d 0 R " % place.parent
    shown = b"[0 0 0 0]" if place is None else b"[%d %d %d %d] /AP << /N %d 0 R >>" % (*place.rectangle, value + 1)
    widget = b"<< /Type /Annot /Subtype /Widget /FT /Sig /T (%s) /V %d 0 R %s/Rect %s /F 132 /P 3 0 R >>" % (
        name.encode("ascii"), value, above, shown,
    )  # fmt: skip
    perms = b"" if permission is None else b"/Perms << /DocMDP %d 0 R >> " % value
    objects = {field: widget, value: dictionary}
    if others is not None:
        objects |= {FORM: form(*others, field), PAGE: page(*others, field)}
    elif place is None or place.field is None:
        reference = b" %d 0 R]" % field
        listed = re.sub(rb"(/Fields \[[^]]*)\]", rb"\1" + reference, latest(data, FORM))
        objects[FORM] = listed if b"/SigFlags" in listed else listed.replace(b"] /", b"] /SigFlags 3 /", 1)
        objects[PAGE] = re.sub(rb"(/Annots \[[^]]*)\]", rb"\1" + reference, latest(data, PAGE))
    if place is not None:
        objects[value + 1] = picture(place.text)
    if permission is not None:
        objects[CATALOG] = with_entries(latest(data, CATALOG), perms)
    prepared = append(data, objects)
    start = prepared.rindex(b"/Contents <") + len(b"/Contents ")
    second = start + 2 * room + 2 + gap[1]
    ranges = b"/ByteRange [0 %010d %010d %010d]" % (start - gap[0], second, len(prepared) - second)
    at_place = prepared.rindex(PLACE)
    return prepared[:at_place] + ranges + prepared[at_place + len(PLACE) :], start


def _filled(prepared: bytes, start: int, room: int, value: bytes) -> bytes:
    assert len(value) <= room, f"{len(value)} bytes do not fit"
    return prepared[: start + 1] + value.ljust(room, b"\0").hex().encode() + prepared[start + 2 * room + 1 :]


@dataclass(frozen=True)
class Place:
    """Where the picture of a signature lies, and what is written in it."""

    rectangle: tuple[int, int, int, int] = (400, 60, 500, 100)
    text: str = "Second"
    field: int | None = None
    """The field that waits for the signature; None for a new one."""
    parent: int | None = None
    """The field above it."""


def picture(text: str) -> bytes:
    """The appearance of an annotation: an opaque area with a text in it."""
    drawn = b"1 g 0 0 200 40 re f 0 g BT /F1 12 Tf 2 10 Td (%s) Tj ET" % text.encode("ascii")
    resources = b"/Type /XObject /Subtype /Form /BBox [0 0 200 40] /Resources << /Font << /F1 5 0 R >> >> "
    return stream(drawn, resources)


def latest(data: bytes, number: int) -> bytes:
    """What an object is in the newest revision, where it is written plainly."""
    return bytes(re.findall(rb"(?:^|\n)%d 0 obj\n(.*?)\nendobj" % number, data, re.DOTALL)[-1])


def with_entries(dictionary: bytes, entries: bytes) -> bytes:
    """The dictionary with more entries."""
    return dictionary[: dictionary.rindex(b">>")] + entries + dictionary[dictionary.rindex(b">>") :]


def field_number(signed: bytes) -> int:
    """The object number of the field that was signed last."""
    return size_of(signed) - 2


def pdf_date(at: int) -> bytes:
    return datetime.fromtimestamp(at, UTC).strftime("D:%Y%m%d%H%M%S+00'00'").encode()


def filled(data: bytes, value: str = "somebody else") -> bytes:
    """Somebody fills in the text field."""
    return append(data, {NAME_FIELD: name_field(value)})


def overlaid(data: bytes, *fields: int) -> bytes:
    """Somebody puts another text over the page."""
    number = size_of(data)
    forged = stream(b"BT /F1 24 Tf 72 700 Td (Licence 2026-9999) Tj ET")
    return append(data, {PAGE: page(*fields, contents=number), number: forged})


def with_store(data: bytes, certificates: tuple[bytes, ...], lists: tuple[bytes, ...]) -> bytes:
    """The file with a document security store (PAdES part 4)."""
    number = size_of(data)
    objects = {number + place: stream(one) for place, one in enumerate((*certificates, *lists))}
    numbers = list(objects)
    certs = b" ".join(b"%d 0 R" % one for one in numbers[: len(certificates)])
    crls = b" ".join(b"%d 0 R" % one for one in numbers[len(certificates) :])
    catalog = b"<< /Type /Catalog /Pages 2 0 R /AcroForm 6 0 R /DSS << /Certs [%s] /CRLs [%s] >> >>" % (certs, crls)
    return append(data, {**objects, CATALOG: catalog})


def with_receipts(data: bytes, *receipts: bytes, entries: bytes = b"", names: bytes = b"") -> bytes:
    """The file with these receipts attached; entries: more of their streams, names: more of the catalog's names."""
    number = size_of(data)
    objects: dict[int, bytes] = {}
    listed = []
    for place, receipt in enumerate(receipts):
        file, described = number + 2 * place, number + 2 * place + 1
        objects[file] = stream(receipt, b"/Type /EmbeddedFile /Subtype /application#2Fcose " + entries)
        objects[described] = b"<< /Type /Filespec /F (%d.receipt) /UF (%d.receipt) /EF << /F %d 0 R >> >>" % (
            place, place, file,
        )  # fmt: skip
        listed.append(b"(%d.receipt) %d 0 R" % (place, described))
    tree = b"/Names << %s/EmbeddedFiles << /Names [%s] >> >>" % (names, b" ".join(listed))
    return append(data, {**objects, CATALOG: b"<< /Type /Catalog /Pages 2 0 R /AcroForm 6 0 R %s >>" % tree})


def without_signature(signed: bytes) -> bytes:
    """A later revision that takes the signature away and leaves its field."""
    field = field_number(signed)
    empty = b"<< /Type /Annot /Subtype /Widget /FT /Sig /T (Seal) /Rect [0 0 0 0] /F 132 /P 3 0 R >>"
    return append(signed, {field: empty})


def elsewhere(signed: bytes) -> bytes:
    """A later revision whose signature claims the old ranges, though its value lies in what it appends.

    The value is written as a string of bytes, which takes half the room, so that the sizes add up to the whole file.
    """
    field, value = field_number(signed), field_number(signed) + 1
    ranges = re.findall(rb"/ByteRange \[[\d ]+\]", signed)[-1]
    contents = re.findall(rb"/Contents <([0-9a-f]+)>", signed)[-1]
    real = bytes.fromhex(contents.decode())

    def made(padding: int) -> bytes:
        raw = real + bytes(padding)
        escaped = raw.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)").replace(b"\r", b"\\r")
        dictionary = b"<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached %s /Contents (%s) >>" % (
            ranges, escaped,
        )  # fmt: skip
        forged = stream(b"BT /F1 24 Tf 72 700 Td (Licence 2026-9999) Tj ET")
        number = value + 1
        return append(signed, {value: dictionary, PAGE: page(field, contents=number), number: forged})

    covered = len(signed) - len(contents) - 2
    padding = 0
    for _ in range(4):  # one byte more of padding makes the file one byte longer and explains two of them
        padding += len(made(padding)) - covered - 2 * (len(real) + padding) - 2
    return made(padding)


def value_of(signed: bytes) -> bytes:
    """The value of the last signature, zeros behind it included."""
    return bytes.fromhex(re.findall(rb"/Contents <([0-9a-f]+)>", signed)[-1].decode())


def with_value(signed: bytes, value: bytes) -> bytes:
    """The file with another value in the place of the last signature's, which has as many bytes."""
    start = signed.rindex(b"/Contents <") + len(b"/Contents ")
    return _filled(signed, start, len(value), value)


def encrypted(data: bytes) -> bytes:
    """The file as if it needed a password."""
    made = append(data, {size_of(data): b"<< /Filter /Standard /V 1 /R 2 /O (owner) /U (user) /P -4 >>"})
    at = made.rindex(b"/Root")
    return made[:at] + b"/Encrypt %d 0 R " % (size_of(made) - 1) + made[at:]


def end_repeated(data: bytes) -> bytes:
    """The file with a comment and its own last lines once more: no new revision, yet more bytes."""
    return data + b"% something\n" + data[data.rindex(b"startxref") :]


def replacing_receipt(signed: bytes) -> bytes:
    """A receipt is attached whose stream is the text of the page, written anew."""
    described = size_of(signed)
    specification = b"<< /Type /Filespec /F (a.receipt) /UF (a.receipt) /EF << /F 4 0 R >> >>"
    tree = b"/Names << /EmbeddedFiles << /Names [(a.receipt) %d 0 R] >> >>" % described
    catalog = b"<< /Type /Catalog /Pages 2 0 R /AcroForm 6 0 R %s >>" % tree
    forged = stream(b"BT /F1 24 Tf 72 700 Td (Licence 2026-9999) Tj ET")
    return append(signed, {described: specification, CATALOG: catalog, CONTENT: forged})
