"""OFD documents and files whose signature is SignedData, in the words of either family of standards."""

from __future__ import annotations

from typing import Any

from document_makers.encoding import bits, explicit, sequence
from document_makers.packages import add_signature
from support.cms.cms_samples import Cms, names, token
from support.cms.plain_signatures import DATA, SIGNED_DATA, header
from support.documents.city import DAY, NOW, SIGNED, City, sealed, unsigned
from support.documents.recipes import recipe
from support.pdf import pdfs


def _signed(of: City, **how: Any) -> bytes:
    """Of type Sign, with the issuer's SM2 key."""

    def value(data: bytes, _: str) -> bytes:
        return Cms(of.signer, digest="sm3", **how).der(data)

    return add_signature(unsigned(), value, kind="Sign", at=SIGNED).bytes()


@recipe("valid")
def signed_data_in_the_words_of_pkcs_7(of: City) -> bytes:
    return _signed(of)


@recipe("valid", "encoding_deviation")
def signed_data_whose_attributes_use_the_national_words(of: City) -> bytes:
    return _signed(of, types=(DATA,), wrapper=SIGNED_DATA)


@recipe("valid", "encoding_deviation")
def signed_data_whose_content_uses_the_national_words(of: City) -> bytes:
    return _signed(of, kind=DATA)


@recipe("valid", "encoding_deviation")
def signed_data_that_does_not_tell_the_type(of: City) -> bytes:
    return _signed(of, types=(), kind=DATA, wrapper=SIGNED_DATA)


@recipe("signature_unsupported")
def signed_data_that_encloses_something_else(of: City) -> bytes:
    return _signed(of, attached=lambda _: b"<other/>")


@recipe("signature_unsupported", "weak_digest")
def signed_data_with_a_digest_that_collides(of: City) -> bytes:
    def value(data: bytes, _: str) -> bytes:
        return Cms(of.signer, digest="md5").der(data)

    return add_signature(unsigned(), value, kind="Sign", at=SIGNED).bytes()


@recipe("content_altered")
def signed_data_in_the_words_of_pkcs_7_over_something_else(of: City) -> bytes:
    def value(_: bytes, __: str) -> bytes:
        return Cms(of.signer, digest="sm3").der(b"<other/>")

    return add_signature(unsigned(), value, kind="Sign", at=SIGNED).bytes()


@recipe("signature_unsupported")
def signed_data_that_encloses_a_pdf(of: City) -> bytes:
    return Cms(of.signer, digest="sm3", attached=bytes).der(pdfs.document())


def _with_token(of: City, **more: Any) -> bytes:
    """Sealed by somebody whose certificate has ended since, with a timestamp from before."""
    signer = of.person(until=NOW - 5 * DAY)

    def change(value: bytes) -> bytes:
        body = value[header(value, 0)[0] :]
        at = 0
        for _ in range(3):
            at = header(body, at)[1]
        start, end = header(body, at)
        stamp = token(of, body[start + 1 : end], digest="sm3", **more)
        return sequence(body, explicit(0, bits(stamp)))

    return sealed(signer=signer, seal=of.make_seal(signer), change_value=change).bytes()


@recipe("valid")
def a_seal_with_a_timestamp_that_names_issuer_and_serial_number(of: City) -> bytes:
    return _with_token(of)


@recipe("signing_time_unproven")
def a_seal_with_a_timestamp_by_another_authority_than_it_names(of: City) -> bytes:
    return _with_token(of, more=(names(of.signer),))
