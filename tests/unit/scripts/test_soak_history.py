"""The history of a sustained run tells what cannot be true together."""

from __future__ import annotations

import threading
import time

from soaking.history import History, places
from soaking.load import Caller

VALID = {"verdict": "valid", "code": "in_force"}


def acknowledged() -> History:
    history = History()
    history.acknowledged(["a", "b"], ["1", "2"])
    return history


def test_each_acknowledged_record_has_one_place() -> None:
    history = acknowledged()
    history.acknowledged(["a"], ["1"])
    assert history.violations == []
    assert places([("a", "1", 1), ("b", "2", 2)], history, 3) == []


def test_what_is_lost_twice_unasked_or_nowhere_is_told() -> None:
    history = acknowledged()
    good = [("a", "1", 1), ("b", "2", 2)]
    for rows, size in (
        (good[:1], 2),
        ([("a", "1", 1), ("b", "9", 2)], 3),
        ([*good, ("a", "3", 3)], 4),
        ([*good, ("c", "3", 3)], 4),
        ([("a", "1", 1), ("b", "2", 1)], 3),
        ([("a", "1", 1), ("b", "2", None)], 3),
        (good, 2),
        (good, 4),
    ):
        assert places(rows, history, size)


def test_what_the_service_states_itself_has_a_place_and_no_acknowledgement() -> None:
    rows = [("a", "1", 1), ("b", "2", 2), ("head", "3", 3)]
    assert places(rows, acknowledged(), 4, {"head"}) == []
    assert places(rows, acknowledged(), 4)


def test_what_must_be_acknowledged_is_asked_for_no_longer_once_no_service_comes_back() -> None:
    stopping = threading.Event()
    stopping.set()
    caller = Caller([9], "key", acknowledged(), stopping, patience=0.2)  # nothing listens at the port for discarding
    assert caller.ask("POST", "/v1/records", always=True) is None


def test_one_identifier_with_two_ids_is_told() -> None:
    history = acknowledged()
    history.acknowledged(["a"], ["3"])
    assert len(history.violations) == 1


def test_valid_after_an_acknowledged_withdrawal_is_told_and_before_it_is_not() -> None:
    history = acknowledged()
    before = time.monotonic()
    history.judged("1", before, VALID, ever_changed=False)
    history.changed("1", "withdrawn")
    history.judged("1", before, VALID, ever_changed=True)
    history.judged("1", time.monotonic(), {"verdict": "invalid", "code": "withdrawn"}, ever_changed=True)
    assert history.violations == []
    history.judged("1", time.monotonic(), VALID, ever_changed=True)
    assert len(history.violations) == 1


def test_a_genuine_paper_that_is_accused_and_a_forged_one_that_is_excused_are_told() -> None:
    history = acknowledged()
    unable = {"verdict": "indeterminate", "code": "node_unavailable"}
    altered = {"verdict": "invalid", "code": "content_altered"}
    history.judged("2", time.monotonic(), unable, ever_changed=False)
    history.judged_file(forged=True, verdict=altered)
    history.judged_file(forged=False, verdict=unable)
    assert history.violations == []
    history.judged("2", time.monotonic(), altered, ever_changed=False)
    history.judged_file(forged=False, verdict=altered)
    history.judged_file(forged=True, verdict=VALID)
    assert len(history.violations) == 3
