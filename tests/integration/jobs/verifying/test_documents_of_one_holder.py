"""A holder's papers with a sealed OFD and a signed PDF: genuine ones are never accused, an altered one never excused.

Asked as over HTTP, as at the command line, as at the command line without a chain, and of the offline page.
"""

from __future__ import annotations

import base64
import json
import random
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain_service.cli.commands.offline import OfflineVerifier
from chain_service.cli.proven_heads import Heads
from chain_service.core.receipts import trust_file
from chain_service.core.receipts.trust_file import TrustFile
from chain_service.core.verdicts.inputs import Content
from chain_service.core.verdicts.paper_kinds import Paper, take
from chain_service.core.verdicts.verdict import Verdict, gravity
from chain_service.core.verdicts.verdict_codes import CODES, VerdictOutcome
from chain_service.errors import BadRequest
from chain_service.jobs.asker import Operator
from chain_service.jobs.proofs import receipts
from chain_service.jobs.records import records
from chain_service.jobs.records.records import content_at
from chain_service.jobs.verifying.documents import ExaminedDocument, examine_file
from chain_service.jobs.verifying.request import VerificationRequest
from chain_service.jobs.verifying.several_papers import (
    Ask,
    Place,
    judge_papers,
    split,
)
from chain_service.jobs.verifying.verify import verify_many
from chain_service.jobs.verifying.verify_papers import holders, verify_lists, verify_papers
from support.offline.offline_node import run_with
from support.pdf import pdfs
from support.worlds.document_holders import ADDITIONS, ALTERATIONS, INSEPARABLE, Papers, papers_of
from support.worlds.jobs_city import City
from support.worlds.offices import write_trust_store

Given = list[tuple[str, bytes]]
Told = dict[str, Any]
NAMES = ("disclosure", "number", "holder", "receipt", "refreshed", "proof", "trust", "ofd", "pdf", "attached")
SEVERITY = ("invalid", "indeterminate", "valid")


@dataclass(frozen=True)
class Counter:
    """Where papers are handed in: a service, its command line, and the command line without it."""

    city: City
    papers: Papers
    others: Papers
    """Of a holder whose issuer is another, and whose record does not name its seal."""
    neighbour: Papers
    """Of another record of the same issuer as `papers`, which names no file."""
    examined: dict[bytes, ExaminedDocument | None] = field(default_factory=dict)
    answers: dict[str, dict[VerificationRequest, Verdict]] = field(default_factory=dict)
    """What each door was told before: thousands of lists of papers come down to some hundred questions."""

    def http(self, given: Given) -> list[Told]:
        return [verify_papers(self.city.app, taken(given), VerificationRequest()).to_json()]

    def command(self, given: Given) -> list[Told]:
        lists = holders(self.city.app, taken(given), None)
        return [verdict.to_json() for verdict in verify_lists(self.city.app, lists, None)]

    def http_again(self, given: Given) -> list[Told]:
        """As `http`, each question asked once."""
        ask = partial(self._remembered, "http", lambda questions: verify_many(self.city.app, questions))
        return [judge_papers(taken(given), VerificationRequest(), ask, self._stored, self.trust).to_json()]

    def command_again(self, given: Given) -> list[Told]:
        """As `command`, each question asked once."""
        ask = partial(self._remembered, "command", lambda asked: verify_many(self.city.app, asked, Operator()))
        lists = split(taken(given), VerificationRequest(), ask, self._stored)
        return [judge_papers(one, VerificationRequest(), ask, self._stored, self.trust).to_json() for one in lists]

    def offline_again(self, given: Given) -> list[Told]:
        """As `offline`, each question asked once."""
        desk = self.desk()
        ask = partial(self._remembered, "offline", desk.ask)
        object.__setattr__(desk, "ask", ask)
        return [told for one in desk.split(taken(given)) for told in self._offline(desk, one)]

    def _remembered(self, door: str, ask: Ask, questions: Sequence[VerificationRequest]) -> list[Verdict]:
        known = self.answers.setdefault(door, {})
        missing = [question for question in dict.fromkeys(questions) if question not in known]
        known.update(zip(missing, ask(missing), strict=True))
        return [known[question] for question in questions]

    def _stored(self, place: Place) -> Content | None:
        return content_at(self.city.app, place)

    @cached_property
    def trust(self) -> TrustFile:
        return trust_file.parse(self.papers["trust"])

    def desk(self) -> OfflineVerifier:
        return OfflineVerifier(self.trust, None, Heads(None), self._examine, True)

    def offline(self, given: Given) -> list[Told]:
        """No verdict where papers have no receipt: that is refused."""
        desk = self.desk()
        return [told for one in desk.split(taken(given)) for told in self._offline(desk, one)]

    def together(self, given: Given) -> str:
        """The code without a chain for papers that are not sorted by holder first."""
        (told,) = self.desk().verdicts([taken(given)])
        return str(told["code"])

    def _offline(self, desk: OfflineVerifier, papers: list[Paper]) -> list[Told]:
        try:
            return list(desk.verdicts([papers]))
        except BadRequest as error:
            assert error.code == "file_not_found"
            return []

    def _examine(self, data: bytes | None) -> ExaminedDocument | None:
        if data is None:
            return None
        if data not in self.examined:
            app = self.city.app
            self.examined[data] = examine_file(app.parsers, data, app.settings.revocation_list_age, public=False)
        return self.examined[data]

    def door(self, name: str) -> Callable[[Given], list[Told]]:
        doors: dict[str, Callable[[Given], list[Told]]] = {
            "http": self.http, "command": self.command, "offline": self.offline,
            "http again": self.http_again, "command again": self.command_again, "offline again": self.offline_again,
        }  # fmt: skip
        return doors[name]

    def genuine(self, *names: str) -> Given:
        return [(name, self.papers[name]) for name in names]

    def altered(self, alteration: str) -> tuple[str, bytes]:
        name, data = (ALTERATIONS | ADDITIONS)[alteration](self.papers, self.others)
        assert data != self.papers[name]
        return "altered", data


DOORS = ("http", "command", "offline")
AGAIN = tuple(f"{door} again" for door in DOORS)


def taken(given: Given) -> list[Paper]:
    return [take(name, data) for name, data in given]


def worst(told: list[Told]) -> str | None:
    """The code that decides of several verdicts; None where every question was refused."""
    return min((one["code"] for one in told), key=gravity, default=None)


def answer(code: str | None) -> VerdictOutcome | None:
    return None if code is None else CODES[code].answer


@pytest.fixture(scope="module")
def counter(shared_city: City, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    city = shared_city.on(trust_store=write_trust_store(tmp_path_factory.mktemp("trust")))
    org = city.organisation()
    papers, others = papers_of(city, org), papers_of(city, city.organisation(), names_seal=False)
    (id,) = city.anchor(org, {name: value for name, value in org.certificate().items() if name != "files"})
    number = records.present(city.app, id, ["certificateNumber"], org.caller).to_json()
    neighbour = {
        "disclosure": city.disclosure(org, id),
        "number": json.dumps(number).encode(),
        "receipt": receipts.receipt(city.app, id),
    }
    yield Counter(city, papers, others, neighbour)
    city.app.parsers.close()


@pytest.fixture(scope="module")
def wide(counter: Counter) -> Counter:
    """For what does not depend on the database, and is too much to ask twice."""
    if counter.city.app.database.engine.dialect.name != "sqlite":
        pytest.skip("asked on SQLite; a small part of it on PostgreSQL too")
    return counter


PROVING = {"receipt", "refreshed", "attached"}


def require_no_accusation(counter: Counter, door: str, names: tuple[str, ...]) -> None:
    """None is `invalid`, and where they say enough all are `valid` together."""
    told = counter.door(door)(counter.genuine(*names))
    code = worst(told)
    assert answer(code) is not VerdictOutcome.INVALID, (names, code)
    assert len(told) <= 1, names
    if "offline" not in door:
        assert (answer(code) is VerdictOutcome.VALID) is (names != ("trust",)), (names, code)
    elif "disclosure" in names and PROVING & set(names):
        assert answer(code) is VerdictOutcome.VALID, (names, code)


def require_no_excuse(counter: Counter, door: str, alteration: str, names: tuple[str, ...], place: int = 0) -> None:
    """Never `valid`, and never milder with these papers than alone or with fewer of them."""
    ask, altered = counter.door(door), counter.altered(alteration)
    alone = worst(ask([altered]))
    papers = counter.genuine(*names)
    code = worst(ask([*papers[:place], altered, *papers[place:]]))
    assert answer(code) is not VerdictOutcome.VALID, (names, code)
    if "offline" in door and alteration in INSEPARABLE:
        return
    if answer(alone) is VerdictOutcome.INVALID:
        assert code is not None and gravity(code) <= gravity(alone or ""), (names, alone, code)


def require_chain(counter: Counter, door: str, alteration: str, names: tuple[str, ...]) -> None:
    """The altered paper with more and more of these papers: never milder than before."""
    ask, altered = counter.door(door), counter.altered(alteration)
    before: str | None = None
    for count in range(len(names) + 1):
        code = worst(ask([altered, *counter.genuine(*names[:count])]))
        assert answer(code) is not VerdictOutcome.VALID, (names[:count], code)
        if "offline" in door and alteration in INSEPARABLE:
            continue
        if answer(before) is VerdictOutcome.INVALID:
            assert code is not None and gravity(code) <= gravity(before or ""), (names[:count], before, code)
        before = code


def orders(seed: str, count: int) -> list[tuple[str, ...]]:
    chance = random.Random(seed)
    return [tuple(chance.sample(NAMES, len(NAMES))) for _ in range(count)]


some_names = st.lists(st.sampled_from(NAMES), unique=True, min_size=3, max_size=9).map(tuple)


def test_single_papers_and_all_are_not_accused_on_either_database(counter: Counter) -> None:
    for door in DOORS:
        for names in [*combinations(NAMES, 1), NAMES, NAMES[::-1]]:
            require_no_accusation(counter, door, names)


@pytest.mark.parametrize("alteration", ["partial: date", "receipt: signature", "OFD: page", "PDF: field filled"])
def test_some_alterations_are_not_excused_on_either_database(counter: Counter, alteration: str) -> None:
    for door in DOORS:
        for names in ((), ("disclosure", "refreshed"), NAMES[:9]):
            require_no_excuse(counter, door, alteration, names)


@pytest.mark.parametrize("door", DOORS)
def test_no_pair_is_accused(wide: Counter, door: str) -> None:
    for names in combinations(NAMES, 2):
        require_no_accusation(wide, door, names)


@pytest.mark.parametrize("door", DOORS)
def test_no_order_of_many_is_accused(wide: Counter, door: str) -> None:
    @settings(max_examples=10, derandomize=True)
    @given(some_names)
    def check(names: tuple[str, ...]) -> None:
        require_no_accusation(wide, door, names)

    check()


@pytest.mark.parametrize("alteration", ALTERATIONS)
def test_no_altered_paper_is_excused(wide: Counter, alteration: str) -> None:
    (order,) = orders(alteration, 1)
    for door in ("http", "offline"):
        for count, place in ((1, 1), (9, 4)):
            require_no_excuse(wide, door, alteration, order[:count], place)


def test_each_question_asked_once_gives_the_same_answers(wide: Counter) -> None:
    for order in orders("again", 3):
        for asked in (wide.genuine(*order), [wide.altered("disclosure: date"), *wide.genuine(*order[:4])]):
            for door in DOORS:
                told = [[one["code"] for one in wide.door(name)(asked)] for name in (door, f"{door} again")]
                assert told[0] == told[1], (door, order)


def test_a_seal_that_the_record_does_not_name_is_not_proven_without_a_chain(counter: Counter) -> None:
    for papers, code in ((counter.papers, "in_force"), (counter.others, "seal_unproven")):
        given = [(name, papers[name]) for name in ("disclosure", "receipt", "ofd")]
        assert counter.together(given) == code
        assert counter.http(given)[0]["code"] == "in_force"


@pytest.mark.parametrize("addition", ADDITIONS)
def test_what_was_put_into_the_signed_file_is_named_and_accuses_nobody(counter: Counter, addition: str) -> None:
    warned = "attachments_added" if addition == "an attachment of a stranger" else "receipt_ignored"
    for names in ((), ("disclosure",), ("number", "ofd"), ("receipt",), NAMES[:9]):
        (told,) = counter.http([*counter.genuine(*names), counter.altered(addition)])
        assert told["verdict"] == "valid", (names, told["code"])
        # a receipt that was handed in counts instead of the one in the file
        if warned == "attachments_added" or "receipt" not in names:
            assert warned in {one["code"] for one in told["warnings"]}, names


BELONGING = [name for name in NAMES if name != "trust"]
"""The papers that say whose they are."""


def require_two_holders(counter: Counter, name: str, other: str) -> None:
    mixed = [(name, counter.papers[name]), ("other", counter.others[other])]
    (told,) = counter.http(mixed)
    assert told["code"] == "papers_do_not_match", (name, other)
    named = {one["paper"] for one in told["groups"][0]["checks"][0]["evidence"]["papers"]}
    assert named == {name, "other"}
    assert len(counter.command(mixed)) == 2


def test_papers_of_two_holders_are_never_good_together_and_none_is_accused(wide: Counter) -> None:
    for shift in (0, 4):
        for name, other in zip(BELONGING, BELONGING[shift:] + BELONGING[:shift], strict=True):
            require_two_holders(wide, name, other)


def of_others(counter: Counter, *names: str) -> Given:
    return [(f"other {name}", counter.others[name]) for name in names]


def test_without_a_chain_no_file_is_held_against_the_disclosure_of_another(wide: Counter) -> None:
    """A file says by the receipt attached to it where it belongs, or by its signatures that it is as it was signed."""
    for mine in ("pdf", "ofd", "attached"):
        for theirs in (("disclosure",), ("disclosure", "receipt"), ("receipt", "disclosure", "number")):
            given = [*wide.genuine(mine), *of_others(wide, *theirs)]
            for order in (given, given[::-1]):
                assert wide.together(order) == "papers_do_not_match", (mine, theirs)
    for name in ("disclosure", "number", "holder", "receipt", "refreshed", "proof", "attached"):
        assert wide.together([*wide.genuine("attached"), *of_others(wide, name)]) == "papers_do_not_match", name


def test_without_a_chain_two_records_of_one_issuer_are_told_apart_by_the_receipt_in_a_file(
    wide: Counter, tmp_path: Path
) -> None:
    """What shows no file says nothing of one; a receipt attached to the file says nothing of the disclosure."""
    shown = [(name, wide.neighbour[name]) for name in ("number", "disclosure")]
    mixed = [[*order] for paper in shown for order in permutations([paper, *wide.genuine("attached")])]
    mixed += [[*order] for order in permutations([shown[0], shown[1], *wide.genuine("attached")])]
    for asked in [*mixed, *([*one, ("receipt", wide.neighbour["receipt"])] for one in mixed)]:
        assert wide.together(asked) == "papers_do_not_match", [name for name, _ in asked]
    assert {one["code"] for one in page(tmp_path, mixed, wide.papers["trust"])} == {"papers_do_not_match"}
    # once any paper shows that they are of one record, an altered disclosure is what it is
    for alteration in ("partial: date", "partial: covered", "disclosure: no files"):
        altered = wide.altered(alteration)
        assert answer(wide.together([altered, *wide.genuine("attached")])) is not VerdictOutcome.VALID
        for names in (("attached", "disclosure"), ("receipt", "attached")):
            assert wide.together([altered, *wide.genuine(*names)]) == "record_mismatch", (alteration, names)


def test_without_a_chain_the_receipt_handed_in_decides_and_a_strangers_in_the_file_accuses_nobody(
    wide: Counter,
) -> None:
    strange = wide.altered("the receipt of another record")
    for names in (("disclosure", "receipt"), ("disclosure", "refreshed", "ofd"), ("number", "disclosure", "attached")):
        for place in range(len(names) + 1):
            papers = wide.genuine(*names)
            (told,) = wide.desk().verdicts([taken([*papers[:place], strange, *papers[place:]])])
            assert told["code"] == "in_force", (names, told)
            assert "receipt_ignored" in {one["code"] for one in told["warnings"]}
    # nothing else ties the file to the receipt that was handed in, or the disclosure to anything
    for names in (("disclosure",), ("receipt",), ("proof",), ("number",)):
        assert wide.together([strange, *wide.genuine(*names)]) == "papers_do_not_match", names
    # and what it was attached to is not of its record
    for theirs in (("disclosure",), ("disclosure", "receipt")):
        assert wide.together([strange, *of_others(wide, *theirs)]) == "papers_do_not_match", theirs


@pytest.mark.parametrize("alteration", [name for name in ALTERATIONS if name.startswith("PDF: ")])
def test_a_strangers_receipt_excuses_no_altered_file(wide: Counter, alteration: str) -> None:
    _, altered = wide.altered(alteration)
    given = [("altered", pdfs.with_receipts(altered, wide.others["receipt"]))] if altered.endswith(b"%%EOF\n") else []
    for papers in (wide.genuine("disclosure"), wide.genuine("disclosure", "receipt")):
        for more in (given, [("altered", altered)]):
            code = wide.together([*papers, *more]) if more else None
            assert answer(code) is not VerdictOutcome.VALID, (alteration, code)


@pytest.mark.long
def test_no_paper_of_one_holder_goes_with_any_of_another(wide: Counter) -> None:
    for name in BELONGING:
        for other in BELONGING:
            require_two_holders(wide, name, other)


def page(folder: Path, lists: list[Given], known: bytes) -> list[Any]:
    """What the offline page says of each list, where this trust file was confirmed before."""
    encode = partial(map, lambda paper: [paper[0], base64.b64encode(paper[1]).decode()])
    confirmed = [base64.b64encode(known).decode()]
    asked = [{"given": list(encode(one)), "known": confirmed, "now": int(time.time())} for one in lists]
    answers: list[Any] = run_with("papers", folder, asked)
    return answers


def on_the_page(counter: Counter, folder: Path, count: int) -> None:
    """Of the page: every pair, and every alteration with more and more papers, in so many orders."""
    genuine = [counter.genuine(*names) for size in (1, 2) for names in combinations(NAMES, size)]
    genuine += [counter.genuine(*order[:size]) for order in orders("page", 5 * count) for size in range(3, 11)]
    for papers, told in zip(genuine, page(folder, genuine, counter.papers["trust"]), strict=True):
        assert told["verdict"] != "invalid" and told["records"] <= 1, ([name for name, _ in papers], told)
    sizes = (0, 1, 2, 4, 10) if count == 1 else range(11)
    chains = [
        (alteration, [[counter.altered(alteration), *counter.genuine(*order[:size])] for size in sizes])
        for alteration in ALTERATIONS
        if not alteration.startswith(("OFD", "PDF", "trust"))  # the page does not look into documents
        for order in orders(alteration, count)
    ]
    answers = iter(page(folder, [papers for _, one in chains for papers in one], counter.papers["trust"]))
    for alteration, one in chains:
        grades = []
        for papers in one:
            told = next(answers)
            shown = (alteration, [name for name, _ in papers], told)
            assert told["verdict"] != "valid", shown
            grades.append(SEVERITY.index(told["verdict"]))
            if alteration not in INSEPARABLE:
                assert grades == sorted(grades, reverse=True), shown


def test_the_offline_page_accuses_and_excuses_no_more(wide: Counter, tmp_path: Path) -> None:
    on_the_page(wide, tmp_path, 1)


def test_the_offline_page_does_not_hold_a_file_against_the_disclosure_of_another(wide: Counter, tmp_path: Path) -> None:
    strange = wide.altered("the receipt of another record")
    mixed = [[*wide.genuine("attached"), *of_others(wide, name)] for name in BELONGING if name not in ("ofd", "pdf")]
    mixed += [[*of_others(wide, "disclosure", "receipt"), *wide.genuine("attached")]]
    right = [[*wide.genuine(*names), strange] for names in (("disclosure", "receipt"), ("refreshed", "disclosure"))]
    forged = ALTERATIONS["PDF: text changed, receipt attached"](wide.papers, wide.others)
    tampered = [[*wide.genuine(*names), forged] for names in (("disclosure",), ("disclosure", "receipt"))]
    told = page(tmp_path, mixed + right + tampered, wide.papers["trust"])
    assert {one["code"] for one in told[: len(mixed)]} == {"papers_do_not_match"}
    # this page does not read what was appended to the signed file, and says so
    assert {one["code"] for one in told[len(mixed) :][: len(right)]} == {"changes_unclear"}
    assert {one["verdict"] for one in told[-len(tampered) :]} <= {"indeterminate", "invalid"}


def packed(pdf: bytes, receipt: bytes, *filters: bytes) -> tuple[str, bytes]:
    """The PDF with the receipt attached as PDF libraries do it: compressed."""
    return "packed", pdfs.with_receipts(
        pdf, zlib.compress(receipt), entries=b"".join(filters) or b"/Filter /FlateDecode "
    )


def test_a_receipt_packed_in_a_file_says_where_that_belongs_at_the_page_as_at_the_command_line(
    wide: Counter, tmp_path: Path
) -> None:
    pdf, receipt = wide.papers["pdf"], wide.papers["receipt"]
    forms = [packed(pdf, receipt), packed(pdf, receipt, b"/Filter [/FlateDecode] ")]
    mixed = [[form, *of_others(wide, name)] for form in forms for name in ("disclosure", "number", "receipt")]
    # a stream that is no receipt, or unpacks to too much, is not looked at further
    junk = [packed(pdf, data) for data in (bytes(2**26), b"\xd2" + bytes(2**20), b"junk", receipt[:-40])]
    junk.append(("packed", packed(pdf, receipt)[1].replace(zlib.compress(receipt)[:40], bytes(40))))
    alone = [[form, *wide.genuine("disclosure", "receipt")] for form in [*forms, *junk]]
    told = page(tmp_path, mixed + alone, wide.papers["trust"])
    for asked, on_page in zip(mixed, told, strict=False):
        assert (wide.together(asked), on_page["code"]) == ("papers_do_not_match",) * 2, [name for name, _ in asked]
    assert {one["code"] for one in told[len(mixed) :]} == {"changes_unclear"}


@pytest.mark.long
def test_the_offline_page_accuses_and_excuses_no_more_in_many_orders(wide: Counter, tmp_path: Path) -> None:
    on_the_page(wide, tmp_path, 3)


@pytest.mark.long
@pytest.mark.parametrize("door", AGAIN)
def test_no_subset_is_accused(wide: Counter, door: str) -> None:
    for size in range(3, len(NAMES) + 1):
        for names in combinations(NAMES, size):
            require_no_accusation(wide, door, names)


@pytest.mark.long
@pytest.mark.parametrize("alteration", ALTERATIONS)
def test_more_and_more_papers_make_no_verdict_milder(wide: Counter, alteration: str) -> None:
    for door in AGAIN:
        for name in NAMES:
            require_no_excuse(wide, door, alteration, (name,), place=1)
        for order in orders(alteration, 2):
            require_chain(wide, door, alteration, order[:9])
