"""The offline page: one file that asks nothing, up to date with the service, right where it does its own arithmetic."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from offline_corpus import cases
from offline_node import run_script, run_with
from offline_questions import without_details

from chain_service.web import pages
from chain_service.web.security import SecurityHeaders
from chain_service.web.shapes import parse_moment

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "chain_service" / "web" / "static" / "offline.html"


def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_what_it_shares_with_the_service_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("embed_offline", ROOT / "scripts" / "embed_offline.py")
    assert spec is not None and spec.loader is not None
    embed = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(embed)
    assert embed.embedded(page()) == page(), "run: python scripts/embed_offline.py"


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
    web.include_router(pages.router)
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
