"""Papers of the version before trust files had a `form` (commit e60e3b4) prove for ever what they proved then.

`tests/golden/first_form.json` cannot be made again, and need not be: it was made by the program of that commit with its
sample data (`scripts/samples.py --out sample --n 60`), as the tour of its README goes on: `init`, `chain run`,
`deploy`, `org add`, `type add`, `org permit`, `anchor --out out` of ten licences and two documents, `present --reveal
certificateNumber`, `status set --to withdrawn` of the second licence, `trust export`, `receipts refresh` of a copy of
`out`. `code` is what its `verify --offline` answered. `successor` is the same instance's next trust file, exported by
the version that first wrote a `form`.
"""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chain_service.core.receipts import trust_file
from support.offline.offline_node import run_with
from support.offline.offline_questions import Question

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "first_form.json").read_text(encoding="utf-8"))
FIRST, SUCCESSOR = (base64.b64decode(GOLDEN[name]) for name in ("trust", "successor"))
DAY = 86_400


def _questions() -> list[tuple[Question, str]]:
    """Each paper under the old and the new trust file, and what the old version said of it."""
    return [
        (
            Question(
                f"{paper['name']}, {which} trust file",
                receipt=base64.b64decode(paper["receipt"]),
                disclosure=base64.b64decode(paper["disclosure"]),
                trust=trusted,
                now=GOLDEN["now"],
            ),
            paper["code"],
        )
        for which, trusted in (("old", FIRST), ("new", SUCCESSOR))
        for paper in GOLDEN["papers"]
    ]


QUESTIONS = _questions()


@pytest.mark.parametrize(("question", "code"), QUESTIONS, ids=[question.name for question, _ in QUESTIONS])
def test_an_old_receipt_proves_what_it_proved(question: Question, code: str) -> None:
    answer = question.answered()["expected"]
    assert answer["code"] == code
    outcomes = {check["name"]: check["outcome"] for check in answer["groups"][0]["checks"]}
    assert outcomes.pop("status") == ("failed" if code == "withdrawn" else "passed")
    assert set(outcomes.values()) <= {"passed", "skipped"}
    assert {one["code"] for one in answer["warnings"]} <= {"members_hidden"}


@pytest.mark.parametrize("question", [question for question, _ in QUESTIONS], ids=lambda question: question.name)
def test_it_is_old_news_after_the_age_limit_and_tampered_papers_are_still_refused(question: Question) -> None:
    late = replace(question, now=question.now + 2 * DAY).answered()["expected"]["code"]
    assert late == ("withdrawn" if "withdrawn" in question.name else "status_stale")
    assert question.disclosure is not None
    other = replace(question, disclosure=question.disclosure.replace(b"1143990000612301XQ", b"114399000061230189"))
    assert other.disclosure != question.disclosure
    assert other.answered()["expected"]["verdict"] == "invalid"


def test_the_offline_page_answers_the_same(tmp_path: Path) -> None:
    cases: list[dict[str, Any]] = [question.answered() for question, _ in QUESTIONS]
    answers = run_with("corpus", tmp_path, cases)
    assert [answer["code"] for answer in answers] == [code for _, code in QUESTIONS]


def test_the_old_trust_file_keeps_its_fingerprint_and_takes_its_successor() -> None:
    old = trust_file.accept_first(FIRST, GOLDEN["fingerprint"])
    assert old.terms.form == trust_file.FIRST_FORM
    new = trust_file.update(old, SUCCESSOR)
    assert new.terms.form == trust_file.FORM and new.terms.version == old.terms.version + 1
    assert {one.address for one in new.terms.chain.contracts.values()} == {
        one.address for one in old.terms.chain.contracts.values()
    }
