"""Verifies a record by its receipt and a trust file alone: pure, the same judge and codes as with a chain at hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chain_service.core.facts import Presented
from chain_service.core.trust import TrustFile
from chain_service.core.verdicts import Verdict

CLOCK_SKEW: Final = 5


def present(disclosure: bytes | None, files: tuple[Mapping[str, str], ...] = (), *, whole_files: bool = False
            ) -> Presented:  # fmt: skip
    """What was handed in, parsed; foreign bytes never raise: `failure` says what could not be read.

    `files` are digests as `file_digests` makes them; `whole_files` when file bytes, which may carry signatures, came.
    """
    raise NotImplementedError


def verify_offline(
    receipt: bytes, presented: Presented, trust: TrustFile, *, now: int, at: int | None = None, subject: str = ""
) -> Verdict:
    """The verdict at `at` (unix seconds, default `now`); nothing but the arguments is read.

    Never raises for what was handed in, except BadRequest (code `at_in_future`). `includedBy` is the time of the first
    evidence's block, `statusAsOf` that of the newest one's not after `at`; older than the trust file's age limit is
    `status_stale`. Without a disclosure there is nothing to verify: a receipt contains no record.
    """
    raise NotImplementedError
