"""What kind of paper somebody hands in, told by its bytes and never by its name.

A receipt and a trust file begin with their COSE tag. Disclosures and proofs are JSON objects: one that parses is told
by two of its members, one that does not, because it was cut off on its way, by the first. All else is a file, which is
compared by its digest.

    recognise(b'{"record": {…}, "salt": "…"}')  → Kind.DISCLOSURE
    recognise(b'{"record": {"certificateNu')     → Kind.DISCLOSURE, which then cannot be read
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

import orjson

from chain_service.core.encoding.text import Text


class PaperKind(StrEnum):
    """Kind of a paper."""

    DISCLOSURE = "disclosure"
    """Whole or partial."""
    RECEIPT = "receipt"
    """A COSE receipt."""
    PROOF = "proof"
    """Inclusion in a log, in JSON."""
    TRUST = "trust"
    FILE = "file"
    DIGEST = "digest"
    """A file's bare digest, `algorithm:hex`."""


MAX_JSON = 2**20
"""Bytes of the longest disclosure or proof; longer JSON is a file."""

EMPTY = Text("文件为空", "the file is empty")
CUT_OFF = Text("文件不完整，可能在传输中被截断", "the file is incomplete; it was probably cut off in transfer")
TROUBLES = {text.en: text for text in (EMPTY, CUT_OFF)}
"""Why a paper cannot be read, where its bytes tell, by the English sentence."""

_BOM = b"\xef\xbb\xbf"
_BLANKS = b" \t\r\n"
_DISCLOSURE = frozenset({"record", "salt", "open", "covered", "revealed"})
_PROOF = frozenset({"entry", "path", "anchor", "index", "size"})
_FIRST_NAME = re.compile(rb'\{[ \t\r\n]*"([A-Za-z]{1,16})"?')
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SEAL_BEGINS_WITHIN = 32
_PDF_BEGINS_WITHIN = 1024


@dataclass(frozen=True)
class Paper:
    """One paper as it was handed in."""

    name: str
    """What whoever handed it in calls it; only shown, never believed."""
    kind: PaperKind
    data: bytes
    """A disclosure or proof without byte order mark."""


def recognise(data: bytes) -> PaperKind:
    """The kind of these bytes. Never raises."""
    if data[:1] == b"\xd2":
        return PaperKind.RECEIPT
    if data[:2] == b"\xd8\x62":
        return PaperKind.TRUST
    text = json_text(data)
    if text is None:
        return PaperKind.FILE
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        first = _FIRST_NAME.match(text)
        name = first[1].decode() if first else ""
        return PaperKind.DISCLOSURE if name in _DISCLOSURE else PaperKind.PROOF if name in _PROOF else PaperKind.FILE
    if len(_DISCLOSURE & value.keys()) > 1:
        return PaperKind.DISCLOSURE
    return PaperKind.PROOF if len(_PROOF & value.keys()) > 1 else PaperKind.FILE


def take(name: str, data: bytes, called: PaperKind | None = None) -> Paper:
    """The paper in these bytes. `called` is what it was handed in as: it counts where the bytes tell nothing."""
    kind = recognise(data)
    if kind is PaperKind.FILE and called is not None:
        kind = called
    text = data.removeprefix(_BOM) if kind in (PaperKind.DISCLOSURE, PaperKind.PROOF) else data
    return Paper(name, kind, text)


def json_text(data: bytes) -> bytes | None:
    """The text without byte order mark and leading blanks if it begins as a JSON object, else None."""
    text = data.removeprefix(_BOM).lstrip(_BLANKS) if len(data) <= MAX_JSON else b""
    return text if text.startswith(b"{") else None


def trouble(data: bytes) -> Text | None:
    """Why these bytes cannot be read, where they tell: there are none, or JSON that ends too early."""
    if not data.strip(_BLANKS):
        return EMPTY
    text = json_text(data)
    if text is None:
        return None
    rest = _STRING.sub(b"", text)
    cut = b'"' in rest or rest.count(b"{") + rest.count(b"[") > rest.count(b"}") + rest.count(b"]")
    return CUT_OFF if cut else None


def form(paper: Paper) -> str:
    """What to call the paper: its kind, for a file `pdf`, `archive` (OFD is one), `seal` or `file`."""
    data = paper.data
    if paper.kind is not PaperKind.FILE:
        return paper.kind.value
    if b"%PDF-" in data[:_PDF_BEGINS_WITHIN]:
        return "pdf"
    if data[:2] == b"PK":
        return "archive"
    return "seal" if data[:1] == b"\x30" and b"\x16\x02ES" in data[:_SEAL_BEGINS_WITHIN] else "file"
