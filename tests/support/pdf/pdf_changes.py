"""What may be done to a signed PDF file after signing: one maker for each row of docs/standards/documents.md."""

from __future__ import annotations

import re
from collections.abc import Callable

from document_makers.certificates import Holder
from support.cms.timestamps import timestamp_authority
from support.documents.city import DAY, NOW, SIGNED, City
from support.pdf import pdfs
from support.pdf.pdfs import CATALOG, CONTENT, FONT, FORM, NAME_FIELD, PAGE, PAGES, append, latest, with_entries

NOTE, NOTE_PICTURE, PREPARED, ATTACHED, SPECIFICATION = range(8, 13)
"""Objects of the base beside those of every document: an annotation, an empty signature field, an attached file."""
RECEIPT = b"\xd2\x84a receipt is not looked into here"
FORGED = b"BT /F1 24 Tf 72 700 Td (Licence 2026-9999) Tj ET"
SCRIPT = b"<< /S /JavaScript /JS (app.alert\\(1\\)) >>"

Change = Callable[[bytes, City], bytes]
Signing = Callable[[bytes, Holder], bytes]


def base() -> bytes:
    """A page with a form of two fields, a note and an attached file."""
    names = b"/Names << /EmbeddedFiles << /Names [(a.txt) %d 0 R] >> >>" % SPECIFICATION
    return append(pdfs.document(), {
        CATALOG: b"<< /Type /Catalog /Pages 2 0 R /AcroForm 6 0 R %s >>" % names,
        PAGE: pdfs.page(NOTE, PREPARED),
        FORM: pdfs.form(PREPARED),
        NOTE: b"<< /Type /Annot /Subtype /Stamp /Rect [400 700 500 720] /F 4 /AP << /N %d 0 R >> >>" % NOTE_PICTURE,
        NOTE_PICTURE: pdfs.picture("received"),
        PREPARED: b"<< /Type /Annot /Subtype /Widget /FT /Sig /T (Waiting) /Rect [60 60 260 100] /F 4 /P 3 0 R >>",
        ATTACHED: pdfs.stream(b"a list", b"/Type /EmbeddedFile "),
        SPECIFICATION: b"<< /Type /Filespec /F (a.txt) /UF (a.txt) /EF << /F %d 0 R >> >>" % ATTACHED,
    })  # fmt: skip


def catalog(data: bytes, entries: bytes) -> bytes:
    return append(data, {CATALOG: with_entries(latest(data, CATALOG), entries)})


def exchanged(data: bytes, number: int, old: bytes, new: bytes) -> bytes:
    """A revision in which an object is written anew with one part another."""
    written = latest(data, number)
    assert old in written
    return append(data, {number: written.replace(old, new)})


def attached(data: bytes, name: bytes, content: bytes, entries: bytes = b"") -> bytes:
    number = pdfs.size_of(data)
    listed = latest(data, CATALOG).replace(b"/Names [", b"/Names [(%s) %d 0 R " % (name, number + 1))
    return append(data, {
        number: pdfs.stream(content, b"/Type /EmbeddedFile "),
        number + 1: b"<< /Type /Filespec /F (%s) /UF (%s) /EF << /F %d 0 R >> >>" % (name, name, number),
        CATALOG: with_entries(listed, entries),
    })  # fmt: skip


def annotated(data: bytes, subtype: bytes, entries: bytes, at: bytes = b"300 500 400 520") -> bytes:
    number = pdfs.size_of(data)
    listed = re.sub(rb"(/Annots \[[^]]*)\]", rb"\1 %d 0 R]" % number, latest(data, PAGE))
    written = b"<< /Type /Annot /Subtype /%s /Rect [%s] /F 4 /AP << /N %d 0 R >> %s>>" % (
        subtype, at, number + 1, entries,
    )  # fmt: skip
    return append(data, {PAGE: listed, number: written, number + 1: pdfs.picture("Licence 2026-9999")})


def validation(data: bytes, of: City) -> bytes:
    """Twice, the second time with what belongs to a signature exchanged."""
    for _ in range(2):
        number = pdfs.size_of(data)
        entry = b"/DSS << /Certs [%d 0 R] /VRI << /%s << /Cert [%d 0 R] >> >> >> " % (number, b"A" * 40, number)
        catalog = re.sub(rb"/DSS << .* >> >> >> ", b"", latest(data, CATALOG))
        data = append(data, {
            number: pdfs.stream(of.authorities["good"].holder.certificate), CATALOG: with_entries(catalog, entry),
        })  # fmt: skip
    return data


def freed(data: bytes, number: int) -> bytes:
    """A revision that sets an object free."""
    made = append(data, {pdfs.size_of(data): b"null"})
    at = made.rindex(b"xref\n", 0, made.rindex(b"trailer")) + len(b"xref\n")
    return made[:at] + b"%d 1\n0000000000 00001 f \n" % number + made[at:]


def with_page(data: bytes, _: City) -> bytes:
    number = pdfs.size_of(data)
    pages = b"<< /Type /Pages /Kids [3 0 R %d 0 R] /Count 2 >>" % number
    return append(data, {PAGES: pages, number: pdfs.page(contents=number + 1), number + 1: pdfs.stream(FORGED)})


def with_layers(data: bytes, _: City) -> bytes:
    number = pdfs.size_of(data)
    group = b"/OCProperties << /OCGs [%d 0 R] /D << /OFF [%d 0 R] >> >> " % (number, number)
    return catalog(append(data, {number: b"<< /Type /OCG /Name (text) >>"}), group)


def stamped(data: bytes, of: City) -> bytes:
    issuer = of.authorities["good"].holder
    authority = timestamp_authority(issuer, NOW - 300 * DAY, NOW + 300 * DAY)
    return pdfs.stamp(data, authority, at=SIGNED + 50)


CHANGES: dict[str, Change] = {
    "nothing": lambda data, _: data,
    "blanks, or the mark of the end once more": lambda data, _: data + b"\r\n%%EOF\n \0",
    "bytes that belong to no state of the document": lambda data, _: data + b"<!-- sent by a gateway -->\n",
    "validation material (DSS, VRI), also exchanged": validation,
    "metadata, extensions, version": lambda data, _: catalog(
        data, b"/Version /2.0 /Extensions << /ESIC << /BaseVersion /1.7 /ExtensionLevel 2 >> >> "
    ),
    "document timestamp": stamped,
    "objects that nothing refers to, freed numbers": lambda data, _: freed(data, 4999),
    "a hint or lock in the signed field": lambda data, _: append(
        data, {pdfs.field_number(data): with_entries(
            latest(data, pdfs.field_number(data)), b"/Lock << /Type /SigFieldLock /Action /All >> "
        )},
    ),
    "one receipt attached": lambda data, _: attached(data, b"b.receipt", RECEIPT),
    "another file attached": lambda data, _: attached(data, b"new_licence.pdf", b"%PDF-1.4 another"),
    "an attached file exchanged": lambda data, _: append(data, {ATTACHED: pdfs.stream(b"a lost")}),
    "shown as a portfolio": lambda data, _: attached(
        data, b"new_licence.pdf", b"%PDF-1.4 another", b"/Collection << /D (new_licence.pdf) /View /H >> "
    ),
    "form field filled": lambda data, _: exchanged(data, NAME_FIELD, b"/V ()", b"/V (somebody else)"),
    "picture of a form field, not its value": lambda data, _: append(data, {
        NAME_FIELD: with_entries(latest(data, NAME_FIELD), b"/AP << /N %d 0 R >> " % pdfs.size_of(data)),
        pdfs.size_of(data): pdfs.picture("somebody else"),
    }),
    "form field moved or removed": lambda data, _: exchanged(data, NAME_FIELD, b"72 600 300 620", b"72 690 400 730"),
    "annotation, comment or stamp": lambda data, _: annotated(data, b"Stamp", b""),
    "annotation that was there changed": lambda data, _: append(data, {NOTE_PICTURE: pdfs.picture("refused")}),
    "annotation removed": lambda data, _: exchanged(data, PAGE, b" %d 0 R" % NOTE, b""),
    "picture of the earlier signature": lambda data, _: append(data, {
        pdfs.field_number(data): with_entries(
            latest(data, pdfs.field_number(data)).replace(b"[0 0 0 0]", b"[72 690 400 730]"),
            b"/AP << /N %d 0 R >> " % pdfs.size_of(data),
        ),
        pdfs.size_of(data): pdfs.picture("Licence 2026-9999"),
    }),
    "text of a page": lambda data, _: append(data, {CONTENT: pdfs.stream(FORGED)}),
    "font or other resource of a page": lambda data, _: append(data, {
        FONT: b"<< /Type /Font /Subtype /Type1 /BaseFont /Symbol >>"
    }),
    "object freed that is shown": lambda data, _: freed(data, CONTENT),
    "page added, removed or moved": with_page,
    "layers": with_layers,
    "XFA form": lambda data, _: append(
        data, {FORM: with_entries(latest(data, FORM), b"/XFA (<xdp>another form</xdp>) ")}
    ),
    "script or action at opening": lambda data, _: catalog(data, b"/OpenAction %s " % SCRIPT),
    "script by name": lambda data, _: exchanged(
        data, CATALOG, b"/EmbeddedFiles", b"/JavaScript << /Names [(a) %s] >> /EmbeddedFiles" % SCRIPT
    ),
    "bookmarks, structure, whatever is not known": lambda data, _: catalog(data, b"/Outlines << /Count 0 >> /Foo 1 "),
    "defaults of the form": lambda data, _: exchanged(data, FORM, b"/DA (/F1 12 Tf) ", b""),
    "fonts of the form": lambda data, _: append(data, {
        FORM: latest(data, FORM).replace(b"/F1 5 0 R", b"/F1 %d 0 R" % pdfs.size_of(data)),
        pdfs.size_of(data): b"<< /Type /Font /Subtype /Type1 /BaseFont /Symbol >>",
    }),
}  # fmt: skip

SIGNATURES: dict[str, Signing] = {
    "signature without a picture": lambda data, signer: pdfs.sign(data, signer, name="Second", at=SIGNED + 60),
    "signature with a picture, in a field that waited for it": lambda data, signer: pdfs.sign(
        data, signer, name="Waiting", at=SIGNED + 60,
        place=pdfs.Place(rectangle=(60, 60, 260, 100), field=PREPARED),
    ),
    "signature with a picture, in a place of its own": lambda data, signer: pdfs.sign(
        data, signer, name="Second", at=SIGNED + 60, place=pdfs.Place()
    ),
}  # fmt: skip


def signed(of: City, permission: int | None = None) -> bytes:
    return pdfs.sign(base(), of.signer, at=SIGNED, permission=permission)


def cells(of: City, row: str) -> dict[str, bytes | None]:
    """The files of one row, by column; None where the column does not apply."""
    known, unknown = of.signer, of.person(of.foreign)
    if row in SIGNATURES:
        sign = SIGNATURES[row]
        files: dict[str, bytes | None] = {"nobody": None, "known": sign(signed(of), known)}
        files["unknown"] = sign(signed(of), unknown)
        return files | {f"P={one}": sign(signed(of, one), known) for one in (1, 2, 3)}
    change, second = CHANGES[row], SIGNATURES["signature without a picture"]
    made = change(signed(of), of)
    found: dict[str, bytes | None] = {"nobody": made, "known": second(made, known), "unknown": second(made, unknown)}
    return found | {f"P={one}": change(signed(of, one), of) for one in (1, 2, 3)}


ROWS = (*CHANGES, *SIGNATURES)
COLUMNS = ("nobody", "known", "unknown", "P=1", "P=2", "P=3")
FIRST = "Seal"
