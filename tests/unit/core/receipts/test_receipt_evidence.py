"""What a receipt's evidence is cut out of, and how it is refreshed."""

from dataclasses import replace

import pytest

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.evidence import verify_evidence
from chain_service.core.chainproof.evidence_cbor import (
    MAX_NODES,
    MAX_SLOTS,
    BlockProof,
    Selector,
    block_to_cbor,
    select,
    size_of,
)
from chain_service.core.chainproof.trust import FORM_QBFT, PinnedContract
from chain_service.core.encoding import cose
from chain_service.core.receipts import receipt as receipts
from chain_service.core.receipts.receipt import encode, parse, refreshed
from chain_service.core.registries.histories import slots_of_record
from chain_service.errors import BadRequest, InvalidProof
from support.worlds.receipt_parts import CLIQUE, QBFT, invalid
from support.worlds.receipt_world import BLOCK, LOG_KEY, OLD_LOG_KEY, STRANGERS_SLOT, Issued, findings

KEY_ID = cose.key_id(LOG_KEY.public_key)


def test_evidence_for_one_record_holds_what_it_needs_and_nothing_else(issued):
    pool, claim = issued.pooled(), issued.content.claim()
    assert len(issued.first.nodes) < len(pool.nodes)
    state = verify_evidence(issued.first, issued.chain, max_nodes=MAX_NODES)
    assert (
        storage_layout.ORGANISATIONS,
        storage_layout.log_key_slot(issued.content.disclosure.org, 1),
    ) not in state.words
    needed = slots_of_record(state, claim.log, claim.proof, KEY_ID, issued.content.disclosure.type_code)
    assert set(needed) == set(state.words)
    assert (storage_layout.RECORD_LOG, STRANGERS_SLOT) not in state.words
    assert state.words == {slot: verify_evidence(pool, issued.chain).words[slot] for slot in needed}


def test_as_many_extras_as_there_is_room_for_are_selected(issued):
    selector = Selector(issued.pooled(), issued.chain)
    slots = list(verify_evidence(issued.first, issued.chain).words)
    extras = [[(contract, STRANGERS_SLOT)] for contract in (storage_layout.RECORD_LOG, storage_layout.RECORD_STATUS)]
    sizes = [
        size_of(selector.select([*slots, *(slot for extra in extras[:count] for slot in extra)])) for count in range(3)
    ]
    assert sizes[0] < sizes[1] < sizes[2]
    for room in (sizes[0] - 1, *sizes, sizes[2] + 1):
        evidence = selector.select_fitting(slots, extras, room)
        shown = set(verify_evidence(evidence, issued.chain).words) - set(slots)
        assert len(shown) == sum(size <= room for size in sizes[1:])
        assert len(cose.encode(block_to_cbor(BlockProof(evidence)))) <= size_of(evidence)


def test_a_receipt_that_no_verifier_would_read_is_not_written(issued):
    evidence = issued.first
    (address, slots), *others = evidence.accounts
    many = tuple(n.to_bytes(32, "big") for n in range(MAX_SLOTS))
    for beyond in (
        replace(evidence, nodes=(*evidence.nodes, *(n.to_bytes(40, "big") for n in range(MAX_NODES)))),
        replace(evidence, accounts=((address, (*many, *slots)), *others)),
        replace(evidence, nodes=tuple(n.to_bytes(1000, "big") for n in range(300))),
    ):
        with pytest.raises(InvalidProof, match="larger than any verifier accepts"):
            encode(issued.receipt(blocks=(BlockProof(beyond),)))


def test_one_selector_serves_many_records(issued):
    pool = issued.pooled()
    selector = Selector(pool, issued.chain)
    all_of_one = list(verify_evidence(issued.first, issued.chain).words)
    for slots in (
        [(storage_layout.RECORD_LOG, STRANGERS_SLOT)],
        [(storage_layout.RECORD_STATUS, STRANGERS_SLOT)],
        all_of_one,
    ):
        for _ in range(2):
            made = selector.select(slots)
            assert made == select(pool, issued.chain, slots)
            assert set(verify_evidence(made, issued.chain).words) == set(slots)


def test_what_the_pool_does_not_hold_cannot_be_selected(issued):
    selector = Selector(issued.first, issued.chain)
    for slot in ((storage_layout.CATALOG_REGISTRY, STRANGERS_SLOT), ("Unknown", STRANGERS_SLOT)):
        with pytest.raises(InvalidProof):
            selector.select([slot])
    claim = issued.content.claim()
    with pytest.raises(InvalidProof, match="does not cover"):
        state = verify_evidence(issued.first, issued.chain)
        slots_of_record(state, claim.log, claim.proof, KEY_ID, "11100000000013338W999")
    pins = {name: PinnedContract(pin.address, bytes(32)) for name, pin in issued.chain.contracts.items()}
    with pytest.raises(InvalidProof, match="other code"):
        select(issued.pooled(), replace(issued.chain, contracts=pins), [(storage_layout.RECORD_LOG, STRANGERS_SLOT)])


def test_evidence_from_after_the_signature_is_refused(issued):
    """Whoever holds a receipt could otherwise put in a later block, by which a permit granted since would count."""
    invalid(issued, issued.receipt(issued_at=1), "newer than the receipt's signature")


def test_a_refreshed_receipt_keeps_its_signature_and_first_evidence(issued):
    receipt = issued.receipt()
    newer = refreshed(receipt, issued.newer())
    assert (newer.signature, newer.protected, newer.blocks[0]) == (
        receipt.signature,
        receipt.protected,
        receipt.blocks[0],
    )
    assert len(refreshed(newer, issued.newer(BLOCK + 200)).blocks) == 2
    assert parse(encode(newer)) == newer


def test_nothing_signed_leads_nowhere():
    with pytest.raises(InvalidProof):
        CLIQUE.receipt(proof=replace(CLIQUE.content.claim().proof, path=()))
    with pytest.raises(BadRequest):
        parse(b"\xd2\x80")
    assert receipts.MEDIA_TYPE == "application/cose" and QBFT.chain.form == FORM_QBFT


@pytest.mark.parametrize("consensus", ["clique", "qbft"])
def test_keys_added_after_the_one_that_signed_are_not_needed_and_those_before_it_are(consensus):
    two = Issued(consensus, log_keys=(OLD_LOG_KEY, LOG_KEY))
    org = two.content.disclosure.org
    for signed_by, shown in ((OLD_LOG_KEY, 1), (LOG_KEY, 2)):
        words = verify_evidence(two.first_for(signed_by), two.chain).words
        assert [
            n for n in range(3) if (storage_layout.ORGANISATIONS, storage_layout.log_key_slot(org, n)) in words
        ] == [*range(shown)]
        assert two.verify(two.receipt(signed_by)).code == "in_force"
    older = two.first_for(OLD_LOG_KEY)
    invalid(two, two.receipt(blocks=(BlockProof(older),)), "does not cover")


def test_a_receipt_that_shows_more_than_is_needed_is_as_good(issued):
    slots = list(verify_evidence(issued.first, issued.chain).words)
    org = issued.content.disclosure.org
    more = [storage_layout.standing_slot(org), storage_layout.log_key_slot(org, 1)]
    evidence = select(issued.pooled(), issued.chain, [*slots, *((storage_layout.ORGANISATIONS, slot) for slot in more)])
    verdict = issued.verify(issued.receipt(blocks=(BlockProof(evidence),)))
    assert verdict.code == "in_force" and findings(verdict)["log_signature"] == "signed"
