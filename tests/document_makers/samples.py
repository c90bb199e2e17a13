"""Sealed documents, whole ones and one for each way of being broken, with what has to be said of them.

The code is that of the first failed check, or else of the first indeterminate one, when the document is judged without
a chain at `NOW` for the issuer `ISSUER`; `valid` if there is none, `no_signature` if nothing is signed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from document_makers import archives
from document_makers.city import DAY, NOW, OTHER_ISSUER, SIGNED, City, city, sealed, unsigned
from document_makers.encoding import explicit, identifier, octets, sequence
from document_makers.packages import PAGE, Package, add_signature, digest, write_list
from document_makers.plain_signatures import signed_data
from document_makers.seals import HASHES

PAGE_0 = "Doc_0/Pages/Page_0/Content.xml"
SIGN_0 = "Doc_0/Signs/Sign_0"


@dataclass(frozen=True)
class Sample:
    """A document and what it must be found to be."""

    name: str
    data: bytes
    code: str
    warnings: tuple[str, ...] = ()
    anchored_by: int | None = None
    """By when it is taken to be anchored."""


Maker = Callable[[City], Sample]
_MAKERS: dict[str, Maker] = {}


def _sample(code: str, *warnings: str, anchored_by: int | None = None) -> Callable[[Callable[[City], bytes]], None]:
    def register(make: Callable[[City], bytes]) -> None:
        name = make.__name__.replace("_", " ")
        _MAKERS[name] = lambda of: Sample(name, make(of), code, warnings, anchored_by)

    return register


@cache
def samples() -> tuple[Sample, ...]:
    """All of them; ask for `city().store` only afterwards, since some revoke certificates."""
    made = [make(city()) for make in _MAKERS.values()]
    return (*made, *_broken_archives())


@cache
def sample(name: str) -> Sample:
    """One of them by its name."""
    return next(one for one in samples() if one.name == name)


def names() -> list[str]:
    """The names of all."""
    broken = [*archives.FROM_FILES, *archives.FROM_ARCHIVE]
    return [*_MAKERS, *broken]


def _broken_archives() -> Iterator[Sample]:
    whole = sealed()
    for name, (from_files, _) in archives.FROM_FILES.items():
        yield Sample(name, from_files(whole.files), "unreadable")
    for name, (from_archive, _) in archives.FROM_ARCHIVE.items():
        code = "no_signature" if name == "bytes prepended" else "unreadable"
        yield Sample(name, from_archive(whole.bytes()), code)


def _changed(made: Package, name: str, change: Callable[[bytes], bytes]) -> bytes:
    made = made.copy()
    made.files[name] = change(made.files[name])
    return made.bytes()


# whole


@_sample("valid")
def sealed_with_a_seal_of_version_4(_: City) -> bytes:
    return sealed().bytes()


@_sample("valid")
def sealed_with_a_seal_of_version_1(of: City) -> bytes:
    return sealed(seal=of.make_seal(version=1)).bytes()


@_sample("valid")
def sealed_with_a_seal_of_version_5(of: City) -> bytes:
    return sealed(seal=of.make_seal(version=5)).bytes()


@_sample("valid")
def signatures_written_as_r_and_s(of: City) -> bytes:
    return sealed(seal=of.make_seal(raw=True), raw=True).bytes()


@_sample("valid")
def a_seal_that_lists_hashes_of_certificates(of: City) -> bytes:
    return sealed(seal=of.make_seal(list_type=HASHES)).bytes()


@_sample("valid")
def the_older_namespace(_: City) -> bytes:
    return sealed(unsigned(namespace="http://www.ofdspec.org")).bytes()


@_sample("valid")
def relative_paths(_: City) -> bytes:
    return sealed(relative=True).bytes()


@_sample("valid")
def check_method_as_object_identifier(_: City) -> bytes:
    return sealed(method="1.2.156.10197.1.401").bytes()


@_sample("valid")
def sha_256_digests(_: City) -> bytes:
    return sealed(method="SHA-256").bytes()


@_sample("valid", "weak_digest")
def sha_1_digests(_: City) -> bytes:
    return sealed(method="SHA1").bytes()


@_sample("valid", "weak_digest")
def digests_without_a_method_are_md5(_: City) -> bytes:
    return sealed(method=None).bytes()


@_sample("valid")
def a_list_of_signatures_that_is_closed(_: City) -> bytes:
    return sealed(cover_list=True).bytes()


@_sample("valid")
def a_second_signature_over_the_first(_: City) -> bytes:
    return sealed(sealed(), at=SIGNED + DAY).bytes()


@_sample("valid")
def signed_without_a_seal(of: City) -> bytes:
    return add_signature(unsigned(), lambda data, _: of.signer.sign(data), kind="Sign", at=SIGNED).bytes()


@_sample("valid")
def signed_data_of_gbt_35275(of: City) -> bytes:
    return add_signature(unsigned(), lambda data, _: signed_data(data, of.signer), kind="Sign", at=SIGNED).bytes()


@_sample("valid")
def signed_data_with_attributes(of: City) -> bytes:
    made = add_signature(
        unsigned(), lambda data, _: signed_data(data, of.signer, at=SIGNED), kind="Sign", at=SIGNED
    )
    return made.bytes()


@_sample("valid", "uncovered_files")
def a_file_that_nothing_displays_is_not_covered(_: City) -> bytes:
    made = sealed()
    made.files["Doc_0/Attachs/extra.xml"] = b"<extra/>"
    return made.bytes()


@_sample("valid", "uncovered_files")
def an_attachment_that_was_left_out(_: City) -> bytes:
    return sealed(unsigned(attachment=b"data"), leave_out=("Doc_0/Attachs/a.bin",)).bytes()


# content


@_sample("no_signature")
def never_signed(_: City) -> bytes:
    return unsigned().bytes()


@_sample("no_signature")
def every_trace_of_the_signature_removed(_: City) -> bytes:
    made = sealed()
    kept = {name: data for name, data in made.files.items() if "/Signs/" not in name}
    listed = b"<ofd:Signatures>/Doc_0/Signs/Signatures.xml</ofd:Signatures>"
    return Package(kept | {"OFD.xml": kept["OFD.xml"].replace(listed, b"")}).bytes()


@_sample("unreadable")
def the_signature_removed_and_still_listed(_: City) -> bytes:
    made = sealed()
    return Package({name: data for name, data in made.files.items() if "/Sign_0/" not in name}).bytes()


@_sample("unreadable")
def the_signed_value_removed(_: City) -> bytes:
    made = sealed()
    return Package({name: data for name, data in made.files.items() if "SignedValue" not in name}).bytes()


@_sample("unreadable")
def the_list_of_signatures_removed(_: City) -> bytes:
    made = sealed()
    return Package({name: data for name, data in made.files.items() if "Signatures.xml" not in name}).bytes()


@_sample("content_altered")
def content_changed(_: City) -> bytes:
    return _changed(sealed(), PAGE_0, lambda data: data.replace("电子证照".encode(), "电子执照".encode()))


@_sample("content_altered")
def digest_rewritten_with_the_content(_: City) -> bytes:
    made = sealed()
    old = made.files[PAGE_0]
    new = old.replace("电子证照".encode(), "电子执照".encode())
    made.files[PAGE_0] = new
    rewritten = (digest("SM3", old).encode(), digest("SM3", new).encode())
    return _changed(made, f"{SIGN_0}/Signature.xml", lambda data: data.replace(*rewritten))


@_sample("content_altered")
def metadata_changed(_: City) -> bytes:
    return _changed(sealed(), "OFD.xml", lambda data: data.replace("000001".encode(), b"000002"))


@_sample("content_altered")
def a_signed_file_removed(_: City) -> bytes:
    made = sealed()
    del made.files["Doc_0/Res/picture.png"]
    return made.bytes()


@_sample("content_altered")
def a_page_that_is_not_covered(_: City) -> bytes:
    return sealed(unsigned(texts=("一", "二")), leave_out=("Doc_0/Pages/Page_1/Content.xml",)).bytes()


@_sample("content_altered")
def a_picture_that_is_not_covered(_: City) -> bytes:
    return sealed(leave_out=("Doc_0/Res/picture.png",)).bytes()


@_sample("content_altered")
def a_page_added_after_signing(_: City) -> bytes:
    made = sealed(unsigned(), leave_out=("Doc_0/Document.xml",))
    return _with_page(made).bytes()


@_sample("content_altered")
def a_page_added_after_signing_and_signed_by_another_signature(_: City) -> bytes:
    made = sealed(unsigned(), leave_out=("Doc_0/Document.xml",))
    return sealed(_with_page(made), at=SIGNED + DAY).bytes()


@_sample("content_altered")
def a_second_signature_over_a_closed_list(_: City) -> bytes:
    return sealed(sealed(cover_list=True), at=SIGNED + DAY).bytes()


@_sample("content_altered")
def a_second_document_in_the_package(_: City) -> bytes:
    made = sealed(leave_out=("OFD.xml",))
    body = b"<ofd:DocBody><ofd:DocRoot>Doc_1/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>"
    made.files["OFD.xml"] = made.files["OFD.xml"].replace(b"</ofd:OFD>", body)
    made.files["Doc_1/Document.xml"] = made.files["Doc_0/Document.xml"]
    return made.bytes()


@_sample("content_altered")
def the_signed_path_is_another(_: City) -> bytes:
    return sealed(location="/Doc_0/Signs/Sign_9/Signature.xml").bytes()


@_sample("content_altered")
def nothing_is_referenced(_: City) -> bytes:
    return sealed(leave_out=tuple(unsigned().files)).bytes()


@_sample("unreadable")
def digests_of_an_unknown_method(_: City) -> bytes:
    return sealed(method="GOST").bytes()


@_sample("unreadable")
def the_signature_listed_twice(_: City) -> bytes:
    made = sealed()
    made.signatures.append(made.signatures[0])
    write_list(made)
    return made.bytes()


@_sample("unreadable")
def an_entity_in_xml(_: City) -> bytes:
    made = unsigned()
    text = made.files[PAGE_0].decode().replace("?>\n", '?>\n<!DOCTYPE a [<!ENTITY e "changed">]>', 1)
    made.files[PAGE_0] = text.replace("电子证照", "&e;").encode()
    return sealed(made).bytes()


@_sample("unreadable")
def an_entity_that_reads_a_file(_: City) -> bytes:
    doctype = b'?>\n<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    return _changed(sealed(), f"{SIGN_0}/Signature.xml", lambda data: data.replace(b"?>\n", doctype, 1))


@_sample("unreadable")
def elements_nested_without_end(_: City) -> bytes:
    made = unsigned()
    made.files[PAGE_0] = b"<a>" * 10_000 + b"</a>" * 10_000
    return sealed(made).bytes()


@_sample("no_signature")
def an_archive_of_another_kind(_: City) -> bytes:
    return Package({"word/document.xml": b"<w/>"}).bytes()


# signature and seal


@_sample("signature_invalid")
def one_bit_of_the_signature_flipped(_: City) -> bytes:
    return sealed(change_value=lambda value: value[:-1] + bytes([value[-1] ^ 1])).bytes()


@_sample("signature_invalid")
def signed_with_another_key_than_the_certificate(of: City) -> bytes:
    other = of.person()
    value = sealed(signer=other, seal=of.make_seal(of.signer, other))
    held = value.files[f"{SIGN_0}/SignedValue.dat"]
    value.files[f"{SIGN_0}/SignedValue.dat"] = _last_replaced(held, other.certificate, of.signer.certificate)
    return value.bytes()


@_sample("signature_invalid")
def a_seal_whose_signature_does_not_verify(of: City) -> bytes:
    seal = of.seal.der()
    broken = seal[:-1] + bytes([seal[-1] ^ 1])
    return sealed(embedded=broken).bytes()


@_sample("signature_invalid")
def a_seal_whose_picture_was_exchanged(of: City) -> bytes:
    return sealed(embedded=of.seal.der().replace(b"\x89PNG\r", b"\x89PNH\r")).bytes()


@_sample("seal_mismatch")
def another_seal_beside_the_signature(of: City) -> bytes:
    return sealed(file=of.make_seal(name="另一枚章").der()).bytes()


@_sample("seal_mismatch")
def a_signer_who_is_not_in_the_seal(of: City) -> bytes:
    return sealed(signer=of.person()).bytes()


@_sample("seal_mismatch")
def the_seal_of_another_office(of: City) -> bytes:
    other = of.person(organisation=f"{OTHER_ISSUER}别市某局", name="33010000000022")
    return sealed(seal=of.make_seal(other, code="33010000000022")).bytes()


@_sample("unreadable")
def a_critical_extension_that_nobody_knows(of: City) -> bytes:
    unknown = explicit(0, sequence(sequence(identifier("1.2.3.4"), b"\x01\x01\xff", octets(b"?"))))
    return sealed(seal=of.make_seal(extensions=unknown)).bytes()


@_sample("unreadable")
def a_signature_of_an_unknown_kind(_: City) -> bytes:
    return sealed(kind="Stamp").bytes()


# people and time


@_sample("signer_untrusted")
def a_signer_whom_nobody_vouches_for(of: City) -> bytes:
    signer = of.person(of.foreign)
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@_sample("signer_untrusted")
def a_seal_maker_whom_nobody_vouches_for(of: City) -> bytes:
    return sealed(seal=of.make_seal(maker=of.person(of.foreign))).bytes()


@_sample("signer_untrusted")
def a_certificate_issued_by_no_authority(of: City) -> bytes:
    signer = of.person("not_an_authority")
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@_sample("signature_invalid")
def a_certificate_for_encryption_only(of: City) -> bytes:
    signer = of.person(uses=("keyEncipherment",))
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@_sample("issuer_mismatch")
def signed_by_another_organisation(of: City) -> bytes:
    signer = of.person(organisation=f"{OTHER_ISSUER}别市某局")
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@_sample("issuer_unproven")
def signed_by_somebody_without_a_code(of: City) -> bytes:
    signer = of.person(organisation="某局")
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@_sample("signed_outside_validity")
def a_seal_that_had_ended_at_signing(of: City) -> bytes:
    return sealed(seal=of.make_seal(valid_until=SIGNED - DAY)).bytes()


@_sample("signed_outside_validity")
def a_seal_that_had_not_begun_at_signing(of: City) -> bytes:
    return sealed(seal=of.make_seal(valid_from=SIGNED + DAY)).bytes()


@_sample("signed_outside_validity")
def a_certificate_that_had_ended_at_signing(of: City) -> bytes:
    signer = of.person(until=SIGNED - DAY)
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@_sample("signed_outside_validity")
def a_certificate_that_is_good_now_and_was_not_yet_at_signing(of: City) -> bytes:
    signer = of.person(since=SIGNED + DAY)
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@_sample("signing_time_unproven")
def a_certificate_that_was_good_at_signing_and_has_ended(of: City) -> bytes:
    signer = of.person(until=NOW - 5 * DAY)
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@_sample("valid", anchored_by=SIGNED + DAY)
def a_certificate_that_has_ended_after_the_document_was_anchored(of: City) -> bytes:
    signer = of.person(until=NOW - 5 * DAY)
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@_sample("signer_revoked")
def a_signer_revoked_before_signing(of: City) -> bytes:
    signer = of.revoke(of.person(), SIGNED - DAY)
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@_sample("signing_time_unproven")
def a_signer_revoked_after_signing(of: City) -> bytes:
    signer = of.revoke(of.person(), SIGNED + DAY, "keyCompromise")
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@_sample("valid", anchored_by=SIGNED + DAY)
def a_signer_revoked_after_the_document_was_anchored(of: City) -> bytes:
    signer = of.revoke(of.person(), SIGNED + 2 * DAY)
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@_sample("signer_revoked")
def a_seal_maker_revoked_before_the_seal_was_made(of: City) -> bytes:
    maker = of.revoke(of.person(since=NOW - 900 * DAY), NOW - 400 * DAY)
    return sealed(seal=of.make_seal(maker=maker)).bytes()


@_sample("revocation_unknown")
def a_signer_whose_authority_publishes_no_list(of: City) -> bytes:
    signer = of.person("no_list")
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@_sample("revocation_unknown")
def a_signer_whose_authority_published_long_ago(of: City) -> bytes:
    signer = of.person("stale")
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@_sample("signing_time_unproven")
def signed_in_the_future(_: City) -> bytes:
    return sealed(at=NOW + 10 * DAY).bytes()


def _with_page(made: Package) -> Package:
    made = made.copy()
    page = PAGE.format(ns=made.namespace, layer=40, id=41, text="后来的一页")
    made.files["Doc_0/Pages/Page_9/Content.xml"] = page.encode()
    row = b'<ofd:Page ID="19" BaseLoc="Pages/Page_9/Content.xml"/></ofd:Pages>'
    made.files["Doc_0/Document.xml"] = made.files["Doc_0/Document.xml"].replace(b"</ofd:Pages>", row)
    return made


def _last_replaced(data: bytes, old: bytes, new: bytes) -> bytes:
    """The last occurrence of a certificate replaced by one of the same length, or else the name in it changed."""
    at = data.rindex(old)
    assert len(old) == len(new), "certificates of one kind have one length"
    return data[:at] + new + data[at + len(old) :]

