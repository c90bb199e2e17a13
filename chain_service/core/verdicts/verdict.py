"""What a verification answers: checks with evidence, in groups, and the verdict that follows from them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from chain_service.core.encoding.text import Text
from chain_service.core.verdicts.check_rules import CHECKS, ESSENTIAL, CheckRule, GroupName
from chain_service.core.verdicts.verdict_codes import CODES, Outcome, VerdictOutcome
from chain_service.core.verdicts.warnings import WARNINGS


@dataclass(frozen=True)
class Check:
    """One check's result; `params` filled the texts and fill the next step, `evidence` is JSON to read."""

    rule: CheckRule
    outcome: Outcome
    code: str
    message: Text
    evidence: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Text] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The check's name for readers; a program compares `rule`."""
        return self.rule.name

    def to_json(self) -> dict[str, Any]:
        """`{name, outcome, code, message, evidence}`, the message in both languages."""
        return {
            "name": self.name,
            "outcome": self.outcome.value,
            "code": self.code,
            "message": self.message.to_json(),
            "evidence": dict(self.evidence),
        }


@dataclass(frozen=True)
class Group:
    """The checks of one subject: the record, or one signature of a document."""

    name: GroupName
    subject: str
    checks: tuple[Check, ...]

    def __getitem__(self, rule: CheckRule) -> Check:
        """The result of this check. Raises KeyError where the group has none, as one of another subject does."""
        for result in self.checks:
            if result.rule is rule:
                return result
        raise KeyError(f"the group {self.name} has no check {rule}")

    def having(self, changed: Check) -> Group:
        """The group with this result in the place of the one of the same check."""
        checks = tuple(changed if result.rule is changed.rule else result for result in self.checks)
        return replace(self, checks=checks)

    def to_json(self) -> dict[str, Any]:
        """`{name, subject, checks}`, the checks in the order they were made."""
        return {"name": self.name, "subject": self.subject, "checks": [check.to_json() for check in self.checks]}


@dataclass(frozen=True)
class Warning:
    """Something to know that does not change the verdict."""

    code: str
    message: Text

    def to_json(self) -> dict[str, Any]:
        """`{code, message}`, the message in both languages."""
        return {"code": self.code, "message": self.message.to_json()}


@dataclass(frozen=True)
class Context:
    """What a verdict states beside its checks; JSON values, times RFC 3339 in UTC, None where nothing was learnt."""

    at: str
    chain: Mapping[str, Any] | None = None
    included_by: str | None = None
    status_as_of: str | None = None
    record: Mapping[str, Any] | None = None
    warnings: tuple[Warning, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """The answer to one verification, with every check that led to it."""

    answer: VerdictOutcome
    code: str
    message: Text
    next_step: Text
    groups: tuple[Group, ...]
    context: Context

    @property
    def record(self) -> Group | None:
        """The checks of the record; None where nothing was judged."""
        return next((group for group in self.groups if group.name == "record"), None)

    @property
    def signatures(self) -> tuple[Group, ...]:
        """The checks of each signature, in the order of the document."""
        return tuple(group for group in self.groups if group.name == "signature")

    def having(self, changed: Group) -> Verdict:
        """The verdict with this group in the place of its checks of the record; its conclusion stays."""
        return replace(self, groups=tuple(changed if group is self.record else group for group in self.groups))

    def to_json(self) -> dict[str, Any]:
        """The verdict in the shape of the interface; keys that nothing is known for are null."""
        context = self.context
        return {
            "verdict": self.answer.value,
            "code": self.code,
            "message": self.message.to_json(),
            "nextStep": self.next_step.to_json(),
            "at": context.at,
            "chain": dict(context.chain) if context.chain is not None else None,
            "includedBy": context.included_by,
            "statusAsOf": context.status_as_of,
            "warnings": [warning.to_json() for warning in context.warnings],
            "groups": [group.to_json() for group in self.groups],
            "record": dict(context.record) if context.record is not None else None,
        }


_NAME = re.compile(r"\{(\w+)\}")
_OPTIONAL = re.compile(r"\[([^\]]*)\]")


def fill(template: str, values: Mapping[str, str]) -> str:
    """`template` with `{name}` replaced; a part in square brackets is left out when one of its values is missing.

    Raises KeyError when a value outside brackets is missing.
    """
    parts = _parts(template)
    if parts is None:
        return template
    return "".join(part for part, names in parts if all(map(values.get, names))).format_map(values)


@lru_cache(maxsize=4096)
def _parts(template: str) -> tuple[tuple[str, tuple[str, ...]], ...] | None:
    """The template cut at its brackets, each part with the names it may not lack; None where nothing varies in it."""
    if "{" not in template and "[" not in template:
        return None
    pieces = _OPTIONAL.split(template)  # every second piece stood in brackets
    return tuple((piece, tuple(_NAME.findall(piece)) if at % 2 else ()) for at, piece in enumerate(pieces))


def fill_text(text: Text, params: Mapping[str, Text]) -> Text:
    """`text` with the parameters of each language filled in."""
    if _parts(text.zh) is None and _parts(text.en) is None:
        return text
    return Text(
        fill(text.zh, {name: value.zh for name, value in params.items()}),
        fill(text.en, {name: value.en for name, value in params.items()}),
    )


def check(
    rule: CheckRule,
    code: str,
    evidence: Mapping[str, Any] | None = None,
    params: Mapping[str, object] | None = None,
) -> Check:
    """The result `code` of one check; its outcome and texts come from the table.

    Raises KeyError for a code that the table does not allow this check: a fault of the program, not of the input.
    """
    texts = {key: value if isinstance(value, Text) else Text(str(value), str(value))
             for key, value in (params or {}).items()}  # fmt: skip
    for note in rule.notes:
        if note.code == code:
            return Check(rule, note.outcome, code, fill_text(note.text, texts), dict(evidence or {}), texts)
    if code not in rule.raises:
        raise KeyError(f"check {rule} may not give {code}")
    outcome = Outcome.FAILED if CODES[code].answer is VerdictOutcome.INVALID else Outcome.INDETERMINATE
    return Check(rule, outcome, code, fill_text(CODES[code].message, texts), dict(evidence or {}), texts)


def warning(code: str, **params: object) -> Warning:
    """The warning named `code`, filled; raises KeyError when the table has none of that name or a value is missing."""
    texts = {name: value if isinstance(value, Text) else Text(str(value), str(value)) for name, value in params.items()}
    return Warning(code, fill_text(WARNINGS[code], texts))


_SEVERITY = {VerdictOutcome.INVALID: 0, VerdictOutcome.INDETERMINATE: 1, VerdictOutcome.VALID: 2}
_GRAVITY = {code: (_SEVERITY[row.answer], rank) for rank, (code, row) in enumerate(CODES.items())}


def gravity(code: str) -> tuple[int, int]:
    """Sorts verdict codes, the one that decides first: invalid, indeterminate, valid; within one as in `CODES`."""
    return _GRAVITY[code]


def gravest(checks: Iterable[Check]) -> Check:
    """Of several results the one that decides; the first of those that are alike."""
    return min(checks, key=lambda result: gravity(_finding(result)))


def conclude(groups: Iterable[Group], context: Context) -> Verdict:
    """The verdict that follows from `groups`: the worst finding decides.

    Invalid before indeterminate before valid, within one answer the first in `CODES`. Where no essential check
    passed there is nothing to verify, so skipping everything is never valid.
    """
    judged = tuple(groups)
    findings: list[tuple[str, Mapping[str, Text]]] = []
    for group in judged:
        for result in group.checks:
            findings.append((_finding(result), result.params))
    if not any(result.rule in ESSENTIAL and result.outcome is Outcome.PASSED
               for group in judged for result in group.checks):  # fmt: skip
        findings.append(("nothing_to_verify", {}))
    code, params = min(findings, key=lambda finding: gravity(finding[0]))
    row = CODES[code]
    return Verdict(row.answer, code, fill_text(row.message, params), fill_text(row.next_step, params), judged, context)


def _finding(result: Check) -> str:
    """The verdict code that a check's result amounts to."""
    return _BEST.get((result.rule, result.code), result.code)


_BEST = {(rule, note.code): note.best for rule in CHECKS for note in rule.notes}


def codes_as_markdown() -> str:
    """Two Markdown tables for docs/reference: every verdict code, and which check may raise which of them."""
    lines = ["| code | verdict | 中文 | English | next step |", "|---|---|---|---|---|"]
    for row in CODES.values():
        message, step = _readable(row.message), _readable(row.next_step)
        cells = (f"`{row.code}`", row.answer.value, message.zh, message.en, f"{step.zh} · {step.en}")
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "| group | check | may raise |", "|---|---|---|"]
    for rule in CHECKS:
        lines.append(f"| {rule.group} | `{rule.name}` | {' '.join(f'`{code}`' for code in rule.raises)} |")
    return "\n".join(lines) + "\n"


def _readable(text: Text) -> Text:
    """The template with an ellipsis for what varies."""
    return Text(*(re.sub(r"\{\w+\}", "…", side).replace("[", "").replace("]", "") for side in (text.zh, text.en)))
