"""Changes of a signed PDF file in disguise: another content is shown, and each changed entry passes for something else.

Readers take what a page inherits from the node that its own /Parent names, draw annotations of most kinds without a
picture, and show a field's value by the field above it. A maker who prepares the file may give one object two roles.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from support.documents.city import SIGNED, City
from support.pdf import pdf_changes, pdfs
from support.pdf.pdf_changes import FORGED, exchanged, signed
from support.pdf.pdfs import CATALOG, CONTENT, FORM, NAME_FIELD, PAGE, PAGES, append, latest, with_entries

Attack = Callable[[City], bytes]
SPARE = 4_000
"""Objects from here on are the attacker's, or whoever prepared the file."""
PLACE = b"/Rect [72 690 400 730] /F 4 /P 3 0 R"


def _prepared(of: City, objects: dict[int, bytes], permission: int | None = None) -> bytes:
    return pdfs.sign(append(pdf_changes.base(), objects), of.signer, at=SIGNED, permission=permission)


def permitted_by_a_new_lock(of: City) -> bytes:
    """A field is filled in, and the signed field gets a lock that says that fields may be."""
    data = signed(of)
    field = pdfs.field_number(data)
    lock = b"/Lock << /Type /SigFieldLock /Action /Include /Fields [(none)] /P 2 >> "
    return append(data, {
        field: with_entries(latest(data, field), lock),
        NAME_FIELD: latest(data, NAME_FIELD).replace(b"/V ()", b"/V (somebody else)"),
    })  # fmt: skip


def inherited_from_elsewhere(of: City) -> bytes:
    """The page inherits its resources, and names another node to inherit them from."""
    drawn = b"/Resources << /XObject << /X0 %d 0 R >> >>"
    data = _prepared(of, {
        PAGES: with_entries(latest(pdf_changes.base(), PAGES), drawn % SPARE),
        PAGE: latest(pdf_changes.base(), PAGE).replace(b"/Resources << /Font << /F1 5 0 R >> >> ", b""),
        CONTENT: pdfs.stream(b"/X0 Do"), SPARE: pdfs.picture("Licence 2026-0001"),
    })  # fmt: skip
    number = pdfs.size_of(data)
    return append(data, {
        PAGE: latest(data, PAGE).replace(b"/Parent 2 0 R", b"/Parent %d 0 R" % number),
        number: b"<< /Type /Pages /Kids [3 0 R] /Count 1 %s >>" % (drawn % (number + 1)),
        number + 1: pdfs.picture("Licence 2026-9999"),
    })  # fmt: skip


def inherited_from_outside(of: City) -> bytes:
    """The page names a node outside of the tree of pages from the beginning, which is exchanged."""
    drawn = b"<< /Type /Pages /Kids [3 0 R] /Count 1 /Resources << /XObject << /X0 %d 0 R >> >> >>"
    data = _prepared(of, {
        PAGE: latest(pdf_changes.base(), PAGE)
        .replace(b"/Resources << /Font << /F1 5 0 R >> >> ", b"").replace(b"/Parent 2 0", b"/Parent %d 0" % SPARE),
        CONTENT: pdfs.stream(b"/X0 Do"), SPARE: drawn % (SPARE + 1), SPARE + 1: pdfs.picture("Licence 2026-0001"),
    })  # fmt: skip
    number = pdfs.size_of(data)
    return append(data, {SPARE: drawn % number, number: pdfs.picture("Licence 2026-9999")})


def _listed(data: bytes, written: bytes) -> bytes:
    """A new object that stands in the form and on the page."""
    number = pdfs.size_of(data)
    return append(data, {
        number: written,
        FORM: latest(data, FORM).replace(b"/Fields [", b"/Fields [%d 0 R " % number),
        PAGE: latest(data, PAGE).replace(b"/Annots [", b"/Annots [%d 0 R " % number),
    })  # fmt: skip


def comment_called_signature(of: City) -> bytes:
    """A comment, which programs draw without a picture, is listed as an empty signature field."""
    written = b"<< /Type /Annot /Subtype /FreeText /FT /Sig /T (x) /DA (/F1 24 Tf) /Contents (Licence 2026-9999) %s >>"
    return _listed(signed(of), written % PLACE)


def field_called_group(of: City) -> bytes:
    """A text field with a value and no picture has an empty list of kids."""
    written = b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (x) /Kids [] /DA (/F1 24 Tf) /V (Licence 2026-9999) %s >>"
    return _listed(signed(of), written % PLACE)


def value_above(of: City) -> bytes:
    """A field that has no value of its own gets one from a new field above it, which has no name."""
    field = latest(pdf_changes.base(), NAME_FIELD).replace(b"/V () ", b"")
    data = _prepared(of, {NAME_FIELD: field})
    number = pdfs.size_of(data)
    return append(data, {
        NAME_FIELD: with_entries(field, b"/Parent %d 0 R " % number),
        number: b"<< /FT /Tx /Kids [%d 0 R] /V (somebody else) >>" % NAME_FIELD,
        FORM: latest(data, FORM).replace(b"/Fields [%d 0 R" % NAME_FIELD, b"/Fields [%d 0 R" % number),
    })  # fmt: skip


def value_beside(of: City) -> bytes:
    """The same, where only the field itself names the one above it."""
    field = latest(pdf_changes.base(), NAME_FIELD).replace(b"/V () ", b"")
    data = _prepared(of, {NAME_FIELD: field})
    number = pdfs.size_of(data)
    return append(data, {
        NAME_FIELD: with_entries(field, b"/Parent %d 0 R " % number),
        number: b"<< /FT /Tx /T (holder) /Kids [%d 0 R] /V (somebody else) >>" % NAME_FIELD,
    })  # fmt: skip


def field_put_on_a_page(of: City) -> bytes:
    """A field with a picture stands in the form, and on no page before the file was signed."""
    field = b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (x) /V (x) /AP << /N %d 0 R >> %s >>" % (SPARE + 1, PLACE)
    data = _prepared(of, {
        SPARE: field, SPARE + 1: pdfs.picture("Licence 2026-9999"), FORM: pdfs.form(pdf_changes.PREPARED, SPARE),
    })  # fmt: skip
    return append(data, {PAGE: latest(data, PAGE).replace(b"/Annots [", b"/Annots [%d 0 R " % SPARE)})


def layer_called_field(of: City) -> bytes:
    """What decides whether a note is shown is listed as a field, whose /P names its page as a rule."""
    decides = b"<< /Type /OCMD /OCGs [%d 0 R] /P /AnyOn /T (x) /FT /Tx >>" % (SPARE + 1)
    note = latest(pdf_changes.base(), pdf_changes.NOTE)
    data = _prepared(of, {
        pdf_changes.NOTE: with_entries(note, b"/OC %d 0 R " % SPARE), SPARE: decides,
        SPARE + 1: b"<< /Type /OCG /Name (x) >>", FORM: pdfs.form(pdf_changes.PREPARED, SPARE),
    })  # fmt: skip
    return exchanged(data, SPARE, b"/AnyOn", b"/AllOff")


def attachment_called_page(of: City) -> bytes:
    """The attached file's stream is a page too, and only its entries are those of before."""
    base = latest(pdf_changes.base(), PAGES)
    page = b"/Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] "
    data = _prepared(of, {
        PAGES: base.replace(b"[3 0 R]", b"[3 0 R %d 0 R]" % pdf_changes.ATTACHED).replace(b"/Count 1", b"/Count 2"),
        pdf_changes.ATTACHED: pdfs.stream(b"a list", page),
    })  # fmt: skip
    return append(data, {pdf_changes.ATTACHED: pdfs.stream(b"a lost", page)})


def button_filled(of: City) -> bytes:
    """A push button, which has no value, is given one and another picture, where fields may be filled in."""
    button = b"<< /Type /Annot /Subtype /Widget /FT /Btn /Ff 65536 /T (x) /AP << /N %d 0 R >> %s >>"
    data = _prepared(of, {
        SPARE: button % (SPARE + 1, PLACE), SPARE + 1: pdfs.picture("Licence 2026-0001"),
        FORM: pdfs.form(pdf_changes.PREPARED, SPARE),
        PAGE: latest(pdf_changes.base(), PAGE).replace(b"/Annots [", b"/Annots [%d 0 R " % SPARE),
    }, permission=2)  # fmt: skip
    number = pdfs.size_of(data)
    filled = with_entries(button % (number, PLACE), b"/V (x) ")
    return append(data, {SPARE: filled, number: pdfs.picture("Licence 2026-9999")})


def name_beside_the_value(of: City) -> bytes:
    """More than blanks is left out beside the value."""
    return pdfs.sign(pdf_changes.base(), of.signer, at=SIGNED, gap=(4, 0))


def table_that_was_never_read(of: City) -> bytes:
    """A table lies ready in what was signed, with a row that leads beside its object, and is made the last one."""
    base = pdf_changes.base()
    lies = b"4 0 obj\n%s\nendobj\n" % pdfs.stream(FORGED)
    rows = b"xref\n4 1\n%010d 00000 n \n" % (len(base) + 1)

    def made(previous: int) -> bytes:
        trailer = b"trailer\n<< /Size 20 /Root 1 0 R /Prev %010d >>\n" % previous
        return pdfs.sign(base + lies + rows + trailer, of.signer, at=SIGNED)

    last = int(re.findall(rb"startxref\s+(\d+)", made(0))[-1])
    return made(last) + b"startxref\n%d\n%%%%EOF\n" % (len(base) + len(lies))


def objects_beyond_the_size(of: City) -> bytes:
    """The last trailer says that there are fewer objects, so that some programs miss the note on the page."""
    data = append(signed(of), {CATALOG: latest(signed(of), CATALOG)})
    at = data.rindex(b"/Size ")
    return data[:at] + re.sub(rb"/Size \d+", b"/Size %d" % pdf_changes.NOTE, data[at:])


def picture_by_a_revoked_signer(of: City) -> bytes:
    """Whose certificate was revoked before answers for nothing that is put over the text."""
    thief = of.revoke(of.person(), SIGNED - 60)
    place = pdfs.Place(rectangle=(72, 690, 400, 730), text="Licence 2026-9999")
    return pdfs.sign(signed(of), thief, name="Second", at=SIGNED + 60, place=place)


def image_of_blanks(of: City) -> bytes:
    """The picture of an empty signature field is an image, whose samples read as a content would draw nothing."""
    data, number = signed(of), pdfs.size_of(signed(of)) + 1
    image = b"/Type /XObject /Subtype /Image /Width 8 /Height 8 /ColorSpace /DeviceGray /BitsPerComponent 8 "
    form = b"/Type /XObject /Subtype /Form /BBox [0 0 1 1] /Resources << /XObject << /Im %d 0 R >> >> " % (number + 1)
    data = append(data, {number: pdfs.stream(b"q /Im Do Q", form), number + 1: pdfs.stream(b" " * 64, image)})
    widget = b"<< /Type /Annot /Subtype /Widget /FT /Sig /T (x) /AP << /N %d 0 R >> %s >>" % (number, PLACE)
    return _listed(data, widget)


DISGUISES: dict[str, Attack] = {
    one.__name__.replace("_", " "): one
    for one in (
        permitted_by_a_new_lock, inherited_from_elsewhere, inherited_from_outside, comment_called_signature,
        field_called_group, value_above, value_beside, field_put_on_a_page, layer_called_field, attachment_called_page,
        button_filled, name_beside_the_value, objects_beyond_the_size, picture_by_a_revoked_signer,
        table_that_was_never_read, image_of_blanks,
    )
}  # fmt: skip
