"""Reads the members of a JSON object one by one, refusing what does not belong there."""

from __future__ import annotations

from datetime import date
from itertools import islice
from typing import Any

from chain_service.core.encoding.decoding import read_day
from chain_service.core.encoding.members import ListValue, ObjectValue, TextValue
from chain_service.core.encoding.refusals import Refusals
from chain_service.errors import MOST_ERRORS, MalformedRecord


class FieldReader:
    """A JSON object with the members of a table; absent, null, empty text, list and object are the same.

    Raises MalformedRecord with `field` for anything that is not as the table has it; names that it does not have are
    added to `refusals`, so that the rest is still read.
    """

    def __init__(self, value: object, what: str, table: ObjectValue, refusals: Refusals, *, at: str = "") -> None:
        self.table = table
        self.at = at
        """The path of the object within what was submitted."""
        if not isinstance(value, dict):
            error = MalformedRecord(f"{what} must be a JSON object", zh=f"{at or '内容'}须为 JSON 对象")
            error.path = at
            raise error
        for name in islice((name for name in value if table.named(name) is None), MOST_ERRORS):
            refusals.add(self._refusal(f"{what} has no member {name!r:.60}", str(name)[:60], "没有此名称的成员"))
        self.members: dict[str, Any] = value

    def _refusal(self, message: str, name: str, zh: str | None = None) -> MalformedRecord:
        error = MalformedRecord(message, zh=zh, field=name)
        error.path = f"{self.at}.{name}" if self.at else name
        return error

    def get(self, name: str) -> Any:
        """The member as it is, None when it is absent."""
        value = self.members.get(name)
        return None if isinstance(value, str | list | dict) and not value else value

    def optional_text(self, name: str) -> str | None:
        """The member's text, no longer than the table allows and not all blank."""
        value = self.get(name)
        if value is None:
            return None
        limit = self._text_type(name).longest
        assert limit is not None
        if not isinstance(value, str) or len(value) > limit or not value.strip():
            raise self._refusal(f"{name} must be text of at most {limit} characters", name)
        return value

    def text(self, name: str) -> str:
        """Like `optional_text`, and the member has to be there."""
        value = self.optional_text(name)
        if value is None:
            member = self.table.named(name)
            zh = f"缺少{member.label.zh}（{name}）" if member is not None else None
            raise self._refusal(f"{name} is required", name, zh)
        return value

    def choice(self, name: str) -> str:
        """The member, which has to be one of those that the table allows."""
        value, allowed = self.get(name), self._text_type(name).among
        if not isinstance(value, str) or value not in allowed:
            raise self._refusal(f"{name} must be one of {', '.join(allowed)}", name)
        return value

    def optional_choice(self, name: str) -> str | None:
        """Like `choice`, or None when the member is absent."""
        return None if self.get(name) is None else self.choice(name)

    def date(self, name: str) -> date:
        """The member's date, written YYYY-MM-DD."""
        why = f"{name} must be a calendar date YYYY-MM-DD"
        return read_day(self.get(name), refuse=lambda _: self._refusal(why, name))

    def items(self, name: str) -> list[Any]:
        """The member's list, empty when it is absent, with no more elements than the table allows."""
        value = self.get(name)
        if value is None:
            return []
        member = self.table.named(name)
        assert member is not None and isinstance(member.type, ListValue)
        limit = member.type.most
        if not isinstance(value, list) or len(value) > limit:
            raise self._refusal(f"{name} must be a list of at most {limit}", name)
        return value

    def _text_type(self, name: str) -> TextValue:
        member = self.table.named(name)
        assert member is not None and isinstance(member.type, TextValue)
        return member.type
