"""Names of certificate types and organisations: those registered here, and those that a record states of itself.

A record's codes are proven and permitted, its names are free text; so what is shown is the registered name of the code.
An organisation that was renamed since has papers with its former name: any name that was registered on the day of issue
or since is right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from chain_service.core.encoding.comparison import folded_name
from chain_service.core.encoding.text import Text
from chain_service.core.encoding.times import local_day
from chain_service.core.encoding.visible_text import escaped
from chain_service.core.verdicts.inputs import Names, RegisteredName
from chain_service.core.verdicts.verdict import Warning, warning

NOTES = {"registry": Text("按登记名称", "as registered"), "record": Text("按记录所载", "as stated by the record")}
"""Where a name that is shown comes from."""


@dataclass(frozen=True)
class ShownName:
    """A code, the name to show for it, and the record's own name for it where that may be seen."""

    code: str
    name: str | None
    source: str | None
    """`registry` or `record`; None without a name."""
    own: str | None = None
    differs: bool = False
    """True where the record's own name is none that was registered on the day of issue or since."""

    def to_json(self) -> dict[str, Any]:
        """The name escaped for display, and in both languages where it comes from."""
        note = NOTES[self.source].to_json() if self.source is not None else None
        name = None if self.name is None else escaped(self.name)
        return {"code": self.code, "name": name, "source": self.source, "note": note}


@dataclass(frozen=True)
class RecordNames:
    """What a record's type and issuer are called."""

    type: ShownName
    issuer: ShownName

    def to_json(self) -> dict[str, Any]:
        """`{type, issuer}`."""
        return {"type": self.type.to_json(), "issuer": self.issuer.to_json()}

    def warnings(self) -> tuple[Warning, ...]:
        """One `name_differs` for each name of the record's own that was never registered."""
        return tuple(
            warning("name_differs", own=escaped(shown.own or ""), registered=escaped(shown.name or ""))
            for shown in (self.type, self.issuer)
            if shown.differs
        )


def names_of(
    kind: str, type_code: str, org: str, issued: date | None, visible: Mapping[str, Any], names: Names
) -> RecordNames:
    """What to call a record's type and issuer; `visible` are those of its members that the asker may see.

    A document's type is what its title says: it never takes the name of a certificate type, whatever its code is.
    """
    issuer = _named(org, names.organisations.get(org, ()), visible.get("certificateIssuingAuthorityName"), issued)
    if kind != "certificate":
        return RecordNames(_named(type_code, (), visible.get("title"), issued), issuer)
    return RecordNames(
        _named(type_code, names.types.get(type_code, ()), visible.get("certificateTypeName"), issued), issuer
    )


def _named(code: str, history: Sequence[RegisteredName], own: object, issued: date | None) -> ShownName:
    own = own if isinstance(own, str) and own else None
    if not history:
        return ShownName(code, own, None if own is None else "record", own)
    differs = own is not None and folded_name(own) not in {folded_name(name) for name in _since(history, issued)}
    return ShownName(code, history[-1].name, "registry", own, differs)


def _since(history: Sequence[RegisteredName], issued: date | None) -> list[str]:
    """The names registered on this day or later; all where none is known of that day or no day is."""
    if issued is None:
        return [registered.name for registered in history]
    stood = [at for at, one in enumerate(history) if local_day(one.since) < issued]
    return [registered.name for registered in history[stood[-1] if stood else 0 :]]
