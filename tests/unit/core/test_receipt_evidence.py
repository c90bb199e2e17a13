"""What a receipt's evidence is cut out of, and how it is refreshed."""

from dataclasses import replace

import pytest
from receipt_parts import CLIQUE, QBFT, invalid
from receipt_world import (
    BLOCK,
    STRANGERS_SLOT,
)

from chain_service.core import layout, receipts
from chain_service.core.chain_trust import FORM_QBFT, PinnedContract
from chain_service.core.evidence import verify_evidence
from chain_service.core.evidence_cbor import MAX_NODES, Selector, select
from chain_service.core.histories import slots_of_record
from chain_service.core.receipts import encode, parse, refreshed
from chain_service.errors import BadRequest, InvalidProof


def test_evidence_for_one_record_holds_what_it_needs_and_nothing_else(issued):
    pool, claim = issued.pooled(), issued.content.claim()
    assert len(issued.first.nodes) < len(pool.nodes)
    state = verify_evidence(issued.first, issued.chain, max_nodes=MAX_NODES)
    needed = slots_of_record(state, claim.log, claim.proof, issued.content.disclosure.type_code)
    assert set(needed) == set(state.words)
    assert (layout.RECORD_LOG, STRANGERS_SLOT) not in state.words
    assert state.words == {slot: verify_evidence(pool, issued.chain).words[slot] for slot in needed}


def test_one_selector_serves_many_records(issued):
    pool = issued.pooled()
    selector = Selector(pool, issued.chain)
    all_of_one = list(verify_evidence(issued.first, issued.chain).words)
    for slots in ([(layout.RECORD_LOG, STRANGERS_SLOT)], [(layout.RECORD_STATUS, STRANGERS_SLOT)], all_of_one):
        for _ in range(2):
            made = selector.select(slots)
            assert made == select(pool, issued.chain, slots)
            assert set(verify_evidence(made, issued.chain).words) == set(slots)


def test_what_the_pool_does_not_hold_cannot_be_selected(issued):
    selector = Selector(issued.first, issued.chain)
    for slot in ((layout.CATALOG_REGISTRY, STRANGERS_SLOT), ("Unknown", STRANGERS_SLOT)):
        with pytest.raises(InvalidProof):
            selector.select([slot])
    claim = issued.content.claim()
    with pytest.raises(InvalidProof, match="does not cover"):
        slots_of_record(verify_evidence(issued.first, issued.chain), claim.log, claim.proof, "11100000000013338W999")
    pins = {name: PinnedContract(pin.address, bytes(32)) for name, pin in issued.chain.contracts.items()}
    with pytest.raises(InvalidProof, match="other code"):
        select(issued.pooled(), replace(issued.chain, contracts=pins), [(layout.RECORD_LOG, STRANGERS_SLOT)])


def test_evidence_from_after_the_signature_is_refused(issued):
    """Whoever holds a receipt could otherwise put in a later block, by which a permit granted since would count."""
    invalid(issued, issued.receipt(issued_at=1), "from after the receipt was signed")


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
