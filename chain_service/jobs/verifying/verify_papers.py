"""The papers of one holder verified against the chain: `several_papers` judges them by what `verify` says of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from chain_service.core.receipts.trust_file import TrustFile
from chain_service.core.receipts.trust_file import parse as parse_trust
from chain_service.core.verdicts.paper_kinds import Paper, PaperKind
from chain_service.core.verdicts.verdict import Verdict
from chain_service.core.verdicts.verdict_codes import VerdictOutcome
from chain_service.errors import BadRequest, NotFound
from chain_service.jobs.asker import PUBLIC, Asker, Operator
from chain_service.jobs.context import App
from chain_service.jobs.proofs import trust_files
from chain_service.jobs.records.records import content_at
from chain_service.jobs.verifying.request import VerificationRequest
from chain_service.jobs.verifying.several_papers import (
    Ask,
    judge_papers,
    require_few,
    split,
)
from chain_service.jobs.verifying.sheets import one_question, papers_of
from chain_service.jobs.verifying.verify import check_question, verify_many


def verify_papers(app: App, papers: Sequence[Paper], base: VerificationRequest, asker: Asker = PUBLIC) -> Verdict:
    """The verdict on all papers of one holder. Raises `BadRequest` as `verify_many` and for more than MAX_PAPERS.

    `base` says what else is asked: identifier, number, name, moment, cause.
    """
    require_few(papers)
    ask = _ask(app, asker)
    return judge_papers(papers, base, ask, lambda place: content_at(app, place), _accepted(app))


def holders(app: App, papers: Sequence[Paper], at: int | None) -> list[list[Paper]]:
    """The papers by the record that each belongs to, for an operator: every list is one question."""
    ask = _ask(app, Operator())
    return split(papers, VerificationRequest(at=at), ask, lambda place: content_at(app, place))


def verify_lists(app: App, lists: Iterable[Sequence[Paper]], at: int | None) -> Iterator[Verdict]:
    """A verdict for each list of papers of one holder, in order, for an operator; single papers share reads."""
    base = VerificationRequest(at=at)
    for alone, some in groupby(lists, key=lambda papers: len(papers) == 1 and papers[0].kind is not PaperKind.TRUST):
        if alone:
            yield from verify_many(app, (one_question(base, papers) for papers in some), Operator())
        else:
            for papers in some:
                yield verify_papers(app, papers, base, Operator())


def verify_each(app: App, questions: Sequence[VerificationRequest], asker: Asker) -> Iterator[Verdict]:
    """A verdict for each question, in order, each about papers of one holder."""
    verdicts = verify_many(app, questions, asker)
    for question, verdict in zip(questions, verdicts, strict=True):
        papers = list(papers_of(question))
        if verdict.answer is VerdictOutcome.VALID or len(papers) < 2:
            yield verdict
        else:
            base = replace(question, disclosure=None, receipt=None, file=None, digest=None)
            yield verify_papers(app, papers, base, asker)


def check_asked(papers: Sequence[Paper], base: VerificationRequest, asker: Asker, now: int) -> None:
    """What is asked besides the papers can be asked. Raises `BadRequest`."""
    shown = any(paper.kind is PaperKind.DISCLOSURE for paper in papers)
    check_question(replace(base, disclosure=b"" if shown else None), asker, now)


def _ask(app: App, asker: Asker) -> Ask:
    return lambda questions: verify_many(app, questions, asker)


def _accepted(app: App) -> TrustFile | None:
    try:
        return parse_trust(trust_files.in_force(app))
    except (NotFound, BadRequest):
        return None
