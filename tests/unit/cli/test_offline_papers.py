"""The command line without a chain: the papers of one holder, as the page judges them too."""

from __future__ import annotations

import random
import time
from itertools import permutations
from pathlib import Path

import pytest

from chain_service.cli.commands.offline import Offline
from chain_service.cli.proven_heads import Heads
from chain_service.core.receipts.receipt import encode
from chain_service.core.records.states import State
from chain_service.core.verdicts.paper_kinds import take
from chain_service.core.verdicts.verdict import Verdict
from chain_service.jobs.verifying.request import Question
from chain_service.jobs.verifying.several_papers import judge_papers
from support.offline.offline_node import run_with
from support.offline.offline_papers import NOW, forged, holder, question
from support.offline.offline_questions import refreshed

Named = tuple[str, bytes]


@pytest.fixture(autouse=True)
def at_a_known_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)


def verdict(*papers: Named) -> Verdict:
    trusted = holder()[0].trust
    desk = Offline(trusted, None, Heads(None), lambda _: None, judged=True)
    given = [take(name, data) for name, data in papers]
    return judge_papers(given, Question(), desk.ask, lambda _: None, trusted)


def genuine() -> dict[str, bytes]:
    """Without the PDF that somebody attached something to: no file is read here."""
    return {name: data for name, data in holder()[1].items() if name != "pdf with receipt"}


def test_every_file_of_a_record_is_proven_by_its_one_receipt() -> None:
    papers = genuine()
    for names in permutations(("disclosure", "receipt", "pdf", "ofd")):
        assert verdict(*((name, papers[name]) for name in names)).code == "in_force", names
    changed = ("changed", papers["ofd"] + b"x")
    for place in range(4):
        given = [(name, papers[name]) for name in ("disclosure", "receipt", "pdf")]
        assert verdict(*given[:place], changed, *given[place:]).code == "content_altered"


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("number", [107, 111])
def test_an_end_that_any_receipt_shows_stands(state: State, number: int) -> None:
    issued, papers = holder()
    newest = ("newest", encode(refreshed(issued, State.IN_FORCE, 109)))
    given = [("disclosure", papers["disclosure"]), newest, ("other", encode(refreshed(issued, state, number)))]
    told = state.is_final or number == 111
    for order in permutations(given):
        assert verdict(*order).code == (state.code if told else "in_force")


def test_a_receipt_of_another_chain_among_the_papers_is_not_accused() -> None:
    papers, foreign = genuine(), ("foreign", forged()["receipt of a stranger"])
    for names in ((), ("disclosure",), ("pdf",), ("disclosure", "receipt"), ("disclosure", "receipt", "proof", "pdf")):
        found = verdict(*((name, papers[name]) for name in names), foreign)
        assert (found.answer.value, found.code) == ("indeterminate", "issuer_unknown"), names
        changed = ("changed", forged()["disclosure of another holder"])
        if "receipt" in names:
            assert verdict(*((name, papers[name]) for name in names[1:]), changed, foreign).answer.value == "invalid"


def test_page_and_command_line_take_the_same_papers_of_one_holder_for_valid(tmp_path: Path) -> None:
    chance = random.Random(20_265)
    papers, changed = list(genuine().items()), list(forged().items())
    right = [chance.sample(papers, chance.randint(1, 6)) for _ in range(60)]
    wrong = [[*chance.sample(papers, chance.randint(0, 5)), chance.choice(changed)] for _ in range(60)]
    for one in wrong:
        chance.shuffle(one)
    right = [one for one in right if {name for name, _ in one} != {"trust file"}]
    answers = run_with("papers", tmp_path, [question(one) for one in right + wrong])
    for place, (one, answer) in enumerate(zip(right + wrong, answers, strict=True)):
        told = answer["verdict"], verdict(*one).answer.value
        names = [name for name, _ in one]
        if place < len(right):
            assert told in (("valid", "valid"), ("indeterminate", "indeterminate")), names
        else:
            assert "valid" not in told, names
