"""The offline page: one file that asks nothing, up to date with the service, right where it does its own arithmetic."""

from __future__ import annotations

import base64
import hashlib
import random
import re
import time
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

import embed_offline
from chain_service.core.receipts.receipt import encode
from chain_service.core.records.states import State
from chain_service.core.verdicts.paper_kinds import recognise
from chain_service.web.http.headers import SecurityHeaders
from chain_service.web.pages import routes
from chain_service.web.schemas.requests import parse_moment
from joined_modules import joined
from support.offline.histories import drawn
from support.offline.offline_corpus import cases
from support.offline.offline_node import run_script, run_with
from support.offline.offline_papers import altered, forged, holder, question, subsets
from support.offline.offline_questions import refreshed, without_details

ROOT = Path(__file__).resolve().parents[4]
PAGE = ROOT / "chain_service" / "web" / "pages" / "static" / "offline.html"


def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_making_it_again_from_its_modules_and_tables_changes_nothing() -> None:
    assert embed_offline.tables() == embed_offline.TABLES.read_text(encoding="utf-8"), "run: scripts/embed_offline.py"
    assert embed_offline.member_names() == embed_offline.MEMBER_NAMES.read_text(encoding="utf-8")
    assert embed_offline.page() == page(), "run: python scripts/embed_offline.py"


def test_what_both_pages_show_comes_from_one_source() -> None:
    _, files = joined(embed_offline.SOURCES / "page" / "main.js", embed_offline.PAGES)
    shared = {file.name for file in files if file.parent == embed_offline.STATIC}
    assert shared == {
        "details.js",
        "document_sentences.js",
        "dom.js",
        "evidence_names.js",
        "labels.js",
        "members.js",
        "record_sentences.js",
        "visible.js",
    }
    assert shared < set(routes.FILES)


def test_it_is_one_file_that_can_ask_nothing() -> None:
    policy = re.search('http-equiv="Content-Security-Policy" content="([^"]+)"', page())
    assert policy is not None
    assert "default-src 'none'" in policy[1] and "connect-src 'none'" in policy[1]
    assert "unsafe" not in policy[1] and "self" not in policy[1]
    for way_out in ("fetch(", "XMLHttpRequest", "WebSocket", "sendBeacon", "import(", "importScripts", "EventSource"):
        assert way_out not in page()
    assert re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', page()) == []
    assert set(re.findall(r"https?://[^\s\"']+", page())) == {"http://www.w3.org/2000/svg"}


def test_the_service_serves_it_under_its_own_policy(client_of: Any) -> None:
    web = FastAPI()
    web.include_router(routes.router)
    web.add_middleware(SecurityHeaders)
    answer = client_of(web).get("/offline.html")
    assert answer.status_code == 200 and answer.text == page()
    policies = answer.headers.get_list("content-security-policy")
    assert len(policies) == 1 and "connect-src 'none'" in policies[0] and "frame-ancestors 'none'" in policies[0]
    script = re.search("<script>(.*?)</script>", page(), re.DOTALL)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policies[0]
    assert 'href="/offline.html"' in client_of(web).get("/").text


def test_words_from_outside_never_become_markup() -> None:
    for way_in in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert way_in not in page()


def test_its_own_hashes_and_recovery_agree_with_kept_libraries_on_random_inputs() -> None:
    if not (ROOT / "node_modules" / "@noble" / "curves").is_dir():
        pytest.skip("the libraries to compare with are not installed (npm ci)")
    assert run_script("primitives", "400") == {"count": 400}


def test_a_moment_is_written_as_for_the_command_line(tmp_path: Path) -> None:
    days = [
        "2026-01-31",
        "2026-02-30",
        "2024-02-29",
        "1970-01-01",
        "1969-12-31",
        "9999-12-31",
        "2026-1-31",
        "0001-01-01",
    ]
    clocks = ["", "T08:00", " 08:00:59", "t23:59:59.999999999", "T24:00", "T08:60", "T08:00:60", "T08", "T08:00.5", "T"]
    zones = ["", "Z", "z", "+08:00", "-12:30", "+14:00", "+8:00", "+08:60", "+24:00", "+0800"]
    texts = [day + clock + zone for day in days for clock in clocks for zone in zones]
    texts += [
        "",
        " 2026-01-31 ",
        "now",
        "2026-01-31T08:00Z2026",
        "２０２６-01-31",
        "1790000000",
        "1970-01-01T08:00+08:00",
    ]

    def read(text: str) -> int | None:
        try:
            return parse_moment(text)
        except ValueError:
            return None

    found = run_with("moments", tmp_path, texts)
    assert {
        text: (one, other) for text, one, other in zip(texts, found, map(read, texts), strict=True) if one != other
    } == {}
    assert sum(one is not None for one in found) > 100


def compare(thorough: bool, tmp_path: Path) -> None:
    asked = cases(thorough)
    answers = run_with("corpus", tmp_path, asked)
    for case, answer in zip(asked, answers, strict=True):
        assert without_details(answer) == case["expected"], case["name"]


def test_both_verifiers_give_the_same_verdicts(tmp_path: Path) -> None:
    compare(False, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_both_verifiers_give_the_same_verdicts_on_many_damaged_files(tmp_path: Path) -> None:
    compare(True, tmp_path)


def compare_histories(count: int, tmp_path: Path) -> None:
    """What is drawn for the verifier in Python, asked of the page too, whose reader cannot lift a limit."""
    asked = [replace(shown, accept_stale=False).case() for shown in drawn(count)]
    for case, answer in zip(asked, run_with("corpus", tmp_path, asked), strict=True):
        assert without_details(answer) == case["expected"], case["name"]


def test_both_verifiers_give_the_same_verdicts_on_histories_honest_and_forged(tmp_path: Path) -> None:
    compare_histories(200, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_both_verifiers_give_the_same_verdicts_on_two_thousand_histories(tmp_path: Path) -> None:
    compare_histories(2000, tmp_path)


SEVERITY = ["valid", "indeterminate", "invalid"]


def asked_together(tmp_path: Path, lists: list[list[tuple[str, bytes]]]) -> list[Any]:
    answers: list[Any] = run_with("papers", tmp_path, [question(papers) for papers in lists])
    return answers


def test_no_subset_of_a_holders_genuine_papers_is_ever_invalid(tmp_path: Path) -> None:
    chance = random.Random(20_263)
    lists = [[paper] for paper in holder()[1].items()] + list(subsets(chance, 400))
    answers = asked_together(tmp_path, lists)
    for papers, answer in zip(lists, answers, strict=True):
        names = {name for name, _ in papers}
        told = f"{sorted(names)}: {answer}"
        assert answer["verdict"] != "invalid" and answer["records"] <= 1, told
        if answer["verdict"] == "valid":
            assert any("receipt" in name for name in names - {"pdf with receipt"}), told
            shows = {"disclosure", "disclosure with a mark", "partial", "partial of the files"} & names
            assert answer["isCompared"] == bool(shows), told
            assert ("members_hidden" in answer["warnings"]) == (not any("disclosure" in name for name in names)), told
    assert sum(answer["verdict"] == "valid" for answer in answers) > 50


def test_genuine_papers_never_soften_the_verdict_on_an_altered_one(tmp_path: Path) -> None:
    chance = random.Random(20_264)
    genuine = list(holder()[1].items())
    changed = list(forged().items())
    changed += [
        (f"{name}, a bit of it changed", altered(chance, data))
        for name, data in genuine
        for _ in range(4)
        if not name.startswith(("pdf", "ofd", "trust"))
    ]
    lists = []
    for paper in changed:
        beside = chance.sample(genuine, 5)
        lists += [[paper, *beside[:count]] for count in range(6)]
        lists.append([*genuine, paper])
    answers = asked_together(tmp_path, lists)
    for papers, answer in zip(lists, answers, strict=True):
        assert answer["verdict"] != "valid", f"{[name for name, _ in papers]}: {answer}"
    for start in range(0, len(lists), 7):
        grades = [SEVERITY.index(answer["verdict"]) for answer in answers[start : start + 7]]
        told = f"{[name for name, _ in lists[start + 6]]}: {answers[start : start + 7]}"
        assert grades[:6] == sorted(grades[:6]) and grades[6] >= grades[5], told


def test_an_altered_disclosure_with_its_genuine_receipt_is_a_mismatch(tmp_path: Path) -> None:
    genuine = holder()[1]
    names = [name for name in forged() if name.startswith(("disclosure", "partial"))]
    lists = [[(name, forged()[name]), ("receipt", genuine["receipt"])] for name in names]
    answers = asked_together(tmp_path, lists + [[*papers, *genuine.items()] for papers in lists])
    assert {answer["code"] for answer in answers} == {"record_mismatch"}


def test_an_end_that_any_receipt_shows_stands(tmp_path: Path) -> None:
    issued, papers = holder()
    states = [(state, number) for state in State for number in (107, 111)]
    shown = [(state, number, encode(refreshed(issued, state, number))) for state, number in states]
    newest = ("newest", encode(refreshed(issued, State.IN_FORCE, 109)))
    disclosure = ("disclosure", papers["disclosure"])
    lists = [[disclosure, newest, (state.code, data)] for state, _, data in shown]
    answers = asked_together(tmp_path, lists + [[*one[:0:-1], one[0]] for one in lists])
    for (state, number, _), answer in zip(shown * 2, answers, strict=True):
        told = state.is_final or number == 111
        assert answer["code"] == (state.code if told else "in_force"), (state, number)


def test_two_disclosures_of_one_salt_that_differ_are_a_mismatch(tmp_path: Path) -> None:
    genuine, changed = holder()[1]["disclosure"], forged()
    names = [name for name in changed if name.startswith(("disclosure", "partial"))]
    answers = asked_together(tmp_path, [[("genuine", genuine), (name, changed[name])] for name in names])
    assert {answer["code"] for answer in answers} == {"record_mismatch"}


def test_what_a_paper_is_called_does_not_matter(tmp_path: Path) -> None:
    papers = holder()[1]
    called = ("a.receipt", "a.trust", "disclosure.json")
    kinds = {"partial": "disclosure", "pdf": "file", "ofd": "file"}
    expected = [kinds.get(name.split()[0], name.split()[0]) for name in papers]
    answers = asked_together(tmp_path, [[(name, data)] for name in called for data in papers.values()])
    assert [answer["kinds"][0] for answer in answers] == expected * 3


def test_both_verifiers_take_papers_for_the_same(tmp_path: Path) -> None:
    given = [b" " * 300 + b'{"record": {}, "salt": ""}', b"\n" * 4_000 + b'{"record": {"certif', b" " * 300 + b"{}"]
    given += [b'{"path": "a", "size": 2048}', b'{"index": 1, "size": 2, "path": []}']
    given += [b'{"index": {}}\n{"title": ""}\n', b'{"anchor": {"log']
    kinds = [answer["kind"] for answer in looked_at(tmp_path, given)]
    assert (
        kinds
        == [recognise(data).value for data in given]
        == ["disclosure"] * 2 + ["file"] * 2 + ["proof", "file", "proof"]
    )


def test_streams_that_never_end_do_not_hide_a_receipt_or_hold_the_page_up(tmp_path: Path) -> None:
    receipt = b"\xd2\x84" + bytes(5_000)
    packed = zlib.compress(receipt)
    attached = b"1 0 obj<</Type/EmbeddedFile/Filter/FlateDecode/Length %d>>\nstream\n%s\nendstream" % (
        len(packed),
        packed,
    )
    begun = time.monotonic()
    (answer,) = looked_at(tmp_path, [b"%PDF-1.7\n" + b"stream\n\xd2\x84" * 60_000 + attached])
    assert base64.b64decode(answer["receipts"][-1]) == receipt
    assert time.monotonic() - begun < 60


def looked_at(folder: Path, given: list[bytes]) -> list[Any]:
    """What the page takes each file for, and the receipts that it finds in it."""
    answers: list[Any] = run_with("looked", folder, [base64.b64encode(data).decode() for data in given])
    return answers


def test_the_page_of_a_service_has_its_trust_file_built_in() -> None:
    built = routes.page_trusting(b"\xd8\x62trust")
    assert '<meta name="trust" content="2GJ0cnVzdA==">' in built
    assert built.replace("2GJ0cnVzdA==", "") == page()
