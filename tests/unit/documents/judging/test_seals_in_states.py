"""Which block's word counts for a seal: the newest one's, or none."""

from itertools import product

import pytest

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.evidence import ProvenState
from chain_service.core.chainproof.storage_layout import SEAL_FROZEN, SEAL_IN_FORCE, SEAL_REGISTRY, SealState
from chain_service.core.verdicts.inputs import Outage
from chain_service.documents.facts import SealFacts, SignatureFacts
from chain_service.documents.judging.binding import Binding, RegisteredSeal, find_seal, judge_registered
from chain_service.documents.judging.timing import Timing

CODE = "43010000000011"
TIME = 1_790_000_000


def state(block: int, history: tuple[int, ...], without: tuple[bytes, ...] = ()) -> ProvenState:
    """A block that shows the seal with this history, but for the slots left out."""
    words = {storage_layout.seal_state_slot(CODE, len(history)): 0}
    for n, code in enumerate(history):
        words[storage_layout.seal_state_slot(CODE, n)] = SealState(code, TIME + n).to_word()
    for n in (storage_layout.SEAL_OWNER, storage_layout.SEAL_SHA256):
        words[storage_layout.seal_fact_slot(CODE, n)] = int.from_bytes(b"911100001000000023" + bytes(14), "big")
    shown = {(SEAL_REGISTRY, slot): word for slot, word in words.items() if slot not in without}
    return ProvenState(1, block, bytes(32), TIME + block, "majority", 4, 3, shown)


OLDER = state(7, (SEAL_IN_FORCE,))
FROZEN_SINCE = (SEAL_IN_FORCE, SEAL_FROZEN)
STATES = tuple(storage_layout.seal_state_slot(CODE, n) for n in range(3))
FACTS = tuple(storage_layout.seal_fact_slot(CODE, n) for n in (storage_layout.SEAL_OWNER, storage_layout.SEAL_SHA256))


def found(*states: ProvenState) -> RegisteredSeal | Outage | None:
    return find_seal(CODE, Binding(at=TIME + 100, list_age=0, states=states))


@pytest.mark.parametrize("hidden", [kept for kept in product((False, True), repeat=3) if any(kept)])
def test_a_freeze_that_the_newest_block_leaves_out_is_never_covered_by_an_older_one(hidden):
    without = tuple(slot for slot, is_hidden in zip(STATES, hidden, strict=True) if is_hidden)
    told = found(state(9, FROZEN_SINCE, without), OLDER)
    assert isinstance(told, Outage) and told.code == "seal_unproven"


@pytest.mark.parametrize("without", [(), FACTS[:1], FACTS[1:], FACTS])
def test_facts_may_come_from_any_block_and_states_from_the_newest(without):
    told = found(state(9, FROZEN_SINCE, without), OLDER)
    assert isinstance(told, RegisteredSeal)
    assert [one.state for one in told.history] == [*FROZEN_SINCE] and told.state.block == 9
    alone = found(state(9, FROZEN_SINCE, without))
    assert isinstance(alone, RegisteredSeal if not without else Outage)


def test_a_seal_shown_to_be_absent_is_not_registered_and_one_not_shown_is_unproven():
    assert found(state(9, ()), OLDER) is None
    assert isinstance(found(), Outage)
    node_gone = Outage("node_unavailable", "no node answers")
    assert find_seal(CODE, Binding(at=TIME, list_age=0, outage=node_gone)) is node_gone


def test_without_a_newest_block_an_older_one_tells_only_what_was_wrong_by_then():
    node_gone = Outage("node_unavailable", "no node answers")
    assert told_by(OLDER) == "seal_in_force"
    assert told_by(OLDER, node_gone) == "node_unavailable"
    assert told_by(state(7, (SEAL_FROZEN,)), node_gone) == "seal_not_in_force"
    assert told_by(state(7, ()), node_gone) == "node_unavailable"


def told_by(older: ProvenState, outage: Outage | None = None) -> str:
    """The check of a signature by this seal, made some seconds after all of its states."""
    digest, end = b"911100001000000023" + bytes(14), TIME + 9_000
    seal = SealFacts(4, CODE, "印章", 1, "maker", TIME, TIME, end, digest, digest, True, None, "hashes", ())
    signature = SignatureFacts("1", "ses-v4", seal=seal)
    entry = find_seal(CODE, Binding(at=TIME + 100, list_age=0, states=(older,), outage=outage))
    return judge_registered(signature, entry, Timing(TIME + 100, TIME + 50, TIME + 60)).code
