"""Validators who have left: what they seal later says nothing of today, and of the past only what others show too."""

from dataclasses import replace

import pytest

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.evidence import verify_evidence
from chain_service.core.chainproof.evidence_cbor import BlockProof
from chain_service.core.chainproof.trust import FORM_CLIQUE, FORM_COMETBFT, ContractEnd, Until, ValidatorRange
from chain_service.core.encoding import rlp
from chain_service.core.encoding.digests import keccak256
from chain_service.core.receipts.receipt import refreshed
from chain_service.core.receipts.trust_file import parse, sign
from chain_service.core.records.states import State
from chain_service.errors import CannotTell, InvalidProof
from support.chains.clique_simulator import header_fields, validators
from support.chains.qbft_simulator import qbft_header
from support.offline.histories import History, file_of
from support.worlds.receipt_world import BLOCK, ROOTS, TIME, Issued, details, findings, terms, trust_file, with_ranges

POOL = validators(9)
CHANGE = BLOCK + 50
FRESH = BLOCK + 2_000_000
"""A block of the time at which all this is asked, long after the change."""
TODAY = TIME + FRESH + 60


def change(consensus, before, after, **end):
    """A chain before and after other validators took over at CHANGE, and a trust file that knows of it.

    `end`: what its first range ends with, if other than is true; `until` None: not known.
    """
    old, new = Issued(consensus, among=tuple(before)), Issued(consensus, among=tuple(after))
    until = Until(CHANGE - 1, keccak256(b"the last block"), TIME + CHANGE - 1)
    if end:
        until = until._replace(**end) if end != {"until": None} else None
    chain = with_ranges(old.chain, replace(old.chain.open, until=until), replace(new.chain.open, from_block=CHANGE))
    return old, new, trust_file(chain)


@pytest.fixture(params=["clique", "qbft"])
def consensus(request):
    return request.param


def test_a_retired_signer_s_block_with_today_s_time_is_known_to_be_forged(consensus):
    """The range ended at a time that the trust file states, and nobody sealed for it since."""
    old, new, trusted = change(consensus, POOL[:1], POOL[1:5])
    forged = with_time(old, BLOCK + 9, TODAY - 5)
    alone = old.receipt(blocks=(BlockProof(forged),), issued_at=TODAY)
    verdict = old.verify(alone, trusted=trusted, now=TODAY)
    assert verdict.code == "proof_invalid" and "after the end of its range" in details(verdict)
    newer = refreshed(alone, new.whole(FRESH))
    assert old.verify(newer, trusted=trusted, now=TODAY).code == "proof_invalid"


def test_where_the_end_of_a_range_is_not_known_its_validators_prove_nothing_by_themselves(consensus):
    old, new, trusted = change(consensus, POOL[:1], POOL[1:5], until=None)
    forged = with_time(old, BLOCK + 9, TODAY - 5)
    alone = old.receipt(blocks=(BlockProof(forged),), issued_at=TODAY)
    verdict = old.verify(alone, trusted=trusted, now=TODAY)
    assert (verdict.answer.value, verdict.code) == ("indeterminate", "trust_stale")
    assert verdict.context.included_by is None and verdict.context.status_as_of is None
    honest = old.receipt(blocks=(BlockProof(old.first),))
    assert old.verify(honest, trusted=trusted).code == "trust_stale"
    genuine = refreshed(honest, new.whole(FRESH))
    assert old.verify(genuine, trusted=trusted, now=TODAY).code == "in_force"


def with_time(issued, number, time):
    """All that judging needs, from a block of this number with this time."""
    world = issued.world()
    among = issued.sealers
    assert len(among) == 1
    if issued.consensus == "qbft":
        raw = qbft_header(number, among, among, world.root, fields=issued.fields, timestamp=time)
    else:
        raw = rlp.encode(among[0].seal(header_fields(number, bytes(32), world.root, timestamp=time)))
    return replace(issued.first, headers=(raw,))


@pytest.mark.parametrize("ended", [True, False])
def test_a_retired_signer_s_forged_anchoring_before_a_genuine_newer_block_is_found_out(consensus, ended):
    """The record was never anchored: the head that the retired signer shows is denied by the chain."""
    old, new, trusted = change(consensus, POOL[:1], POOL[1:5], **({} if ended else {"until": None}))
    head = (storage_layout.RECORD_LOG, storage_layout.head_slot(old.content.log, old.content.claim().proof.size))
    denying = new.newer(FRESH, without=(head,))
    verdict = old.verify(refreshed(old.receipt(), denying), trusted=trusted, now=TODAY)
    assert verdict.code == "proof_invalid" and "contradicts" in details(verdict)


def test_a_state_that_denies_the_head_ends_a_receipt_whoever_sealed_the_first_one(consensus):
    issued = Issued(consensus)
    head = (storage_layout.RECORD_LOG, storage_layout.head_slot(issued.content.log, issued.content.claim().proof.size))
    verdict = issued.verify(refreshed(issued.receipt(), issued.newer(BLOCK + 10, without=(head,))))
    assert verdict.code == "proof_invalid" and "contradicts" in details(verdict)


def test_the_old_sealing_key_is_worth_nothing_though_its_owner_is_a_validator_still(consensus):
    """A trial chain's key seals on in the network that it grew into: alone it vouches for no block of the past."""
    old, new, trusted = change(consensus, POOL[:1], POOL[:4])
    verdict = old.verify(old.receipt(), trusted=trusted)
    assert verdict.code == "trust_stale" and verdict.context.included_by is None
    assert old.verify(refreshed(old.receipt(), new.whole(FRESH)), trusted=trusted, now=TODAY).code == "in_force"
    short = old.verify(refreshed(old.receipt(), new.newer(FRESH)), trusted=trusted, now=TODAY)
    assert short.code == "trust_stale"


def test_a_fifth_validator_makes_no_receipt_stale(consensus):
    old, new, trusted = change(consensus, POOL[:4], POOL[:5])
    early = old.verify(old.receipt(), trusted=trusted)
    assert early.code == "trust_stale" and early.context.included_by and early.context.status_as_of is None
    assert findings(early)["anchor"] == "head_on_chain" and findings(early)["status"] == "trust_stale"
    assert old.verify(old.receipt(), trusted=trusted, now=TODAY, at=TIME + BLOCK + 9).code == "in_force"
    assert old.verify(refreshed(old.receipt(), new.newer(FRESH)), trusted=trusted, now=TODAY).code == "in_force"
    ended = refreshed(old.receipt(), old.newer(BLOCK + 9, state=int(State.WITHDRAWN)))
    assert old.verify(ended, trusted=trusted).code == "withdrawn"


def test_who_ended_a_range_is_known_by_its_hash_and_the_last_headers_need_no_majority():
    history = History(FORM_CLIQUE, 5, anchored=3)
    trusted, _ = file_of(history, "newest")
    last = trusted.chain.ranges[0].until.block
    for block, seals in ((last, 1), (last - 1, 2), (last - 2, 3), (last - 3, 3)):
        state = verify_evidence(history.evidence(block, True), trusted.chain)
        assert (state.block, state.signers, state.validators) == (block, seals, 4)
        assert state.counts is (block > last - 3) and state.speaks_until == trusted.chain.ranges[0].until.time
    unsealed = history.evidence(last - 1, True)
    torn = replace(unsealed, headers=(unsealed.headers[0], history.headers(last - 5, last - 5)[0]))
    with pytest.raises(InvalidProof, match="does not follow"):
        verify_evidence(torn, trusted.chain)
    other = Until(last, bytes(32), trusted.chain.ranges[0].until.time)
    ranges = (replace(trusted.chain.ranges[0], until=other), trusted.chain.open)
    with pytest.raises(InvalidProof, match="another block ends"):
        verify_evidence(history.evidence(last, True), replace(trusted.chain, ranges=ranges))
    endless = replace(trusted.chain, ranges=(replace(ranges[0], until=None), trusted.chain.open))
    with pytest.raises(CannotTell, match="not known"):
        verify_evidence(history.evidence(last, True), endless)


def test_a_file_of_the_first_form_proves_nothing_about_now_by_its_closed_ranges():
    history = History(FORM_CLIQUE, 4, anchored=3)
    trusted, _ = file_of(history, "first form")
    assert [one.until for one in trusted.chain.ranges] == [None, None]
    state = verify_evidence(history.evidence(5, True), trusted.chain)
    assert state.counts and state.speaks_until == -1
    state = verify_evidence(history.evidence(30, True), trusted.chain)
    assert state.counts and state.speaks_until is None


def test_headers_contradict_no_known_end(consensus):
    old, new, trusted = change(consensus, POOL[:4], POOL[4:8], time=TIME + BLOCK - 1)
    with pytest.raises(InvalidProof, match="after the end of its range"):
        verify_evidence(old.first, trusted.chain)
    _, new, trusted = change(consensus, POOL[:4], POOL[4:8], time=TIME + FRESH + 1)
    with pytest.raises(InvalidProof, match="before the end of an earlier range"):
        verify_evidence(new.newer(FRESH), trusted.chain)


# What this version cannot tell.


def test_a_block_by_validators_that_the_file_cannot_know_yet_is_no_forgery(consensus):
    known, later = Issued(consensus, among=tuple(POOL[:4])), Issued(consensus, among=tuple(POOL[4:8]))
    receipt = known.receipt(blocks=(BlockProof(later.whole(BLOCK)),))
    for issued, code in ((TIME + BLOCK - 1, "trust_stale"), (TIME + BLOCK + 9, "proof_invalid")):
        verdict = known.verify(receipt, trusted=trust_file(known.chain, issued=issued))
        assert verdict.code == code
    stale = known.verify(receipt)
    assert "does not list" in stale.message.en and findings(stale)["validators"] == "trust_stale"


def test_a_consensus_that_this_version_does_not_verify_is_no_forgery(consensus):
    issued = Issued(consensus)
    keys = ((b"\x01" * 32, 1), (b"\x02" * 32, 1))
    comet = ValidatorRange(CHANGE, tuple(key for key, _ in keys), FORM_COMETBFT, 20, None, (1, 1), "city-1", CHANGE)
    until = Until(CHANGE, bytes(32), TIME + CHANGE)
    trusted = trust_file(replace(issued.chain, ranges=(replace(issued.chain.open, until=until), comet)))
    verdict = issued.verify(issued.receipt(), trusted=trusted)
    assert verdict.code == "trust_stale"
    later = issued.receipt(blocks=(BlockProof(issued.whole(FRESH)),), issued_at=TODAY)
    assert issued.verify(later, trusted=trusted, now=TODAY).code == "finality_unproven"
    parsed = parse(sign(terms(trusted.chain), ROOTS[:2])).chain
    assert parsed.range_at(CHANGE).form == FORM_COMETBFT
    assert parsed.range_at(CHANGE, issued.chain.form).form == issued.chain.form


def test_a_contract_that_was_closed_shows_nothing_after_its_end(consensus):
    issued = Issued(consensus)
    pins = dict(issued.chain.contracts)
    end = ContractEnd(BLOCK, verify_evidence(issued.first, issued.chain).block_hash)
    pins[storage_layout.RECORD_STATUS] = pins[storage_layout.RECORD_STATUS]._replace(until=end)
    trusted = trust_file(replace(issued.chain, contracts=pins))
    assert issued.verify(issued.receipt(), trusted=trusted).code == "in_force"
    assert issued.verify(refreshed(issued.receipt(), issued.newer(BLOCK + 1)), trusted=trusted).code == "trust_stale"


def test_a_contract_shows_nothing_in_another_block_of_the_number_that_ended_it(consensus):
    issued = Issued(consensus)
    pins = dict(issued.chain.contracts)
    pins[storage_layout.RECORD_STATUS] = pins[storage_layout.RECORD_STATUS]._replace(
        until=ContractEnd(BLOCK, bytes(32))
    )
    trusted = trust_file(replace(issued.chain, contracts=pins))
    assert issued.verify(issued.receipt(), trusted=trusted).code == "proof_invalid"
