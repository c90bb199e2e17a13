"""Where foreign text becomes bytes, days and numbers: one function for each format, and only our errors come out.

JSON is read by `core.encoding.canonical.read_json`, CBOR by `core.encoding.cose.decode`, RLP by
`core.encoding.rlp.decode`. Every function here takes any object, so what JSON held in a place need not be looked at
first.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import date, datetime

from chain_service.errors import ChainServiceError, MalformedDocument

Refuse = Callable[[str], ChainServiceError]
"""Makes the error to be raised from one English sentence."""

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:[0-5]\d)?", re.ASCII)
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})*", re.ASCII)
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}", re.ASCII)


def read_base64(value: object, *, limit: int, refuse: Refuse = MalformedDocument) -> bytes:
    """The bytes that standard base64 (RFC 4648 §4) without blanks writes, `limit` of them at most."""
    if not isinstance(value, str) or not value.isascii():
        raise refuse("base64 is ASCII text")
    if len(value) > limit * 4 // 3 + 4:
        raise refuse(f"the base64 writes more than {limit} bytes")
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        raise refuse("the text is not base64") from None


def read_hex(value: object, *, limit: int, refuse: Refuse = MalformedDocument) -> bytes:
    """The bytes that hex digits of either case write, `limit` of them at most."""
    if not isinstance(value, str) or len(value) > 2 * limit or not _HEX.fullmatch(value):
        raise refuse(f"the text is not an even number of at most {2 * limit} hex digits")
    return bytes.fromhex(value)


def read_quantity(value: object, *, refuse: Refuse = MalformedDocument) -> int:
    """The number below 2^256 that 0x and hex digits write, as JSON-RPC of Ethereum does."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise refuse("the text is not 0x and 1 to 64 hex digits")
    return int(value, 16)


def read_moment(value: object, *, refuse: Refuse = MalformedDocument) -> datetime:
    """The moment that a day, a capital T and a time to the minute or finer write, with an offset or Z or without."""
    why = "the text is not a time such as 2026-01-31T08:00:00Z"
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise refuse(why)
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise refuse(why) from None


def read_day(value: object, *, refuse: Refuse = MalformedDocument) -> date:
    """The day of the calendar that YYYY-MM-DD writes."""
    why = "the text is not a calendar date YYYY-MM-DD"
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise refuse(why)
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise refuse(why) from None
