"""Several papers at once: whether they are one holder's, and the one verdict on all of them.

Each paper is judged alone, each pair that can be compared is judged together, then all of them. What is shown to be
wrong by any of these counts, so no further paper makes the verdict milder. Papers that lead to different records are
not compared with each other: that they do not belong together is a finding of its own, and accuses none of them.

    tampered disclosure + genuine receipt     → record_mismatch
    Zhang's disclosure + Li's receipt         → papers_do_not_match
    disclosure + refreshed and older receipt  → in_force

A file that a disclosure does not list is an altered one, or another holder's paper. It is taken for altered
(`content_altered`) as long as nothing tells that it is not: whoever hands in a file with a disclosure says that it is
the disclosure's. Three things tell: the index knows the record that lists it, a receipt attached to it is of another
record, or its signatures show that it is still as somebody trusted here signed it. Then the papers do not match. None
of these makes anything valid, and what the file itself shows to be wrong is said in every case. A disclosure that shows
no file at all, as a partial one may, says nothing of the file: if the receipt attached to the file is of another
record than the disclosure, the papers do not match either, as long as no paper shows the two to be of one record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Final

from chain_service.core.receipts.receipt import parse as parse_receipt
from chain_service.core.receipts.trust_file import TrustFile
from chain_service.core.receipts.trust_file import parse as parse_trust
from chain_service.core.records.disclosure import Disclosure
from chain_service.core.records.hashing import parse_log_id, record_entry
from chain_service.core.records.states import State
from chain_service.core.verdicts.check_rules import RECORD, RECORD_CHECKS, SIGNATURE
from chain_service.core.verdicts.inputs import Content
from chain_service.core.verdicts.paper_kinds import Paper, PaperKind, form
from chain_service.core.verdicts.same_record import body_key, bound
from chain_service.core.verdicts.verdict import Check, Context, Group, Verdict, check, conclude, gravity
from chain_service.core.verdicts.verdict_codes import STATES, Outcome, VerdictOutcome
from chain_service.errors import BadRequest, CannotTell, InvalidProof
from chain_service.jobs.verifying.request import VerificationRequest, parse_proof, read_question
from chain_service.jobs.verifying.sheets import CLAIMS, Sheet, all_asked, question_about, sheets_of

MAX_PAPERS = 10
"""Papers of one question; each pair of them is compared."""
_PASSING = frozenset(state.code for state in State if not state.is_final)
"""States that a newer block may show to be over."""
_OUTDATED = frozenset({"status_stale", "trust_stale"})
_UNPROVEN = frozenset({"finality_unproven", "node_unavailable"})
_FILES = (PaperKind.FILE, PaperKind.DIGEST)

Ask = Callable[[Sequence[VerificationRequest]], Iterable[Verdict]]
Place = tuple[str, int]
"""A log in hex and an index in it."""
Attached = Callable[[bytes], Place | None]
"""The place of the record that a receipt attached to a file is of, where that is not to be seen from its verdict."""
Stored = Callable[[Place], Content | None]
"""The content of the record at a place, where it is available: compared, never shown."""


@dataclass
class _Desk:
    """Papers with what is known of each by itself."""

    sheets: list[Sheet]
    alone: dict[Sheet, Verdict]
    places: dict[Sheet, Place]
    stored: Stored
    marks: Mapping[Sheet, Place] = field(default_factory=dict)
    """Where receipts attached to files say that these belong. Anybody may attach one: what lists a file goes before."""
    strangers: list[tuple[Sheet, Sheet]] = field(default_factory=list)
    found: dict[frozenset[Sheet], Verdict] = field(default_factory=dict)
    """What was asked of several sheets together."""

    @property
    def lead(self) -> Sheet:
        """The sheet that the others are compared with: a disclosure, else what proves a place, else a file."""
        order = (PaperKind.DISCLOSURE, PaperKind.RECEIPT, PaperKind.PROOF, PaperKind.FILE, PaperKind.DIGEST)
        return min(self.sheets, key=lambda sheet: order.index(sheet.kind))

    def content_at(self, place: Place) -> Content | None:
        """The content of the record at this place, by a disclosure among the papers or as it is stored."""
        here = (sheet.content for sheet in self.sheets if self.places.get(sheet) == place)
        return next((content for content in here if content is not None), None) or self.stored(place)

    def proof_of(self, sheet: Sheet) -> Sheet | None:
        """The receipt, or else the proof, of the record that the sheet belongs to."""
        place = self.places.get(sheet)
        claims = [one for one in self.sheets if one.kind in CLAIMS and place and self.places.get(one) == place]
        return min(
            (one for one in claims if not self.broken(one)), key=lambda one: one.kind is PaperKind.PROOF, default=None
        )

    def broken(self, sheet: Sheet) -> bool:
        """Whether it proves nothing already by itself."""
        return sheet.kind in CLAIMS and self.alone[sheet].code == "proof_invalid"


def require_few(papers: Sequence[Paper]) -> None:
    """Returns if so many papers may be verified at once. Raises BadRequest (`malformed_request`)."""
    if len(papers) > MAX_PAPERS:
        raise BadRequest(
            f"at most {MAX_PAPERS} papers of one holder can be verified at once", code="malformed_request", field="file"
        )


def judge_papers(
    papers: Sequence[Paper],
    base: VerificationRequest,
    ask: Ask,
    stored: Stored,
    accepted: TrustFile | None = None,
    attached: Attached = lambda _: None,
) -> Verdict:
    """The verdict on all papers. `accepted` is the trust file in use here; None where there is none."""
    sheets = sheets_of(papers)
    trusted = [paper for paper in papers if paper.kind is PaperKind.TRUST]
    desk, verdict = None, None
    if len({_class(sheet) for sheet in sheets}) == len(sheets):
        # one paper of each class at most: where all of them together are good, each is
        verdict = next(iter(ask([all_asked(base, sheets)])))
        desk = _Desk(sheets, dict.fromkeys(sheets, verdict), _same_place(sheets, verdict), stored)
    if desk is None or verdict is None or (len(sheets) > 1 and verdict.answer is not VerdictOutcome.VALID):
        desk = _desk(sheets, base, ask, stored, attached)
        _compare(desk, base, ask)
        verdict = _weighed(desk, base, ask)
    if trusted and verdict.code == "nothing_to_verify" and not sheets:
        verdict = _finding(verdict, check(RECORD.PARSE, "trust_file_alone", {"part": "trust"}))
    context = verdict.context
    others = [_trust_verdict(paper, accepted, context) for paper in trusted]
    verdict = min([verdict, *(other for other in others if other is not None)], key=lambda told: gravity(told.code))
    return _with_papers(verdict, desk, trusted) if len(papers) > 1 else verdict


def _same_place(sheets: Sequence[Sheet], verdict: Verdict) -> dict[Sheet, Place]:
    found = _place(sheets[0], verdict) if sheets else None
    return {} if found is None else dict.fromkeys(sheets, found)


def _desk(sheets: list[Sheet], base: VerificationRequest, ask: Ask, stored: Stored, attached: Attached) -> _Desk:
    verdicts = ask([question_about(base, sheet) for sheet in sheets])
    alone = dict(zip(sheets, verdicts, strict=True))
    places = {sheet: _place(sheet, alone[sheet]) for sheet in sheets}
    marks = {sheet: attached(sheet.data) for sheet in sheets if sheet.kind is PaperKind.FILE}
    desk = _Desk(sheets, alone, _known(places), stored, _known(marks))
    _learn(desk, base, ask)
    for sheet, place in desk.marks.items():
        desk.places.setdefault(sheet, place)
    return desk


def _known(places: Mapping[Sheet, Place | None]) -> dict[Sheet, Place]:
    return {sheet: place for sheet, place in places.items() if place is not None}


def _both(desk: _Desk, base: VerificationRequest, one: Sheet, other: Sheet) -> VerificationRequest:
    """The question about two sheets. The receipt attached to a file says nothing against what is proven without it."""
    sheets = [one, other]
    for sheet in (one, other):
        proof = (
            desk.proof_of(sheet) if sheet.kind is PaperKind.DISCLOSURE and {one, other} & desk.marks.keys() else None
        )
        if proof is not None:
            sheets.append(proof)
    return question_about(base, *sheets)


def _learn(desk: _Desk, base: VerificationRequest, ask: Ask) -> None:
    """Finds places by other papers: of a disclosure by what proves it, of a file by the disclosure that lists it."""
    for lost, helping, included in ((0, 1, True), (2, 0, False)):
        pairs = [
            (one, other)
            for one in desk.sheets
            if _class(one) == lost and one not in desk.places and (one.content is not None or lost == 2)
            for other in desk.sheets
            if _class(other) == helping and other in desk.places
        ]
        verdicts = ask([_both(desk, base, *pair) for pair in pairs]) if pairs else ()
        for (one, other), verdict in zip(pairs, verdicts, strict=True):
            desk.found[frozenset((one, other))] = verdict
            if _place(one, verdict) == desk.places[other] if included else _is_listed(verdict):
                desk.places.setdefault(one, desk.places[other])


def _is_listed(verdict: Verdict) -> bool:
    return verdict.record is not None and verdict.record[RECORD.FILE_DIGEST].code in (
        "file_matches",
        "signed_file_matches",
    )


def _place(sheet: Sheet, verdict: Verdict) -> Place | None:
    """Where the record stands that the sheet belongs to, if that is shown; of a receipt or proof, where it says."""
    if sheet.kind in CLAIMS and verdict.code == "issuer_unknown":
        return None
    if sheet.kind in CLAIMS and verdict.code != "proof_invalid":
        said = read_question(sheet.asked()).place
        return None if said is None else (said[0].hex(), said[1])
    record = verdict.record
    if record is None or record[RECORD.INCLUSION].code != "included" or record[RECORD.ANCHOR].code != "head_on_chain":
        return None
    if record[RECORD.FILE_DIGEST].code in ("content_altered", "not_anchored", "several_records"):
        return None
    evidence = record[RECORD.INCLUSION].evidence
    return evidence["log"], evidence["index"]


def _compare(desk: _Desk, base: VerificationRequest, ask: Ask) -> None:
    """Judges each pair that can be compared and is not known to be of two records."""
    wanted: list[tuple[Sheet, Sheet]] = []
    for one, other in combinations(desk.sheets, 2):
        places = desk.places.get(one), desk.places.get(other)
        if None not in places and places[0] != places[1]:
            desk.strangers.append((one, other))
        elif one.kind is other.kind is PaperKind.DISCLOSURE:
            _compare_bodies(desk, one, other)
        elif _class(one) != _class(other):
            wanted.append((one, other))
    missing = [pair for pair in wanted if frozenset(pair) not in desk.found]
    for pair, verdict in zip(
        missing, ask([_both(desk, base, *pair) for pair in missing]) if missing else (), strict=True
    ):
        desk.found[frozenset(pair)] = verdict
    for pair in combinations(desk.sheets, 2):
        key = frozenset(pair)
        if pair in desk.strangers or (any(map(desk.broken, pair)) and any(sheet in desk.places for sheet in pair)):
            desk.found.pop(key, None)
        elif key in desk.found and desk.found[key].answer is VerdictOutcome.INVALID and _apart(desk, *pair):
            desk.strangers.append(pair)
            del desk.found[key]


def _class(sheet: Sheet) -> int:
    return 0 if sheet.kind is PaperKind.DISCLOSURE else 1 if sheet.kind in CLAIMS else 2


def _compare_bodies(desk: _Desk, one: Sheet, other: Sheet) -> None:
    """Two different bodies: one of them altered, or of two records."""
    if one.content is None or other.content is None:
        return  # what cannot be read is a finding by itself
    shown = [sheet for sheet in (one, other) if sheet in desk.places]
    altered = bound(one.content, other.content) if shown else body_key(one.content) == body_key(other.content)
    if not altered:
        desk.strangers.append((one, other))
        return
    suspect = other if one in desk.places else one
    evidence = {"detail": "two disclosures of one record differ", "papers": [_entry(desk, x) for x in (one, other)]}
    found = _finding(desk.alone[suspect], check(RECORD.INCLUSION, "record_mismatch", evidence))
    desk.found[frozenset((one, other))] = found


def _apart(desk: _Desk, one: Sheet, other: Sheet) -> bool:
    """Whether something tells that these two are of different records, so that what differs is no tampering."""
    if _unrelated(desk, one, other):
        return True
    file = next((sheet for sheet in (one, other) if sheet.kind is PaperKind.FILE), None)
    body = next((sheet for sheet in (one, other) if sheet.kind is PaperKind.DISCLOSURE), None)
    verdict = desk.found[frozenset((one, other))]
    if file is None or body is None or verdict.record is None:
        return False
    if _belongs_elsewhere(desk, file, body, verdict):
        return True
    if verdict.record[RECORD.FILE_DIGEST].code != "content_altered":
        return False
    if file in desk.marks and desk.places.get(body) != desk.marks[file]:
        return True
    return (file in desk.marks or file not in desk.places) and _as_signed(verdict)


def _belongs_elsewhere(desk: _Desk, file: Sheet, body: Sheet, verdict: Verdict) -> bool:
    """Whether only a receipt attached to the file tells against the disclosure, which shows no file and is not proven.

    They may well be of two records of one issuer. A receipt that was handed in is taken for the disclosure's; one
    attached to a file says where the file belongs, and no more.
    """
    mark = desk.marks.get(file)
    if mark is None or body in desk.places or desk.content_at(mark) is not None:
        return False
    return verdict.record is not None and verdict.record[RECORD.FILE_DIGEST].code == "not_anchored"


def _as_signed(verdict: Verdict) -> bool:
    """Whether the file shows by itself that it is as it was signed, by signers that lead to a root trusted here.

    Whether the seal was in force, and who stands behind it, may be open: that changes no content.
    """
    for group in verdict.signatures:
        if any(one.outcome is Outcome.FAILED for one in group.checks):
            return False
        if any(group[rule].outcome is not Outcome.PASSED for rule in _INTACT):
            return False
    return bool(verdict.signatures)


_INTACT: Final = (
    SIGNATURE.PARSE,
    SIGNATURE.REFERENCE_DIGESTS,
    SIGNATURE.COVERAGE,
    SIGNATURE.SIGNATURE,
    SIGNATURE.SIGNER_CERTIFICATE,
)


def _unrelated(desk: _Desk, *pair: Sheet) -> bool:
    """Whether a disclosure that is shown nowhere makes no claim to be the record that the other paper belongs to."""
    body = next((sheet for sheet in pair if sheet.content is not None and sheet not in desk.places), None)
    place = next((desk.places[sheet] for sheet in pair if sheet in desk.places), None)
    if body is None or body.content is None or place is None:
        return False
    known = desk.content_at(place)
    if known is not None:
        return not bound(body.content, known)
    return body.content.org != parse_log_id(bytes.fromhex(place[0]))[0]


def _weighed(desk: _Desk, base: VerificationRequest, ask: Ask) -> Verdict:
    """The gravest of all that was found wrong, else that the papers do not match, else the verdict on all of them."""
    lead = desk.lead
    wrong = [
        verdict for verdict in (*desk.alone.values(), *desk.found.values()) if verdict.answer is VerdictOutcome.INVALID
    ]
    if desk.strangers:
        parted = _finding(desk.alone[lead], check(RECORD.PARSE, "papers_do_not_match", {}))
        return min([*wrong, parted], key=lambda verdict: gravity(verdict.code))
    chosen = _chosen(desk, lead)
    joint = list(ask([all_asked(base, [*chosen, *file]) for file in _each_file(desk, lead)]))
    if any(map(desk.broken, chosen)) and wrong:
        return min(wrong, key=lambda verdict: gravity(verdict.code))
    counted = [*joint, *_counted(desk, lead, chosen)]
    newest = joint[0].context.status_as_of or ""
    wrong = [one for one in wrong if one.code not in _PASSING or (one.context.status_as_of or "") >= newest]
    found = min([*counted, *wrong], key=lambda verdict: gravity(verdict.code))
    warnings = dict.fromkeys(one for verdict in (found, *joint) for one in verdict.context.warnings)
    return replace(found, context=replace(found.context, warnings=tuple(warnings)))


def _chosen(desk: _Desk, lead: Sheet) -> list[Sheet]:
    """The lead, and of what proves a place that which tells the newest status of the record."""
    chosen = [lead]
    claims = [sheet for sheet in desk.sheets if sheet.kind in CLAIMS]
    if claims and lead.kind not in CLAIMS:
        chosen.append(max(claims, key=lambda sheet: _rank_of_claim(desk, lead, sheet)))
    elif claims:
        chosen = [max(claims, key=lambda sheet: _rank_of_claim(desk, None, sheet))]
    return chosen


def _each_file(desk: _Desk, lead: Sheet) -> list[list[Sheet]]:
    """Each file that is judged with those chosen: what proves the record counts for every one."""
    files = [[sheet] for sheet in desk.sheets if sheet.kind in _FILES and lead.kind not in _FILES]
    return files or [[]]


def _rank_of_claim(desk: _Desk, lead: Sheet | None, sheet: Sheet) -> tuple[bool, str, bool]:
    told = desk.alone[sheet] if lead is None else desk.found.get(frozenset((lead, sheet)), desk.alone[sheet])
    return not desk.broken(sheet), told.context.status_as_of or "", sheet.kind is PaperKind.RECEIPT


def _counted(desk: _Desk, lead: Sheet, chosen: Sequence[Sheet]) -> Iterator[Verdict]:
    """The verdicts on the sheets that the joint questions left out, each with the lead where they can be compared."""
    for sheet in desk.sheets:
        if sheet in chosen or (sheet.kind in _FILES and lead.kind not in _FILES):
            continue
        verdict = desk.found.get(frozenset((lead, sheet)), desk.alone[sheet])
        if (
            sheet.kind in CLAIMS
            and (verdict.code in _OUTDATED or verdict.code in STATES)
            and not _by_strangers(verdict)
        ):
            continue  # a newer one tells the status
        if (
            sheet.kind is PaperKind.PROOF
            and verdict.code in _UNPROVEN
            and any(s.kind is PaperKind.RECEIPT for s in chosen)
        ):
            refuted = _refuted(sheet, chosen)
            if refuted is None:
                continue  # it says the same, and the receipt proves it
            verdict = _finding(verdict, refuted)
        yield verdict


def _by_strangers(verdict: Verdict) -> bool:
    """Whether a receipt's block is sealed by others than the trust file knows: an altered seal looks like that, too."""
    return verdict.record is not None and verdict.record[RECORD.INCLUSION].code == "trust_stale"


def _refuted(sheet: Sheet, chosen: Sequence[Sheet]) -> Check | None:
    """What is wrong with a proof by the receipts and the content judged; None if it says what one of them proves."""
    try:
        claim = parse_proof(sheet.data)
        receipts = [parse_receipt(one.data) for one in chosen if one.kind is PaperKind.RECEIPT]
    except CannotTell as error:
        return check(RECORD.INCLUSION, "finality_unproven", {"part": "proof", "detail": error.message})
    except BadRequest as error:
        return check(RECORD.INCLUSION, "proof_invalid", {"part": "proof", "detail": error.message})
    shown = [one for one in receipts if (one.log, one.proof.size) == (claim.log, claim.proof.size)]
    if not shown:
        detail = "the receipt does not show the log head that the proof gives"
        return check(RECORD.INCLUSION, "finality_unproven", {"part": "proof", "detail": detail})
    if all(one.proof != claim.proof for one in shown):
        detail = "the chain holds another log head than the proof gives"
        return check(RECORD.INCLUSION, "proof_invalid", {"part": "proof", "detail": detail})
    for content in (one.content for one in chosen if one.content is not None):
        if record_entry(claim.log, claim.proof.index, content.body_digest) != claim.entry:
            return check(
                RECORD.INCLUSION, "proof_invalid", {"part": "proof", "detail": "the proof is about another entry"}
            )
    return None


def _finding(verdict: Verdict, found: Check) -> Verdict:
    """The verdict with this one finding instead of all others of its record."""
    checks = [found if rule is found.rule else check(rule, "readable" if rule is RECORD.PARSE else "not_reached")
              for rule in RECORD_CHECKS]  # fmt: skip
    subject = verdict.record.subject if verdict.record is not None else "-"
    return conclude((Group("record", subject, tuple(checks)),), Context(verdict.context.at, verdict.context.chain))


def _trust_verdict(paper: Paper, accepted: TrustFile | None, context: Context) -> Verdict | None:
    """What is to be said of a trust file among the papers; None where it is of those who are trusted here."""
    evidence = {"part": "trust"}
    try:
        trust = parse_trust(paper.data)
    except CannotTell as error:
        found = check(RECORD.VALIDATORS, "issuer_unknown", evidence | {"detail": error.message})
    except InvalidProof as error:
        found = check(RECORD.LOG_SIGNATURE, "proof_invalid", evidence | {"detail": error.message})
    except BadRequest as error:
        found = check(RECORD.PARSE, "unreadable", evidence | {"detail": error.message})
    else:
        if accepted is not None and set(trust.terms.root_keys) & set(accepted.terms.root_keys):
            return None
        found = check(RECORD.VALIDATORS, "issuer_unknown", evidence | {"fingerprint": trust.fingerprint})
    nothing = conclude((), context)
    return _finding(nothing, found)


def _entry(desk: _Desk, sheet: Sheet) -> dict[str, Any]:
    verdict = desk.alone[sheet]
    told: dict[str, Any] = {
        "paper": ", ".join(paper.name for paper in sheet.papers)[:300],
        "kind": form(sheet.papers[0]),
        "belongsTo": _belongs_to(desk, sheet),
    }
    return told | ({"code": verdict.code} if verdict.answer is VerdictOutcome.INVALID else {})


def _belongs_to(desk: _Desk, sheet: Sheet) -> str | None:
    """The number that a disclosure among the papers shows for this record, else organisation and place in its log."""
    place = desk.places.get(sheet)
    same = [other for other in desk.sheets if other is sheet or (place and desk.places.get(other) == place)]
    for other in same:
        if other.content is not None:
            number = _number(other.content)
            if number is not None:
                return number
    if place is None:
        return None
    return f"{parse_log_id(bytes.fromhex(place[0]))[0]} #{place[1]}"


def _number(content: Content) -> str | None:
    members: Mapping[str, Any] = content.record.covered if isinstance(content, Disclosure) else content.members
    number = members.get("certificateNumber") or members.get("documentNumber")
    return None if number is None else str(number)


def _with_papers(verdict: Verdict, desk: _Desk, trusted: Sequence[Paper]) -> Verdict:
    """The verdict whose first check lists every paper that was handed in."""
    listed = [_entry(desk, sheet) for sheet in desk.sheets]
    listed += [{"paper": paper.name[:300], "kind": "trust", "belongsTo": None} for paper in trusted]
    if verdict.record is None:
        return verdict
    parsed = verdict.record[RECORD.PARSE]
    parsed = replace(parsed, evidence={**parsed.evidence, "papers": listed})
    return verdict.having(verdict.record.having(parsed))


def split(
    papers: Sequence[Paper], base: VerificationRequest, ask: Ask, stored: Stored, attached: Attached = lambda _: None
) -> list[list[Paper]]:
    """The papers by the record that each belongs to; those that lead nowhere go with the only holder, if there is one.

    Trust files go with every list.
    """
    sheets = sheets_of(papers)
    trusted = [paper for paper in papers if paper.kind is PaperKind.TRUST]
    if len(sheets) < 2:
        return [list(papers)]
    desk = _desk(sheets, base, ask, stored, attached)
    lists: list[list[Sheet]] = []
    for sheet in sorted(sheets, key=lambda sheet: (sheet not in desk.places, _class(sheet))):
        home = next((one for one in lists if _at_home(desk, sheet, one)), None)
        if home is None and sheet not in desk.places:
            home = lists[0] if len(lists) == 1 and _comparable(desk, lists[0], sheet) else None
        if home is None:
            lists.append([sheet])
        else:
            home.append(sheet)
    order = {id(paper): number for number, paper in enumerate(papers)}
    found = [sorted((paper for sheet in one for paper in sheet.papers), key=lambda paper: order[id(paper)])
             for one in lists]  # fmt: skip
    return [[*one, *trusted] for one in sorted(found, key=lambda one: order[id(one[0])])]


def _at_home(desk: _Desk, sheet: Sheet, others: Sequence[Sheet]) -> bool:
    place = desk.places.get(sheet)
    for other in others:
        there = desk.places.get(other)
        if place is not None and place == there:
            return True
        if sheet.content is None or place is not None:
            continue
        known = other.content or (desk.content_at(there) if there is not None else None)
        if known is not None and bound(sheet.content, known):
            return True
    return False


def _comparable(desk: _Desk, others: Sequence[Sheet], sheet: Sheet) -> bool:
    """Whether the list holds anything that this sheet can be compared with, and nothing tells that they are apart."""
    classes = {_class(other) for other in others}
    if sheet.kind is PaperKind.DISCLOSURE:
        return _class(sheet) not in classes and not any(_unrelated(desk, sheet, other) for other in others)
    return classes != {_class(sheet)}
