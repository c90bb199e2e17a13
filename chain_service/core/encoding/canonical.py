"""The one way a value is written before it is hashed: pruned, then RFC 8785 (JCS).

Numbers are integers within ±(2^53−1) and no member name has a character above U+FFFF. So names sort alike by UTF-16
code unit, as RFC 8785 §3.2.3 asks, and by UTF-8 byte, as orjson does it; a property test compares the two.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import orjson

from chain_service.errors import ChainServiceError, MalformedRecord

Json = Any
MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 32

_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER


def prune(value: Json, *, max_depth: int = MAX_DEPTH) -> Json:
    """The value without null, empty strings, lists and objects, in objects and in lists, at every depth.

    What becomes empty by this is left out too; only the outermost value stays even if empty. At most `max_depth` lists
    and objects lie within each other. Raises MalformedRecord (`field` is the path from here down) for fractions,
    integers beyond ±(2^53−1), lone surrogates, member names above U+FFFF and whatever JSON does not have.
    """
    kind = type(value)
    if kind is str:
        if not value.isascii():
            _require_unicode(value)
        return value
    if value is None or kind is bool:
        return value
    if kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise MalformedRecord("integers must lie within ±(2^53−1)", field="")
        return value
    if kind is not dict and kind is not list:
        raise MalformedRecord("only text, integers, true, false, lists and objects are allowed", field="")
    if max_depth == 0:
        raise MalformedRecord("lists and objects are nested too deep", field="")
    if kind is list:
        return [item for _, item in _pruned(enumerate(value), max_depth - 1)]
    for name in value:
        if type(name) is not str or not name.isascii():
            _require_name(name)
    return dict(_pruned(value.items(), max_depth - 1))


def _pruned(items: Iterable[tuple[Any, Json]], max_depth: int) -> Iterator[tuple[Any, Json]]:
    for name, item in items:
        try:
            kept: Json = item if type(item) is str and item.isascii() else prune(item, max_depth=max_depth)
        except MalformedRecord as error:
            raise within(name, error) from None
        if kept or kept == 0:  # 0 and false are values
            yield name, kept


def within(name: object, error: MalformedRecord) -> MalformedRecord:
    """The same refusal seen from one level up: `field` begins with `name`."""
    field = error.details["field"]
    return MalformedRecord(error.message, field=f"{name}.{field}" if field else str(name))


def canonical(value: Json) -> bytes:
    """RFC 8785 bytes of the pruned value. Raises MalformedRecord as `prune` does."""
    return jcs(prune(value))


def jcs(pruned: Json) -> bytes:
    """RFC 8785 bytes of a value that `prune` accepts, written as it is. Raises MalformedRecord for a lone surrogate."""
    try:
        return orjson.dumps(pruned, None, _OPTIONS)
    except orjson.JSONEncodeError as error:
        raise MalformedRecord(f"the value has no canonical form: {error}", field="") from None


def read_json(
    data: bytes, *, limit: int, error: Callable[..., ChainServiceError] = MalformedRecord, exact: bool = False
) -> Json:
    """The value that UTF-8 JSON text of at most `limit` bytes writes; anything else raises `error`, nothing else.

    An object that names a member twice is refused (RFC 7493 §2.3): two readers could take different ones for true. So
    is what nests deeper than 254 levels, and a lone surrogate. With `exact`, integers beyond 64 bits stay integers.
    """
    if len(data) > limit:
        raise error(f"the text is longer than {limit} bytes", field="")
    try:
        value = orjson.loads(data)
        written = orjson.dumps(value)  # which refuses what nests too deep for anybody to write it again
        if exact:
            return json.loads(data, object_pairs_hook=_once_each)
        # Had a member been dropped, writing the value again would not give the text back; only then look closer.
        if written != data:
            json.loads(data, object_pairs_hook=_once_each, parse_int=str, parse_float=str)
    except orjson.JSONDecodeError as problem:
        raise error(f"the text is not JSON in UTF-8: {problem}", field="") from None
    except (orjson.JSONEncodeError, RecursionError):
        raise error("lists and objects are nested too deep", field="") from None
    except _NamedTwice as twice:
        raise error("a member is named twice", field=str(twice)) from None
    except ValueError:
        raise error("a number is too long", field="") from None
    return value


class _NamedTwice(Exception):
    pass


def _once_each(pairs: Sequence[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names: set[str] = set()
        for name, _ in pairs:
            if name in names:
                raise _NamedTwice(name)
            names.add(name)
    return value


def _require_name(name: object) -> None:
    if type(name) is not str:
        raise MalformedRecord("member names must be text", field="")
    if max(name, default="") > "\uffff":
        raise MalformedRecord("member names must not have characters above U+FFFF", field="")
    _require_unicode(name)


def _require_unicode(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise MalformedRecord("text must not contain lone surrogates", field="") from None
