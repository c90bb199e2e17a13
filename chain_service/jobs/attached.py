"""A receipt attached to a document: checked where it speaks of the record found, and without power over the verdict."""

from __future__ import annotations

from dataclasses import replace

from chain_service.core.chain_trust import ChainTrust
from chain_service.core.codes import Outcome
from chain_service.core.entries import LogId
from chain_service.core.facts import Claim, Facts, HeadSignature
from chain_service.core.offline import prove_receipt
from chain_service.core.proving import find_head, judge_log_signature
from chain_service.core.receipts import parse
from chain_service.core.verdicts import Check, Verdict, warning
from chain_service.errors import BadRequest


def with_attached(verdict: Verdict, known: Facts, receipt: bytes, trust: ChainTrust | None) -> Verdict:
    """The verdict with the check `log_signature` passed by the attached receipt, or with the warning `receipt_ignored`.

    Whoever attached it is not who asks: it changes neither code nor any other check.
    """
    passed = None if trust is None else _signed(known, receipt, trust)
    if passed is None:
        warned = (*verdict.context.warnings, warning("receipt_ignored"))
        return replace(verdict, context=replace(verdict.context, warnings=warned))
    record, *others = verdict.groups
    checks = tuple(passed if one.name == passed.name else one for one in record.checks)
    return replace(verdict, groups=(replace(record, checks=checks), *others))


def attached_place(data: bytes, trust: ChainTrust) -> tuple[LogId, int] | None:
    """Log and index of the record that an attached receipt proves to be on chain; None where it proves nothing."""
    try:
        receipt = parse(data)
        prove_receipt(receipt, trust)
    except BadRequest:
        return None
    return receipt.log, receipt.proof.index


def _signed(known: Facts, data: bytes, trust: ChainTrust) -> Check | None:
    """The check, passed, if the receipt is about the very place in the log that the record has."""
    if known.claim is None:
        return None
    try:
        receipt = parse(data)
        if (receipt.log, receipt.proof.index) != (known.claim.log, known.claim.proof.index):
            return None
        state = prove_receipt(receipt, trust)[0]
    except BadRequest:
        return None
    shown = replace(
        known,
        claim=Claim(receipt.log, known.claim.entry, receipt.proof, presented=True),
        head_signature=HeadSignature(receipt.protected, receipt.key_id, receipt.signature),
        anchor_state=state,
        now_state=state,
    )
    head = find_head(shown)
    if head is None or head.shown_by is None or head.entry != head.expected:
        return None
    found = judge_log_signature(shown, head)
    return found if found.outcome is Outcome.PASSED else None
