"""Judges one record from gathered facts: numbered checks, each with its evidence, then one verdict."""

from __future__ import annotations

from chain_service.core.facts import Facts
from chain_service.core.verdicts import Group, Verdict


def judge(facts: Facts) -> Verdict:
    """The verdict on one record at `facts.at`. Never raises for what was presented, stored or proven badly."""
    raise NotImplementedError


def judge_record(facts: Facts) -> Group:
    """The group `record`: every check of it in order, the inapplicable ones skipped."""
    raise NotImplementedError
