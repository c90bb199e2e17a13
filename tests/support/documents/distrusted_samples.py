"""Documents whose seal, signer or time does not hold."""

from __future__ import annotations

from document_makers.certificates import Holder
from document_makers.encoding import SM2_WITH_SM3, explicit, identifier, octets, sequence
from document_makers.packages import add_signature
from support.cms.plain_signatures import signed_data
from support.documents.city import DAY, NOW, OTHER_ISSUER, SIGNED, City, sealed, unsigned
from support.documents.recipes import recipe

# signature and seal


@recipe("signature_invalid")
def one_bit_of_the_signature_flipped(_: City) -> bytes:
    return sealed(change_value=lambda value: value[:-1] + bytes([value[-1] ^ 1])).bytes()


@recipe("signature_invalid")
def signed_with_another_key_than_the_certificate(of: City) -> bytes:
    impostor = Holder(of.person().key, of.signer.certificate, of.signer.name, of.signer.serial)
    return sealed(signer=impostor).bytes()


@recipe("signature_invalid")
def a_seal_whose_signature_does_not_verify(of: City) -> bytes:
    seal = of.seal.der()
    broken = seal[:-1] + bytes([seal[-1] ^ 1])
    return sealed(embedded=broken).bytes()


@recipe("signature_invalid")
def a_seal_whose_picture_was_exchanged(of: City) -> bytes:
    return sealed(embedded=of.seal.der().replace(b"\x89PNG\r", b"\x89PNH\r")).bytes()


@recipe("seal_mismatch")
def another_seal_beside_the_signature(of: City) -> bytes:
    return sealed(file=of.make_seal(name="另一枚章").der()).bytes()


@recipe("seal_mismatch")
def a_signer_who_is_not_in_the_seal(of: City) -> bytes:
    return sealed(signer=of.person()).bytes()


@recipe("seal_mismatch")
def the_seal_of_another_office(of: City) -> bytes:
    other = of.person(organisation=f"{OTHER_ISSUER}别市某局", name="33010000000022")
    return sealed(seal=of.make_seal(other, code="33010000000022")).bytes()


@recipe("signature_unsupported")
def a_critical_extension_that_nobody_knows(of: City) -> bytes:
    unknown = explicit(0, sequence(sequence(identifier("1.2.3.4"), b"\x01\x01\xff", octets(b"?"))))
    return sealed(seal=of.make_seal(extensions=unknown)).bytes()


@recipe("signature_unsupported")
def a_signature_of_an_unknown_kind(_: City) -> bytes:
    return sealed(kind="Stamp").bytes()


@recipe("signature_unsupported")
def a_signature_over_something_else_whose_digest_algorithm_is_misnamed(of: City) -> bytes:
    elsewhere = signed_data(b"<other/>", of.signer, at=SIGNED, digest="1.2.156.10197.1.499", algorithm=SM2_WITH_SM3)
    return add_signature(unsigned(), lambda _, __: elsewhere, kind="Sign", at=SIGNED).bytes()


@recipe("signature_invalid")
def a_seal_made_with_a_certificate_for_encryption_only(of: City) -> bytes:
    return sealed(seal=of.make_seal(maker=of.person(uses=("keyEncipherment",)))).bytes()


# people and time


@recipe("signer_untrusted")
def signed_without_a_seal_by_somebody_unknown(of: City) -> bytes:
    return add_signature(unsigned(), lambda data, _: of.person().sign(data), kind="Sign", at=SIGNED).bytes()


@recipe("content_altered")
def signed_without_a_seal_by_somebody_unknown_and_changed(of: City) -> bytes:
    made = add_signature(unsigned(), lambda data, _: of.person().sign(data), kind="Sign", at=SIGNED)
    made.files["Doc_0/Res/picture.png"] += b"!"
    return made.bytes()


@recipe("signer_untrusted")
def signed_data_without_the_certificate_of_its_signer(of: City) -> bytes:
    made = add_signature(unsigned(), lambda data, _: signed_data(data, of.person(), enclosed=False), kind="Sign")
    return made.bytes()


@recipe("signer_untrusted")
def signed_data_with_attributes_and_without_the_certificate_of_its_signer(of: City) -> bytes:
    def value(data: bytes, _: str) -> bytes:
        return signed_data(data, of.person(), at=SIGNED, enclosed=False)

    return add_signature(unsigned(), value, kind="Sign", at=SIGNED).bytes()


@recipe("signer_untrusted")
def a_signer_whom_nobody_vouches_for(of: City) -> bytes:
    signer = of.person(of.foreign)
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@recipe("signer_untrusted")
def a_seal_maker_whom_nobody_vouches_for(of: City) -> bytes:
    return sealed(seal=of.make_seal(maker=of.person(of.foreign))).bytes()


@recipe("signer_untrusted")
def a_seal_that_its_signer_made(of: City) -> bytes:
    return sealed(seal=of.make_seal(maker=of.signer)).bytes()


@recipe("signer_untrusted")
def a_certificate_issued_by_no_authority(of: City) -> bytes:
    signer = of.person("not_an_authority")
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@recipe("signature_invalid")
def a_certificate_for_encryption_only(of: City) -> bytes:
    signer = of.person(uses=("keyEncipherment",))
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@recipe("issuer_mismatch")
def signed_by_another_organisation(of: City) -> bytes:
    signer = of.person(organisation=f"{OTHER_ISSUER}别市某局")
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@recipe("issuer_unproven")
def signed_by_somebody_without_a_code(of: City) -> bytes:
    signer = of.person(organisation="某局")
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@recipe("signed_outside_validity")
def a_seal_that_had_ended_at_signing(of: City) -> bytes:
    return sealed(seal=of.make_seal(valid_until=SIGNED - DAY)).bytes()


@recipe("signed_outside_validity")
def a_seal_that_had_not_begun_at_signing(of: City) -> bytes:
    return sealed(seal=of.make_seal(valid_from=SIGNED + DAY)).bytes()


@recipe("signed_outside_validity")
def a_certificate_that_had_ended_at_signing(of: City) -> bytes:
    signer = of.person(until=SIGNED - DAY)
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@recipe("signed_outside_validity")
def a_certificate_that_is_good_now_and_was_not_yet_at_signing(of: City) -> bytes:
    signer = of.person(since=SIGNED + DAY)
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@recipe("signing_time_unproven")
def a_certificate_that_was_good_at_signing_and_has_ended(of: City) -> bytes:
    signer = of.person(until=NOW - 5 * DAY)
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@recipe("valid", anchored_by=SIGNED + DAY)
def a_certificate_that_has_ended_after_the_document_was_anchored(of: City) -> bytes:
    signer = of.person(until=NOW - 5 * DAY)
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@recipe("signer_revoked")
def a_signer_revoked_before_signing(of: City) -> bytes:
    signer = of.revoke(of.person(), SIGNED - DAY)
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@recipe("signing_time_unproven")
def a_signer_revoked_after_signing(of: City) -> bytes:
    signer = of.revoke(of.person(), SIGNED + DAY, "keyCompromise")
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@recipe("valid", anchored_by=SIGNED + DAY)
def a_signer_revoked_after_the_document_was_anchored(of: City) -> bytes:
    signer = of.revoke(of.person(), SIGNED + 2 * DAY)
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@recipe("signer_revoked")
def a_seal_maker_revoked_before_the_seal_was_made(of: City) -> bytes:
    maker = of.revoke(of.person(since=NOW - 900 * DAY), NOW - 400 * DAY)
    return sealed(seal=of.make_seal(maker=maker)).bytes()


@recipe("revocation_unknown")
def a_signer_whose_authority_publishes_no_list(of: City) -> bytes:
    signer = of.person("no_list")
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@recipe("revocation_unknown")
def a_signer_whose_authority_published_long_ago(of: City) -> bytes:
    signer = of.person("stale")
    return sealed(signer=signer, seal=of.make_seal(signer)).bytes()


@recipe("signing_time_unproven")
def a_seal_that_has_ended_since(of: City) -> bytes:
    return sealed(seal=of.make_seal(valid_until=NOW - DAY)).bytes()


@recipe("valid", anchored_by=SIGNED + DAY)
def a_seal_that_has_ended_after_the_document_was_anchored(of: City) -> bytes:
    return sealed(seal=of.make_seal(valid_until=NOW - DAY)).bytes()


@recipe("valid", anchored_by=SIGNED - DAY)
def signed_by_a_clock_that_runs_ahead_of_its_anchoring(_: City) -> bytes:
    return sealed().bytes()


@recipe("signing_time_unproven")
def signed_in_the_future(_: City) -> bytes:
    return sealed(at=NOW + 10 * DAY).bytes()
