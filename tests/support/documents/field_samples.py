"""Documents as makers in the field write them: genuine ones that keep to the standard in their own way, and the
attacks beside each that must not profit from the tolerance."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from document_makers.certificates import Holder, Key, extension
from document_makers.encoding import bits, explicit, identifier, integer, octets, sequence
from document_makers.packages import HEAD, NAMESPACE, PAGE, Package, write_list
from support.documents.city import DAY, OTHER_ISSUER, OTHER_SEAL_CODE, SIGNED, City, sealed, unsigned
from support.documents.encodings import Device, counted_bits, trimmed_bits
from support.documents.recipes import recipe

SERVER, STAMPING = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.8"
AUDIT_IDENTITY = "1.3.6.1.5.5.7.1.4"
RSA_SHA1, RSA_SHA256, RSA_MD5 = "1.2.840.113549.1.1.5", "1.2.840.113549.1.1.11", "1.2.840.113549.1.1.4"
PAGE_0, DOCUMENT = "Doc_0/Pages/Page_0/Content.xml", "Doc_0/Document.xml"
VALUE = "Doc_0/Signs/Sign_0/SignedValue.dat"

# integers, bit strings, curves


@recipe("valid", "encoding_deviation")
def integers_with_a_zero_always_before(of: City) -> bytes:
    return sealed(signer=Device(of.signer, "always a zero before")).bytes()


@recipe("valid", "encoding_deviation")
def integers_padded_to_32_bytes(of: City) -> bytes:
    return sealed(signer=Device(of.signer, "padded to 32 bytes")).bytes()


@recipe("valid", "encoding_deviation")
def integers_without_sign_byte(of: City) -> bytes:
    return sealed(signer=Device(of.signer, "without sign byte")).bytes()


@recipe("valid", "encoding_deviation")
def integers_with_many_zeros_before(of: City) -> bytes:
    return sealed(signer=Device(of.signer, "many zeros before")).bytes()


@recipe("valid", "encoding_deviation")
def a_seal_whose_maker_writes_integers_without_sign_byte(of: City) -> bytes:
    return sealed(seal=of.make_seal(maker=Device(of.maker, "without sign byte"))).bytes()


@recipe("signature_invalid")
def integers_that_are_zero(of: City) -> bytes:
    @dataclass
    class Zero:
        certificate: bytes

        def sign(self, _: bytes) -> bytes:
            return sequence(integer(0), integer(0))

    return sealed(signer=Zero(of.signer.certificate)).bytes()


@recipe("signature_invalid")
def integers_with_a_zero_always_before_by_another_key(of: City) -> bytes:
    other = Holder(of.person().key, of.signer.certificate, of.signer.name, of.signer.serial)
    return sealed(signer=Device(other, "always a zero before")).bytes()


def _until_it_shows(**more: Any) -> Package:
    """A document whose digest and signature both end in a zero bit, so that trimming shows."""
    for number in range(1_000):
        made = sealed(at=SIGNED + number, written={"as_bits": trimmed_bits}, **more)
        digest = hashlib.new("sm3", made.files["Doc_0/Signs/Sign_0/Signature.xml"]).digest()
        if not digest[-1] & 1 and made.files[VALUE][-1] and trimmed_bits(digest) in made.files[VALUE]:
            return made
    raise AssertionError("never")


@recipe("valid", "encoding_deviation")
def bit_strings_as_openssl_trims_them(_: City) -> bytes:
    return _until_it_shows().bytes()


@recipe("valid", "encoding_deviation")
def bit_strings_with_a_length_for_unused_bits(_: City) -> bytes:
    return sealed(written={"as_bits": counted_bits}).bytes()


@recipe("valid", "encoding_deviation")
def bit_strings_with_a_length_in_an_old_seal(of: City) -> bytes:
    seal = of.make_seal(version=1, as_bits=counted_bits)
    return sealed(seal=seal, written={"as_bits": counted_bits}).bytes()


@recipe("content_altered")
def content_changed_under_trimmed_bit_strings(_: City) -> bytes:
    made = _until_it_shows()
    made.files[PAGE_0] = made.files[PAGE_0].replace("电子证照".encode(), "电子执照".encode())
    return made.bytes()


@recipe("signature_unsupported")
def bit_strings_with_unused_bits_that_are_set(_: City) -> bytes:
    return sealed(change_value=lambda value: value.replace(bits(b"")[:1] + b"\x21\0", b"\x03\x21\7", 1)).bytes()


@recipe("valid", "encoding_deviation")
def zeros_behind_the_signed_value(_: City) -> bytes:
    return sealed(change_value=lambda value: value + bytes(7)).bytes()


@recipe("signature_unsupported")
def bytes_behind_the_signed_value(_: City) -> bytes:
    return sealed(change_value=lambda value: value + b"\1").bytes()


@recipe("signature_invalid")
def a_signed_value_of_zeros(_: City) -> bytes:
    return sealed(change_value=lambda value: bytes(len(value))).bytes()


@recipe("signature_invalid")
def a_signed_value_without_bytes(_: City) -> bytes:
    return sealed(change_value=lambda _value: b"").bytes()


def _with_curve(of: City, curve: str) -> Holder:
    key = of.signer.key
    kind = sequence(identifier("1.2.840.10045.2.1"), identifier(curve))
    return of.person(key=Key("sm2", sequence(kind, bits(key.public[-65:])), key.secret))


@recipe("valid", "encoding_deviation")
def a_curve_named_by_its_third_part(of: City) -> bytes:
    signer = _with_curve(of, "1.2.156.10197.1.301.3")
    return sealed(seal=of.make_seal(signer), signer=signer).bytes()


@recipe("signature_unsupported")
def a_curve_that_nobody_knows(of: City) -> bytes:
    signer = _with_curve(of, "1.2.156.10197.1.999")
    return sealed(seal=of.make_seal(signer), signer=signer).bytes()


# old seals with RSA


@dataclass(frozen=True)
class _Rsa:
    holder: Holder
    hash: hashes.HashAlgorithm

    @property
    def certificate(self) -> bytes:
        return self.holder.certificate

    def sign(self, message: bytes) -> bytes:
        secret = self.holder.key.secret
        assert isinstance(secret, rsa.RSAPrivateKey)
        return secret.sign(message, padding.PKCS1v15(), self.hash)


def _old_rsa(of: City, hash_: hashes.HashAlgorithm, oid: str, digest: str) -> Package:
    signer = _Rsa(of.person(family="rsa"), hash_)
    seal = of.make_seal(signer.holder, version=1)
    written = {"algorithm": oid, "digest": lambda data: hashlib.new(digest, data).digest()}
    return sealed(seal=seal, signer=signer, written=written)


@recipe("valid", "encoding_deviation")
def an_old_seal_with_rsa_and_sha_256(of: City) -> bytes:
    return _old_rsa(of, hashes.SHA256(), RSA_SHA256, "sha256").bytes()


@recipe("valid")
def an_old_seal_with_rsa_and_sm3(of: City) -> bytes:
    return _old_rsa(of, hashes.SHA256(), RSA_SHA256, "sm3").bytes()


@recipe("signature_unsupported", "weak_digest")
def an_old_seal_with_rsa_and_sha_1(of: City) -> bytes:
    return _old_rsa(of, hashes.SHA1(), RSA_SHA1, "sha1").bytes()


@recipe("content_altered")
def an_old_seal_with_rsa_and_another_content(of: City) -> bytes:
    made = _old_rsa(of, hashes.SHA256(), RSA_SHA256, "sha256")
    made.files["Doc_0/Signs/Sign_0/Signature.xml"] += b"\n"
    return made.bytes()


@recipe("signature_unsupported")
def an_old_seal_with_rsa_and_md5(of: City) -> bytes:
    return _old_rsa(of, hashes.SHA256(), RSA_MD5, "md5").bytes()


# makers of seals and what they put into them


@recipe("valid")
def a_seal_maker_with_a_certificate_for_servers(of: City) -> bytes:
    maker = of.person(extensions=extension("2.5.29.37", sequence(identifier(SERVER))))
    return sealed(seal=of.make_seal(maker=maker)).bytes()


@recipe("valid")
def a_seal_maker_with_a_certificate_for_servers_and_timestamps(of: City) -> bytes:
    maker = of.person(extensions=extension("2.5.29.37", sequence(identifier(SERVER), identifier(STAMPING))))
    return sealed(seal=of.make_seal(maker=maker)).bytes()


@recipe("valid")
def a_signer_of_a_seal_with_a_certificate_for_servers(of: City) -> bytes:
    signer = of.person(extensions=extension("2.5.29.37", sequence(identifier(SERVER))))
    return sealed(seal=of.make_seal(signer), signer=signer).bytes()


@recipe("valid")
def a_critical_extension_of_a_known_maker(of: City) -> bytes:
    known = explicit(0, sequence(sequence(identifier(AUDIT_IDENTITY), b"\x01\x01\xff", octets(b"x"))))
    return sealed(seal=of.make_seal(extensions=known)).bytes()


# coverage


@recipe("valid", "uncovered_files")
def ofd_xml_is_not_covered(_: City) -> bytes:
    return sealed(leave_out=("OFD.xml",)).bytes()


@recipe("valid", "uncovered_files")
def ofd_xml_is_not_covered_and_names_another_issuer(_: City) -> bytes:
    made = sealed(leave_out=("OFD.xml",))
    text = made.files["OFD.xml"].replace(b"11430000006122244L", OTHER_ISSUER.encode())
    return Package(made.files | {"OFD.xml": text}).bytes()


@recipe("valid", "irregular_file", "uncovered_files")
def ofd_xml_is_not_covered_and_names_have_backslashes(_: City) -> bytes:
    from support.documents.zip_forms import Form

    return Form(separator="\\").write(sealed(leave_out=("OFD.xml",)).files)


def _with_two_documents() -> Package:
    made = unsigned()
    body = b"<ofd:DocBody><ofd:DocRoot>Doc_1/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>"
    made.files["OFD.xml"] = made.files["OFD.xml"].replace(b"</ofd:OFD>", body)
    made.files["Doc_1/Document.xml"] = made.files[DOCUMENT].replace(b"Pages/Page_0", b"Pages/Page_9")
    made.files["Doc_1/PublicRes.xml"] = made.files["Doc_0/PublicRes.xml"]
    made.files["Doc_1/Pages/Page_9/Content.xml"] = made.files[PAGE_0].replace("电子".encode(), "纸质".encode())
    return made


@recipe("valid")
def two_documents_that_are_covered(_: City) -> bytes:
    return sealed(_with_two_documents()).bytes()


@recipe("not_all_signed")
def ofd_xml_leads_to_the_other_document_that_was_signed(_: City) -> bytes:
    made = sealed(_with_two_documents(), leave_out=("OFD.xml",))
    listed = made.files["OFD.xml"].replace(b"Doc_0/Document.xml", b"Doc_1/Document.xml", 1)
    return Package(made.files | {"OFD.xml": listed}).bytes()


@recipe("not_all_signed")
def ofd_xml_keeps_one_of_two_documents_that_were_signed(_: City) -> bytes:
    made = sealed(_with_two_documents(), leave_out=("OFD.xml",))
    body = b"<ofd:DocBody><ofd:DocRoot>Doc_1/Document.xml</ofd:DocRoot></ofd:DocBody>"
    return Package(made.files | {"OFD.xml": made.files["OFD.xml"].replace(body, b"")}).bytes()


@recipe("content_altered")
def ofd_xml_leads_to_a_document_that_was_added(_: City) -> bytes:
    made = sealed(leave_out=("OFD.xml",))
    other = _with_two_documents().files
    made.files |= {name: data for name, data in other.items() if name.startswith("Doc_1/")}
    made.files["OFD.xml"] = made.files["OFD.xml"].replace(b"Doc_0/Document.xml", b"Doc_1/Document.xml")
    return made.bytes()


@recipe("not_all_signed")
def ofd_xml_is_not_covered_and_names_versions(_: City) -> bytes:
    made = sealed(leave_out=("OFD.xml",))
    versions = b'<ofd:Versions><ofd:Version ID="1" Index="1" BaseLoc="V.xml"/></ofd:Versions></ofd:DocBody>'
    made.files["OFD.xml"] = made.files["OFD.xml"].replace(b"</ofd:DocBody>", versions)
    return made.bytes()


def _with_template() -> Package:
    made = unsigned()
    template = '<ofd:TemplatePage ID="7" BaseLoc="Tpls/Tpl_0/Content.xml"/></ofd:CommonData>'
    made.files[DOCUMENT] = made.files[DOCUMENT].replace(b"</ofd:CommonData>", template.encode())
    made.files["Doc_0/Tpls/Tpl_0/Content.xml"] = (
        HEAD + PAGE.format(ns=NAMESPACE, layer=50, id=51, text="底图")
    ).encode()
    return made


TEMPLATE = "Doc_0/Tpls/Tpl_0/Content.xml"


@recipe("valid")
def a_template_that_is_covered(_: City) -> bytes:
    return sealed(_with_template()).bytes()


@recipe("not_all_signed")
def a_template_that_is_left_out(_: City) -> bytes:
    return sealed(_with_template(), leave_out=(TEMPLATE,)).bytes()


@recipe("not_all_signed")
def a_template_that_is_left_out_and_replaced(_: City) -> bytes:
    made = sealed(_with_template(), leave_out=(TEMPLATE,))
    made.files[TEMPLATE] = made.files[TEMPLATE].replace("底图".encode(), "有效期至 2099".encode())
    return made.bytes()


@recipe("content_altered")
def a_template_that_a_document_left_out_too_names(_: City) -> bytes:
    return sealed(_with_template(), leave_out=(TEMPLATE, DOCUMENT)).bytes()


@recipe("content_altered")
def a_page_called_a_template_as_well(_: City) -> bytes:
    made = _with_template()
    page = b'<ofd:TemplatePage ID="8" BaseLoc="Pages/Page_0/Content.xml"/></ofd:CommonData>'
    made.files[DOCUMENT] = made.files[DOCUMENT].replace(b"</ofd:CommonData>", page)
    return sealed(made, leave_out=(PAGE_0,)).bytes()


@recipe("content_altered")
def a_resource_that_is_left_out_and_replaced(_: City) -> bytes:
    made = sealed(leave_out=("Doc_0/Res/picture.png",))
    made.files["Doc_0/Res/picture.png"] = b"\x89PNG another picture"
    return made.bytes()


ANNOTATIONS, ANNOTATION = "Doc_0/Annots/Annotations.xml", "Doc_0/Annots/Page_0/Annot.xml"


def _with_annotations() -> Package:
    """A document that names its annotations from the beginning, as makers do, and has none yet."""
    made = unsigned()
    named = b"</ofd:Pages><ofd:Annotations>Annots/Annotations.xml</ofd:Annotations>"
    made.files[DOCUMENT] = made.files[DOCUMENT].replace(b"</ofd:Pages>", named)
    return made


def _annotated(made: Package) -> Package:
    made = made.copy()
    row = '<ofd:Page PageID="10"><ofd:FileLoc>Page_0/Annot.xml</ofd:FileLoc></ofd:Page>'
    made.files[ANNOTATIONS] = f'{HEAD}<ofd:Annotations xmlns:ofd="{NAMESPACE}">{row}</ofd:Annotations>'.encode()
    one = '<ofd:Annot ID="70" Type="Stamp"/>'
    made.files[ANNOTATION] = f'{HEAD}<ofd:PageAnnot xmlns:ofd="{NAMESPACE}">{one}</ofd:PageAnnot>'.encode()
    return made


@recipe("content_altered")
def an_annotation_that_nobody_signed(_: City) -> bytes:
    return _annotated(sealed(_with_annotations())).bytes()


@recipe("valid")
def an_annotation_that_the_next_seal_covers(_: City) -> bytes:
    return sealed(_annotated(sealed(_with_annotations())), at=SIGNED + DAY).bytes()


@recipe("valid")
def a_root_that_only_the_next_seal_covers(_: City) -> bytes:
    return sealed(sealed(leave_out=("OFD.xml",)), at=SIGNED + DAY).bytes()


@recipe("valid")
def an_annotation_that_the_third_seal_covers(_: City) -> bytes:
    second = sealed(sealed(_with_annotations()), at=SIGNED + DAY)
    return sealed(_annotated(second), at=SIGNED + 2 * DAY).bytes()


def _other_office(of: City) -> dict[str, Any]:
    signer = of.person(organisation=f"{OTHER_ISSUER}别市某局", name=OTHER_SEAL_CODE)
    return {"signer": signer, "seal": of.make_seal(signer, code=OTHER_SEAL_CODE), "at": SIGNED + DAY}


@recipe("valid")
def a_second_office_that_adds_nothing(of: City) -> bytes:
    return sealed(sealed(), **_other_office(of)).bytes()


@recipe("not_all_signed")
def an_annotation_that_another_office_added_and_sealed(of: City) -> bytes:
    return sealed(_annotated(sealed(_with_annotations())), **_other_office(of)).bytes()


@recipe("valid")
def an_annotation_by_another_office_that_the_issuer_sealed_over(of: City) -> bytes:
    first = sealed(_with_annotations(), **_other_office(of))
    return sealed(_annotated(first), at=SIGNED + 2 * DAY).bytes()


@recipe("content_altered")
def an_annotation_under_a_second_seal_that_does_not_hold(_: City) -> bytes:
    broken = lambda value: value[:-1] + bytes([value[-1] ^ 1])  # noqa: E731
    return sealed(_annotated(sealed(_with_annotations())), at=SIGNED + DAY, change_value=broken).bytes()


@recipe("content_altered")
def an_annotation_under_a_second_seal_by_somebody_untrusted(of: City) -> bytes:
    stranger = of.person(of.foreign)
    made = _annotated(sealed(_with_annotations()))
    return sealed(made, signer=stranger, seal=of.make_seal(stranger), at=SIGNED + DAY).bytes()


@recipe("content_altered")
def an_annotation_under_a_seal_that_stands_beside_the_first(_: City) -> bytes:
    """The second seal does not cover the first: it may be of another document of the same office."""
    made = _annotated(sealed(_with_annotations()))
    first = tuple(name for name in made.files if "/Sign_0/" in name)
    return sealed(made, at=SIGNED + DAY, leave_out=first).bytes()


# XML


@recipe("valid")
def pages_in_gb_18030(_: City) -> bytes:
    return sealed(_encoded("gb18030")).bytes()


@recipe("valid")
def pages_in_utf_16(_: City) -> bytes:
    return sealed(_encoded("utf-16")).bytes()


@recipe("valid")
def pages_with_a_byte_order_mark(_: City) -> bytes:
    return sealed(_encoded("utf-8-sig")).bytes()


def _encoded(name: str) -> Package:
    made = unsigned()
    text = made.files[PAGE_0].decode()
    named = text if name == "utf-8-sig" else text.replace('encoding="UTF-8"', f'encoding="{name.upper()}"')
    made.files[PAGE_0] = named.encode(name)
    return made


@recipe("valid")
def a_page_that_is_no_xml_and_is_covered(_: City) -> bytes:
    made = unsigned()
    made.files[PAGE_0] += b"<"
    return sealed(made).bytes()


@recipe("changes_unclear")
def a_file_added_beside_a_page_that_is_no_xml(_: City) -> bytes:
    made = unsigned()
    made.files[PAGE_0] += b"<"
    made = sealed(made)
    made.files["Doc_0/Res/later.png"] = b"\x89PNG"
    return made.bytes()


@recipe("signature_unsupported")
def a_namespace_that_nobody_knows(_: City) -> bytes:
    return sealed(unsigned(namespace="urn:another")).bytes()


@recipe("signature_unsupported")
def digests_of_an_identifier_that_nobody_knows(_: City) -> bytes:
    return sealed(method="1.2.156.10197.1.401.2").bytes()


@recipe("signature_unsupported")
def a_list_of_too_many_signatures(_: City) -> bytes:
    made = sealed()
    made.signatures += [(f"x{number}", "Seal", f"/x/{number}.xml") for number in range(70)]
    write_list(made)
    return made.bytes()
