"""Checks are named by their constants, and each gives only codes of its own: read from the source of the package."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from chain_service.core.verdicts.check_rules import CHECKS, RECORD, SIGNATURE, CheckRule
from chain_service.core.verdicts.verdict_codes import CODES
from chain_service.core.verdicts.warnings import WARNINGS

PACKAGE = Path(__file__).resolve().parents[4] / "chain_service"
TABLES = {"RECORD": RECORD, "SIGNATURE": SIGNATURE}
MAKERS = {"check", "_not_reached", "_several", "unread"}
"""Functions whose first argument that is a constant of a table is the check they give a result of."""


@cache
def trees() -> list[tuple[str, ast.Module]]:
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
    judging = {path: text for path, text in texts.items() if "core.verdicts" in text}
    return [(path.relative_to(PACKAGE).as_posix(), ast.parse(text)) for path, text in judging.items()]


def dotted_end(node: ast.expr) -> str:
    """`checks` of `group.checks` and of `checks`."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def constant(node: ast.expr) -> CheckRule | None:
    """The check that `RECORD.STATUS` names; fails where the table has none of that name."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in TABLES:
        found = getattr(TABLES[node.value.id], node.attr)
        assert isinstance(found, CheckRule)
        return found
    return None


def literals(node: ast.expr) -> Iterator[str]:
    """Every text that this expression may be, as far as it is written out."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from literals(node.body)
        yield from literals(node.orelse)


def given() -> Iterator[tuple[str, CheckRule, str]]:
    """Place, check and code of every `check(RECORD.STATUS, "withdrawn")` in the package, also where a name that was
    set to literals in the same function is passed."""
    for path, tree in trees():
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            named: dict[str, list[str]] = {}
            for node in ast.walk(function):
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    named.setdefault(node.targets[0].id, []).extend(literals(node.value))
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "check":
                    rule = constant(node.args[0]) if node.args else None
                    code = node.args[1] if len(node.args) > 1 else None
                    if rule is None or code is None:
                        continue
                    told = named.get(code.id, []) if isinstance(code, ast.Name) else list(literals(code))
                    yield from ((f"{path}:{node.lineno}", rule, one) for one in told)


def test_every_code_written_in_the_source_is_one_of_its_check() -> None:
    found = list(given())
    assert len(found) > 100
    assert [(place, str(rule), code) for place, rule, code in found if code not in rule.codes] == []


def test_every_check_is_given_somewhere_in_the_source() -> None:
    assert {str(rule) for _, rule, _ in given()} == {str(rule) for rule in CHECKS}


def test_every_code_that_a_check_compares_with_is_one_of_its_own() -> None:
    """`group[RECORD.ANCHOR].code == "…"`: a code that the check never gives would be a comparison that never holds."""
    seen = 0
    for path, tree in trees():
        for node in ast.walk(tree):
            if not (
                isinstance(node, ast.Compare) and isinstance(node.left, ast.Attribute) and node.left.attr == "code"
            ):
                continue
            subject = node.left.value
            rule = constant(subject.slice) if isinstance(subject, ast.Subscript) else None
            if rule is None:
                continue
            (right,) = node.comparators
            codes = right.elts if isinstance(right, ast.Tuple) else [right]
            for code in codes:
                assert isinstance(code, ast.Constant) and code.value in rule.codes, f"{path}:{node.lineno}"
                seen += 1
    assert seen >= 5


def test_no_check_is_named_by_a_text_or_found_by_its_position() -> None:
    wrong: list[str] = []
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MAKERS and node.args:
                wrong += [f"{path}:{one.lineno}" for one in node.args[:1] if isinstance(one, ast.Constant)]
            elif isinstance(node, ast.Subscript) and dotted_end(node.value) == "checks":
                wrong.append(f"{path}:{node.lineno}")
    assert wrong == []


@pytest.mark.parametrize("rule", CHECKS, ids=str)
def test_a_check_raises_verdict_codes_only_and_its_constant_bears_its_name(rule: CheckRule) -> None:
    assert set(rule.raises) <= set(CODES) and {note.best for note in rule.notes} <= set(CODES)
    assert getattr(TABLES[rule.group.upper()], rule.name.upper()) is rule


def test_every_warning_written_in_the_source_is_in_the_table() -> None:
    written = {
        code
        for _, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "warning" and node.args
        for code in literals(node.args[0])
    }
    assert len(written) > 10 and written <= set(WARNINGS)
