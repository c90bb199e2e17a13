"""Several organisations anchor one file: who can be made out, and that no second record brings back what ended."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from typing import Any

import pytest

from chain_service.chain.keystore import Keystore
from chain_service.core.encoding.digests import file_digests
from chain_service.core.records.identifiers import CertificateIdentifier
from chain_service.core.verdicts.check_rules import RECORD
from chain_service.core.verdicts.verdict import Verdict
from chain_service.errors import Unavailable
from chain_service.jobs.proofs import receipts
from chain_service.jobs.records import records
from chain_service.jobs.verifying.candidates import LOOKED_AT
from chain_service.jobs.verifying.request import VerificationRequest
from support.pdf import pdfs
from support.worlds.jobs_city import FOOD, City, verify
from support.worlds.offices import Office

_codes = itertools.count(43_990_000_171_230)
_contents = itertools.count(1)


def content() -> bytes:
    return f"临澜市食品经营许可证（第 {next(_contents)} 号）{time.time_ns()}".encode()


def naming(data: bytes, *algorithms: str) -> list[dict[str, Any]]:
    """The member `files` that names this file, by these digest algorithms only."""
    digests = file_digests(data)
    return [{"digests": {name: digests[name] for name in algorithms or digests}}]


def warned(verdict: Verdict) -> set[str]:
    return {one.code for one in verdict.context.warnings}


@pytest.mark.parametrize("theirs", ["sha-256", "sm3"])
@pytest.mark.parametrize("first", ["withdrawn", "other"])
def test_a_withdrawn_document_is_not_had_back_by_anothers_certificate(city: City, theirs: str, first: str) -> None:
    org, rogue = city.organisation(), city.organisation()
    data = content()
    own, other = org.document(files=naming(data, "sha-256")), rogue.certificate(files=naming(data, theirs))
    anchored = {}
    for name in ("withdrawn", "other") if first == "withdrawn" else ("other", "withdrawn"):
        office, body = (org, own) if name == "withdrawn" else (rogue, other)
        (anchored[name],) = city.anchor(office, body)
    city.set_state(org, anchored["withdrawn"], "withdrawn", 1)
    disclosure, proof = city.disclosure(rogue, anchored["other"]), city.proof(anchored["other"])
    receipt = receipts.receipt(city.app, anchored["other"])
    questions: list[dict[str, Any]] = [
        {"file": data},
        {"digest": "sha-256:" + file_digests(data)["sha-256"]},
        {"file": data, "disclosure": disclosure},
        {"file": data, "receipt": receipt},
        {"file": data, "receipt": proof, "disclosure": disclosure},
    ]
    for question in questions:
        verdict = city.verify(**question)
        assert (verdict.answer, verdict.code) == ("invalid", "withdrawn"), question.keys()
    # the record by itself, without the file, is what it is
    assert city.verify(disclosure=disclosure).code == "in_force"


@pytest.mark.parametrize("ended", ["before", "after", "never"], ids="withdrawn {} the erasure".format)
def test_erasing_what_was_withdrawn_does_not_bring_the_file_back(city: City, ended: str) -> None:
    org, rogue = city.organisation(), city.organisation()
    data, unlike = content(), content()
    (own, another) = city.anchor(org, *(org.document(files=naming(one, "sm3")) for one in (data, unlike)))
    if ended == "before":
        city.set_state(org, own, "withdrawn")
    (other,) = city.anchor(rogue, rogue.certificate(files=naming(data)))
    for gone in (own, another):
        records.erase(city.app, gone, "持证人申请删除", org.caller)
    if ended == "after":
        city.set_state(org, own, "withdrawn")
    disclosure, receipt = city.disclosure(rogue, other), receipts.receipt(city.app, other)
    verdicts = [
        city.verify(file=data),
        *(city.verify(digest=f"{name}:{value}") for name, value in file_digests(data).items()),
        city.verify(file=data, disclosure=disclosure),
        city.verify(file=data, receipt=receipt, disclosure=disclosure),
    ]
    for verdict in verdicts:
        assert verdict.code == ("in_force" if ended == "never" else "withdrawn")
        if ended == "never":
            assert (warned(verdict), org.code in str(verdict.to_json())) == (set(), False)
        else:
            assert org.code in next(one.message.en for one in verdict.context.warnings)
    assert city.verify(disclosure=disclosure).code == "in_force"
    assert city.verify(file=unlike).code == "not_anchored"
    assert city.verify(file=data + b"x").code == "not_anchored"
    # a record that names two different files at once leads to no erased one that contradicts it
    mixed = naming(unlike, "sha-256")
    mixed[0]["digests"]["sm3"] = file_digests(data)["sm3"]
    city.anchor(rogue, rogue.document(files=mixed))
    assert city.verify(digest="sha-256:" + file_digests(unlike)["sha-256"]).code == (
        "in_force" if ended == "never" else "withdrawn"
    )


def test_an_erased_record_is_not_held_against_the_one_that_its_file_passed_to(city: City) -> None:
    org = city.organisation()
    data = content()
    number = f"JY{time.time_ns() % 10**10:010d}"
    (old,) = city.anchor(org, org.certificate(number=number, files=naming(data)))
    identifier = str(CertificateIdentifier(FOOD, org.code, number, "002"))
    second = org.certificate(number=number, certificateIdentifier=identifier, files=naming(data), replaces=old)
    city.anchor(org, second)
    city.rounds(4)
    assert city.status(old) == "superseded"
    records.erase(city.app, old, "到期清理", org.caller)
    assert city.verify(file=data).code == "in_force"


def test_a_file_is_passed_on_by_erased_records_too(city: City) -> None:
    org, other = city.organisation(), city.organisation()
    data = content()
    number = f"JY{time.time_ns() % 10**10:010d}"
    made: list[str] = []
    for n in range(3):
        identifier = str(CertificateIdentifier(FOOD, org.code, number, f"{n + 1:03d}"))
        link = {"replaces": made[-1]} if made else {}
        body = org.certificate(number=number, certificateIdentifier=identifier, files=naming(data), **link)
        made += city.anchor(org, body)
        city.rounds(4)
    assert [city.status(one) for one in made] == ["superseded", "superseded", "in_force"]
    kept = city.disclosure(org, made[2])
    (stranger,) = city.anchor(other, other.certificate(files=naming(data)))
    theirs = city.disclosure(other, stranger)
    for gone in (made[1], made[0], made[2]):
        records.erase(city.app, gone, "到期清理", org.caller)
        assert city.verify(file=data, disclosure=kept).code == "in_force"
        assert city.verify(file=data, disclosure=theirs).code == "in_force"
        assert city.verify(file=data).code == ("several_records" if gone != made[2] else "in_force")


def test_no_moment_asked_about_makes_an_erased_record_known(city: City) -> None:
    org, other = city.organisation(), city.organisation()
    data, alone = content(), content()
    time.sleep(3)
    before = city.app.now - 1
    ids = city.anchor(org, *(org.certificate(files=naming(one)) for one in (data, alone)))
    city.anchor(other, other.certificate(files=naming(data)))
    for gone in ids:
        records.erase(city.app, gone, "持证人申请删除", org.caller)
    now = city.app.now
    for at in (1, now - 10**6, before, now):
        assert org.code not in str(city.verify(file=data, at=at).to_json()), at
        known, unknown = city.verify(file=alone, at=at), city.verify(file=content(), at=at)
        assert (known.code, warned(known)) == (unknown.code, warned(unknown)), at


def test_without_the_keystore_s_password_nothing_is_said_where_something_was_erased(own_city: City) -> None:
    city = own_city
    org = city.organisation()
    data = content()
    (own,) = city.anchor(org, org.certificate(files=naming(data)))
    locked = replace(city.app, keystore=Keystore(city.app.settings.data / "keys", "another password"))
    assert verify(locked, VerificationRequest(file=data)).code == "in_force"
    records.erase(city.app, own, "到期清理", org.caller)
    with pytest.raises(Unavailable):
        verify(locked, VerificationRequest(file=data))


def test_two_issuers_are_both_named_and_a_paper_of_either_decides(city: City) -> None:
    org, other = city.organisation(), city.organisation()
    data = content()
    (stranger,) = city.anchor(other, other.certificate(files=naming(data)))
    (genuine,) = city.anchor(org, org.document(files=naming(data)))
    for question in ({"file": data}, {"digest": "sm3:" + file_digests(data)["sm3"]}):
        verdict = city.verify(**question)
        assert (verdict.answer, verdict.code) == ("indeterminate", "several_records")
        assert org.code in verdict.message.zh and other.code in verdict.message.zh
        assert verdict.to_json()["record"] is None
    for office, record in ((org, genuine), (other, stranger)):
        papers = (
            {"disclosure": city.disclosure(office, record)},
            {"receipt": city.proof(record)},
            {"receipt": receipts.receipt(city.app, record)},
        )
        for paper in papers:
            verdict = city.verify(file=data, **paper)
            assert (verdict.answer, verdict.code) == ("valid", "in_force")
            assert verdict.to_json()["record"]["org"] == office.code
            assert "anchored_by_others" in warned(verdict)


def test_a_record_of_a_stranger_that_is_not_anchored_changes_nothing(own_city: City) -> None:
    city = own_city
    org, other = city.organisation(), city.organisation()
    data = content()
    city.anchor(org, org.certificate(files=naming(data)))
    city.submit(other, *(other.document(files=naming(data)) for _ in range(LOOKED_AT + 4)))
    verdict = city.verify(file=data)
    assert (verdict.code, warned(verdict)) == ("in_force", set())


def test_a_file_that_only_waits_is_pending(own_city: City) -> None:
    city = own_city
    org = city.organisation()
    data = content()
    city.submit(org, org.certificate(files=naming(data)))
    assert city.verify(file=data).code == "pending"


def test_asked_by_one_digest_what_ended_under_the_other_is_found_through_a_record_that_states_both(city: City) -> None:
    org, other = city.organisation(), city.organisation()
    data, unlike = content(), content()
    (ended,) = city.anchor(org, org.document(files=naming(data, "sm3")))
    city.set_state(org, ended, "withdrawn")
    (both,) = city.anchor(other, other.certificate(files=naming(data)))
    digest = "sha-256:" + file_digests(data)["sha-256"]
    assert city.verify(digest=digest).code == "withdrawn"
    assert city.verify(digest=digest, disclosure=city.disclosure(other, both)).code == "withdrawn"
    # a record that names two different files at once leads from one to the other only where nothing contradicts it
    (gone,) = city.anchor(org, org.document(files=naming(unlike)))
    city.set_state(org, gone, "withdrawn")
    mixed = {"sha-256": file_digests(data)["sha-256"], "sm3": file_digests(unlike)["sm3"]}
    whole = content()
    city.anchor(org, org.certificate(files=naming(whole)))
    city.anchor(other, other.certificate(files=[{"digests": mixed | {"sha-256": file_digests(whole)["sha-256"]}}]))
    assert city.verify(digest="sha-256:" + file_digests(whole)["sha-256"]).code != "withdrawn"


def test_a_record_with_one_right_and_one_wrong_digest_is_no_second_issuer(city: City) -> None:
    org, other = city.organisation(), city.organisation()
    data = content()
    wrong = [{"digests": {"sha-256": file_digests(data)["sha-256"], "sm3": "00" * 32}}]
    city.anchor(org, org.certificate(files=naming(data)))
    (bad,) = city.anchor(other, other.document(files=wrong))
    verdict = city.verify(file=data)
    assert (verdict.code, warned(verdict)) == ("in_force", set())
    assert city.verify(file=data, disclosure=city.disclosure(other, bad)).code == "content_altered"


def test_a_sound_signature_of_one_issuer_says_whose_the_file_is(counter: City) -> None:
    org, other = counter.organisation(), counter.organisation()
    data = pdfs.sign(pdfs.document(), Office(org.code, str(next(_codes))).signer, at=int(time.time()) - 10)
    counter.anchor(other, other.certificate(files=naming(data)))
    counter.anchor(org, org.certificate(files=naming(data)))
    verdict = counter.verify(file=data)
    assert (verdict.answer, verdict.code) == ("valid", "in_force")
    assert (verdict.to_json()["record"]["org"], warned(verdict)) == (org.code, {"anchored_by_others"})


def test_a_receipt_attached_to_the_file_says_whose_it_is(counter: City) -> None:
    org, other, signer = counter.organisation(), counter.organisation(), counter.organisation()
    data = pdfs.sign(pdfs.document(), Office(signer.code, str(next(_codes))).signer, at=int(time.time()) - 10)
    counter.anchor(other, other.document(files=naming(data)))
    (own,) = counter.anchor(org, org.document(files=naming(data)))
    assert counter.verify(file=data).to_json()["record"] is None
    attached = pdfs.with_receipts(data, receipts.receipt(counter.app, own))
    told = counter.verify(file=attached).to_json()
    assert told["record"]["org"] == org.code
    assert told["code"] != "several_records"


def test_a_withdrawn_file_stays_withdrawn_with_a_strangers_receipt_attached(counter: City) -> None:
    org, rogue = counter.organisation(), counter.organisation()
    data = pdfs.sign(pdfs.document(), Office(org.code, str(next(_codes))).signer, at=int(time.time()) - 10)
    (own,) = counter.anchor(org, org.certificate(files=naming(data, "sm3")))
    attached = pdfs.with_receipts(data, receipts.receipt(counter.app, own))
    # the stranger names the file as it is now, the issuer the file as it was signed
    (theirs,) = counter.anchor(rogue, rogue.certificate(files=naming(attached, "sha-256")))
    counter.set_state(org, own, "withdrawn", 1)
    assert counter.verify(file=attached).code == "withdrawn"
    verdict = counter.verify(file=attached, disclosure=counter.disclosure(rogue, theirs))
    status = verdict.record[RECORD.STATUS]
    assert (verdict.answer, status.code) == ("invalid", "withdrawn")


def test_a_change_on_its_way_of_another_record_is_waited_for(own_city: City) -> None:
    city = own_city
    org, other = city.organisation(), city.organisation()
    data = content()
    (own,) = city.anchor(org, org.certificate(files=naming(data)))
    (theirs,) = city.anchor(other, other.certificate(files=naming(data)))
    disclosure = city.disclosure(other, theirs)
    city.change(org, own, "withdrawn", 1)
    assert city.verify(file=data, disclosure=disclosure).code == "status_changing"
    city.rounds()
    assert city.verify(file=data, disclosure=disclosure).code == "withdrawn"


def test_a_file_that_passed_to_a_new_record_of_its_issuer_is_not_held_against_it(city: City) -> None:
    org = city.organisation()
    data = content()
    number = f"JY{time.time_ns() % 10**10:010d}"
    first = org.certificate(number=number, files=naming(data))
    (old,) = city.anchor(org, first)
    identifier = str(CertificateIdentifier(FOOD, org.code, number, "002"))
    second = org.certificate(number=number, certificateIdentifier=identifier, files=naming(data), replaces=old)
    (new,) = city.anchor(org, second)
    city.rounds(4)
    assert (city.status(old), city.status(new)) == ("superseded", "in_force")
    assert city.verify(file=data).code == "in_force"
    assert city.verify(file=data, disclosure=city.disclosure(org, new)).code == "in_force"
    assert city.verify(file=data, disclosure=city.disclosure(org, old)).code == "superseded"
    city.set_state(org, new, "withdrawn", 1)
    assert city.verify(file=data).code in ("withdrawn", "superseded")
    assert city.verify(file=data).answer == "invalid"


def test_more_records_than_are_looked_at_leave_it_open(own_city: City) -> None:
    city = own_city
    org, other = city.organisation(), city.organisation()
    data = content()
    (own,) = city.anchor(org, org.certificate(files=naming(data)))
    city.anchor(other, *(other.document(files=naming(data)) for _ in range(LOOKED_AT + 1)))
    assert city.verify(file=data).code == "several_records"
    for paper in (
        {"disclosure": city.disclosure(org, own)},
        {"receipt": city.proof(own)},
        {"receipt": receipts.receipt(city.app, own)},
    ):
        verdict = city.verify(file=data, **paper)
        assert (verdict.answer, verdict.code) == ("valid", "in_force")
        assert "anchored_by_others" in warned(verdict)


def test_what_ended_is_seen_among_however_many_others(own_city: City) -> None:
    city = own_city
    org, other = city.organisation(), city.organisation()
    data = content()
    (own,) = city.anchor(org, org.certificate(files=naming(data)))
    ended, *_ = city.anchor(other, *(other.document(files=naming(data)) for _ in range(LOOKED_AT + 4)))
    paper = {"disclosure": city.disclosure(org, own)}
    assert city.verify(file=data, **paper).code == "in_force"
    city.set_state(other, ended, "withdrawn", 1)  # its organisation's oldest: beyond the newest ones
    assert city.verify(file=data, **paper).code == "withdrawn"


def test_where_not_even_their_states_are_counted_no_paper_decides(
    own_city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    city = own_city
    org, other = city.organisation(), city.organisation()
    data = content()
    (own,) = city.anchor(org, org.certificate(files=naming(data)))
    city.anchor(other, *(other.document(files=naming(data)) for _ in range(LOOKED_AT + 1)))
    monkeypatch.setattr("chain_service.jobs.verifying.candidates.COUNTED", LOOKED_AT)
    assert city.verify(file=data, disclosure=city.disclosure(org, own)).code == "several_records"


def test_the_many_records_of_one_organisation_hide_none_of_anothers(own_city: City) -> None:
    city = own_city
    org, other = city.organisation(), city.organisation()
    data = content()
    (own,) = city.anchor(org, org.certificate(files=naming(data)))
    many = city.anchor(other, *(other.document(files=naming(data)) for _ in range(LOOKED_AT + 1)))
    city.set_state(org, own, "withdrawn", 1)
    for paper in ({}, {"disclosure": city.disclosure(org, own)}, {"disclosure": city.disclosure(other, many[0])}):
        verdict = city.verify(file=data, **paper)
        assert (verdict.answer, verdict.code) == ("invalid", "withdrawn")


def test_one_identifier_of_several_organisations_is_the_same_kind(city: City) -> None:
    org, other = city.organisation(), city.organisation()
    number = f"RG{time.time_ns() % 10**10:010d}"
    identifier = str(CertificateIdentifier(FOOD, "310100", number, "001"))
    bodies = {one.code: one.certificate(number=number, certificateIdentifier=identifier) for one in (org, other)}
    holder = bodies[org.code]["holders"][0]["certificateHolderName"]
    asked = {"identifier": identifier, "number": number, "holder_name": holder}
    ids = {}
    for office in (org, other):
        (ids[office.code],) = city.anchor(office, bodies[office.code])
    assert city.verify(**asked).code == "several_records"
    disclosure = city.disclosure(other, ids[other.code])
    assert city.verify(disclosure=disclosure, **asked).code == "in_force"
    city.set_state(org, ids[org.code], "penalised", 5)
    for more in ({}, {"disclosure": disclosure}):
        assert city.verify(**asked, **more).code == "penalised"


def test_what_is_stored_of_another_record_altered_into_nonsense_makes_nothing_valid(own_city: City) -> None:
    city = own_city
    org, other = city.organisation(), city.organisation()
    data = content()
    (own,) = city.anchor(org, org.certificate(files=naming(data)))
    (theirs,) = city.anchor(other, other.certificate(files=naming(data)))
    city.set_state(org, own, "withdrawn", 1)
    disclosure = city.disclosure(other, theirs)
    # its body is not what the chain holds of it: its state still counts
    city.tamper("UPDATE records SET body = ? WHERE id = ?", b'{"kind":', own)
    assert city.verify(file=data, disclosure=disclosure).code == "withdrawn"
    city.tamper("UPDATE records SET leaf_index = leaf_index + 1000 WHERE id = ?", own)
    verdict = city.verify(file=data, disclosure=disclosure)
    assert (verdict.answer, verdict.code) == ("indeterminate", "finality_unproven")
