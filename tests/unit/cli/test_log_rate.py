"""A flood of lines is counted instead of written, each kind for itself."""

from __future__ import annotations

import logging
from typing import Any

from chain_service.cli.log_rate import BURST, MOST_KINDS, WARNINGS, LogRate


def line(event: Any, level: int = logging.INFO, name: str = "chain_service.web") -> logging.LogRecord:
    return logging.LogRecord(name, level, "", 0, event, None, None)


def test_a_kind_of_line_has_a_rate_and_what_is_left_out_is_said() -> None:
    now = [0.0]
    rate = LogRate(20, lambda: now[0])
    passed = [rate.filter(line({"event": "request"})) for _ in range(1000)]
    assert sum(passed) == 20 * BURST
    assert rate.filter(line({"event": "bounded"}, logging.WARNING)), "a flood of one kind hides no other"
    now[0] += 1
    again = [line({"event": "request", "status": number}) for number in range(30)]
    written = [one for one in again if rate.filter(one)]
    assert len(written) == 20
    assert written[0].msg == {"event": "request", "status": 0, "left_out": 1000 - 20 * BURST}
    assert "left_out" not in written[1].msg


def test_warnings_have_a_smaller_rate_and_texts_of_libraries_are_lines_too() -> None:
    now = [0.0]
    rate = LogRate(1000, lambda: now[0])
    lines = [line("Invalid HTTP request received.", logging.WARNING, "uvicorn.error") for _ in range(500)]
    assert sum(map(rate.filter, lines)) == WARNINGS * BURST
    now[0] += 1
    last = line("Invalid HTTP request received.", logging.WARNING, "uvicorn.error")
    assert rate.filter(last)
    assert last.getMessage().endswith(f"({500 - WARNINGS * BURST} such lines were left out)")


def test_lines_that_are_different_every_time_are_one_kind_in_the_end() -> None:
    rate = LogRate(10, lambda: 0.0)
    passed = sum(rate.filter(line(f"message {number}")) for number in range(50 * MOST_KINDS))
    assert passed == MOST_KINDS + 10 * BURST
