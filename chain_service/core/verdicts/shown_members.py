"""Which members of a record an asker gets to see, and how those that stay hidden are named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from chain_service.core.encoding.text import Text
from chain_service.core.records.disclosure import PartialDisclosure
from chain_service.core.records.member_names import MEMBERS
from chain_service.core.records.schema import SHAPES
from chain_service.core.verdicts.check_rules import RECORD
from chain_service.core.verdicts.inputs import Content, Names
from chain_service.core.verdicts.verdict import Verdict, warning
from chain_service.core.verdicts.verdict_codes import Outcome

_HOLDER = re.compile(r"holders\.(\d+)\.(.+)")
_FACE = ("certificateNumber", "documentNumber", "holders.0.certificateHolderName")
"""Members that a clerk compares with the paper first."""


def hidden_members(content: Content, seen: Iterable[str]) -> list[str]:
    """The covered members that stay hidden of a record whose members `seen` are shown.

    Of a whole record that nobody presented only those that every record of its kind has: its others are not told.
    """
    shown = set(seen)
    if isinstance(content, PartialDisclosure):
        return [name for name in content.covered if name not in shown]
    shape = SHAPES[content.kind]
    covered = {name.split(".")[0] for name in shown}
    return sorted(name for name in shape.required - shape.open if name not in covered)


def member_name(path: str, labels: Mapping[str, Text] | None = None) -> Text:
    """What to call the member, e.g. 持证主体 2 for `holders.1.certificateHolderName`; `labels` are of sector fields."""
    if path.startswith("extension."):
        own = path.removeprefix("extension.")
        return labels[own] if labels and own in labels else Text(f"业务字段 {own}", f"sector field {own}")
    held = _HOLDER.fullmatch(path)
    known = held[2] if held is not None else path
    text = MEMBERS.get(known, Text(known, known))
    number = int(held[1]) + 1 if held is not None else 1
    return text if number == 1 else Text(f"{text.zh} {number}", f"{text.en} {number}")


def with_hidden(
    verdict: Verdict, presented: Content | None, recalled: Content | None = None, names: Names | None = None
) -> Verdict:
    """The verdict that names what it does not show of the record, where it says anything of one.

    `record.shown`: whether what was presented was compared, and number and holder are shown or in the file compared.
    A partial disclosure is warned of with the members that it hides. `record.labels`, where the type has some: what to
    call the sector fields shown or hidden.
    """
    record, content = verdict.context.record, presented or recalled
    if record is None or content is None:
        return verdict
    hidden = hidden_members(content, record["members"])
    told: dict[str, Any] = {**record, "hidden": hidden}
    told["shown"] = _is_file_compared(verdict) or _is_shown(presented, hidden)
    labels = names.labels.get(content.type_code, {}) if names is not None and content.kind == "certificate" else {}
    if labels:
        paths = {*record["members"], *hidden}
        if used := {name: label.to_json() for name, label in labels.items() if f"extension.{name}" in paths}:
            told["labels"] = used
    warnings = verdict.context.warnings
    withheld = hidden_members(presented, presented.members) if isinstance(presented, PartialDisclosure) else []
    if withheld:
        called = [member_name(name, labels) for name in withheld]
        text = Text("、".join(name.zh for name in called), ", ".join(name.en for name in called))
        warnings = (*warnings, warning("members_hidden", count=len(withheld), names=text))
    return replace(verdict, context=replace(verdict.context, record=told, warnings=warnings))


def _is_file_compared(verdict: Verdict) -> bool:
    return verdict.record is not None and verdict.record[RECORD.FILE_DIGEST].outcome is Outcome.PASSED


def _is_shown(presented: Content | None, hidden: Iterable[str]) -> bool:
    return presented is not None and not any(name in _FACE for name in hidden)
