"""Verifying: look up what is presented, remembered and proven on chain at one block; then judge, which is pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import structlog

from chain_service.chain.reader import HistoryRequest
from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.evidence import ProvenState, Slot
from chain_service.core.records.hashing import LogId
from chain_service.core.verdicts.file_ownership import decide
from chain_service.core.verdicts.inputs import (
    ASKED_AHEAD,
    Claim,
    Failure,
    HeadSignature,
    JudgeInput,
    Names,
    Outage,
    Presented,
)
from chain_service.core.verdicts.judge import Examine, judge
from chain_service.core.verdicts.shown_members import with_hidden
from chain_service.core.verdicts.verdict import Verdict
from chain_service.errors import BadRequest, InvalidProof, Unavailable
from chain_service.jobs.asker import PUBLIC, Asker, Public
from chain_service.jobs.context import App
from chain_service.jobs.validators import refresh_trust
from chain_service.jobs.verifying.attached_receipt import attached_place, with_attached
from chain_service.jobs.verifying.chain_history import ProvenAnchoring, anchored, at_moment, require_one_history
from chain_service.jobs.verifying.documents import ExaminedDocument, examine_file, no_signatures, with_answers
from chain_service.jobs.verifying.lookup import Lookup, damaged, look_up
from chain_service.jobs.verifying.missed_lookups import note_misses
from chain_service.jobs.verifying.names import registered_names
from chain_service.jobs.verifying.request import VerificationRequest
from chain_service.store import chain_index
from chain_service.store.readings import NewReading

TOGETHER = 200
"""Questions that share one read of the chain."""
log = structlog.get_logger("verify")


def verify_many(app: App, questions: Iterable[VerificationRequest], asker: Asker = PUBLIC) -> Iterator[Verdict]:
    """A verdict for each question, in order; several share each read of the chain.

    Outages and bad documents are findings in it, never exceptions. Raises `BadRequest` for a question that cannot be
    asked: a moment in the future, a look-up by identifier without number and name (or, with role `verify`, without
    cause), nothing at all.
    """
    remaining = iter(questions)
    while group := list(islice(remaining, TOGETHER)):
        yield from _verify_group(app, group, asker)


def _verify_group(app: App, questions: Sequence[VerificationRequest], asker: Asker) -> list[Verdict]:
    now = app.now
    for question in questions:
        check_question(question, asker, now)
    documents = _all_examined(app, questions, public=isinstance(asker, Public))
    with app.database.reading() as connection:
        refresh_trust(app, connection)
        lookups = [
            look_up(connection, question, asker, _before(document), keyed=app.kept_digest)
            for question, document in zip(questions, documents, strict=True)
        ]
        names = registered_names(connection, lookups)
        head = chain_index.newest_block(connection)
    _log_lookups(app, questions, lookups, asker)
    lookups = _beside_proven(app, [_usable(lookup) for lookup in lookups])
    shown = anchored(app, lookups)
    anchors = [proven.anchor for proven in shown]
    now_state = _read_chain(app, head, lookups, anchors, documents)
    lookups = [_with_failure(lookup, one, now_state) for lookup, one in zip(lookups, shown, strict=True)]
    then_states = _read_past(app, questions, lookups, now)

    def facts(question: VerificationRequest, lookup: Lookup, anchor: ProvenState | None) -> JudgeInput:
        return JudgeInput(
            subject=lookup.subject,
            presented=lookup.presented,
            at=now if question.at is None else question.at,
            now_state=now_state,
            max_age=int(app.settings.stale_after),
            past=question.at is not None and question.at < now,
            anchor_state=anchor,
            claim=lookup.claim,
            head_signature=_signature(lookup),
            memory=lookup.memory,
            recalled=lookup.recalled,
            then_state=None if question.at is None else then_states.get(question.at),
            display=lookup.display,
            **_beside(lookup, names),
        )

    verdicts = []
    for question, lookup, anchor, document in zip(questions, lookups, anchors, documents, strict=True):
        known = facts(question, lookup, anchor)
        examine = document.examine(lookup.subject, known.at, now_state, anchor) if document else no_signatures
        try:
            verdicts.append(_judged(app, question, document, known, examine))
        except Exception as error:  # noqa: BLE001 - judging never raises unless a stored row was altered into nonsense
            log.error("a stored record cannot be judged", error=type(error).__name__)
            verdicts.append(judge(facts(question, damaged(lookup), None), no_signatures))
    return verdicts


def _before(document: ExaminedDocument | None) -> Mapping[str, str] | None:
    """The digests of the document as it was before a receipt was attached."""
    return document.before_attaching if document is not None else None


def _beside_proven(app: App, lookups: Sequence[Lookup]) -> list[Lookup]:
    """The lookups with what is proven of the anchoring of the records beside those meant."""
    alone = [
        Lookup("", Presented(), claim=one.claim, evidence=kept)
        for lookup in lookups
        for one, kept in lookup.beside.found
    ]
    states = iter([proven.anchor for proven in anchored(app, alone)] if alone else [])
    return [
        replace(
            lookup,
            beside=replace(
                lookup.beside,
                found=tuple((replace(one, anchor_state=next(states)), kept) for one, kept in lookup.beside.found),
            ),
        )
        for lookup in lookups
    ]


def _beside(lookup: Lookup, names: Names) -> dict[str, Any]:
    """What JudgeInput holds beside the record meant: the other records and the names."""
    beside = lookup.beside
    candidates = tuple(one for one, _ in beside.found)
    crowd = {"crowded": beside.crowded, "counted": beside.counted}
    return {"candidates": candidates, "undecided": beside.undecided, "names": names, **crowd}


def _pointed(app: App, known: JudgeInput, document: ExaminedDocument | None) -> tuple[LogId, int] | None:
    """The place that a receipt attached to the document proves, looked at where nothing else says whose it is."""
    if not known.undecided or document is None or document.facts.receipt is None:
        return None
    return attached_place(app, document.facts.receipt)


def _judged(
    app: App, question: VerificationRequest, document: ExaminedDocument | None, known: JudgeInput, examine: Examine
) -> Verdict:
    """The verdict with the members that it does not show, and what a receipt attached to the document adds.

    A receipt that was presented goes before an attached one.
    """
    known = decide(known, examine, _pointed(app, known, document))
    verdict = with_hidden(judge(known, examine), known.presented.disclosure, known.recalled, known.names)
    if question.receipt is not None or document is None or document.facts.receipt is None:
        return verdict
    return with_attached(app, verdict, known, document.facts.receipt)


def _all_examined(app: App, questions: Sequence[VerificationRequest], *, public: bool) -> list[ExaminedDocument | None]:
    """What was read in the file of each question; one that several questions are about is read once."""
    files: dict[bytes, ExaminedDocument | None] = {}
    for question in questions:
        if question.file is not None and question.file not in files:
            files[question.file] = _examined(app, question, public=public)
    return [None if question.file is None else files[question.file] for question in questions]


def _examined(app: App, question: VerificationRequest, *, public: bool) -> ExaminedDocument | None:
    document = examine_file(app.parsers, question.file, app.settings.revocation_list_age, public=public)
    if document is None or question.file is None:
        return document
    return with_answers(document, app.parsers, app.responders, question.file, app.now, public=public)


def _usable(lookup: Lookup) -> Lookup:
    """The lookup, if the chain's words that it needs have places; its stored data are damaged otherwise."""
    try:
        _wanted(lookup)
    except Exception as error:  # noqa: BLE001 - it must not keep the other questions from the chain
        log.error("a stored record has no place on chain", error=type(error).__name__)
        return damaged(lookup)
    return lookup


def check_question(question: VerificationRequest, asker: Asker, now: int) -> None:
    """The question can be asked, by this asker at this moment (unix seconds). Raises `BadRequest`."""
    if question.at is not None and question.at > now + ASKED_AHEAD:
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
    if "verify" in asker.roles:
        if not (question.use_cause or "").strip():
            raise BadRequest("a look-up by identifier needs a useCause", code="use_cause_missing", field="useCause")
    elif not question.number or not question.holder_name:
        raise BadRequest(
            "a look-up by identifier needs certificateNumber and certificateHolderName too",
            code="number_and_name_missing",
            field="certificateNumber",
        )


def _log_lookups(app: App, questions: Sequence[VerificationRequest], lookups: Sequence[Lookup], asker: Asker) -> None:
    """Every look-up by identifier is on record with its cause, and never the identifier itself."""
    uncaused = "public look-up" if isinstance(asker, Public) else "looked up without a cause"
    asked = [
        NewReading(
            app.clock(),
            asker.key_id,
            asker.org,
            lookup.memory.record_id if lookup.memory else None,
            action="verify",
            cause=((question.use_cause or "").strip() or uncaused)[:500],
        )
        for question, lookup in zip(questions, lookups, strict=True)
        if question.identifier is not None
    ]
    if asked:
        app.readings.write(asked)
    if asker.key_id is not None and any(reading.record_id is None for reading in asked):
        note_misses(app, asker.key_id, asker.org)


def _with_failure(lookup: Lookup, shown: ProvenAnchoring, now_state: ProvenState | Outage) -> Lookup:
    """The lookup, with the failure of a receipt that proves nothing or is of another history than the chain's."""
    failure = shown.failure
    if failure is None and lookup.receipt is not None and isinstance(now_state, ProvenState):
        try:
            require_one_history(shown.states, now_state, lookup.receipt)
        except InvalidProof as error:
            failure = Failure("proof_invalid", "receipt", error.message)
    if failure is None:
        return lookup
    presented = replace(lookup.presented, failure=failure)
    if failure.code == "issuer_unknown":
        # of another chain: its place in a log is none of this one
        return Lookup(lookup.subject, presented, beside=lookup.beside)
    return replace(lookup, presented=presented)


def _wanted(lookup: Lookup) -> list[Slot]:
    """Where the chain holds the heads and the states that the lookup's claims lead to."""
    return [
        slot
        for claim in _claims(lookup)
        for slot in (
            (storage_layout.RECORD_LOG, storage_layout.head_slot(claim.log, claim.proof.size)),
            (storage_layout.RECORD_STATUS, storage_layout.status_slot(claim.log, claim.proof.index)[0]),
        )
    ]


def _claims(lookup: Lookup) -> list[Claim]:
    """That of the record meant and those of the records beside it."""
    return [
        claim
        for claim in (lookup.claim, *(candidate.claim for candidate, _ in lookup.beside.found))
        if claim is not None
    ]


def _signature(lookup: Lookup) -> HeadSignature | None:
    one = lookup.receipt
    return None if one is None else HeadSignature(one.protected, one.key_id, one.signature)


def _read_chain(
    app: App,
    head: chain_index.IndexedBlock | None,
    lookups: Sequence[Lookup],
    anchors: Sequence[ProvenState | None],
    documents: Sequence[ExaminedDocument | None],
) -> ProvenState | Outage:
    """The newest final block with everything that the lookups need, in one round trip."""
    wants: list[Slot] = []
    histories: list[HistoryRequest] = []
    for lookup, anchor in zip(lookups, anchors, strict=True):
        wants += _wanted(lookup)
        if lookup.claim is None:
            continue
        content = lookup.presented.disclosure or lookup.recalled
        if anchor is None and content is not None and content.kind == "certificate":
            histories.append(
                HistoryRequest(
                    storage_layout.ORGANISATIONS, partial(storage_layout.permit_slot, content.org, content.type_code), 1
                )
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
    # the block up to which the index follows the chain speaks of now, even if its validators are known to change after
    return replace(state, counts=True, speaks_until=None)


def _read_past(
    app: App, questions: Sequence[VerificationRequest], lookups: Sequence[Lookup], now: int
) -> dict[int, ProvenState]:  # fmt: skip
    """What is proven of the moments in the past that are asked about."""
    states: dict[int, ProvenState] = {}
    for moment in {question.at for question in questions if question.at is not None and question.at < now}:
        claims = [claim for q, d in zip(questions, lookups, strict=True) if q.at == moment for claim in _claims(d)]
        state = at_moment(app, moment, claims)
        if state is not None:
            states[moment] = state
    return states
