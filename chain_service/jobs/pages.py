"""Pages of lists: how long one may be, and the cursor that leads to the next."""

from __future__ import annotations

import base64
import re

from chain_service.core.encoding.decoding import read_base64
from chain_service.errors import BadRequest, MalformedDocument

MAX_PAGE = 500
_CURSOR = re.compile(rb"[0-9]{1,19}")


def page_size(limit: int) -> int:
    """How many entries a page has when `limit` are asked for."""
    return max(1, min(limit, MAX_PAGE))


def parse_cursor(cursor: str | None) -> int | None:
    """The place that `next` of the previous page named; None for the first page. Raises `BadRequest`."""
    if cursor is None:
        return None
    try:
        match = _CURSOR.fullmatch(read_base64(cursor, limit=32))
    except MalformedDocument:
        match = None
    if match is None or not 1 <= (place := int(match[0])) < 2**63:
        raise BadRequest("cursor must be the `next` of the previous page", field="cursor")
    return place


def write_cursor(place: int | None) -> str | None:
    """The place as `next` names it; None after the last page."""
    return None if place is None else base64.urlsafe_b64encode(str(place).encode()).decode()
