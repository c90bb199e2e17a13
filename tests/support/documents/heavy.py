"""Documents made to cost a reader as much as the limits let them: at most 20 MB, and signed by nobody who matters."""

from __future__ import annotations

import random
import zipfile
from collections.abc import Callable, Mapping

from document_makers.encoding import element, octets, sequence
from document_makers.packages import archive, write_list
from support.documents.city import sealed, unsigned

MEGABYTE = 1024 * 1024
PAGE_0 = "Doc_0/Pages/Page_0/Content.xml"
SIGN_0 = "Doc_0/Signs/Sign_0"


def _noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def _with(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    return archive({**sealed().files, **files}, compression)


def a_page_of_elements() -> bytes:
    return _with({PAGE_0: b"<a>" + b"<b/>" * 3_900_000 + b"</a>"}, zipfile.ZIP_STORED)


def a_page_just_within_the_limit() -> bytes:
    return _with({PAGE_0: b"<a>" + b'<b c="OFD.xml" d="/x/OFD.xml"/>' * 300_000 + b"</a>"}, zipfile.ZIP_STORED)


def a_page_of_attributes() -> bytes:
    attributes = b" ".join(b'a%d="OFD.xml"' % number for number in range(800_000))
    return _with({PAGE_0: b"<a " + attributes + b"/>"})


def a_page_of_one_text() -> bytes:
    return _with({PAGE_0: b"<a>" + b"OFD.xml " * (15 * MEGABYTE // 8) + b"</a>"}, zipfile.ZIP_STORED)


def many_pages() -> bytes:
    page = b"<a>" + b'<b c="x"/>' * 400 + b"</a>"
    return _with({f"Doc_0/Pages/{number}.xml": page for number in range(1_100)} | {
        PAGE_0: b"<a>" + b"".join(b"<b>/Doc_0/Pages/%d.xml</b>" % number for number in range(1_100)) + b"</a>"
    })  # fmt: skip


def a_large_picture() -> bytes:
    return sealed(unsigned(picture=_noise(19 * MEGABYTE))).bytes(zipfile.ZIP_STORED)


def a_picture_that_grows_within_the_limits() -> bytes:
    picture = (_noise(4 * MEGABYTE) + bytes(7 * MEGABYTE)) * 4
    return sealed(unsigned(picture=picture)).bytes()


def many_signatures_over_large_files() -> bytes:
    """Sixty signatures whose digests are of every method over every file."""
    made = sealed(unsigned(picture=_noise(8 * MEGABYTE) + bytes(30 * MEGABYTE)))
    one = made.files[f"{SIGN_0}/Signature.xml"]
    value = made.files[f"{SIGN_0}/SignedValue.dat"]
    for number in range(1, 60):
        method = (b"SM3", b"MD5", b"SHA1", b"SHA256", b"SHA384", b"SHA512")[number % 6]
        name = f"Doc_0/Signs/Sign_{number}"
        text = one.replace(b'CheckMethod="SM3"', b'CheckMethod="' + method + b'"')
        made.files[f"{name}/Signature.xml"] = text.replace(SIGN_0.encode(), name.encode())
        made.files[f"{name}/SignedValue.dat"] = value
        made.signatures.append((str(number), "Seal", f"/{name}/Signature.xml"))
    write_list(made)
    return made.bytes()


def many_references() -> bytes:
    row = b'<ofd:Reference FileRef="/OFD.xml"><ofd:CheckValue>AAAA</ofd:CheckValue></ofd:Reference>'
    made = sealed()
    text = made.files[f"{SIGN_0}/Signature.xml"]
    made.files[f"{SIGN_0}/Signature.xml"] = text.replace(b"</ofd:References>", row * 8_000 + b"</ofd:References>")
    return made.bytes()


def many_lists_of_signatures() -> bytes:
    listed = b"<ofd:Signatures>/Doc_0/Signs/Signatures.xml</ofd:Signatures>"
    return _with({"OFD.xml": sealed().files["OFD.xml"].replace(listed, listed * 50_000)})


def a_signed_value_of_many_elements() -> bytes:
    made = sealed()
    made.files[f"{SIGN_0}/SignedValue.dat"] = sequence(*[sequence(octets(b"x"))] * 400_000)
    return made.bytes()


def a_signed_value_nested_deeply() -> bytes:
    inner = octets(b"")
    for _ in range(5_000):
        inner = element(0x30, inner)
    made = sealed()
    made.files[f"{SIGN_0}/SignedValue.dat"] = inner
    return made.bytes()


def a_seal_with_an_enormous_picture() -> bytes:
    from support.documents.city import city

    return city().make_seal(picture=_noise(19 * MEGABYTE)).der()


def many_small_files() -> bytes:
    return _with({f"Doc_0/Res/{'x' * 400}{number}": b"x" for number in range(4_000)})


def random_bytes_that_begin_as(head: bytes) -> Callable[[], bytes]:
    return lambda: head + _noise(19 * MEGABYTE)


HEAVY: Mapping[str, Callable[[], bytes]] = {
    make.__name__.replace("_", " "): make
    for make in (
        a_page_of_elements,
        a_page_just_within_the_limit,
        a_page_of_attributes,
        a_page_of_one_text,
        many_pages,
        a_large_picture,
        a_picture_that_grows_within_the_limits,
        many_signatures_over_large_files,
        many_references,
        many_lists_of_signatures,
        a_signed_value_of_many_elements,
        a_signed_value_nested_deeply,
        a_seal_with_an_enormous_picture,
        many_small_files,
    )
} | {
    "noise that begins as ZIP": random_bytes_that_begin_as(b"PK\x03\x04"),
    "noise that begins as DER": random_bytes_that_begin_as(b"\x30\x84\x01\x30\x00\x00\x16\x02ES"),
}
