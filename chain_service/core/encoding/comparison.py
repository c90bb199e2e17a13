"""When two texts are the same to the people who type and read them: for comparison only.

What is hashed, stored or shown is never changed by it. Width (Ａ, A), case, blanks, the kinds of brackets (〔, [), of
dashes and of middle dots, compatibility ideographs and radicals (U+F900, ⾦), variation selectors: a keyboard, a font
or a PDF exchanges them, and nobody sees a difference. Letters that merely look alike (Latin A, Cyrillic А), simplified
and traditional characters, and signs that say something else (², ①, ½) stay apart.

    folded("国办发【２０２５】 3号") == folded("国办发〔2025〕3号")
    folded_name("买买提•阿不都拉") == folded_name("买买提阿不都拉")

Whom it may make equal, and why no verdict on a paper rests on it: docs/decisions/0030.
"""

from __future__ import annotations

import re
import unicodedata

_BLANKS = re.compile(r"[^\S\x1f]")
"""U+001F stands between type and number of a document and is none."""
_ENDS = re.compile(r"\A[^\S\x1f]+|[^\S\x1f]+\Z")
_VARIATIONS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_HYPHENS = "‐‑‒–—−"
_MIDDLE_DOTS = "·•‧∙⋅・"
_KINDS = str.maketrans(
    "[{〔【〖]}〕】〗" + _HYPHENS + _MIDDLE_DOTS,
    "(((((" + ")))))" + "-" * len(_HYPHENS) + "·" * len(_MIDDLE_DOTS),
)
_DASHES = str.maketrans(dict.fromkeys(_HYPHENS, "-"))
_OPENING, _CLOSING = "([{〔【〖（［｛", ")]}〕】〗）］｝"
_BRACKETS = [
    str.maketrans(_OPENING + _CLOSING, opening * len(_OPENING) + closing * len(_CLOSING))
    for opening, closing in zip(_OPENING, _CLOSING, strict=True)
]
_OTHERWISE = ("<super>", "<sub>", "<circle>", "<square>", "<fraction>")
"""Compatibility characters that say something else than what they are made of: 10² is not 102."""


def folded(text: str) -> str:
    """The text for comparison with another one: numbers, identifiers, codes."""
    while (once := _folded_once(text)) != text:  # what a step leaves side by side may be composed by the next
        text = once
    return text


def folded_name(name: str) -> str:
    """The name of a person, an organisation or a type for comparison: middle dots tell no two apart either."""
    return folded(folded(name).replace("·", ""))


def narrowed(text: str) -> str:
    """The text without blanks, its full-width characters and kinds of dashes as on a keyboard; case is kept."""
    return _BLANKS.sub("", "".join(map(_plain, text))).translate(_DASHES)


def spellings(text: str) -> tuple[str, ...]:
    """The forms in which what was typed as a number or identifier may be stored, itself first, a few dozen at most.

    For look-ups: full-width characters, blanks, lower case, and any one kind of bracket in place of another.
    """
    narrow = _ENDS.sub("", "".join(map(_plain, text)))
    plain = _BLANKS.sub("", narrow)
    bases = dict.fromkeys((text, _ENDS.sub("", text), narrow, plain, plain.upper()))
    forms = dict.fromkeys(bases)
    if not set(text).isdisjoint(_OPENING + _CLOSING):
        forms |= dict.fromkeys(base.translate(kind) for base in bases for kind in _BRACKETS)
    return tuple(forms)


def _folded_once(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFC", "".join(map(_plain, _VARIATIONS.sub("", text))))
    return _BLANKS.sub("", text).translate(_KINDS).casefold()


def _plain(character: str) -> str:
    """The character in its plain form, where that says the same."""
    if character.isascii() or unicodedata.decomposition(character).startswith(_OTHERWISE):
        return character
    return unicodedata.normalize("NFKC", character)
