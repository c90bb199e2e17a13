"""Status by position: packing, transitions, limits, events."""

from __future__ import annotations

import pytest
from eth_utils.address import to_checksum_address

from chain_service.chain.contracts import StatusChange
from chain_service.core.chainproof.storage_layout import Right, size_slot, status_in, status_slot
from chain_service.core.encoding.digests import keccak256
from chain_service.core.records.states import SOURCES, State
from support.contracts.contract_evm import CLERK_A, CLERK_B, ORG_A, ORG_B, ContractEvm, log_of, refused

LOG = log_of(ORG_A)
SIZE = 1_000
DIGEST = keccak256(b"a change record")


@pytest.fixture
def log(evm: ContractEvm) -> bytes:
    """A log of 1,000 entries."""
    evm.force("RecordLog", size_slot(LOG), SIZE)
    return LOG


def change(index: int, state: int, reason: int = 1, digest: bytes = DIGEST) -> tuple[int, bytes]:
    return StatusChange(index, state, reason, digest).pack()


def set_status(evm: ContractEvm, *changes: tuple[int, bytes], log: bytes = LOG) -> None:
    evm.transact(CLERK_A, "RecordStatus", "set", log, list(changes))


def status(evm: ContractEvm, index: int) -> int:
    return int(evm.call("RecordStatus", "statusOf", LOG, index))


def force_status(evm: ContractEvm, index: int, state: int) -> None:
    slot, shift = status_slot(LOG, index)
    evm.force("RecordStatus", slot, state << shift)


def test_every_transition_of_4_bits_is_legal_or_refused_as_the_table_says(evm: ContractEvm, log: bytes) -> None:
    legal = {(int(source), int(target)) for target, sources in SOURCES.items() for source in sources}
    assert len(legal) == 15
    for before in range(16):
        for after in range(16):
            force_status(evm, 77, before)
            if (before, after) in legal:
                set_status(evm, change(77, after))
                assert status(evm, 77) == after
            else:
                with refused("IllegalTransition", log=log, index=77, to=after, **{"from": before}):
                    set_status(evm, change(77, after))


def test_a_state_beyond_4_bits_never_reaches_a_neighbour(evm: ContractEvm, log: bytes) -> None:
    for state in range(16, 256):
        with refused("IllegalTransition", index=77, to=state):
            set_status(evm, change(77, state))


def test_states_lie_lowest_first_four_bits_each_in_words_of_64(evm: ContractEvm, log: bytes) -> None:
    states = {1: 1, 2: 2, 63: 3, 64: 4, 127: 5, 128: 6, 999: 7}
    set_status(evm, *(change(index, state) for index, state in states.items()))
    for index in range(SIZE):
        assert status(evm, index) == states.get(index, 0)
        slot, shift = status_slot(LOG, index)
        assert status_in(evm.word("RecordStatus", slot), shift) == states.get(index, 0)
    assert evm.call("RecordStatus", "statusWordAt", log, 0) == 1 << 4 | 2 << 8 | 3 << 252
    assert evm.call("RecordStatus", "statusWordAt", log, 1) == 4 | 5 << 252
    assert evm.call("RecordStatus", "statusWordAt", log, 3) == 0


def test_a_record_that_was_never_changed_leaves_its_word_empty(evm: ContractEvm, log: bytes) -> None:
    set_status(evm, change(5, State.SUSPENDED))
    set_status(evm, change(5, State.IN_FORCE))
    slot, _ = status_slot(LOG, 5)
    assert evm.word("RecordStatus", slot) == 0


def test_changes_apply_in_their_order_whatever_words_they_touch(evm: ContractEvm, log: bytes) -> None:
    set_status(evm, change(500, 1), change(5, 1), change(500, 0), change(6, 2), change(500, 3), change(5, 0))
    assert [status(evm, index) for index in (5, 6, 500)] == [0, 2, 3]


def test_a_change_can_build_on_one_before_it_in_the_same_call(evm: ContractEvm, log: bytes) -> None:
    with refused("IllegalTransition", index=9, to=0, **{"from": 2}):
        set_status(evm, change(9, 2), change(9, 0))
    set_status(evm, change(9, 1), change(9, 2))
    assert status(evm, 9) == 2


def test_one_illegal_change_undoes_all(evm: ContractEvm, log: bytes) -> None:
    with refused("IllegalTransition", index=300):
        set_status(evm, change(3, 2), change(100, 2), change(300, 8))
    assert [status(evm, index) for index in (3, 100, 300)] == [0, 0, 0]


@pytest.mark.parametrize("index", [0, SIZE, SIZE + 1, 2**64 - 1])
def test_the_founding_entry_and_what_is_not_anchored_have_no_status(evm: ContractEvm, log: bytes, index: int) -> None:
    with refused("IndexOutsideLog", log=log, size=SIZE):
        set_status(evm, change(index, 2))


def test_a_log_without_a_head_has_nothing_to_change(evm: ContractEvm) -> None:
    with refused("IndexOutsideLog", index=1, size=0):
        set_status(evm, change(1, 2))


@pytest.mark.parametrize("bit", [88, 89, 128, 255])
def test_bits_above_the_reason_code_are_refused(evm: ContractEvm, log: bytes, bit: int) -> None:
    what, digest = change(7, 2, 99)
    with refused("MalformedChange", what=str(what | 1 << bit)):
        set_status(evm, (what | 1 << bit, digest))


def test_a_change_without_a_reason_code_is_refused(evm: ContractEvm, log: bytes) -> None:
    reasonless = change(7, 2, reason=0)
    with refused("MalformedChange", what=str(reasonless[0])):
        set_status(evm, change(6, 2), reasonless)
    set_status(evm, change(6, 2, reason=1), change(7, 2, reason=65_535))
    assert [status(evm, index) for index in (6, 7)] == [2, 2]


def test_a_change_without_the_digest_of_its_record_is_refused(evm: ContractEvm, log: bytes) -> None:
    for digest in (bytes(31) + b"\1", b"\1" + bytes(31)):
        set_status(evm, change(7, 1, digest=digest), change(7, 0, digest=digest))
    undigested = change(7, 2, digest=bytes(32))
    with refused("MalformedChange", what=str(undigested[0])):
        set_status(evm, change(6, 2), undigested)
    assert [status(evm, index) for index in (6, 7)] == [0, 0]


def test_the_event_carries_who_and_every_change_as_it_was_sent(evm: ContractEvm, log: bytes) -> None:
    changes = [StatusChange(n, 2, 65_535 - n, keccak256(b"%d" % n)) for n in (999, 1, 70)]
    outcome = evm.transact(CLERK_A, "RecordStatus", "set", log, [item.pack() for item in changes])
    (event,) = outcome.events
    assert event.name == "StatusSet"
    assert dict(event.args) == {"log": log, "account": to_checksum_address(CLERK_A), "changes": tuple(changes)}


def test_another_authority_with_the_status_right_changes_it(evm: ContractEvm, log: bytes) -> None:
    evm.registrar("setRights", [(CLERK_B, ORG_A, Right.STATUS)])
    evm.transact(CLERK_B, "RecordStatus", "set", log, [change(12, State.PENALISED, 5)])
    assert status(evm, 12) == State.PENALISED


def test_records_of_an_ended_generation_can_still_be_revoked(evm: ContractEvm, log: bytes) -> None:
    evm.registrar("openGenerations", [(ORG_A, 1)])
    set_status(evm, change(12, State.WITHDRAWN))
    assert status(evm, 12) == State.WITHDRAWN


def test_logs_do_not_share_states(evm: ContractEvm, log: bytes) -> None:
    set_status(evm, change(12, State.WITHDRAWN))
    for other in (log_of(ORG_A, 1), log_of(ORG_B)):
        assert evm.call("RecordStatus", "statusOf", other, 12) == 0


@pytest.mark.parametrize("position", range(18, 28))
def test_a_malformed_log_is_refused(evm: ContractEvm, position: int) -> None:
    malformed = LOG[:position] + b"\x80" + LOG[position + 1 :]
    with refused("MalformedLog", log=malformed):
        set_status(evm, change(1, 2), log=malformed)
