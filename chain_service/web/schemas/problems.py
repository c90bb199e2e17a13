"""What an error looks like: RFC 9457 with a stable `code` and both languages."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Bilingual(BaseModel):
    """One text in Chinese and English."""

    zh: str
    en: str


class FieldError(BaseModel):
    """One of several things that are wrong in one body."""

    model_config = ConfigDict(extra="allow")

    field: str = Field(description="path of the member or parameter that is wrong; empty or `(body)` for the whole")
    code: str = Field(description="as `code` of the problem")
    message: Bilingual
    line: int = Field(0, description="line of an NDJSON body, from 1; only there")
    entry: int = Field(0, description="element of an array, from 1; only there")


class ProblemDetails(BaseModel):
    """Why a request was not served. Members beyond these name what the code is about, such as `limit` or `org`."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="`urn:chain-service:problem:` and the code")
    title: str
    status: int = Field(description="the HTTP status")
    detail: str = Field(description="what exactly, in English")
    code: str = Field(description="stable; docs/reference/errors.md lists the codes", examples=["malformed_request"])
    message: Bilingual = Field(description="what is wrong and what to do about it")
    line: int = Field(0, description="line of an NDJSON body, from 1")
    field: str = Field("", description="member or parameter that is wrong")
    errors: list[FieldError] = Field([], description="all that is wrong in the body, where several things are")
    retryAfter: int = Field(0, description="seconds to wait, as in `Retry-After`")
    requestId: str = Field("", description="as in `X-Request-Id`; the service's log has it too")
