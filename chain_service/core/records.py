"""Records: certificates and documents, as a department submits them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple

from chain_service.core.identifiers import OrgCode

Kind = Literal["certificate", "document"]
MAX_RECORD_BYTES = 256 * 1024


class Remark(NamedTuple):
    """Something odd that does not refuse the record: a stable code and the member's path."""

    code: str
    field: str


@dataclass(frozen=True, slots=True)
class Record:
    """A valid record. `body` is the pruned object, `canonical` its RFC 8785 bytes (what is stored and compared)."""

    kind: Kind
    org: OrgCode
    type_code: str
    number: str
    identity: str
    """Unique within the organisation: the certificate identifier, or `typeCode\\x1fnumber` of a document."""
    body: dict[str, Any]
    canonical: bytes
    warnings: tuple[Remark, ...]

    @property
    def identifier(self) -> str | None: ...  # type: ignore[empty-body]
    @property
    def holder_names(self) -> tuple[str, ...]: ...  # type: ignore[empty-body]
    @property
    def holder_codes(self) -> tuple[str, ...]: ...  # type: ignore[empty-body]
    @property
    def issued(self) -> date | None: ...  # type: ignore[empty-body]
    @property
    def effective(self) -> date | None: ...  # type: ignore[empty-body]
    @property
    def expiring(self) -> date | None: ...  # type: ignore[empty-body]
    @property
    def seal_codes(self) -> tuple[str, ...]: ...  # type: ignore[empty-body]
    @property
    def files(self) -> tuple[dict[str, Any], ...]: ...  # type: ignore[empty-body]
    @property
    def replaces(self) -> str | None: ...  # type: ignore[empty-body]


def parse_record(value: object) -> Record:
    """The record that a JSON object, or its UTF-8 text as bytes, writes. Raises MalformedRecord with `field`."""
    raise NotImplementedError
