"""A receipt attached to a document: checked where it speaks of the record found, and without power over the verdict."""

from __future__ import annotations

from dataclasses import replace

from chain_service.core.receipts.receipt import parse
from chain_service.core.records.hashing import LogId
from chain_service.core.verdicts.anchoring_checks import find_head, judge_log_signature
from chain_service.core.verdicts.inputs import Claim, HeadSignature, JudgeInput
from chain_service.core.verdicts.verdict import Check, Verdict, warning
from chain_service.core.verdicts.verdict_codes import Outcome
from chain_service.errors import BadRequest
from chain_service.jobs.context import App
from chain_service.jobs.verifying.chain_history import shown


def with_attached(app: App, verdict: Verdict, known: JudgeInput, receipt: bytes) -> Verdict:
    """The verdict with the check `log_signature` passed by the attached receipt, or with the warning `receipt_ignored`.

    Whoever attached it is not who asks: it changes neither code nor any other check.
    """
    passed = None if app.chain is None else _signed(app, known, receipt)
    if passed is None:
        warned = (*verdict.context.warnings, warning("receipt_ignored"))
        return replace(verdict, context=replace(verdict.context, warnings=warned))
    return verdict if verdict.record is None else verdict.having(verdict.record.having(passed))


def attached_place(app: App, data: bytes) -> tuple[LogId, int] | None:
    """Log and index of the record that an attached receipt proves to be on chain; None where it proves nothing."""
    try:
        receipt = parse(data)
        counts = app.chain is not None and any(proven.counts for proven in shown(app, receipt))
    except BadRequest:
        return None
    return (receipt.log, receipt.proof.index) if counts else None


def _signed(app: App, known: JudgeInput, data: bytes) -> Check | None:
    """The check, passed, if the receipt is about the very place in the log that the record has."""
    if known.claim is None:
        return None
    try:
        receipt = parse(data)
        if (receipt.log, receipt.proof.index) != (known.claim.log, known.claim.proof.index):
            return None
        state = next((proven for proven in shown(app, receipt) if proven.counts), None)
    except BadRequest:
        return None
    if state is None:
        return None
    facts = replace(
        known,
        claim=Claim(receipt.log, known.claim.entry, receipt.proof, presented=True),
        head_signature=HeadSignature(receipt.protected, receipt.key_id, receipt.signature),
        anchor_state=state,
        now_state=state,
    )
    head = find_head(facts)
    if head is None or head.shown_by is None or head.entry != head.expected:
        return None
    found = judge_log_signature(facts, head)
    return found if found.outcome is Outcome.PASSED else None
