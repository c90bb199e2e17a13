"""Documents whose content, digests or lists were tampered with."""

from __future__ import annotations

from collections.abc import Callable

from document_makers.packages import PAGE, Package, digest, write_list
from support.documents.city import DAY, SIGNED, City, sealed, unsigned
from support.documents.recipes import recipe

PAGE_0 = "Doc_0/Pages/Page_0/Content.xml"
SIGN_0 = "Doc_0/Signs/Sign_0"


def _changed(made: Package, name: str, change: Callable[[bytes], bytes]) -> bytes:
    made = made.copy()
    made.files[name] = change(made.files[name])
    return made.bytes()


# content


@recipe("no_signature")
def never_signed(_: City) -> bytes:
    return unsigned().bytes()


@recipe("no_signature")
def every_trace_of_the_signature_removed(_: City) -> bytes:
    made = sealed()
    kept = {name: data for name, data in made.files.items() if "/Signs/" not in name}
    listed = b"<ofd:Signatures>/Doc_0/Signs/Signatures.xml</ofd:Signatures>"
    return Package(kept | {"OFD.xml": kept["OFD.xml"].replace(listed, b"")}).bytes()


@recipe("changes_unclear")
def the_signature_removed_and_still_listed(_: City) -> bytes:
    made = sealed()
    return Package({name: data for name, data in made.files.items() if "/Sign_0/" not in name}).bytes()


@recipe("signature_invalid")
def the_signed_value_removed(_: City) -> bytes:
    made = sealed()
    return Package({name: data for name, data in made.files.items() if "SignedValue" not in name}).bytes()


@recipe("changes_unclear")
def the_list_of_signatures_removed(_: City) -> bytes:
    made = sealed()
    return Package({name: data for name, data in made.files.items() if "Signatures.xml" not in name}).bytes()


@recipe("signature_unsupported")
def a_page_twice_by_a_full_stop(_: City) -> bytes:
    """Where full stops at a name's end are left out, one file takes the other's place."""
    made = sealed()
    other = made.files[PAGE_0].replace("电子证照".encode(), "电子执照".encode())
    return Package(made.files | {f"{PAGE_0}.": other}).bytes()


@recipe("content_altered")
def content_changed(_: City) -> bytes:
    return _changed(sealed(), PAGE_0, lambda data: data.replace("电子证照".encode(), "电子执照".encode()))


@recipe("content_altered")
def digest_rewritten_with_the_content(_: City) -> bytes:
    made = sealed()
    old = made.files[PAGE_0]
    new = old.replace("电子证照".encode(), "电子执照".encode())
    made.files[PAGE_0] = new
    rewritten = (digest("SM3", old).encode(), digest("SM3", new).encode())
    return _changed(made, f"{SIGN_0}/Signature.xml", lambda data: data.replace(*rewritten))


@recipe("content_altered")
def metadata_changed(_: City) -> bytes:
    return _changed(sealed(), "OFD.xml", lambda data: data.replace(b"000001", b"000002"))


@recipe("content_altered")
def a_signed_file_removed(_: City) -> bytes:
    made = sealed()
    del made.files["Doc_0/Res/picture.png"]
    return made.bytes()


@recipe("content_altered")
def a_page_that_is_not_covered(_: City) -> bytes:
    return sealed(unsigned(texts=("一", "二")), leave_out=("Doc_0/Pages/Page_1/Content.xml",)).bytes()


@recipe("content_altered")
def a_picture_that_is_not_covered(_: City) -> bytes:
    return sealed(leave_out=("Doc_0/Res/picture.png",)).bytes()


@recipe("content_altered")
def a_page_added_after_signing(_: City) -> bytes:
    made = sealed(unsigned(), leave_out=("Doc_0/Document.xml",))
    return _with_page(made).bytes()


@recipe("valid")
def a_page_added_after_signing_and_signed_by_another_signature(_: City) -> bytes:
    made = sealed(unsigned(), leave_out=("Doc_0/Document.xml",))
    return sealed(_with_page(made), at=SIGNED + DAY).bytes()


@recipe("content_altered")
def a_second_signature_over_a_closed_list(_: City) -> bytes:
    return sealed(sealed(cover_list=True), at=SIGNED + DAY).bytes()


@recipe("content_altered")
def a_second_document_in_the_package(_: City) -> bytes:
    made = sealed(leave_out=("OFD.xml",))
    body = b"<ofd:DocBody><ofd:DocRoot>Doc_1/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>"
    made.files["OFD.xml"] = made.files["OFD.xml"].replace(b"</ofd:OFD>", body)
    made.files["Doc_1/Document.xml"] = made.files["Doc_0/Document.xml"]
    return made.bytes()


@recipe("content_altered")
def the_signed_path_is_another(_: City) -> bytes:
    return sealed(location="/Doc_0/Signs/Sign_9/Signature.xml").bytes()


@recipe("content_altered")
def nothing_is_referenced(_: City) -> bytes:
    return sealed(leave_out=tuple(unsigned().files)).bytes()


@recipe("signature_unsupported")
def digests_of_an_unknown_method(_: City) -> bytes:
    return sealed(method="GOST").bytes()


@recipe("signature_unsupported")
def the_signature_listed_twice(_: City) -> bytes:
    made = sealed()
    made.signatures.append(made.signatures[0])
    write_list(made)
    return made.bytes()


@recipe("changes_unclear")
def an_entity_in_a_page_of_another_ending(_: City) -> bytes:
    """What the page shows stands in a file that nobody signed, and only its ending says that it is no XML."""
    made = unsigned()
    page = made.files.pop(PAGE_0).replace(b"?>\n", b'?>\n<!DOCTYPE a SYSTEM "/Doc_0/Res/a.dtd">\n', 1)
    document = made.files["Doc_0/Document.xml"].replace(b"Page_0/Content.xml", b"Page_0/Content.page")
    made.files |= {"Doc_0/Document.xml": document, "Doc_0/Pages/Page_0/Content.page": page}
    made.files["Doc_0/Res/a.dtd"] = b"<!ENTITY e 'changed'>"
    return sealed(made, leave_out=("Doc_0/Res/a.dtd",)).bytes()


@recipe("not_all_signed")
def an_entity_in_xml(_: City) -> bytes:
    made = unsigned()
    text = made.files[PAGE_0].decode().replace("?>\n", '?>\n<!DOCTYPE a [<!ENTITY e "changed">]>', 1)
    made.files[PAGE_0] = text.replace("电子证照", "&e;").encode()
    return sealed(made).bytes()


@recipe("signature_unsupported")
def an_entity_that_reads_a_file(_: City) -> bytes:
    doctype = b'?>\n<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    return _changed(sealed(), f"{SIGN_0}/Signature.xml", lambda data: data.replace(b"?>\n", doctype, 1))


@recipe("valid")
def elements_nested_without_end(_: City) -> bytes:
    made = unsigned()
    made.files[PAGE_0] = b"<a>" * 10_000 + b"</a>" * 10_000
    return sealed(made).bytes()


@recipe("no_signature")
def an_archive_of_another_kind(_: City) -> bytes:
    return Package({"word/document.xml": b"<w/>"}).bytes()


def _with_page(made: Package) -> Package:
    made = made.copy()
    page = PAGE.format(ns=made.namespace, layer=40, id=41, text="后来的一页")
    made.files["Doc_0/Pages/Page_9/Content.xml"] = page.encode()
    row = b'<ofd:Page ID="19" BaseLoc="Pages/Page_9/Content.xml"/></ofd:Pages>'
    made.files["Doc_0/Document.xml"] = made.files["Doc_0/Document.xml"].replace(b"</ofd:Pages>", row)
    return made
