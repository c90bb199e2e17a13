"""Receipts of anchored records: complete in themselves, refreshed, made in bulk, signed by the log's key."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chain_service.chain.rpc import Rpc
from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.evidence import Evidence, verify_evidence
from chain_service.core.chainproof.evidence_cbor import select
from chain_service.core.encoding.cose import key_id
from chain_service.core.receipts import receipt as core
from chain_service.core.receipts.trust_file import parse as parse_trust
from chain_service.core.receipts.verify_offline import present, verify_offline
from chain_service.core.registries.histories import read_seal_states
from chain_service.core.verdicts.verdict import Verdict
from chain_service.core.verdicts.verdict_codes import Outcome
from chain_service.errors import ChainServiceError, Conflict, Corrupt, Forbidden, InvalidProof, NotFound
from chain_service.jobs.asker import Operator
from chain_service.jobs.indexing.follow import index
from chain_service.jobs.proofs import batch_proof, receipts, trust_files
from chain_service.jobs.records import records
from chain_service.store import batches
from chain_service.store import records as records_stored
from support.worlds.jobs_city import FOOD, City, Org
from support.worlds.registered import registered_seal, set_seal_state

SEALS = storage_layout.SEAL_REGISTRY


def offline(city: City, receipt: bytes, disclosure: bytes, **other: Any) -> Verdict:
    trust_files.export(city.app)
    found = parse_trust(trust_files.in_force(city.app))
    return verify_offline(receipt, present(disclosure), found, now=city.app.now, **other)


def codes(verdict: Verdict) -> dict[str, str]:
    return {check.name: check.code for check in verdict.groups[0].checks}


def nowhere(city: City) -> City:
    """The instance whose node is gone."""
    return city.on(rpc=Rpc(["http://127.0.0.1:1"], timeout=0.2))


def withdrawn(city: City, org: Org, id: str) -> None:
    city.set_state(org, id, "withdrawn")


def test_receipt_disclosure_and_trust_file_are_all_that_a_verdict_needs(city: City) -> None:
    org = city.organisation()
    ids = city.anchor(org, *(org.certificate() for _ in range(9)))
    for id in (ids[0], ids[4], ids[8]):
        verdict = offline(city, receipts.receipt(city.app, id), city.disclosure(org, id))
        assert (verdict.code, codes(verdict)["log_signature"]) == ("in_force", "signed")
        not_passed = {one.name for one in verdict.groups[0].checks if one.outcome is not Outcome.PASSED}
        assert not_passed == {"file_digest"}


def test_a_disclosure_is_not_what_another_record_s_receipt_proves(city: City) -> None:
    org = city.organisation()
    one, other = city.anchor(org, org.certificate(), org.certificate())
    assert offline(city, receipts.receipt(city.app, other), city.disclosure(org, one)).code == "record_mismatch"


def test_a_partial_disclosure_goes_with_the_same_receipt(city: City) -> None:
    org = city.organisation()
    (id,) = city.anchor(org, org.certificate())
    part = json.dumps(records.present(city.app, id, ["certificateNumber"], org.caller).to_json()).encode()
    assert offline(city, receipts.receipt(city.app, id), part).code == "in_force"


def test_a_document_s_receipt_holds_no_permit(city: City) -> None:
    org = city.organisation()
    id, certificate = city.anchor(org, org.document(), org.certificate())
    permit = storage_layout.permit_slot(org.code, FOOD, 0)
    for record, there in ((id, False), (certificate, True)):
        evidence = core.parse(receipts.receipt(city.app, record)).blocks[0].evidence
        assert (permit in {slot for _, slots in evidence.accounts for slot in slots}) is there
    assert offline(city, receipts.receipt(city.app, id), city.disclosure(org, id)).code == "in_force"


def test_online_a_receipt_counts_beside_its_disclosure_and_alone(city: City) -> None:
    org = city.organisation()
    id, other = city.anchor(org, org.certificate(), org.certificate())
    data = receipts.receipt(city.app, id)
    both = city.verify(disclosure=city.disclosure(org, id), receipt=data)
    assert (both.code, codes(both)["log_signature"]) == ("in_force", "signed")
    alone = city.verify(receipt=data)
    assert (alone.code, codes(alone)["log_signature"]) == ("in_force_not_compared", "signed")
    assert city.verify(disclosure=city.disclosure(org, other), receipt=data).code == "record_mismatch"
    assert city.verify(disclosure=city.disclosure(org, id), receipt=data[:-1] + bytes([data[-1] ^ 1])).code == (
        "proof_invalid"
    )
    assert city.verify(disclosure=city.disclosure(org, id), receipt=data[:100]).code == "proof_invalid"
    withdrawn(city, org, id)
    assert city.verify(disclosure=city.disclosure(org, id), receipt=data).code == "withdrawn"


def test_a_refreshed_receipt_keeps_its_time_and_shows_the_newer_state(city: City) -> None:
    org = city.organisation()
    (id,) = city.anchor(org, org.certificate())
    before = receipts.receipt(city.app, id)
    withdrawn(city, org, id)
    assert offline(city, before, city.disclosure(org, id)).code == "in_force"
    after = receipts.receipt(city.app, id, refreshed=True)
    assert offline(city, after, city.disclosure(org, id)).code == "withdrawn"
    old, new = core.parse(before), core.parse(after)
    assert (len(old.blocks), len(new.blocks), new.blocks[0]) == (1, 2, old.blocks[0])
    stated = [offline(city, data, city.disclosure(org, id)).to_json() for data in (before, after)]
    assert stated[0]["includedBy"] == stated[1]["includedBy"]
    assert stated[0]["chain"]["block"] < stated[1]["chain"]["block"]


def test_a_directory_of_receipts_is_refreshed_together_and_again(city: City) -> None:
    org = city.organisation()
    ids = city.anchor(org, *(org.certificate() for _ in range(5)))
    old = [one.receipt for one in receipts.hand_out(city.app, org.caller, ids)]
    withdrawn(city, org, ids[2])
    new = receipts.refresh(city.app, old)
    fresh = [one for one in new if isinstance(one, bytes)]
    states = [offline(city, one, city.disclosure(org, id)).code for id, one in zip(ids, fresh, strict=True)]
    assert states == ["in_force", "in_force", "withdrawn", "in_force", "in_force"]
    city.trial.mine()
    again = [one for one in receipts.refresh(city.app, fresh) if isinstance(one, bytes)]
    for first, second in zip(fresh, again, strict=True):
        assert core.parse(second).blocks[0] == core.parse(first).blocks[0]
        assert core.parse(second).blocks[1] != core.parse(first).blocks[1]


def test_what_cannot_be_refreshed_is_named_and_the_rest_is(city: City) -> None:
    org = city.organisation()
    (id,) = city.anchor(org, org.certificate())
    good = receipts.receipt(city.app, id)
    city.trial.mine()
    one = core.parse(good)
    foreign = core.encode(replace(one, chain_id=one.chain_id + 1))
    unheard = core.encode(replace(one, proof=replace(one.proof, size=one.proof.size + 1)))
    found = receipts.refresh(city.app, [b"nonsense", good, foreign, unheard])
    named = [each.code if isinstance(each, ChainServiceError) else "" for each in found]
    assert named == ["malformed_document", "", "foreign_receipt", "head_not_on_chain"]


def test_a_receipt_that_has_nothing_newer_stays_as_it_is(city: City) -> None:
    org = city.organisation()
    (id,) = city.anchor(org, org.certificate())
    data = receipts.receipt(city.app, id)
    assert receipts.refresh(city.app, [data]) == [data]


def test_before_it_is_anchored_a_record_has_no_receipt(city: City) -> None:
    org = city.organisation()
    (id,) = city.submit(org, org.certificate())
    for state in ("pending", "batched"):
        assert city.state(id) == state
        with pytest.raises(Conflict) as refused:
            receipts.receipt(city.app, id)
        assert refused.value.code == "not_anchored"
        city.step()
    city.make_final([id])
    with pytest.raises(NotFound) as unknown:
        receipts.receipt(city.app, "no such record")
    assert unknown.value.code == "record_unknown"


def test_receipts_in_bulk_need_no_node_and_come_in_the_order_asked(city: City) -> None:
    orgs = [city.organisation() for _ in range(2)]
    ids = [id for org in orgs for id in city.anchor(org, *(org.certificate() for _ in range(4)))]
    ids += city.anchor(orgs[0], orgs[0].certificate())
    ids.reverse()
    silent = nowhere(city).app
    made = list(receipts.hand_out(silent, Operator(), ids))
    assert [one.id for one in made] == ids
    for one in made:
        org = next(org for org in orgs if org.code == records.read(city.app, one.id).org)
        assert offline(city, one.receipt, city.disclosure(org, one.id)).code == "in_force"
    assert list(receipts.hand_out(silent, Operator(), [])) == []


def test_what_a_holder_gets_is_handed_out_to_the_organisation_alone(city: City) -> None:
    org, other = city.organisation(), city.organisation()
    id, erased = city.anchor(org, org.certificate(), org.certificate())
    records.erase(city.app, erased, "withdrawn by its holder", org.caller)
    first, second = receipts.hand_out(city.app, org.caller, [id, erased])
    assert first.disclosure is not None and second.disclosure is None
    assert offline(city, first.receipt, json.dumps(first.disclosure.to_json()).encode()).code == "in_force"
    with pytest.raises(Forbidden):
        list(receipts.hand_out(city.app, other.caller, [id]))


def test_a_receipt_outlives_erasure(city: City) -> None:
    org = city.organisation()
    (id,) = city.anchor(org, org.certificate())
    kept = city.disclosure(org, id)
    records.erase(city.app, id, "withdrawn by its holder", org.caller)
    assert offline(city, receipts.receipt(city.app, id), kept).code == "in_force"


def test_after_a_new_log_key_old_records_keep_their_signer_and_new_ones_have_the_new_one(city: City) -> None:
    org = city.organisation()
    (old,) = city.anchor(org, org.certificate())
    keystore = city.app.keystore
    key = keystore.create_log_key(org.code, 1)
    city.trial.registrar.add_log_key(org.code, key)
    index(city.app)
    (new,) = city.anchor(org, org.certificate())
    signers = [core.parse(receipts.receipt(city.app, id)).key_id for id in (old, new)]
    assert signers == [key_id(keystore.log_keys(org.code)[0]), key_id(key)]
    for id in (old, new):
        data = receipts.receipt(city.app, id, refreshed=True)
        assert codes(offline(city, data, city.disclosure(org, id)))["log_signature"] == "signed"


def test_owner_digest_and_states_of_a_seal_go_into_the_receipt_and_newer_states_into_a_refreshed_one(
    city: City,
) -> None:
    org = city.organisation()
    code = registered_seal(city, org)
    (id,) = city.anchor(org, org.certificate(sealCodes=[code]))
    set_seal_state(city, org, code, "frozen")
    trusted = city.app.require_chain().reader.trust
    data = receipts.receipt(city.app, id, refreshed=True)
    proven = [verify_evidence(block.evidence, trusted) for block in core.parse(data).blocks]
    assert [[one.state for one in read_seal_states(state, code)] for state in proven] == [[1], [1, 2]]
    shown = [[(SEALS, storage_layout.seal_fact_slot(code, n)) in state.words for n in range(5)] for state in proven]
    assert shown == [[True, True, False, False, False], [False] * 5]
    assert offline(city, data, city.disclosure(org, id)).code == "in_force"


def test_the_receipt_of_a_sealed_record_outlives_its_erasure_and_is_refreshed_after_it(city: City) -> None:
    org = city.organisation()
    code = registered_seal(city, org)
    (id,) = city.anchor(org, org.certificate(sealCodes=[code]))
    kept, before = city.disclosure(org, id), receipts.receipt(city.app, id)
    records.erase(city.app, id, "withdrawn by its holder", org.caller)
    set_seal_state(city, org, code, "frozen")
    again = receipts.receipt(city.app, id)
    fresh = receipts.receipt(city.app, id, refreshed=True)
    (old_made_fresh,) = receipts.refresh(city.app, [before])
    assert isinstance(old_made_fresh, bytes)
    assert [len(core.parse(data).blocks) for data in (again, fresh, old_made_fresh)] == [1, 2, 2]
    for data in (before, again, fresh, old_made_fresh):
        assert offline(city, data, kept).code == "in_force"


def proven_seals(city: City, receipt: bytes, *codes: str) -> list[list[int] | None]:
    """The states of each seal as the receipt's newest block shows them, in order; None for one left out."""
    trusted = city.app.require_chain().reader.trust
    states = [verify_evidence(block.evidence, trusted) for block in core.parse(receipt).blocks]
    shown: list[list[int] | None] = []
    for code in codes:
        try:
            shown.append([one.state for one in read_seal_states(states[-1], code)])
        except InvalidProof:
            shown.append(None)
    return shown


def test_a_seal_that_nobody_registered_does_no_harm_to_an_erased_record_s_receipts(city: City) -> None:
    org = city.organisation()
    code = registered_seal(city, org)
    (id,) = city.anchor(org, org.certificate(sealCodes=[code, "NOBODY-1"]))
    kept, before = city.disclosure(org, id), receipts.receipt(city.app, id)
    records.erase(city.app, id, "withdrawn by its holder", org.caller)
    set_seal_state(city, org, code, "frozen")
    (fresh,) = receipts.refresh(city.app, [before])
    assert isinstance(fresh, bytes)
    for data in (before, receipts.receipt(city.app, id), receipts.receipt(city.app, id, refreshed=True), fresh):
        assert offline(city, data, kept).code == "in_force"
    assert proven_seals(city, fresh, code, "NOBODY-1") == [[1, 2], []]


def test_more_seals_than_one_proof_holds_are_shown_by_today_s_state(
    city: City,
) -> None:
    org = city.organisation()
    code = registered_seal(city, org)
    strangers = [f"!{n:03}" for n in range(batch_proof.MAX_SEALS + 40)]
    parts = [strangers[start : start + 31] for start in range(0, len(strangers), 31)]
    contents = [org.certificate(sealCodes=part) for part in parts]
    ids = city.anchor(org, *contents, org.certificate(sealCodes=[code]), org.certificate())
    early = receipts.receipt(city.app, ids[-3])
    assert proven_seals(city, early, parts[-1][-1]) == [None]
    assert offline(city, early, city.disclosure(org, ids[-3])).code == "in_force"
    city.anchor(org, org.certificate())
    kept = {id: city.disclosure(org, id) for id in ids}
    with city.app.database.reading() as connection:
        batch_ids = {records_stored.get(connection, id).batch_id for id in ids}
    assert len(batch_ids) == 1
    for id, part in zip(ids, parts, strict=False):
        data = receipts.receipt(city.app, id)
        assert proven_seals(city, data, *part) == [[] for _ in part]
        assert offline(city, data, kept[id]).code == "in_force"
    assert len(core.parse(receipts.receipt(city.app, ids[-1])).blocks) == 1
    fresh = receipts.refresh(city.app, [receipts.receipt(city.app, id) for id in ids])
    for id, data in zip(ids, fresh, strict=True):
        assert isinstance(data, bytes)
        assert offline(city, data, kept[id]).code == "in_force"
    assert isinstance(fresh[-2], bytes)
    assert proven_seals(city, fresh[-2], code) == [[1]]
    newest = core.parse(fresh[-2]).blocks[-1].evidence
    assert storage_layout.seal_fact_slot(code, 0) in {slot for _, slots in newest.accounts for slot in slots}
    for id in ids:
        records.erase(city.app, id, "withdrawn by its holder", org.caller)
        for data in (receipts.receipt(city.app, id), receipts.receipt(city.app, id, refreshed=True)):
            assert offline(city, data, kept[id]).code == "in_force"


def test_a_proof_stored_by_an_earlier_version_is_read_again_once(city: City) -> None:
    org = city.organisation()
    (id,) = city.anchor(org, org.certificate())
    with city.app.database.reading() as connection:
        batch = batches.by_head(connection, org.code, 0, 2)
    assert batch is not None and batch.evidence is not None
    whole = Evidence.from_bytes(batch.evidence)
    trusted = city.app.require_chain().reader.trust
    poor = select(
        whole,
        trusted,
        [(storage_layout.RECORD_LOG, storage_layout.head_slot(core.parse(receipts.receipt(city.app, id)).log, 2))],
    )
    city.tamper("UPDATE batches SET evidence = ? WHERE id = ?", poor.to_bytes(), batch.id)
    with pytest.raises(ChainServiceError):
        receipts.receipt(nowhere(city).app, id)
    assert offline(city, receipts.receipt(city.app, id), city.disclosure(org, id)).code == "in_force"
    receipts.receipt(nowhere(city).app, id)


def test_nothing_is_signed_for_a_log_that_was_altered_behind_the_service_s_back(city: City) -> None:
    org = city.organisation()
    (id,) = city.anchor(org, org.certificate())
    city.tamper("UPDATE tiles SET data = ? WHERE org = ? AND level = -1", bytes(64), org.code)
    with pytest.raises(Corrupt) as refused:
        receipts.receipt(city.app, id)
    assert refused.value.code == "entry_altered"
