"""What kind of paper is presented, recognised by its bytes and never by its name.

A receipt and a trust file begin with their COSE tag. Disclosures and proofs are JSON objects: one that parses is told
by two members of a disclosure or three of a proof, since others have an index, a path and a size, too; one that does
not, because it was cut off on its way, by the first. All else is a file, which is compared by its digest. What editors
and mail programs make of a paper is read as the paper: UTF-16 or a byte order mark around JSON, base64 with line breaks
around a receipt or trust file.

    recognise(b'{"record": {…}, "salt": "…"}')  → Kind.DISCLOSURE
    recognise(b'{"record": {"certificateNu')     → Kind.DISCLOSURE, which then cannot be read
"""

from __future__ import annotations

import base64
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
_UTF_16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_BASE64 = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
_RECEIPT, _TRUST = b"\xd2\x84", b"\xd8\x62"
_BLANKS = b" \t\r\n"
_DISCLOSURE = frozenset({"record", "salt", "open", "covered", "revealed"})
_PROOF = frozenset({"entry", "path", "anchor", "index", "size"})
_PROOF_BEGINS = frozenset({"entry", "anchor"})
_FIRST_NAME = re.compile(rb'\{[ \t\r\n]*"([A-Za-z]{1,16})"?')
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SEAL_BEGINS_WITHIN = 32
_PDF_BEGINS_WITHIN = 1024


@dataclass(frozen=True)
class Paper:
    """One paper as it was presented."""

    name: str
    """What it is called by who presents it; only shown, never believed."""
    kind: PaperKind
    data: bytes
    """A disclosure or proof in UTF-8 without byte order mark, a receipt or trust file in binary."""


def recognise(data: bytes) -> PaperKind:
    """The kind of these bytes. Never raises."""
    return _kind_of(unwrapped(data))


def unwrapped(data: bytes) -> bytes:
    """The paper that these bytes write: JSON in UTF-8, a receipt or trust file in binary; all else as it is."""
    text = data.removeprefix(_BOM)
    encoding = _UTF_16.get(data[:2])
    if encoding is not None and len(data) <= 2 * MAX_JSON:
        # what is broken becomes U+FFFD: a file cut off on its way is still known for what it was
        text = data[2:].decode(encoding, "replace").encode()
    if text.lstrip(_BLANKS).startswith(b"{"):
        return text if len(text) <= MAX_JSON else data
    return _from_base64(text) or data


def _from_base64(text: bytes) -> bytes | None:
    """The receipt or trust file that the text writes in base64, however its lines are broken; None if it does not."""
    # both begin with these digits; nothing else is looked at further
    if len(text) > 2 * MAX_JSON or text.lstrip(_BLANKS)[:1] not in (b"0", b"2"):
        return None
    digits = text.translate(None, _BLANKS)
    if not _BASE64.fullmatch(digits):
        return None
    digits = digits.rstrip(b"=")
    if len(digits) % 4 == 1:
        return None
    data = base64.b64decode(digits + b"=" * (-len(digits) % 4))
    return data if data.startswith((_RECEIPT, _TRUST)) else None


def _kind_of(data: bytes) -> PaperKind:
    if data[:1] == b"\xd2":
        return PaperKind.RECEIPT
    if data[:2] == _TRUST:
        return PaperKind.TRUST
    text = json_text(data)
    if text is None:
        return PaperKind.FILE
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        first = _FIRST_NAME.match(text)
        name = first[1].decode() if first else ""
        return (
            PaperKind.DISCLOSURE
            if name in _DISCLOSURE
            else PaperKind.PROOF
            if name in _PROOF_BEGINS
            else PaperKind.FILE
        )
    if len(_DISCLOSURE & value.keys()) > 1:
        return PaperKind.DISCLOSURE
    return PaperKind.PROOF if len(_PROOF & value.keys()) > 2 else PaperKind.FILE


def take(name: str, data: bytes, called: PaperKind | None = None) -> Paper:
    """The paper in these bytes. `called` is what it was presented as: it counts where the bytes tell nothing."""
    kind = recognise(data)
    if kind is PaperKind.FILE and called is not None:
        kind = called
    return Paper(name, kind, data if kind is PaperKind.FILE else unwrapped(data))


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
