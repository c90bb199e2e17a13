"""What requests and answers look like; records, seals and catalog entries themselves are checked by `core`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

CHINA = timezone(timedelta(hours=8))
_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d)?)(?:\.\d{1,9})?)?([Zz]|[+-]\d\d:[0-5]\d)?", re.ASCII
)


EARLIEST_YEAR = 1970
"""Before it no chain has a block, and some times of year 1 are in year 0 elsewhere."""


def parse_moment(text: str) -> int:
    """Unix seconds of an RFC 3339 time; without zone it is UTC+8, and a bare date is its beginning.

    Raises ValueError.
    """
    match = _MOMENT.fullmatch(text.strip())
    if match is None:
        raise ValueError("must be an RFC 3339 time, e.g. 2026-01-31T08:00:00Z")
    day, clock, zone = match.groups()
    moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}{(zone or '').upper().replace('Z', '+00:00')}")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=CHINA)
    if moment.year < EARLIEST_YEAR or (seconds := int(moment.timestamp())) < 0:
        raise ValueError(f"must not lie before the year {EARLIEST_YEAR}")
    return seconds


def _moment(text: str) -> str:
    parse_moment(text)
    return text


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def plain(text: str) -> str:
    """The text, which has no control characters: none of ours has one, and not every database keeps them.

    Raises ValueError.
    """
    if _CONTROL.search(text):
        raise ValueError("must not have control characters")
    return text


def _plain_parts(identifier: str) -> str:
    """An identifier; a document's has one U+001F, between its type and its number."""
    plain(identifier.replace("\x1f", "", 1))
    return identifier


Moment = Annotated[str, Field(max_length=40, examples=["2026-01-31T08:00:00Z"]), AfterValidator(_moment)]
Line = Annotated[str, Field(max_length=500), AfterValidator(plain)]
Identifier = Annotated[str, Field(max_length=500), AfterValidator(_plain_parts)]


class RequestModel(BaseModel):
    """A request: unknown members are refused, nothing is coerced."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class VerifyRequest(RequestModel):
    """What to verify. A look-up by identifier needs number and holder name, or a key with role `verify` and a cause."""

    disclosure: dict[str, Any] | None = Field(None, description="whole `{record, salt}` or partial disclosure")
    receipt: dict[str, Any] | Annotated[str, Field(max_length=400_000)] | None = Field(
        None, description="COSE receipt in base64, or the proof as `GET /v1/records/{id}/proof` gives it"
    )
    digest: str | None = Field(
        None, pattern=r"^(sha-256|sm3):[0-9a-f]{64}$", description="digest of the file, `sha-256:<hex>` or `sm3:<hex>`"
    )
    identifier: Identifier | None = None
    certificateNumber: Line | None = None
    certificateHolderName: Line | None = None
    at: Moment | None = Field(None, description="the moment asked about, not in the future; now by default")
    useCause: Line | None = Field(None, description="事由: why the holder of a key looks this up; it is logged")


class StatusRequest(RequestModel):
    """A change of a record's state."""

    to: Annotated[str, AfterValidator(plain)] = Field(
        max_length=32,
        examples=["withdrawn"],
        description="withdrawn, cancelled, penalised, lapsed and superseded are final: only a new record can follow",
    )
    reasonCode: int | str = Field(examples=[1])
    text: str | None = Field(None, max_length=2_000)
    legalBasis: str | None = Field(None, max_length=500)
    successor: Annotated[str, AfterValidator(plain)] | None = Field(
        None, max_length=64, description="id of the record that takes its place"
    )


class ApprovalRequest(RequestModel):
    """What is approved or refused."""

    approval: Annotated[str, AfterValidator(plain)] = Field(max_length=64, description="its id, as the list shows it")


class SealStateRequest(RequestModel):
    """A change of a seal's state."""

    to: Literal["in_force", "frozen", "cancelled"]
