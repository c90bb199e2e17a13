"""Telling everything that is wrong with what was submitted at once, the first thing first.

    with Refusals(SEAL) as refusals:
        form = Form(value, "a seal", SEAL, refusals)
        name = refusals.read(form.text, "sealName")
        owner = refusals.read(parse_org_code, form.get("ownerCode"), field="ownerCode")
    return Seal(name, owner)

Leaving the block raises the first refusal, whose `errors` are all of them; what `read` returned before is of no use
then. Without a refusal every value is as read.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, cast

from chain_service.core.encoding.members import ObjectValue, member_at
from chain_service.errors import MOST_ERRORS, BadRequest, ChainServiceError, Conflict, Forbidden

_TOLD = (BadRequest, Forbidden, Conflict)
"""What the sender can put right; anything else ends the reading at once."""

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class Refusals:
    """What has been refused so far; with a table, its members' words go with each."""

    def __init__(self, table: ObjectValue | None = None) -> None:
        self.table = table
        self.found: list[ChainServiceError] = []

    @property
    def full(self) -> bool:
        """As many errors are known as are told at once; looking for more is of no use."""
        return len(self.found) >= MOST_ERRORS

    def add(self, error: ChainServiceError, **details: Any) -> None:
        """The error, and those that it tells of, are told, each with these details."""
        for refusal in error.errors or (error,):
            if self.full or any(refusal is told for told in self.found):
                continue
            refusal.details.update(details)
            if refusal.zh is None and self.table is not None:
                refusal.zh = self._chinese(refusal.path or str(refusal.details.get("field", "")))
            # What is kept of a refusal is its words, not the frames that hold the text refused.
            refusal.__traceback__ = refusal.__context__ = None
            self.found.append(refusal)

    def _chinese(self, field: str) -> str | None:
        member = member_at(self.table, field) if self.table is not None else None
        return None if member is None else f"{member.label.zh}（{field}）须为{member.meaning.zh}"

    def read(
        self, function: Callable[Parameters, Result], *args: Parameters.args, **named: Parameters.kwargs
    ) -> Result:
        """What the function returns. Where it refuses, that is added, and None stands in for the value."""
        try:
            return function(*args, **named)
        except _TOLD as error:
            self.add(error)
            return cast(Result, None)

    def raise_first(self) -> None:
        """Returns only if nothing was refused."""
        if self.found:
            first = self.found[0]
            first.errors = tuple(self.found)
            raise first from None

    def __enter__(self) -> Refusals:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, _TOLD):
            self.add(error)
        elif error is not None:
            return
        self.raise_first()
