"""PDF files in the forms in which programs write them: linearized, hybrid, encrypted, and with what standards allow."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer

from support.documents.city import SIGNED, City
from support.pdf import pdf_changes, pdfs
from support.pdf.pdfs import FORM, PAGE, append, latest, stream

Make = Callable[[City], bytes]


def linearized() -> bytes:
    """A document for fast viewing (ISO 32000-2 annex F): the catalog stands after the cross-references at the head,
    which lead to those of the other objects at the end."""
    plain = pdfs.document()
    first = {1: latest(plain, 1), 3: latest(plain, 3), 4: latest(plain, 4)}
    other = {number: latest(plain, number) for number in (2, 5, 6, 7)}
    head = b"%%PDF-1.7\n8 0 obj\n<< /Linearized 1 /L %010d /H [0 0] /O 3 /E 0 /N 1 /T %010d >>\nendobj\n" % (0, 0)
    rows = 8 + 3 * (len(b"1 1\n") + 20) + len(b"trailer\n<< /Size 9 /Root 1 0 R /Prev 0000000000 >>\n")
    at = len(head)
    body, places = b"", {}
    start = at + rows - 3 + len(b"startxref\n0\n%%EOF\n")
    for number, written in {**first, **other}.items():
        places[number] = start + len(body)
        body += b"%d 0 obj\n%s\nendobj\n" % (number, written)
    main = start + len(body)
    table = b"xref\n" + b"".join(b"%d 1\n%010d 00000 n \n" % (one, places[one]) for one in first)
    table += b"trailer\n<< /Size 9 /Root 1 0 R /Prev %010d >>\nstartxref\n0\n%%%%EOF\n" % main
    assert at + len(table) == start
    last = b"xref\n0 1\n0000000000 65535 f \n"
    last += b"".join(b"%d 1\n%010d 00000 n \n" % (one, places[one]) for one in other)
    last += b"8 1\n%010d 00000 n \n" % head.index(b"8 0 obj")
    made = head + table + body + last + b"trailer\n<< /Size 9 >>\nstartxref\n%d\n%%%%EOF\n" % at
    return made.replace(b"/L 0000000000", b"/L %010d" % len(made), 1)


def hybrid() -> bytes:
    """Cross-references as a table and, for newer programs, as a stream too (§7.5.8.4), as office programs do."""
    data = pdfs.document()
    table, number = data.rindex(b"xref\n0 1"), pdfs.size_of(data)
    packed = zlib.compress(b"\x01" + table.to_bytes(4, "big") + b"\0")
    entries = b"/Type /XRef /Size %d /W [1 4 1] /Index [%d 1] /Root 1 0 R /Filter /FlateDecode " % (number + 1, number)
    written = data[:table] + b"%d 0 obj\n%s\nendobj\n" % (number, stream(packed, entries))
    rest = data[table:].replace(b"/Size %d" % number, b"/Size %d /XRefStm %d" % (number, table))
    return written + re.sub(rb"startxref\n\d+", b"startxref\n%d" % len(written), rest)


def encrypted() -> bytes:
    """Encrypted with an empty user password: every program opens it, and some refuse to print it (§7.6.4)."""
    writer = copy_into_new_writer(PdfFileReader(BytesIO(pdfs.document())))
    writer.encrypt(owner_pass="owner", user_pass="")
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def signed(data: bytes, of: City, **more: Any) -> bytes:
    return pdfs.sign(data, of.signer, **{"at": SIGNED, **more})


def again(data: bytes, of: City) -> bytes:
    return pdfs.sign(data, of.signer, name="Second", at=SIGNED + 60)


def dangling() -> bytes:
    """A page that refers to an object that does not exist: null (§7.3.10)."""
    data = pdfs.document()
    return append(data, {PAGE: latest(data, PAGE).replace(b"/Parent", b"/Thumb 99 0 R /Parent")})


def below_parents(first: bytes, of: City) -> bytes:
    """A second field of the same partial name, below a parent that was not there when the first was signed."""
    parent = pdfs.size_of(first)
    field = parent + 1
    form = latest(first, FORM).replace(b"] /SigFlags", b" %d 0 R] /SigFlags" % parent)
    page = latest(first, PAGE).replace(b"] >>", b" %d 0 R] >>" % field)
    empty = b"<< /Type /Annot /Subtype /Widget /FT /Sig /T (Sig) /Parent %d 0 R /Rect [0 0 0 0] /F 132 /P 3 0 R >>"
    data = append(first, {
        FORM: form, PAGE: page, parent: b"<< /T (office) /Kids [%d 0 R] >>" % field, field: empty % parent,
    })  # fmt: skip
    value = pdfs.Place((0, 0, 0, 0), "", field, parent)
    return pdfs.sign(data, of.signer, name="Sig", at=SIGNED + 60, place=value)


FORMS: dict[str, Make] = {
    "linearized": lambda of: signed(linearized(), of),
    "linearized, then two signatures": lambda of: again(signed(linearized(), of), of),
    "linearized, then a timestamp": lambda of: pdf_changes.stamped(signed(linearized(), of), of),
    "hybrid": lambda of: signed(hybrid(), of),
    "hybrid, then two signatures": lambda of: again(signed(hybrid(), of), of),
    "hybrid, then a timestamp": lambda of: pdf_changes.stamped(signed(hybrid(), of), of),
    "a reference that leads nowhere": lambda of: pdf_changes.stamped(signed(dangling(), of), of),
    "a field name with a full stop": lambda of: again(signed(pdfs.document(), of, name="El.Podpis"), of),
    "two fields of one partial name": lambda of: below_parents(signed(pdfs.document(), of, name="Sig"), of),
    "certified, then validation material and a timestamp": lambda of: pdf_changes.stamped(
        pdf_changes.validation(signed(pdfs.document(), of, permission=1), of), of
    ),
    "filled by the second signer": lambda of: again(pdfs.filled(signed(pdfs.document(), of)), of),
    "stamped by the second signer": lambda of: again(
        pdf_changes.annotated(signed(pdfs.document(), of), b"Stamp", b""), of
    ),
    "blanks around the value are not signed": lambda of: signed(pdfs.document(), of, gap=(1, 1)),
    "the brackets of the value are signed": lambda of: signed(pdfs.document(), of, gap=(-1, -1)),
    "the end once more": lambda of: signed(pdfs.document(), of) + b"%%EOF\n",
}  # fmt: skip
"""Signed files, all of them valid."""
