"""A document read and judged without a chain, put into the few words that samples are compared by."""

from __future__ import annotations

from chain_service.core.verdicts.verdict import Check
from chain_service.core.verdicts.verdict_codes import Outcome
from chain_service.documents.facts import DocumentFacts
from chain_service.documents.judging.binding import Binding
from chain_service.documents.judging.signatures import judge_document
from support.documents.city import ISSUER, LIST_AGE, NOW


def judged(facts: DocumentFacts, *, at: int = NOW, anchored_by: int | None = None) -> tuple[str, set[str], list[Check]]:
    """The code of the first failed or else of the first indeterminate check, the warnings, and all checks.

    `valid` if there is no such check, `no_signature` if there is nothing to check. The seal registry is not asked.
    """
    binding = Binding(at=at, list_age=LIST_AGE, anchored_by=anchored_by, issuer=ISSUER)
    signed = judge_document(facts, binding, "a document")
    checks = [one for group in signed.groups for one in group.checks if one.name != "seal_registered"]
    warnings = {one.code for one in signed.warnings}
    for outcome in (Outcome.FAILED, Outcome.INDETERMINATE):
        found = next((one.code for one in checks if one.outcome is outcome), None)
        if found is not None:
            return found, warnings, checks
    return ("valid" if checks else "no_signature"), warnings, checks
