"""Attacks on signed PDF files, as published: each shows another content under a signature that still verifies.

Universal signature forgery, signature wrapping and incremental saving: Mladenov et al., "1 Trillion Dollar Refund"
(CCS 2019). Shadow attacks: Mainka et al. (NDSS 2021). Evil annotations and sneaky signatures: Rohlmann et al.,
"Breaking the Specification: PDF Certification" (S&P 2021).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from support.documents.city import SIGNED, City
from support.pdf import pdf_changes, pdfs
from support.pdf.pdf_changes import CHANGES, FORGED, annotated, attached, catalog, signed
from support.pdf.pdfs import CATALOG, CONTENT, FORM, NAME_FIELD, PAGE, Place, append, latest, with_entries

Attack = Callable[[City], bytes]
SHADOW = b"BT /F1 24 Tf 72 700 Td (Licence 2026-9999) Tj ET"
RANGES = rb"/ByteRange \[[\d ]+\]"


def forged(data: bytes) -> bytes:
    """Another text on the page."""
    return append(data, {CONTENT: pdfs.stream(FORGED)})


def _value(of: City, new: bytes, *, also: bool = True) -> bytes:
    """Universal forgery: the signature's value or ranges taken away, and the page exchanged."""
    data = signed(of)
    data = re.sub(rb"/Contents <[0-9a-f]+>", lambda at: new.ljust(len(at[0])), data)
    return forged(data) if also else data


def _ranges(of: City, new: bytes) -> bytes:
    data = re.sub(RANGES, lambda at: new.ljust(len(at[0])), signed(of))
    return forged(data)


def wrapped(of: City, filler: bytes) -> bytes:
    """Signature wrapping: what was signed last is moved to the end, and the space is filled with another revision.

    Its table stands where the old one stood, to which the signed end leads; its signature is the old one, whose ranges
    name the moved bytes, so that every byte that was signed is there and its digest right.
    """
    data = signed(of)
    end = data.index(b">", data.rindex(b"/Contents <")) + 1
    table = int(re.findall(rb"startxref\s+(\d+)", data)[-1])
    first_table = int(re.findall(rb"startxref\s+(\d+)", data)[-2])
    _, first, second, length = (int(one) for one in re.findall(RANGES, data)[-1][12:-1].split())
    field = pdfs.field_number(data)
    kept = {number: data.rindex(b"\n%d 0 obj\n" % number, 0, table) + 1 for number in (PAGE, FORM, field)}

    def made(moved_by: int) -> bytes:
        ranges = b"/ByteRange [0 %010d %010d %010d]" % (first, second + moved_by, length)
        value = re.sub(RANGES, ranges, latest(data, field + 1))
        places = {**kept, CONTENT: 0, field + 1: 0}
        size = len(_rows(places, first_table, field + 2))
        body = b"4 0 obj\n%s\nendobj\n" % pdfs.stream(FORGED)
        places |= {CONTENT: table + size, field + 1: table + size + len(body)}
        body += b"%d 0 obj\n%s\nendobj\n" % (field + 1, value)
        return data[end:table] + _rows(places, first_table, field + 2) + body + filler

    between = made(len(made(0)))
    return data[:end] + between + data[end:]


def _rows(places: dict[int, int], previous: int, size: int) -> bytes:
    rows = b"".join(b"%d 1\n%010d 00000 n \n" % one for one in sorted(places.items()))
    return b"xref\n%strailer\n<< /Size %d /Root 1 0 R /Prev %010d >>\n" % (rows, size, previous)


def _saved(of: City, ending: Callable[[bytes, bytes], bytes]) -> bytes:
    """Incremental saving: objects appended, with cross-references that are missing, wrong or copied."""
    data = signed(of)
    body = b"4 0 obj\n%s\nendobj\n" % pdfs.stream(FORGED)
    return data + body + ending(data, body)


def _shadowed(of: City) -> bytes:
    """A file in which another text lies ready as an object that nothing shows."""
    return append(pdf_changes.base(), {4_000: pdfs.stream(SHADOW)})


def hide(of: City) -> bytes:
    """An opaque picture over the text is signed, and taken away by freeing its object."""
    covered = append(_shadowed(of), {
        CONTENT: pdfs.stream(SHADOW + b" /X0 Do"),
        PAGE: latest(_shadowed(of), PAGE).replace(b"/Font <<", b"/XObject << /X0 4001 0 R >> /Font <<"),
        4_001: pdfs.picture("Licence 2026-0001"),
    })  # fmt: skip
    return pdf_changes.freed(pdfs.sign(covered, of.signer, at=SIGNED), 4_001)


def hide_with_a_second_generation(of: City) -> bytes:
    """The same, freed under a generation that programs read differently."""
    data = hide(of)
    at = data.rindex(b"4001 1\n0000000000 00001 f")
    return data[:at] + b"4001 1\n0000000000 00003 f" + data[at + len(b"4001 1\n0000000000 00001 f") :]


def replace(of: City) -> bytes:
    """A font that writes other digits takes the place of the one that was signed."""
    return CHANGES["font or other resource of a page"](signed(of), of)


def hide_and_replace(of: City) -> bytes:
    """Two objects of one number are signed; a new cross-reference table leads to the one that was hidden."""
    hidden = pdf_changes.base() + b"4 0 obj\n%s\nendobj\n" % pdfs.stream(SHADOW)
    place = hidden.rindex(b"4 0 obj\n")
    data = pdfs.sign(hidden, of.signer, at=SIGNED)
    previous = re.findall(rb"startxref\s+(\d+)", data)[-1]
    table = b"xref\n4 1\n%010d 00000 n \n" % place
    trailer = b"trailer\n<< /Size %d /Root 1 0 R /Prev %s >>\n" % (pdfs.size_of(data), previous)
    return data + table + trailer + b"startxref\n%d\n%%%%EOF\n" % len(data)


def hybrid_afterwards(of: City) -> bytes:
    """Two tables of one revision that lead older and newer programs to different texts."""
    data = forged(signed(of))
    stream = len(data)
    entry = b"4 0 obj\n%s\nendobj\n" % pdfs.stream(SHADOW)
    place = stream.to_bytes(4, "big")
    number = pdfs.size_of(data)
    table_stream = b"%d 0 obj\n%s\nendobj\n" % (number, pdfs.stream(
        b"\x01" + place + b"\0", b"/Type /XRef /Size %d /W [1 4 1] /Index [4 1] /Root 1 0 R " % (number + 1)
    ))  # fmt: skip
    at = stream + len(entry)
    previous = re.findall(rb"startxref\s+(\d+)", data)[-1]
    start = at + len(table_stream)
    table = b"xref\n0 1\n0000000000 65535 f \ntrailer\n<< /Size %d /Root 1 0 R /Prev %s /XRefStm %d >>\n" % (
        number + 1, previous, at,
    )  # fmt: skip
    return data + entry + table_stream + table + b"startxref\n%d\n%%%%EOF\n" % start


def another_catalog(of: City) -> bytes:
    """The trailer leads to another catalog, whose form lists the same signature."""
    data = signed(of)
    number = pdfs.size_of(data)
    made = append(data, {
        number: latest(data, CATALOG).replace(b"/Pages 2 0 R", b"/Pages %d 0 R" % (number + 1)),
        number + 1: b"<< /Type /Pages /Kids [%d 0 R] /Count 1 >>" % (number + 2),
        number + 2: pdfs.page(contents=number + 3),
        number + 3: pdfs.stream(FORGED),
    })  # fmt: skip
    at = made.rindex(b"/Root 1 0 R")
    return made[:at] + b"/Root %d 0 R" % number + made[at + len(b"/Root 1 0 R") :]


def resources_that_are_a_field(of: City) -> bytes:
    """What the page draws with is a form field too, whose picture may be filled in."""
    number = 4_000
    names = b"<< /T (trap) /FT /Tx /AP %d 0 R /V () >>" % (number + 1)
    page = pdfs.page(pdf_changes.NOTE, pdf_changes.PREPARED)
    base = append(pdf_changes.base(), {
        number: names, number + 1: pdfs.picture("Licence 2026-0001"), CONTENT: pdfs.stream(b"/AP Do"),
        PAGE: page.replace(b"/Font <<", b"/XObject %d 0 R /Font <<" % number),
        FORM: pdfs.form(pdf_changes.PREPARED, number),
    })  # fmt: skip
    data = pdfs.sign(base, of.signer, at=SIGNED, permission=2)
    other = pdfs.size_of(data)
    filled = names.replace(b"/AP %d" % (number + 1), b"/AP %d" % other).replace(b"()", b"(filled)")
    return append(data, {number: filled, other: pdfs.picture("Licence 2026-9999")})


def sneaky_picture(of: City, permission: int | None, trusted: bool) -> bytes:
    """A later signature whose picture lies over the text."""
    data = signed(of, permission)
    signer = of.signer if trusted else of.person(of.foreign)
    place = Place(rectangle=(72, 690, 400, 730), text="Licence 2026-9999")
    return pdfs.sign(data, signer, name="Second", at=SIGNED + 60, place=place)


def evil_annotation(of: City, permission: int | None) -> bytes:
    return annotated(signed(of, permission), b"FreeText", b"/Contents (Licence 2026-9999) ", b"72 690 400 730")


def sneaky_stream(of: City) -> bytes:
    """The picture of a field that is filled is drawn anew, in its own object, and its value stays."""
    base = append(pdf_changes.base(), {
        NAME_FIELD: with_entries(pdfs.name_field("Zhang"), b"/AP << /N 4000 0 R >> "), 4_000: pdfs.picture("Zhang"),
    })  # fmt: skip
    data = pdfs.sign(base, of.signer, at=SIGNED, permission=2)
    return append(data, {4_000: pdfs.picture("Wang")})


def portfolio(of: City) -> bytes:
    """A portfolio that is signed, and then opens on another file."""
    base = catalog(pdf_changes.base(), b"/Collection << /D (new_licence.pdf) /View /H >> ")
    return attached(pdfs.sign(base, of.signer, at=SIGNED), b"new_licence.pdf", b"%PDF-1.4 another")


def shared_name(of: City) -> bytes:
    """A second file is attached under the name of the first."""
    return attached(signed(of), b"a.txt", b"another list")


def _reference(data: bytes) -> bytes:
    return b"startxref\n%s\n%%%%EOF\n" % re.findall(rb"startxref\s+(\d+)", data)[-1]


def _table(data: bytes, at: int) -> bytes:
    previous = re.findall(rb"startxref\s+(\d+)", data)[-1]
    return b"xref\n4 1\n%010d 00000 n \ntrailer\n<< /Size %d /Root 1 0 R /Prev %s >>\n" % (
        at, pdfs.size_of(data), previous,
    )  # fmt: skip


def _changed(change: Callable[[bytes, City], bytes], of: City) -> bytes:
    return change(signed(of), of)


ATTACKS: dict[str, Attack] = {
    "forgery: no value": lambda of: _value(of, b""),
    "forgery: value null": lambda of: _value(of, b"/Contents null"),
    "forgery: empty value": lambda of: _value(of, b"/Contents <>"),
    "forgery: value of zeros": lambda of: _value(of, b"/Contents <00>"),
    "forgery: value elsewhere": lambda of: _value(of, b"/Contents 4 0 R"),
    "forgery: no value, page as signed": lambda of: _value(of, b"", also=False),
    "forgery: no ranges": lambda of: _ranges(of, b""),
    "forgery: ranges null": lambda of: _ranges(of, b"/ByteRange null"),
    "forgery: ranges empty": lambda of: _ranges(of, b"/ByteRange []"),
    "forgery: ranges of nothing": lambda of: _ranges(of, b"/ByteRange [0 0 0 0]"),
    "forgery: ranges negative": lambda of: _ranges(of, b"/ByteRange [0 -1 -1 9]"),
    "forgery: ranges of three numbers": lambda of: _ranges(of, b"/ByteRange [0 9 9]"),
    "forgery: ranges of names": lambda of: _ranges(of, b"/ByteRange [/a /b /c /d]"),
    "wrapping": lambda of: wrapped(of, b""),
    "wrapping and filled with zeros": lambda of: wrapped(of, b"<" + b"0" * 500 + b">"),
    "wrapping and a comment": lambda of: wrapped(of, b"\n% >\n"),
    "wrapping: value moved out of its gap": lambda of: pdfs.elsewhere(pdfs.sign(pdfs.document(), of.signer, at=SIGNED)),
    "saving": lambda of: forged(signed(of)),
    "saving: no table": lambda of: _saved(of, lambda data, _: b""),
    "saving: no table, the end of before": lambda of: _saved(of, lambda data, _: _reference(data)),
    "saving: a trailer alone": lambda of: _saved(of, lambda data, _: b"trailer\n<< /Root 1 0 R >>\n%%EOF\n"),
    "saving: table without its end": lambda of: _saved(of, lambda data, _: _table(data, len(data))),
    "saving: wrong offset": lambda of: _saved(
        of, lambda data, body: _table(data, len(data) - 3) + b"startxref\n%d\n%%%%EOF\n" % (len(data) + len(body))
    ),
    "saving: end beside the table": lambda of: _saved(
        of, lambda data, body: _table(data, len(data)) + b"startxref\n%d\n%%%%EOF\n" % (len(data) + len(body) - 4)
    ),
    "saving: a copy of the signature": lambda of: append(signed(of), {
        CONTENT: pdfs.stream(FORGED), pdfs.field_number(signed(of)) + 1: latest(signed(of), 14)
    }),
    "saving: another catalog": another_catalog,
    "shadow: hide": hide,
    "shadow: hide by another generation": hide_with_a_second_generation,
    "shadow: replace": replace,
    "shadow: hide and replace": hide_and_replace,
    "two tables after signing": hybrid_afterwards,
    "annotation over the text": lambda of: evil_annotation(of, None),
    "annotation over the text, P=1": lambda of: evil_annotation(of, 1),
    "annotation over the text, P=2": lambda of: evil_annotation(of, 2),
    "annotation over the text, P=3": lambda of: evil_annotation(of, 3),
    "sneaky signature": lambda of: sneaky_picture(of, None, trusted=False),
    "sneaky signature, P=2": lambda of: sneaky_picture(of, 2, trusted=False),
    "sneaky signature, P=3": lambda of: sneaky_picture(of, 3, trusted=False),
    "sneaky signature, P=1, by somebody known": lambda of: sneaky_picture(of, 1, trusted=True),
    "sneaky picture of a field": sneaky_stream,
    "resources that are a field": resources_that_are_a_field,
    "portfolio": portfolio,
    "attached under a name that is taken": shared_name,
    **{name: partial(_changed, CHANGES[name]) for name in (
        "shown as a portfolio", "page added, removed or moved", "script or action at opening", "script by name",
        "layers", "XFA form", "picture of the earlier signature", "an attached file exchanged",
    )},
}  # fmt: skip
"""All of these show another content or do another thing than what was signed."""
