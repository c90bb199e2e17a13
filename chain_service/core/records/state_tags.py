"""The state that a caller saw, by which a change of state is refused where it is not the newest one any more.

A state's name alone does not tell whether others came between: a record may be suspended, returned and suspended again.
So every answer names the state with the number of changes asked for until then, such as `in_force/2`, and `ifState`
takes that or the name alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chain_service.errors import MalformedRecord

LONGEST_TAG = 42


def tag_pattern(names: Iterable[str]) -> str:
    """A regular expression for what names one of these states."""
    return f"(?:{'|'.join(names)})(?:/[0-9]{{1,9}})?"


def state_tag(name: str, changes: int) -> str:
    """The state with the number of changes that were asked for until it was reached, refused ones too."""
    return f"{name}/{changes}"


@dataclass(frozen=True)
class ExpectedState:
    """The state that a change starts from, with the number of changes before it where that was given."""

    name: str
    changes: int | None

    def __str__(self) -> str:
        return self.name if self.changes is None else state_tag(self.name, self.changes)

    def is_now(self, name: str, changes: int) -> bool:
        """Whether the newest state is the one expected."""
        return self.name == name and self.changes in (None, changes)


def parse_expected_state(value: object, names: Sequence[str], *, field: str = "ifState") -> ExpectedState:
    """`in_force` or `in_force/2`, of these states. Raises MalformedRecord."""
    if not isinstance(value, str) or not re.fullmatch(tag_pattern(names), value):
        known = ", ".join(names)
        raise MalformedRecord(
            f"{field} must be one of {known}, alone or with the number of changes that an answer gave, as {names[0]}/2",
            zh=f"{field} 须为 {known} 之一，可附答复中的变更次数，如 {names[0]}/2",
            field=field,
        )
    name, _, changes = value.partition("/")
    return ExpectedState(name, int(changes) if changes else None)
