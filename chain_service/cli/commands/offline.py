"""verify --offline: receipts and a trust file instead of a chain; no instance, no database, no network."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chain_service.cli import extras
from chain_service.cli.failures import papers as papers_refused
from chain_service.cli.invocation import Invocation, read_input
from chain_service.cli.proven_heads import Heads
from chain_service.config import Settings
from chain_service.core.encoding.digests import file_digests
from chain_service.core.receipts.receipt import MAX_RECEIPT_BYTES
from chain_service.core.receipts.trust_file import MAX_TRUST_BYTES, TrustFile, parse
from chain_service.core.receipts.verify_offline import (
    Examining,
    is_proof_of,
    present,
    proven_place,
    seen_blocks,
    verify_offline,
)
from chain_service.core.records.disclosure import parse_disclosure
from chain_service.core.records.hashing import record_entry
from chain_service.core.verdicts.inputs import Claim, Content, Failure, JudgeInput, Outage, Presented
from chain_service.core.verdicts.judge import Examine, judge
from chain_service.core.verdicts.paper_kinds import Paper, PaperKind, take
from chain_service.core.verdicts.shown_members import with_hidden
from chain_service.core.verdicts.verdict import Verdict, warning
from chain_service.core.verdicts.verdict_codes import VerdictOutcome
from chain_service.errors import BadRequest
from chain_service.jobs.parsing.pool import Parsers, parser_limits
from chain_service.jobs.parsing.trust_directory import TrustDirectory
from chain_service.jobs.verifying.documents import ExaminedDocument, examine_file, needs_parsing, no_signatures
from chain_service.jobs.verifying.request import VerificationRequest, is_cose, read_question
from chain_service.jobs.verifying.several_papers import MAX_PAPERS, Place, judge_papers, split

Examiner = Callable[[bytes | None], ExaminedDocument | None]
"""Reads a file, if it is a document, in another process."""

TRUST_FILE = "trust.cose"
_NO_RECEIPT = Outage("finality_unproven", "no receipt was given")


def the_trust(door: Invocation, named: Path | None) -> TrustFile:
    """The trust file named, else the one in DIR. Raises BadRequest (`usage`), as `core.receipts.trust_file.parse`."""
    file = named or door.settings().data / TRUST_FILE
    if named is None and not file.is_file():
        raise BadRequest("--offline needs --trust TRUST: no trust file is in use here", code="usage", field="--trust")
    with papers_refused():
        return parse(read_input(file, MAX_TRUST_BYTES + 1))


def with_receipts(papers: Sequence[Paper]) -> list[Paper]:
    """The papers, and for each file or disclosure ID.disclosure.json the receipt ID.receipt beside it."""
    together = list(papers)
    for paper in papers:
        beside = _beside(Path(paper.name)) if paper.kind in (PaperKind.FILE, PaperKind.DISCLOSURE) else None
        if beside is not None and str(beside) not in {given.name for given in together}:
            together.append(take(str(beside), read_input(beside, MAX_RECEIPT_BYTES + 1), PaperKind.RECEIPT))
    return together


def _beside(file: Path) -> Path | None:
    receipt_file = file.with_name(f"{file.name.removesuffix('.json').removesuffix('.disclosure')}.receipt")
    return receipt_file if receipt_file != file and receipt_file.is_file() else None


@contextmanager
def reading(settings: Settings, anchors: Path | None) -> Iterator[tuple[Examiner, bool]]:
    """How files are read: with the trust store named, else that of DIR; False where there is none to judge with.

    Raises BadRequest (`file_not_found`) for a directory named that does not exist.
    """
    directory = anchors or settings.trust_directory
    if anchors is not None and not directory.is_dir():
        raise BadRequest(f"{anchors} is not a directory", code="file_not_found", field="--anchors")
    parsers = Parsers(parser_limits(settings), TrustDirectory(directory, settings.sm2_user_id.encode()))
    known: dict[bytes, ExaminedDocument | None] = {}  # of the last files: several questions are about one

    def examiner(data: bytes | None) -> ExaminedDocument | None:
        if data is None:
            return None
        if data not in known:
            if needs_parsing(data):
                extras.require("documents")  # where it would be read is another process, which cannot say this
            if len(known) >= MAX_PAPERS:
                known.clear()
            known[data] = examine_file(parsers, data, settings.revocation_list_age, public=False)
        return known[data]

    try:
        yield examiner, directory.is_dir()
    finally:
        parsers.close()


def _content(paper: Paper) -> Content | None:
    try:
        return parse_disclosure(paper.data) if paper.kind is PaperKind.DISCLOSURE else None
    except BadRequest:
        return None  # its verdict says why


def _no_signatures(*_: object) -> Examine:
    return no_signatures


@dataclass(frozen=True)
class OfflineVerifier:
    """What a question is answered by where there is no chain."""

    trust: TrustFile
    at: int | None
    heads: Heads
    examiner: Examiner
    judged: bool
    """Whether signatures are."""
    accept_stale: bool = False
    """Whether an outdated trust file is accepted, which the verdict names."""
    clock: Callable[[], float] = time.time
    """Unix seconds: what counts as now."""

    def verdicts(self, lists: Iterable[Sequence[Paper]]) -> Iterator[dict[str, Any]]:
        """A verdict for each list of papers, in order; what they prove is remembered in `heads`.

        Raises BadRequest (`file_not_found`) for papers without a receipt that are not shown without one to be wrong or
        of several records, and as `judge_papers`.
        """
        try:
            for papers in lists:
                verdict = judge_papers(
                    [*papers, *self._attached(papers)],
                    VerificationRequest(at=self.at),
                    self.ask,
                    lambda _: None,
                    self.trust,
                    self._place_attached,
                )
                if verdict.answer is not VerdictOutcome.INVALID and verdict.code != "papers_do_not_match":
                    self._require_receipt(papers)
                yield verdict.to_json()
                if self.heads.file is not None:
                    for data in self._receipts(papers):
                        self.heads.learn(seen_blocks(data, self.trust))
        finally:
            self.heads.save()

    def split(self, papers: Sequence[Paper]) -> list[list[Paper]]:
        """The papers by the record that each belongs to."""
        proving = self._attached(papers)
        lists = split(
            [*papers, *proving], VerificationRequest(at=self.at), self.ask, lambda _: None, self._place_attached
        )
        known = set(map(id, papers))
        return [kept for group in lists if (kept := [paper for paper in group if id(paper) in known])]

    def _attached(self, papers: Sequence[Paper]) -> list[Paper]:
        """The receipts attached to files that prove one of the disclosures: they count as if they were presented."""
        contents = [content for paper in papers if (content := _content(paper)) is not None]
        receipts = {paper.data for paper in papers if paper.kind is PaperKind.RECEIPT}
        attached_receipts = []
        for paper in papers:
            receipt = self._receipt_in(paper)
            if receipt is None or receipt in receipts:
                continue
            if any(is_proof_of(receipt, content, self.trust) for content in contents):
                receipts.add(receipt)
                attached_receipts.append(Paper(paper.name, PaperKind.RECEIPT, receipt))
        return attached_receipts

    def _receipt_in(self, paper: Paper) -> bytes | None:
        facts = self.examiner(paper.data) if paper.kind is PaperKind.FILE else None
        return None if facts is None else facts.facts.receipt

    def _place_attached(self, file: bytes) -> Place | None:
        facts = self.examiner(file)
        if facts is None or facts.facts.receipt is None:
            return None
        place = proven_place(facts.facts.receipt, self.trust)
        return None if place is None else (place[0].hex(), place[1])

    def ask(self, questions: Sequence[VerificationRequest]) -> Iterator[Verdict]:
        """A verdict for each question, by its receipt or the one attached to its file."""
        for question in questions:
            facts = self.examiner(question.file)
            presented = present(
                question.disclosure,
                () if question.file is None else (file_digests(question.file),),
                whole_files=question.file is not None,
                before_attaching={} if facts is None else facts.before_attaching,
            )
            read = read_question(question)
            if read.failure is not None and (presented.failure is None or read.failure.code == "unreadable"):
                presented = replace(presented, failure=read.failure)
            attached = None if facts is None else facts.facts.receipt
            given = [paper for paper in (question.receipt, attached) if paper is not None]
            receipt = next((paper for paper in given if is_cose(paper)), None)
            examining = None if not self.judged else _no_signatures if facts is None else facts.examine
            unproven = None
            if receipt is None or receipt is not given[0]:
                # a proof in JSON can show that something is wrong, and proves nothing without a chain
                unproven = self._unproven(presented, read.claim, examining)
            if unproven is not None and (receipt is None or unproven.answer is VerdictOutcome.INVALID):
                yield unproven
            elif receipt is not None:
                verdict = verify_offline(
                    receipt,
                    presented,
                    self.trust,
                    now=int(self.clock()),
                    at=self.at,
                    remembered=self.heads.remembered,
                    examining=examining,
                    accept_stale=self.accept_stale,
                )
                yield verdict if attached in (None, receipt) else self._with_ignored(verdict, receipt, attached)

    def _with_ignored(self, verdict: Verdict, receipt: bytes, attached: bytes | None) -> Verdict:
        """The verdict by the receipt presented, with a warning if the attached one is not of the same record."""
        if attached is not None and proven_place(attached, self.trust) == proven_place(receipt, self.trust):
            return verdict
        warned = (*verdict.context.warnings, warning("receipt_ignored"))
        return replace(verdict, context=replace(verdict.context, warnings=warned))

    def _unproven(self, presented: Presented, claim: Claim | None, examining: Examining | None) -> Verdict:
        """What can be said without a receipt: whether papers contradict each other, and no more."""
        now = int(self.clock())
        moment, subject = now if self.at is None else self.at, "-"
        content = presented.disclosure
        if claim is not None and content is not None and presented.failure is None:
            expected = record_entry(claim.log, claim.proof.index, content.body_digest)
            if expected != claim.entry:
                failure = Failure("record_mismatch", "disclosure", "the proof is about another entry")
                presented = replace(presented, failure=failure)
        facts = JudgeInput(
            subject=subject,
            presented=presented,
            at=moment,
            now_state=_NO_RECEIPT,
            max_age=self.trust.terms.age_limit,
            past=self.at is not None and self.at < now,
            claim=claim if presented.failure is None else None,
        )
        verdict = judge(facts, None if examining is None else examining(subject, moment, _NO_RECEIPT, None))
        return with_hidden(verdict, content)

    def _receipts(self, papers: Sequence[Paper]) -> Iterator[bytes]:
        for paper in papers:
            receipt = paper.data if paper.kind is PaperKind.RECEIPT else self._receipt_in(paper)
            if receipt is not None:
                yield receipt

    def _require_receipt(self, papers: Sequence[Paper]) -> None:
        if not any(True for _ in self._receipts(papers)):
            name = papers[0].name
            raise BadRequest(
                f"{name} has no receipt: neither --receipt nor one beside it or attached to it",
                code="file_not_found",
                file=name,
            )
