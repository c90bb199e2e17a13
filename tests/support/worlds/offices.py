"""Offices of a running instance with seals of their own, and a trust store whose lists are of today."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from document_makers.certificates import Holder, revocation_list
from document_makers.packages import Package
from document_makers.seals import Seal
from support.documents import city as test_city
from support.documents.city import DAY, METADATA


def write_trust_store(directory: Path) -> Path:
    """The test authorities with fresh revocation lists, as an operator keeps them."""
    city, now = test_city.city(), int(time.time())
    lists = [revocation_list(city.root, now - 60, now + 6 * DAY)]
    for one in city.authorities.values():
        if one.lists:
            lists.append(revocation_list(one.holder, now - 60, now + 6 * DAY, one.revoked))
    return test_city.write_store(replace(city.store, crls=tuple(lists)), directory)


@dataclass(frozen=True)
class Office:
    """An organisation that seals; `changes` go to its signer's certificate."""

    organisation: str
    seal_code: str
    changes: tuple[tuple[str, Any], ...] = ()

    @cached_property
    def now(self) -> int:
        return int(time.time())

    @cached_property
    def signer(self) -> Holder:
        period = {"since": self.now - 100 * DAY, "until": self.now + 300 * DAY}
        named = {"organisation": f"{self.organisation}某市某局", "name": self.seal_code}
        return test_city.city().person(**(named | period | dict(self.changes)))

    @cached_property
    def seal(self) -> Seal:
        """In its own version 4, for a year around now."""
        first, last = self.now - 100 * DAY, self.now + 265 * DAY
        period = {"valid_from": first, "valid_until": last, "created": first}
        return test_city.city().make_seal(self.signer, code=self.seal_code, **period)

    @cached_property
    def seal_file(self) -> bytes:
        """The seal as its maker delivered it (.esl); making it again would sign it again."""
        return self.seal.der()

    def sealed(self, made: Package | None = None, **more: Any) -> Package:
        """A document sealed ten seconds ago."""
        made = made or test_city.unsigned(custom=METADATA | {"ZZBFJGDM": self.organisation})
        own: dict[str, Any] = {
            "seal": self.seal, "embedded": self.seal_file, "signer": self.signer, "at": self.now - 10
        }  # fmt: skip
        return test_city.sealed(made, **own | more)
