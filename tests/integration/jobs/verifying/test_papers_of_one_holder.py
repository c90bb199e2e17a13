"""Genuine papers of one holder are never accused, altered ones never excused, whatever comes along and in any order."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import chain, combinations

import pytest

from chain_service.core.encoding.digests import file_digests
from chain_service.core.receipts import receipt as core
from chain_service.core.verdicts.check_rules import RECORD
from chain_service.core.verdicts.paper_kinds import Paper, PaperKind, take
from chain_service.core.verdicts.verdict import Verdict, gravity
from chain_service.core.verdicts.verdict_codes import VerdictOutcome
from chain_service.jobs.proofs import receipts, trust_files
from chain_service.jobs.records import records
from chain_service.jobs.verifying.request import VerificationRequest
from chain_service.jobs.verifying.verify_papers import holders, verify_papers
from support.worlds.jobs_city import City, Org

Papers = Mapping[str, bytes]


def papers_of(city: City, org: Org, number: str | None = None) -> dict[str, bytes]:
    """Every paper that the holder of one certificate can have, by name."""
    first = org.certificate(number)
    scan = f"scan of {first['certificateNumber']}".encode()
    body = first | {"files": [*first["files"], {"mediaType": "text/plain", "digests": file_digests(scan)}]}
    (id,) = city.anchor(org, body)
    older = receipts.receipt(city.app, id)
    city.trial.mine()
    city.step()
    shown = {name: records.present(city.app, id, [name], org.caller).to_json() for name in SHOWN}
    trust_files.export(city.app)
    return {
        "disclosure": b"\xef\xbb\xbf" + city.disclosure(org, id),
        "number": json.dumps(shown["certificateNumber"]).encode(),
        "holder": json.dumps(shown["holders.0.certificateHolderName"]).encode(),
        "receipt": older,
        "refreshed": receipts.receipt(city.app, id, refreshed=True),
        "proof": city.proof(id),
        "trust": trust_files.in_force(city.app),
        "file": body["certificateNumber"].encode(),
        "scan": scan,
    }


SHOWN = ("certificateNumber", "holders.0.certificateHolderName")


def member(name: str, change: Callable[[dict], None]) -> Callable[[Papers], tuple[str, bytes]]:  # type: ignore[type-arg]
    """The paper of this name, its JSON changed."""

    def altered(papers: Papers) -> tuple[str, bytes]:
        value = json.loads(papers[name].removeprefix(b"\xef\xbb\xbf"))
        change(value)
        return name, json.dumps(value).encode()

    return altered


def flipped(name: str, where: float) -> Callable[[Papers], tuple[str, bytes]]:
    """The paper of this name with one bit changed, so far into it."""

    def altered(papers: Papers) -> tuple[str, bytes]:
        data = bytearray(papers[name])
        data[int((len(data) - 1) * where)] ^= 1
        return name, bytes(data)

    return altered


def other_digit(text: str) -> str:
    return text[:-1] + ("0" if text[-1] != "0" else "1")


ALTERATIONS: dict[str, Callable[[Papers], tuple[str, bytes]]] = {
    "another holder": member("disclosure", lambda d: d["record"]["holders"][0].update(certificateHolderName="某人")),
    "another number": member(
        "disclosure", lambda d: d["record"].update(certificateNumber=other_digit(d["record"]["certificateNumber"]))
    ),
    "no files": member("disclosure", lambda d: d["record"].pop("files")),
    "another salt": member("disclosure", lambda d: d.update(salt=other_digit(d["salt"]))),
    "cut off": lambda papers: ("disclosure", papers["disclosure"][:200]),
    "another number shown": member("number", lambda d: d["revealed"]["certificateNumber"].update(value="JY9999999999")),
    "a date of the partial disclosure": member(
        "number", lambda d: d["open"].update(certificateIssuedDate="2025-06-03")
    ),
    "a digest of the partial disclosure": member(
        "holder", lambda d: d["covered"].update(files=other_digit(d["covered"]["files"]))
    ),
    "entry of the proof": member("proof", lambda p: p.update(entry=other_digit(p["entry"]))),
    "root of the proof": member("proof", lambda p: p["anchor"].update(root=other_digit(p["anchor"]["root"]))),
    "head of the receipt": flipped("receipt", 0.02),
    "end of the receipt": flipped("receipt", 1.0),
    "end of the refreshed receipt": flipped("refreshed", 1.0),
    "end of the trust file": flipped("trust", 1.0),
    "file": flipped("file", 0.5),
    "scan": flipped("scan", 0.5),
}


@pytest.fixture(scope="module")
def papers(shared_city: City) -> dict[str, bytes]:
    return papers_of(shared_city, shared_city.organisation())


def verdict(city: City, *chosen: tuple[str, bytes]) -> Verdict:
    return verify_papers(city.app, [take(name, data) for name, data in chosen], VerificationRequest())


def subsets(names: list[str], most: int) -> list[tuple[str, ...]]:
    return list(chain.from_iterable(combinations(names, count) for count in range(1, most + 1)))


def some_subsets(papers: Papers) -> list[tuple[str, ...]]:
    """Each paper, all of them, and some in between in any order."""
    names, chance = list(papers), random.Random(7)
    between = [tuple(chance.sample(names, chance.randint(2, len(names)))) for _ in range(20)]
    return [*subsets(names, 1), tuple(names), *between]


def require_monotony(city: City, papers: Papers, name: str, altered: bytes, chosen: tuple[str, ...]) -> None:
    alone = verdict(city, (name, altered))
    together = verdict(city, (name, altered), *((one, papers[one]) for one in chosen))
    reversed_order = verdict(city, *((one, papers[one]) for one in reversed(chosen)), (name, altered))
    assert together.code == reversed_order.code
    assert together.answer is not VerdictOutcome.VALID, chosen
    if alone.answer is VerdictOutcome.INVALID:
        assert gravity(together.code) <= gravity(alone.code), chosen


def test_no_genuine_papers_of_one_holder_are_accused(shared_city: City, papers: Papers) -> None:
    for chosen in some_subsets(papers):
        found = verdict(shared_city, *((name, papers[name]) for name in chosen))
        wanted = VerdictOutcome.INDETERMINATE if chosen == ("trust",) else VerdictOutcome.VALID
        assert found.answer is wanted, (chosen, found.code, [c for g in found.groups for c in g.checks])


@pytest.mark.parametrize("alteration", ALTERATIONS)
def test_an_altered_paper_is_never_excused(shared_city: City, papers: Papers, alteration: str) -> None:
    name, altered = ALTERATIONS[alteration](papers)
    everything = tuple(papers)
    others = [("disclosure",), ("receipt",), ("proof", "file"), everything, tuple(n for n in everything if n != name)]
    for chosen in others:
        require_monotony(shared_city, papers, name, altered, chosen)


@pytest.mark.long
def test_no_subset_of_genuine_papers_is_accused(shared_city: City, papers: Papers) -> None:
    for chosen in subsets(list(papers), len(papers)):
        found = verdict(shared_city, *((name, papers[name]) for name in chosen))
        assert found.answer is not VerdictOutcome.INVALID, (chosen, found.code)


@pytest.mark.long
@pytest.mark.parametrize("alteration", ALTERATIONS)
def test_no_further_paper_makes_a_verdict_milder(shared_city: City, papers: Papers, alteration: str) -> None:
    name, altered = ALTERATIONS[alteration](papers)
    told: dict[frozenset[str], Verdict] = {}
    for chosen in [(), *subsets(list(papers), 4)]:
        found = verdict(shared_city, (name, altered), *((one, papers[one]) for one in chosen))
        assert found.answer is not VerdictOutcome.VALID, chosen
        told[frozenset(chosen)] = found
        for left_out in chosen:
            fewer = told[frozenset(chosen) - {left_out}]
            if fewer.answer is VerdictOutcome.INVALID:
                assert gravity(found.code) <= gravity(fewer.code), (chosen, left_out)


def test_papers_of_two_holders_do_not_belong_together(shared_city: City, papers: Papers) -> None:
    others = papers_of(shared_city, shared_city.organisation())
    for name in papers:
        for other in others:
            if "trust" not in (name, other):
                found = verdict(shared_city, (name, papers[name]), ("other", others[other]))
                assert found.code == "papers_do_not_match", (name, other, found.code)
                listed = found.record[RECORD.PARSE].evidence["papers"]
                assert {one["paper"] for one in listed} == {name, "other"}
                assert None not in {one["belongsTo"] for one in listed}


def test_of_two_disclosures_the_altered_one_decides(shared_city: City, papers: Papers) -> None:
    _, altered = ALTERATIONS["another number"](papers)
    for chosen in (("disclosure", "altered"), ("altered", "number"), ("receipt", "altered", "disclosure")):
        given = [(one, papers.get(one, altered)) for one in chosen]
        assert verdict(shared_city, *given).code == "record_mismatch"


def test_partial_disclosures_of_one_record_are_put_together(shared_city: City, papers: Papers) -> None:
    found = verdict(shared_city, ("one", papers["number"]), ("two", papers["holder"]))
    assert found.context.record is not None
    assert {"certificateNumber", "holders.0.certificateHolderName"} <= found.context.record["members"].keys()


def test_what_cannot_be_read_is_said_to_be_empty_or_cut_off(shared_city: City, papers: Papers) -> None:
    empty = verdict(shared_city, ("empty", b""))
    assert (empty.code, "empty" in empty.message.en, "为空" in empty.message.zh) == ("unreadable", True, True)
    cut = verdict(shared_city, ("cut", papers["disclosure"][:300]))
    assert (cut.code, "cut off" in cut.message.en) == ("unreadable", True)


def test_papers_are_sorted_by_holder(shared_city: City, papers: Papers) -> None:
    others = papers_of(shared_city, shared_city.organisation())
    names = ("disclosure", "receipt", "file", "proof")
    mixed = [take(f"{whose} {name}", of[name]) for name in names for whose, of in (("a", papers), ("b", others))]
    found = [{paper.name for paper in one} for one in holders(shared_city.app, mixed, None)]
    assert found == [{f"{whose} {name}" for name in names} for whose in ("a", "b")]
    changed = [take("d", papers["disclosure"]), Paper("f", PaperKind.FILE, b"changed")]
    assert len(holders(shared_city.app, changed, None)) == 1


def test_a_receipt_of_another_chain_is_not_accused_and_excuses_nothing(city: City) -> None:
    org = city.organisation()
    body = org.certificate()
    (id,) = city.anchor(org, body)
    one = core.parse(receipts.receipt(city.app, id))
    foreign = [core.encode(replace(one, chain_id=one.chain_id + 1)), core.encode(replace(one, contract=bytes(20)))]
    disclosure, file = ("disclosure", city.disclosure(org, id)), ("file", body["certificateNumber"].encode())
    changed = ALTERATIONS["another holder"]({"disclosure": disclosure[1]})
    for receipt in foreign:
        for papers in ([], [disclosure], [file], [file, disclosure]):
            found = verdict(city, ("receipt", receipt), *papers)
            assert (found.answer, found.code) == (VerdictOutcome.INDETERMINATE, "issuer_unknown"), [
                name for name, _ in papers
            ]
        both = [("receipt", receipt), ("own receipt", receipts.receipt(city.app, id))]
        for order in (both, both[::-1]):
            assert verdict(city, *order).code == "issuer_unknown"
        assert verdict(city, ("receipt", receipt), changed).answer is VerdictOutcome.INVALID
    city.set_state(org, id, "withdrawn", 1)
    for receipt in foreign:
        assert verdict(city, ("receipt", receipt), disclosure, file).code == "withdrawn"
