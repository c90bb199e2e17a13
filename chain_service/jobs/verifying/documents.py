"""The documents among what is presented: read in another process, then judged against record, registry and time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

import structlog

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.evidence import ProvenState, Slot
from chain_service.core.encoding.decoding import read_day
from chain_service.core.encoding.digests import sha256, sm3
from chain_service.core.records.identifiers import is_org_code
from chain_service.core.verdicts.inputs import Outage
from chain_service.core.verdicts.judge import Anchoring, Examine, JudgedSignatures
from chain_service.documents.facts import DocumentFacts, Problem
from chain_service.documents.judging.binding import Binding, is_seal_code
from chain_service.documents.judging.signatures import judge_document
from chain_service.documents.kinds import at_first_sight
from chain_service.errors import MalformedDocument
from chain_service.jobs.parsing.pool import Parsers

if TYPE_CHECKING:
    from chain_service.chain.reader import HistoryRequest
    from chain_service.jobs.parsing.ocsp_responders import Responders

MAX_SEALS = 16
"""Seals of one document that are looked up on chain; those beyond count as not told."""
_SEAL_FACTS, _SEAL_STATES, _PERMITS = 6, 2, 1
log = structlog.get_logger("documents")


@dataclass(frozen=True)
class ExaminedDocument:
    """A document that was read."""

    facts: DocumentFacts
    list_age: int
    """How many seconds after its making a revocation list still speaks for the present."""

    @property
    def seal_codes(self) -> list[str]:
        """The codes of its seals that the registry could hold."""
        seals = [self.facts.seal, *(signature.seal for signature in self.facts.signatures)]
        found = dict.fromkeys(seal.code for seal in seals if seal is not None)
        return [code for code in found if is_seal_code(code)][:MAX_SEALS]

    @property
    def before_attaching(self) -> dict[str, str]:
        """Digests of the file as it was signed, where only attachments were added since; empty otherwise."""
        found = self.facts.before_attaching
        return {} if found is None else {"sha-256": found[0].hex(), "sm3": found[1].hex()}

    def claimed_issuer(self) -> tuple[str, str | None, date | None] | None:
        """Organisation, certificate type and day of issue as the document's own metadata name them."""
        named = dict(self.facts.metadata)
        issuer, type_code = named.get("certificateIssuingAuthorityCode", ""), named.get("certificateTypeCode")
        if not is_org_code(issuer):
            return None
        try:
            return issuer, type_code, read_day(named.get("certificateIssuedDate", "")[:10])
        except MalformedDocument:
            return issuer, type_code, None

    def words(self) -> tuple[list[Slot], list[HistoryRequest]]:
        """What the chain has to be asked for its signatures: seals, and the permit that it itself speaks of."""
        from chain_service.chain.reader import HistoryRequest

        slots: list[Slot] = []
        histories = list(_seal_histories(self.seal_codes))
        claimed = self.claimed_issuer()
        if claimed is not None and self.facts.signatures:
            issuer, type_code, _ = claimed
            slots.append((storage_layout.ORGANISATIONS, storage_layout.standing_slot(issuer)))
            if type_code is not None:
                permits = partial(storage_layout.permit_slot, issuer, type_code)
                histories.append(HistoryRequest(storage_layout.ORGANISATIONS, permits, _PERMITS))
        return slots, histories

    def examine(self, subject: str, at: int, now_state: ProvenState | Outage, anchor: ProvenState | None) -> Examine:
        """How its signatures are judged once the record's checks have said what anchoring proves."""
        states = tuple(state for state in (now_state, anchor) if isinstance(state, ProvenState))
        outage = now_state if isinstance(now_state, Outage) else None
        binding = Binding(at=at, list_age=self.list_age, states=states, outage=outage)
        return partial(self._judge, subject, binding)

    def _judge(self, subject: str, binding: Binding, anchoring: Anchoring) -> JudgedSignatures:
        binding = replace(binding, missing=anchoring.missing)
        if anchoring.record is not None:
            binding = replace(binding, issuer=anchoring.record.org, anchored_by=anchoring.by)
        elif (claimed := self.claimed_issuer()) is not None:
            issuer, type_code, issued = claimed
            binding = replace(binding, issuer=issuer, type_code=type_code, issued=issued)
        try:
            return judge_document(self.facts, binding, subject)
        except Exception as error:  # noqa: BLE001 - whatever foreign bytes led to, it is a finding and ends no request
            log.error("the facts of a document cannot be judged", error=type(error).__name__)
            problem = Problem("not_judged", "what was read in it is inconsistent")
            return judge_document(replace(self.facts, problem=problem), binding, subject)


def _seal_histories(codes: Sequence[str]) -> Iterator[HistoryRequest]:
    from chain_service.chain.reader import HistoryRequest

    for code in codes:
        yield HistoryRequest(storage_layout.SEAL_REGISTRY, partial(storage_layout.seal_fact_slot, code), _SEAL_FACTS)
        yield HistoryRequest(storage_layout.SEAL_REGISTRY, partial(storage_layout.seal_state_slot, code), _SEAL_STATES)


def needs_parsing(data: bytes) -> bool:
    """Whether the first bytes leave open what the file is, so that another process reads it."""
    return at_first_sight(data) is None


def examine_file(parsers: Parsers, data: bytes | None, list_age: float, *, public: bool) -> ExaminedDocument | None:
    """The file, read in another process if its first bytes do not tell that there is nothing to read.

    Raises Unavailable (`busy`).
    """
    if data is None:
        return None
    kind = at_first_sight(data)
    if kind is None:
        return ExaminedDocument(parsers.read(data, public=public), int(list_age))
    facts = DocumentFacts(kind.media, len(data), sha256(data), sm3(data), kind=kind.code)
    return ExaminedDocument(facts, int(list_age))


def with_answers(
    found: ExaminedDocument, parsers: Parsers, responders: Responders, data: bytes, now: int, *, public: bool
) -> ExaminedDocument:
    """The file read again with what responders say of the certificates whose revocation is unknown.

    Callers without a key get what is kept and make the service ask nobody. Raises Unavailable (`busy`).
    """
    asked = responders.questions(found.facts, now, found.list_age)
    answers = responders.answers(asked, now, fetch=not public)
    if not answers:
        return found
    facts = parsers.read(data, public=public, answers=tuple(answers.values()))
    if facts.problem is not None:
        return found  # an answer that ends its reader makes no document unreadable
    responders.remember(facts, answers, found.list_age)
    return replace(found, facts=facts)


def no_signatures(_: Anchoring) -> JudgedSignatures:
    """A file that is no document has none to judge."""
    return JudgedSignatures()
