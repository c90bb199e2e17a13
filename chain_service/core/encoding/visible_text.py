"""Characters that make a text look like another one: refused where texts are submitted, escaped where they are shown.

They turn the order of what follows (bidirectional controls), take no room (zero width), are no characters of any text
(C1 controls, noncharacters, tags), or tell that something was lost (U+FFFD). A variation selector chooses a glyph of a
rare character in a name and is none of them; neither is the Mongolian vowel separator.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from chain_service.core.encoding.refusals import Refusals
from chain_service.errors import MalformedRecord

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff9-\uffff\U000e0000-\U000e007f]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")


def escaped(text: str) -> str:
    """The text with every such character written as ⟨U+202E⟩; line feeds and tabs stay."""
    return text if text.isascii() and text.isprintable() else _HIDDEN.sub(lambda match: f"⟨{_name(match[0])}⟩", text)


def hidden_character(text: str) -> str | None:
    """The first such character as U+202E; None where every character can be seen for what it is."""
    match = None if text.isascii() and text.isprintable() else _HIDDEN.search(text)
    return None if match is None else _name(match[0])


def _name(character: str) -> str:
    return f"U+{ord(character):04X}"


def require_visible(value: Any, field: str = "") -> None:
    """Returns only if no text in the JSON value, member names included, holds such a character.

    Raises MalformedRecord (`hidden_character`) with `field`, the member's path, and `character`; `errors` are all.
    """
    with Refusals() as refusals:
        for path, text in _texts(value, field):
            character = hidden_character(text)
            if character is not None:
                refusals.add(_hidden(escaped(path)[:256], character))


def add_hidden(value: Any, refusals: Refusals) -> None:
    """The hidden characters of a value refused already, in members that were not, are refused too."""
    named = {escaped(refusal.path or str(refusal.details.get("field", "")))[:256] for refusal in refusals.found}
    try:
        require_visible(value)
    except MalformedRecord as error:
        for refusal in error.errors:
            if refusal.details["field"] not in named:
                refusals.add(refusal)


def _hidden(where: str, character: str) -> MalformedRecord:
    return MalformedRecord(
        f"{where} holds the character {character}, which cannot be seen or changes how the text is shown; leave it out",
        zh=f"{where} 含有看不见或改变显示顺序的字符 {character}，请删除",
        code="hidden_character",
        field=where,
        character=character,
    )


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every text within, with its path; not recursive, whatever is nested."""
    waiting = [(path, value)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, dict):
            for name, item in value.items():
                inner = f"{path}.{name}" if path else str(name)
                yield inner, str(name)
                waiting.append((inner, item))
        elif isinstance(value, list | tuple):
            waiting += [(f"{path}.{place}" if path else str(place), item) for place, item in enumerate(value)]


def printable(text: str) -> str:
    r"""The text without lone surrogates, which nothing can encode; a byte of a file name that is no UTF-8 is \xff."""
    return text if text.isascii() else _SURROGATE.sub(_written_out, text)


def _written_out(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\x{number - 0xDC00:02x}" if 0xDC80 <= number <= 0xDCFF else f"\\u{number:04x}"
