"""Verifying: gather what is presented, remembered and proven on chain at one block; then judge, which is pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import structlog

from chain_service.chain.reader import History
from chain_service.core import layout
from chain_service.core.codes import Outcome
from chain_service.core.deciding import decide
from chain_service.core.entries import LogId
from chain_service.core.evidence import ProvenState, Slot
from chain_service.core.facts import Claim, Facts, Failure, HeadSignature, Names, Outage
from chain_service.core.judge import judge
from chain_service.core.offline import prove_receipt
from chain_service.core.showing import with_hidden
from chain_service.core.verdicts import Verdict
from chain_service.errors import BadRequest, InvalidProof, Unavailable
from chain_service.jobs.attached import attached_place, with_attached
from chain_service.jobs.context import App, Caller
from chain_service.jobs.documents import Examined, examine_file, no_signatures, with_answers
from chain_service.jobs.gathering import Draft, damaged, gather
from chain_service.jobs.names import registered_names
from chain_service.jobs.pooled import proven
from chain_service.jobs.questions import Question
from chain_service.jobs.validators import refresh_trust
from chain_service.store import chain_index
from chain_service.store.readings import NewReading

__all__ = ["Outcome", "Question", "Verdict", "check_question", "verify", "verify_many"]

TOGETHER = 200
"""Questions that share one read of the chain."""
CLOCK_SKEW = 5
log = structlog.get_logger("verify")


def verify(app: App, question: Question, caller: Caller | None = None, *, operator: bool = False) -> Verdict:
    """One verdict; outages and bad documents are findings in it, never exceptions.

    Raises `BadRequest` for a question that cannot be asked: a moment in the future, a look-up by identifier without
    number and name (or, with role `verify`, without cause), nothing at all.
    """
    return next(verify_many(app, [question], caller, operator=operator))


def verify_many(
    app: App, questions: Iterable[Question], caller: Caller | None = None, *, operator: bool = False
) -> Iterator[Verdict]:
    """A verdict for each question, in order; several share each read of the chain.

    operator: asked at the instance's own command line, so files are read as for a caller with a key.
    """
    remaining = iter(questions)
    while group := list(islice(remaining, TOGETHER)):
        yield from _verify_group(app, group, caller, public=caller is None and not operator)


def _verify_group(app: App, questions: Sequence[Question], caller: Caller | None, *, public: bool) -> list[Verdict]:
    now = app.now
    for question in questions:
        check_question(question, caller, now)
    documents = _all_examined(app, questions, public=public)
    with app.database.reading() as connection:
        refresh_trust(app, connection)
        drafts = [
            gather(connection, question, caller, document.before_attaching if document else None)
            for question, document in zip(questions, documents, strict=True)
        ]
        names = registered_names(connection, drafts)
        head = chain_index.head_block(connection)
        moments = {question.at for question in questions if question.at is not None and question.at < now}
        blocks = {moment: chain_index.block_at(connection, moment) for moment in moments}
    _log_lookups(app, questions, drafts, caller)
    drafts, anchors = _anchored(app, [_usable(draft) for draft in drafts])
    now_state = _read_chain(app, head, drafts, anchors, documents)
    then_states = _read_past(app, questions, drafts, blocks)

    def facts(question: Question, draft: Draft, anchor: ProvenState | None) -> Facts:
        return Facts(
            subject=draft.subject,
            presented=draft.presented,
            at=now if question.at is None else question.at,
            now_state=now_state,
            max_age=int(app.settings.stale_after),
            past=question.at is not None and question.at < now,
            anchor_state=anchor,
            claim=draft.claim,
            head_signature=_signature(draft),
            memory=draft.memory,
            recalled=draft.recalled,
            then_state=None if question.at is None else then_states.get(question.at),
            display=draft.display,
            **_beside(app, draft, names),
        )

    verdicts = []
    for question, draft, anchor, document in zip(questions, drafts, anchors, documents, strict=True):
        known = facts(question, draft, anchor)
        examine = document.examine(draft.subject, known.at, now_state, anchor) if document else no_signatures
        try:
            known = decide(known, examine, _pointed(app, known, document))
            verdicts.append(_told(app, question, document, known, judge(known, examine)))
        except Exception as error:  # noqa: BLE001 - judging never raises unless a stored row was altered into nonsense
            log.error("what is stored of a record cannot be judged", error=type(error).__name__)
            verdicts.append(judge(facts(question, damaged(draft), None), no_signatures))
    return verdicts


def _beside(app: App, draft: Draft, names: Names) -> dict[str, Any]:
    """What Facts hold beside the record meant: the other records, each with its anchoring proven, and the names."""
    trust = None if app.chain is None else app.chain.reader.trust
    candidates = tuple(
        candidate if trust is None or stored is None else replace(candidate, anchor_state=proven(stored, trust))
        for candidate, stored in draft.beside.found
    )
    beside = draft.beside
    return {"candidates": candidates, "undecided": beside.undecided, "crowded": beside.crowded, "names": names}


def _pointed(app: App, known: Facts, document: Examined | None) -> tuple[LogId, int] | None:
    """The place that a receipt attached to the document proves, looked at where nothing else says whose it is."""
    if not known.undecided or app.chain is None or document is None or document.facts.receipt is None:
        return None
    return attached_place(document.facts.receipt, app.chain.reader.trust)


def _told(app: App, question: Question, document: Examined | None, known: Facts, verdict: Verdict) -> Verdict:
    """The verdict with the members that it does not show, and what a receipt attached to the document adds.

    A receipt that was handed in goes before an attached one.
    """
    checks = {one.name: one for group in verdict.groups if group.name == "record" for one in group.checks}
    compared = checks["file_digest"].outcome is Outcome.PASSED
    presented = known.presented.disclosure
    verdict = with_hidden(verdict, presented, presented or known.recalled, file=compared)
    if question.receipt is not None or document is None or document.facts.receipt is None:
        return verdict
    trust = None if app.chain is None else app.chain.reader.trust
    return with_attached(verdict, known, document.facts.receipt, trust)


def _all_examined(app: App, questions: Sequence[Question], *, public: bool) -> list[Examined | None]:
    """What was read in the file of each question; one that several questions are about is read once."""
    files: dict[bytes, Examined | None] = {}
    for question in questions:
        if question.file is not None and question.file not in files:
            files[question.file] = _examined(app, question, public=public)
    return [None if question.file is None else files[question.file] for question in questions]


def _examined(app: App, question: Question, *, public: bool) -> Examined | None:
    found = examine_file(app.parsers, question.file, app.settings.revocation_list_age, public=public)
    if found is None or question.file is None:
        return found
    return with_answers(found, app.parsers, app.responders, question.file, app.now, public=public)


def _usable(draft: Draft) -> Draft:
    """The draft, if the chain's words that it needs have places; what is stored of it is damaged otherwise."""
    try:
        _wanted(draft)
    except Exception as error:  # noqa: BLE001 - it must not keep the other questions from the chain
        log.error("what is stored of a record has no place on chain", error=type(error).__name__)
        return damaged(draft)
    return draft


def check_question(question: Question, caller: Caller | None, now: int) -> None:
    """The question can be asked, by this caller at this moment (unix seconds). Raises `BadRequest`."""
    if question.at is not None and question.at > now + CLOCK_SKEW:
        raise BadRequest("at must not lie in the future", code="at_in_future", field="at")
    by_number = question.number is not None or question.holder_name is not None
    if question.disclosure is not None:
        return
    if question.identifier is None:
        if by_number:
            # with a proof, which is public, a number alone could be guessed
            raise BadRequest(
                "certificateNumber and certificateHolderName go with an identifier or a disclosure",
                code="identifier_missing",
                field="identifier",
            )
        return
    if caller is not None and "verify" in caller.roles:
        if not (question.use_cause or "").strip():
            raise BadRequest("a look-up by identifier needs a useCause", code="use_cause_missing", field="useCause")
    elif not question.number or not question.holder_name:
        raise BadRequest(
            "a look-up by identifier needs certificateNumber and certificateHolderName too",
            code="number_and_name_missing",
            field="certificateNumber",
        )


def _log_lookups(app: App, questions: Sequence[Question], drafts: Sequence[Draft], caller: Caller | None) -> None:
    """Every look-up by identifier is on record with its cause, and never the identifier itself."""
    asked = [
        NewReading(
            app.clock(),
            caller.key_id if caller else None,
            caller.org if caller else None,
            draft.memory.record_id if draft.memory else None,
            action="verify",
            cause=(question.use_cause or "public look-up")[:500],
        )
        for question, draft in zip(questions, drafts, strict=True)
        if question.identifier is not None
    ]
    if asked:
        app.readings.write(asked)


def _anchored(app: App, drafts: Sequence[Draft]) -> tuple[list[Draft], list[ProvenState | None]]:
    """The drafts, with the failure of a receipt that proves nothing, and what is proven of each anchoring block."""
    told: list[Draft] = []
    anchors = []
    for draft in drafts:
        anchor, failure = _anchor_state(app, draft)
        anchors.append(anchor)
        told.append(draft if failure is None else replace(draft, presented=replace(draft.presented, failure=failure)))
    return told, anchors


def _anchor_state(app: App, draft: Draft) -> tuple[ProvenState | None, Failure | None]:
    """What is proven of the anchoring block, by the stored proof or the receipt presented; None if nothing is.

    The failure is that of a receipt that proves nothing.
    """
    if app.chain is None:
        return None, None
    trust = app.chain.reader.trust
    shown = None
    if draft.receipt is not None and draft.presented.failure is None:
        try:
            shown = prove_receipt(draft.receipt, trust)[0]
        except InvalidProof as error:
            return None, Failure("proof_invalid", "receipt", error.message)
    stored = None if draft.evidence is None else proven(draft.evidence, trust)
    return stored or shown, None


def _wanted(draft: Draft) -> list[Slot]:
    """Where the chain holds the heads and the states that the draft's claims lead to."""
    return [
        slot
        for claim in _claims(draft)
        for slot in (
            (layout.RECORD_LOG, layout.head_slot(claim.log, claim.proof.size)),
            (layout.RECORD_STATUS, layout.status_slot(claim.log, claim.proof.index)[0]),
        )
    ]


def _claims(draft: Draft) -> list[Claim]:
    """That of the record meant and those of the records beside it."""
    return [one for one in (draft.claim, *(found.claim for found, _ in draft.beside.found)) if one is not None]


def _signature(draft: Draft) -> HeadSignature | None:
    one = draft.receipt
    return None if one is None else HeadSignature(one.protected, one.key_id, one.signature)


def _read_chain(
    app: App,
    head: chain_index.Block | None,
    drafts: Sequence[Draft],
    anchors: Sequence[ProvenState | None],
    documents: Sequence[Examined | None],
) -> ProvenState | Outage:
    """The newest final block with everything that the drafts need, in one round trip."""
    wants: list[Slot] = []
    histories: list[History] = []
    for draft, anchor in zip(drafts, anchors, strict=True):
        wants += _wanted(draft)
        if draft.claim is None:
            continue
        content = draft.presented.disclosure or draft.recalled
        if anchor is None and content is not None and content.kind == "certificate":
            histories.append(
                History(layout.ORGANISATIONS, partial(layout.permit_slot, content.org, content.type_code), 1)
            )
    for document in filter(None, documents):
        slots, more = document.words()
        wants += slots
        histories += more
    if head is None or app.chain is None:
        return Outage("node_unavailable", "the chain has not been read yet")
    try:
        _, state, _ = app.chain.reader.prove_histories(head.number, wants, histories, head.hash)
    except Unavailable as error:
        return Outage("node_unavailable", error.message)
    except InvalidProof as error:
        return Outage("finality_unproven", error.message)
    return state


def _read_past(
    app: App,
    questions: Sequence[Question],
    drafts: Sequence[Draft],
    blocks: Mapping[int, chain_index.Block | None],
) -> dict[int, ProvenState]:
    """The status words as the last block before each moment proves them; without those that no node can prove now."""
    found: dict[int, ProvenState] = {}
    for moment, block in blocks.items():
        claims = [claim for q, d in zip(questions, drafts, strict=True) if q.at == moment for claim in _claims(d)]
        if block is None or app.chain is None or not claims:
            continue
        wants = [(layout.RECORD_STATUS, layout.status_slot(claim.log, claim.proof.index)[0]) for claim in claims]
        try:
            found[moment] = app.chain.reader.prove(block.number, wants, block.hash)[1]
        except (Unavailable, InvalidProof):
            continue
    return found
