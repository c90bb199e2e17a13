"""Whether a form XObject (ISO 32000-2 §8.10) draws anything: signatures without a picture often have an empty one."""

from __future__ import annotations

import re
from typing import Any, Final

from pyhanko.pdf_utils import generic

from chain_service.documents.pdf.objects import entry, names

__all__ = ["draws_nothing"]

MAX_DEPTH: Final = 4
MAX_CONTENT: Final = 4096
"""Bytes of a content that may be found empty; a longer one draws something."""
_COMMENT: Final = re.compile(rb"%[^\r\n]*")
_IDLE: Final = re.compile(rb"q|Q|cm|Do|n|re|W|/[A-Za-z0-9]{1,40}|[+-]?[0-9.]{1,20}")
"""Tokens that by themselves put nothing on a page."""


def draws_nothing(form: Any, depth: int = 0) -> bool:
    """True where it certainly shows nothing. Raises PDF_ERRORS."""
    if not isinstance(form, generic.StreamObject) or depth > MAX_DEPTH or len(form.encoded_data) > MAX_CONTENT:
        return False
    if entry(form, "/Subtype") not in (None, "/Form"):
        return False  # an image, whose bytes are samples
    content = bytes(form.data)
    tokens = _COMMENT.sub(b"", content).split()
    if len(content) > MAX_CONTENT or not all(_IDLE.fullmatch(token) for token in tokens):
        return False
    inner = entry(entry(form, "/Resources"), "/XObject")
    drawn = {token.decode("ascii") for token in tokens if token.startswith(b"/")}
    return drawn <= names(inner) and all(draws_nothing(entry(inner, name), depth + 1) for name in drawn)
