"""Reads the members of a JSON object one by one, refusing what does not belong there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from chain_service.core.encoding.decoding import read_day
from chain_service.errors import MalformedRecord


class Form:
    """A JSON object with known member names; absent, null, empty text, list and object are the same.

    Raises MalformedRecord with `field` for anything that is not as asked for.
    """

    def __init__(self, value: object, what: str, members: Collection[str]) -> None:
        if not isinstance(value, dict):
            raise MalformedRecord(f"{what} must be a JSON object")
        for name in value:
            if name not in members:
                raise MalformedRecord(f"{what} has no member {name!r:.60}", field=str(name)[:60])
        self.members: dict[str, Any] = value

    def get(self, name: str) -> Any:
        """The member as it is, None when it is absent."""
        value = self.members.get(name)
        return None if isinstance(value, str | list | dict) and not value else value

    def optional_text(self, name: str, limit: int) -> str | None:
        """The member's text, 1 to `limit` characters and not all blank."""
        value = self.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or len(value) > limit or not value.strip():
            raise MalformedRecord(f"{name} must be text of at most {limit} characters", field=name)
        return value

    def text(self, name: str, limit: int) -> str:
        """Like `optional_text`, and the member has to be there."""
        value = self.optional_text(name, limit)
        if value is None:
            raise MalformedRecord(f"{name} is required", field=name)
        return value

    def choice(self, name: str, allowed: Sequence[str]) -> str:
        """The member, which has to be one of `allowed`."""
        value = self.get(name)
        if not isinstance(value, str) or value not in allowed:
            raise MalformedRecord(f"{name} must be one of {', '.join(allowed)}", field=name)
        return value

    def optional_choice(self, name: str, allowed: Sequence[str]) -> str | None:
        return None if self.get(name) is None else self.choice(name, allowed)

    def date(self, name: str) -> date:
        """The member's date, written YYYY-MM-DD."""
        why = f"{name} must be a day of the calendar, YYYY-MM-DD"
        return read_day(self.get(name), refuse=lambda _: MalformedRecord(why, field=name))

    def items(self, name: str, limit: int) -> list[Any]:
        """The member's list, empty when it is absent, with at most `limit` elements."""
        value = self.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > limit:
            raise MalformedRecord(f"{name} must be a list of at most {limit}", field=name)
        return value
