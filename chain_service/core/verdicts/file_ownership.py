"""Whose file it is, where several organisations' records name it and neither a disclosure nor a receipt says so."""

from __future__ import annotations

from dataclasses import replace

from chain_service.core.records.hashing import LogId
from chain_service.core.verdicts.candidates import as_judged, head_of
from chain_service.core.verdicts.check_rules import SIGNATURE
from chain_service.core.verdicts.inputs import Candidate, JudgeInput
from chain_service.core.verdicts.judge import Anchoring, Examine, JudgedSignatures
from chain_service.core.verdicts.verdict_codes import Outcome


def decide(facts: JudgeInput, examine: Examine | None, attached: tuple[LogId, int] | None = None) -> JudgeInput:
    """The facts with the record that is meant, if something in the file says which; else as they are.

    `attached` is the place of a proven receipt that the file carries; a sound seal or signature of exactly one of the
    organisations decides after it.
    """
    if not facts.undecided:
        return facts
    for candidate in _at_hand(facts):
        if attached is not None and candidate.place == attached:
            return _decided(facts, candidate)
    if examine is None or not facts.presented.whole_files:
        return facts
    signers = [newest for newest in _newest_of_each(facts) if _signed_by_its_issuer(facts, newest, examine)]
    return _decided(facts, signers[0]) if len(signers) == 1 else facts


def _decided(facts: JudgeInput, candidate: Candidate) -> JudgeInput:
    """The facts with this candidate meant; the many others count no more, unless one of them may have ended unseen."""
    return replace(as_judged(facts, candidate), crowded=facts.crowded and not facts.counted)


def _at_hand(facts: JudgeInput) -> list[Candidate]:
    """The candidates whose content was not erased."""
    return [candidate for candidate in facts.candidates if not candidate.memory.erased]


def _newest_of_each(facts: JudgeInput) -> list[Candidate]:
    """Each organisation's newest certificate that names the very file, or else its newest document."""
    newest: dict[str, Candidate] = {}
    for candidate in sorted(_at_hand(facts), key=lambda claim: claim.kind != "certificate"):
        if candidate.names_file:
            newest.setdefault(candidate.org, candidate)
    return list(newest.values())


def _signed_by_its_issuer(facts: JudgeInput, candidate: Candidate, examine: Examine) -> bool:
    """Whether every signature of the file holds and one of them is bound to the candidate's organisation."""
    _, head, proof = head_of(facts, candidate)
    if candidate.recalled is None or head is None or head.shown_by is None or proof.outcome is not Outcome.PASSED:
        return False
    return _sound(examine(Anchoring(candidate.recalled, head.shown_by.time)))


def _sound(signed: JudgedSignatures) -> bool:
    checks = [check for group in signed.groups for check in group.checks]
    if any(check.outcome in (Outcome.FAILED, Outcome.INDETERMINATE) for check in checks):
        return False
    return any(
        group[SIGNATURE.SIGNATURE].code == "signature_holds" and group[SIGNATURE.ISSUER_BINDING].code == "issuer_bound"
        for group in signed.groups
    )
