"""Sealed documents at a counter: signatures judged together with record, registry and time."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest

from chain_service.core.encoding.digests import file_digests
from chain_service.core.verdicts.check_rules import RECORD, SIGNATURE
from chain_service.core.verdicts.verdict import Verdict
from chain_service.errors import MalformedDocument, MalformedRecord
from chain_service.jobs import workers
from chain_service.jobs.anchoring import register_seals
from support.documents import city as test_city
from support.documents.archives import archive
from support.documents.city import DAY
from support.worlds.jobs_city import FOOD, WAIT, City, Org
from support.worlds.offices import Office

_numbers = itertools.count(43_990_000_071_230)


def office_of(org: Org, **changes: Any) -> Office:
    return Office(org.code, str(next(_numbers)), tuple(changes.items()))


def anchored(city: City, org: Org, content: bytes) -> bytes:
    city.anchor(org, org.certificate(files=[{"digests": file_digests(content)}]))
    return content


def registered(city: City, org: Org, office: Office) -> Office:
    made = register_seals.seal_entry(city.app, office.seal_file, org.code)
    register_seals.register_seal(city.app, org.caller, made)
    workers.wait_final(city.app, "seal", office.seal_code, timeout=WAIT)
    return office


def signature(verdict: Verdict, group: int = 0) -> dict[str, str]:
    """Check to code in the so manieth signature."""
    return {one.name: one.code for one in verdict.groups[1 + group].checks}


def warned(verdict: Verdict) -> set[str]:
    return {one.code for one in verdict.context.warnings}


def test_a_sealed_anchored_document_with_a_registered_seal_is_valid(counter: City) -> None:
    org = counter.organisation()
    content = anchored(counter, org, registered(counter, org, office_of(org)).sealed().bytes())
    verdict = counter.verify(file=content)
    assert (verdict.code, warned(verdict)) == ("in_force", set())
    assert signature(verdict) == {
        "parse": "signature_readable",
        "reference_digests": "digests_match",
        "coverage": "all_covered",
        "signature": "signature_holds",
        "seal_signature": "seal_holds",
        "signer_certificate": "certificate_trusted",
        "revocation": "not_revoked",
        "signing_time": "time_proven",
        "seal_registered": "seal_in_force",
        "issuer_binding": "issuer_bound",
    }


def test_a_sound_seal_on_nothing_anchored_and_an_anchored_broken_one_are_told_apart(counter: City) -> None:
    org = counter.organisation()
    named = test_city.METADATA | {"ZZBFJGDM": org.code, "ZZLXDM": FOOD}
    sound = counter.verify(file=office_of(org).sealed(test_city.unsigned(custom=named)).bytes())
    assert (sound.code, warned(sound)) == ("not_anchored", {"sealed_not_anchored"})
    altered = office_of(org).sealed()
    name = next(name for name in altered.files if name.endswith("Content.xml"))
    altered.files[name] += b" "
    broken = counter.verify(file=anchored(counter, org, altered.bytes()))
    assert (broken.code, warned(broken)) == ("content_altered", {"anchored_but_broken"})
    assert signature(broken)["reference_digests"] == "content_altered"


def test_a_seal_frozen_after_anchoring_still_counts_and_one_frozen_before_does_not(counter: City) -> None:
    org = counter.organisation()
    office = registered(counter, org, office_of(org))
    content = anchored(counter, org, office.sealed().bytes())
    time.sleep(1.1)  # the freeze is of a later second than the anchoring
    register_seals.set_seal_state(counter.app, org.caller, office.seal_code, "frozen")
    workers.wait_final(counter.app, "seal", office.seal_code, timeout=WAIT)
    assert counter.verify(file=content).code == "in_force"
    late = anchored(counter, org, office.sealed(at=int(time.time()) + 2).bytes())
    time.sleep(2.1)
    assert counter.verify(file=late).code == "seal_not_in_force"


def test_a_document_sealed_by_another_organisation_is_not_the_issuers(counter: City) -> None:
    org, other = counter.organisation(), counter.organisation()
    verdict = counter.verify(file=anchored(counter, org, office_of(other).sealed().bytes()))
    assert verdict.code == "issuer_mismatch"


def test_a_signer_whose_certificate_names_no_organisation_is_bound_by_the_registry(counter: City) -> None:
    org = counter.organisation()
    office = office_of(org, organisation="国家税务总局某局", name="某局")
    content = anchored(counter, org, office.sealed().bytes())
    assert counter.verify(file=content).code == "issuer_unproven"
    registered(counter, org, office)
    assert counter.verify(file=content).code == "in_force"


def test_anchoring_keeps_a_signature_alive_beyond_its_certificate(counter: City) -> None:
    org = counter.organisation()
    office = office_of(org, until=int(time.time()) + 4)
    content = anchored(counter, org, office.sealed().bytes())
    never = office_of(org, until=int(time.time()) + 1).sealed().bytes()
    assert counter.verify(file=content).code == "in_force"
    time.sleep(max(0, dict(office.changes)["until"] + 1.5 - time.time()))
    assert counter.verify(file=content).code == "in_force_signer_expired"
    verdict = counter.verify(file=never)
    assert signature(verdict)["signing_time"] == "signing_time_unproven"
    assert verdict.groups[1][SIGNATURE.SIGNING_TIME].evidence["byTheStandard"] == "valid"


def test_without_a_trust_store_no_signer_is_trusted(city: City) -> None:
    org = city.organisation()
    verdict = city.verify(file=anchored(city, org, office_of(org).sealed().bytes()))
    assert (verdict.code, signature(verdict)["signer_certificate"]) == ("signer_untrusted", "signer_untrusted")


def test_files_that_carry_no_signatures_are_judged_by_their_digest(counter: City) -> None:
    org = counter.organisation()
    for content in (b"plain text", archive({"[Content_Types].xml": b"<Types/>"}), test_city.unsigned().bytes()):
        verdict = counter.verify(file=anchored(counter, org, content))
        assert (verdict.code, len(verdict.groups), warned(verdict)) == ("in_force", 1, set())


def test_a_damaged_document_is_unreadable(counter: City) -> None:
    content = office_of(counter.organisation()).sealed().bytes()
    assert counter.verify(file=content[:-40]).code == "unreadable"


def test_a_metadata_issuer_without_permit_is_refused_though_nothing_is_anchored(counter: City) -> None:
    org = counter.organisation()
    named = test_city.METADATA | {"ZZBFJGDM": org.code, "ZZLXDM": f"{org.code}009"}
    content = office_of(org).sealed(test_city.unsigned(custom=named)).bytes()
    assert counter.verify(file=content).code == "issuer_not_permitted"


@pytest.mark.parametrize("date", ["", "二〇二六年六月", "2026-06-13"])
def test_an_issuer_named_in_metadata_has_to_have_signed_whatever_day_is_named(counter: City, date: str) -> None:
    org, other = counter.organisation(), counter.organisation()
    named = {"ZZBFJGDM": org.code, "ZZLXDM": FOOD, "ZZBFRQ": date}
    verdict = counter.verify(file=office_of(other).sealed(test_city.unsigned(custom=named)).bytes())
    assert (verdict.code, warned(verdict)) == ("issuer_mismatch", set())


def test_a_seal_is_registered_from_its_own_file(counter: City) -> None:
    org = counter.organisation()
    office = office_of(org)
    made = register_seals.seal_entry(counter.app, office.seal_file, org.code)
    assert made["sealCode"] == office.seal_code
    assert (made["sealType"], made["digests"]) == ("01", file_digests(office.seal_file))
    assert made["signerCertificates"] == [f"sha-256:{file_digests(office.signer.certificate)['sha-256']}"]
    with pytest.raises(MalformedRecord) as personal:
        register_seals.seal_entry(counter.app, test_city.city().make_seal(kind=5).der(), org.code)
    assert personal.value.code == "personal_seal"
    broken = bytearray(office.seal_file)
    broken[-1] ^= 1
    with pytest.raises(MalformedRecord) as forged:
        register_seals.seal_entry(counter.app, bytes(broken), org.code)
    assert forged.value.code == "seal_signature_invalid"
    for content in (b"\x30\x03\x02\x01\x01", b"x", office.sealed().bytes()):
        with pytest.raises(MalformedDocument):
            register_seals.seal_entry(counter.app, content, org.code)
    assert DAY


@pytest.mark.parametrize(("kind", "data"), [("jpeg", b"\xff\xd8\xff\xe0 a photo"), ("text", b"a text")])
def test_the_kind_of_a_file_stands_in_the_verdict_in_both_languages(counter: City, kind: str, data: bytes) -> None:
    verdict = counter.verify(file=data)
    told = verdict.record[RECORD.PARSE].evidence["file"]
    assert told["kind"] == kind and told["zh"] and told["en"]
    assert (verdict.code, warned(verdict)) == ("not_anchored", {"picture_only"} if kind == "jpeg" else set())
    verdict = counter.verify(file=anchored(counter, counter.organisation(), data + b"."))
    assert (verdict.code, warned(verdict)) == ("in_force", set())


def test_signatures_that_are_not_looked_at_cap_the_verdict_on_an_anchored_file(counter: City) -> None:
    container = archive({"a.txt": b"a", "META-INF/signatures001.xml": b"<x/>"})
    verdict = counter.verify(file=anchored(counter, counter.organisation(), container))
    assert (verdict.answer, verdict.code) == ("indeterminate", "signature_unsupported")
    assert verdict.record[RECORD.PARSE].evidence["file"]["kind"] == "asic"


def test_a_seal_file_is_shown_with_its_owner(counter: City) -> None:
    org = counter.organisation()
    office = office_of(org)
    registered(counter, org, office)
    verdict = counter.verify(file=office.seal_file)
    checks = {one.name: one for one in verdict.groups[1].checks}
    assert checks["seal_signature"].code == "seal_holds"
    assert checks["seal_signature"].evidence["sealCode"] == office.seal_code
    assert (checks["seal_registered"].code, checks["seal_registered"].evidence["owner"]) == ("seal_in_force", org.code)
    assert verdict.code == "not_anchored"
