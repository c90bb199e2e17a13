"""Papers as they are judged: each for itself, disclosures of one body together; and the question that asks about some.

Example: a whole and a partial disclosure of one record, its receipt twice and a file are three sheets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from chain_service.core.records.disclosure import parse_disclosure
from chain_service.core.verdicts.inputs import Content
from chain_service.core.verdicts.paper_kinds import Paper, PaperKind, take
from chain_service.core.verdicts.same_record import unite
from chain_service.errors import BadRequest
from chain_service.jobs.verifying.request import VerificationRequest

CLAIMS = (PaperKind.RECEIPT, PaperKind.PROOF)
"""Papers that say where in a log a record is."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """What is judged as one paper: a paper, or disclosures of one body put together."""

    kind: PaperKind
    papers: tuple[Paper, ...]
    data: bytes
    content: Content | None = None

    def asked(self) -> VerificationRequest:
        """The question about this sheet alone."""
        if self.kind is PaperKind.DISCLOSURE:
            return VerificationRequest(disclosure=self.data)
        if self.kind in CLAIMS:
            return VerificationRequest(receipt=self.data)
        return (
            VerificationRequest(file=self.data)
            if self.kind is PaperKind.FILE
            else VerificationRequest(digest=self.data.decode())
        )


def sheets_of(papers: Sequence[Paper]) -> list[Sheet]:
    """Disclosures of one body digest as one sheet, equal papers as one; trust files are none."""
    bodies: dict[bytes, list[tuple[Paper, Content]]] = {}
    same: dict[tuple[PaperKind, bytes], list[Paper]] = {}
    for paper in papers:
        if paper.kind is PaperKind.TRUST:
            continue
        content = None
        if paper.kind is PaperKind.DISCLOSURE:
            try:
                content = parse_disclosure(paper.data)
            except BadRequest:
                content = None  # its verdict says why
        if content is not None:
            bodies.setdefault(content.body_digest, []).append((paper, content))
        else:
            same.setdefault((paper.kind, paper.data), []).append(paper)
    found = []
    for together in bodies.values():
        content = unite([one for _, one in together])
        data = together[0][0].data if len(together) == 1 else orjson.dumps(content.to_json())
        found.append(Sheet(PaperKind.DISCLOSURE, tuple(paper for paper, _ in together), data, content))
    return [*found, *(Sheet(kind, tuple(equal), data) for (kind, data), equal in same.items())]


def question_about(base: VerificationRequest, *sheets: Sheet) -> VerificationRequest:
    """The question about these sheets, without what is asked of the record besides."""
    question = VerificationRequest(at=base.at, use_cause=base.use_cause)
    for sheet in sheets:
        question = replace(question, **_given(sheet.asked()))
    return question


def all_asked(base: VerificationRequest, sheets: Sequence[Sheet]) -> VerificationRequest:
    """The question about these sheets, and what is asked of the record besides."""
    return replace(question_about(base, *sheets), **_given(replace(base, at=None, use_cause=None)))


def one_question(base: VerificationRequest, papers: Sequence[Paper]) -> VerificationRequest:
    """What is asked about all the papers at once."""
    return question_about(base, *sheets_of(papers))


def papers_of(question: VerificationRequest) -> Iterator[Paper]:
    """The papers that were handed in with a question."""
    if question.disclosure is not None:
        yield take("disclosure", question.disclosure, PaperKind.DISCLOSURE)
    if question.receipt is not None:
        yield take("receipt", question.receipt, PaperKind.RECEIPT)
    if question.file is not None:
        yield Paper("file", PaperKind.FILE, question.file)
    if question.digest is not None:
        yield Paper("digest", PaperKind.DIGEST, question.digest.encode())


def _given(question: VerificationRequest) -> dict[str, Any]:
    return {name: value for name, value in vars(question).items() if value is not None}
