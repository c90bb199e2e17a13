"""What a verdict looks like: the answer of `/v1/verify`, and each line of `/v1/verify/bulk`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from chain_service.web.schemas.problems import Bilingual


class CheckView(BaseModel):
    """One check's result."""

    name: str = Field(description="docs/reference/verdicts.md lists the checks and the codes that each may give")
    outcome: Literal["passed", "failed", "indeterminate", "skipped"]
    code: str
    message: Bilingual
    evidence: dict[str, Any] = Field(description="what was compared; its members differ from check to check")


class GroupView(BaseModel):
    """The checks of one subject: the record, or one signature of a document."""

    name: Literal["record", "signature"]
    subject: str
    checks: list[CheckView]


class WarningView(BaseModel):
    """Something to know that does not change the verdict."""

    code: str
    message: Bilingual


class ChainView(BaseModel):
    """The final block that the verdict rests on, which its validators' seals prove."""

    id: int
    block: int
    hash: str = Field(pattern="^0x[0-9a-f]{64}$")
    time: str
    assurance: Literal["trial", "majority", "quorum"]


class NameView(BaseModel):
    """A code and what to call it."""

    code: str
    name: str | None = Field(description="hidden characters are shown escaped; null where no name is known")
    source: Literal["registry", "record"] | None = Field(description="who says so; null without a name")
    note: Bilingual | None


class NamesView(BaseModel):
    """What to call a record's type and its issuer."""

    type: NameView
    issuer: NameView


class VerifiedRecord(BaseModel):
    """What the verdict says of the record itself, as far as the asker may see it."""

    kind: Literal["certificate", "document"]
    org: str = Field(description="code of the issuing organisation")
    type: str = Field(description="code of the certificate or document type")
    anchoredAt: str | None
    status: str | None = Field(description="its state at the moment asked about")
    members: dict[str, Any] = Field(description="only where they were shown to be the anchored ones")
    names: NamesView | None
    hidden: list[str] = Field([], description="members that the answer does not show")
    shown: bool = Field(False, description="what was presented was compared, and number and holder can be seen in it")
    labels: dict[str, Bilingual] = Field({}, description="what to call the sector fields of this type")


class VerdictView(BaseModel):
    """The answer to one verification. Null where nothing is known."""

    verdict: Literal["valid", "invalid", "indeterminate"]
    code: str = Field(description="stable; docs/reference/verdicts.md lists the codes")
    message: Bilingual
    nextStep: Bilingual
    at: str = Field(description="the moment asked about")
    chain: ChainView | None
    includedBy: str | None = Field(description="the record was on chain at this time")
    statusAsOf: str | None = Field(description="its state is proven for this time")
    warnings: list[WarningView]
    groups: list[GroupView]
    record: VerifiedRecord | None
