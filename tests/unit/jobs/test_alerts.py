"""The table of alerts is what the service raises, no more and no less."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import chain_service
from chain_service.jobs import alerts
from chain_service.jobs.indexing.ended_alerts import _OVER

PACKAGE = Path(chain_service.__file__).parent


def calls(verb: str) -> Iterator[tuple[str, ast.expr]]:
    """Module and second argument of every `alerts.put(…)` or `alerts.clear(…)`."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == f"alerts.{verb}":
                yield path.name, node.args[1]


def codes(verb: str) -> set[str]:
    named = set(alerts.CAUSES)
    for module, code in calls(verb):
        if module in ("watch.py", "ended_alerts.py"):
            continue  # they raise and clear whatever of `CAUSES` and `_OVER` they find
        assert isinstance(code, ast.Name) and hasattr(alerts, code.id), f"{module}: {ast.unparse(code)}"
        named.add(getattr(alerts, code.id))
    return named


def test_every_alert_raised_stands_in_the_table_and_the_reverse() -> None:
    assert codes("put") == alerts.ALERTS.keys()


def test_the_table_says_which_alerts_the_service_clears() -> None:
    named = codes("clear") | _OVER.keys()
    assert named == {code for code, meaning in alerts.ALERTS.items() if meaning.clears}


def test_every_alert_has_both_languages_and_a_remedy() -> None:
    for code, meaning in alerts.ALERTS.items():
        for text in (meaning.zh, meaning.remedy_zh, meaning.ends_zh):
            assert any("\u4e00" <= letter <= "\u9fff" for letter in text), code
        for text in (meaning.en, meaning.remedy_en, meaning.ends_en):
            assert text.isprintable() and not any("\u4e00" <= letter <= "\u9fff" for letter in text), code
