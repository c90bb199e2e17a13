"""The papers of one holder, genuine and altered, and every subset of them in any order."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from chain_service.core.encoding.digests import file_digests
from chain_service.core.log.merkle import leaf_hash, root_from_inclusion
from chain_service.core.receipts.receipt import encode
from chain_service.core.records.disclosure import reveal
from support.offline.offline_questions import ask, refreshed, signed
from support.worlds.receipt_world import TIME, Issued

BOM = b"\xef\xbb\xbf"
NOW = TIME + 200
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\nstartxref\n0\n%%EOF\n"
OFD = b"PK\x03\x04 an OFD, as far as this page is concerned"
Papers = dict[str, bytes]


def proof_of(issued: Issued) -> bytes:
    """The proof as `GET /v1/records/{id}/proof` answers it."""
    claim = issued.content.claim()
    root = root_from_inclusion(leaf_hash(claim.entry), claim.proof)
    anchor = {"chainId": 1, "log": claim.log.hex(), "size": claim.proof.size, "root": root.hex(), "block": 7}
    path = [node.hex() for node in claim.proof.path]
    shown = {"entry": claim.entry.hex(), "index": claim.proof.index, "size": claim.proof.size, "path": path}
    return json.dumps(shown | {"anchor": anchor}).encode()


@cache
def holder() -> tuple[Issued, Papers]:
    """A record that names two files, and all papers that its holder may have."""
    first = Issued()
    files = [{"digests": file_digests(data)} for data in (PDF, OFD)]
    issued = Issued(content=first.content.holding(dict(first.content.disclosure.record.body) | {"files": files}))
    content = issued.content.disclosure

    def partial(*names: str) -> bytes:
        return json.dumps(reveal(content.record, content.salt, names).to_json()).encode()

    return issued, {
        "disclosure": issued.disclosed,
        "disclosure with a mark": BOM + issued.disclosed,
        "partial": partial("holders.0.certificateHolderName", "certificateNumber"),
        "partial of the files": BOM + partial("files"),
        "partial of nothing": partial(),
        "receipt": encode(issued.receipt()),
        "receipt refreshed": encode(refreshed(issued)),
        "proof": proof_of(issued),
        "trust file": signed(issued.trust),
        "pdf": PDF,
        "pdf with receipt": PDF + b"2 0 obj\n<<>>\nendobj\n%%EOF\n",
        "ofd": OFD,
    }


def _lines(data: bytes, end: bytes = b"\n") -> bytes:
    return base64.encodebytes(data).replace(b"\n", end)


TEXT_FORMS: dict[str, Callable[[bytes], bytes]] = {
    "with a byte order mark": lambda data: BOM + data,
    "UTF-16, little end first": lambda data: b"\xff\xfe" + data.decode().encode("utf-16-le"),
    "UTF-16, big end first": lambda data: b"\xfe\xff" + data.decode().encode("utf-16-be"),
    "with blanks around": lambda data: b"\r\n " + data + b"\r\n\t",
}
"""What editors make of JSON that they save."""
BINARY_FORMS: dict[str, Callable[[bytes], bytes]] = {
    "base64": base64.b64encode,
    "base64 without padding": lambda data: base64.b64encode(data).rstrip(b"="),
    "base64 in lines": _lines,
    "base64 in lines of a mail": lambda data: b"\r\n" + _lines(data, b"\r\n"),
    **{f"base64, {name}": lambda data, form=form: form(_lines(data)) for name, form in TEXT_FORMS.items()},  # type: ignore[misc]
}
"""What mail programs and forms make of a receipt or trust file."""


def saved(paper: bytes) -> dict[str, bytes]:
    """The paper in every form that it may come back in; a document is none of these."""
    if paper[:1] in (b"\xd2", b"\xd8"):
        return {name: form(paper) for name, form in BINARY_FORMS.items()}
    text = paper.removeprefix(BOM)
    return {name: form(text) for name, form in TEXT_FORMS.items()} if text[:1] == b"{" else {}


def altered(chance: random.Random, data: bytes) -> bytes:
    """The same paper with one byte changed, so that it is another."""
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def question(papers: list[tuple[str, bytes]]) -> dict[str, Any]:
    """What the page is asked: these papers, where the holder's trust file is built in."""
    given = [[name, base64.b64encode(data).decode()] for name, data in papers]
    return {"given": given, "known": [base64.b64encode(holder()[1]["trust file"]).decode()], "now": NOW}


def subsets(chance: random.Random, count: int) -> Iterator[list[tuple[str, bytes]]]:
    """So many subsets of the holder's genuine papers, in any order."""
    papers = list(holder()[1].items())
    for _ in range(count):
        yield chance.sample(papers, chance.randint(1, len(papers)))


def forged() -> Papers:
    """Papers with what they say changed, well-formed as before."""
    _, papers = holder()
    whole, partial, proof = (json.loads(papers[name]) for name in ("disclosure", "partial", "proof"))
    whole["record"]["holders"][0]["certificateHolderName"] = "另有其人"
    dated = json.loads(papers["disclosure"])
    dated["record"]["certificateExpiringDate"] = "2031-05-31"
    partial["revealed"]["certificateNumber"]["value"] = "JY0"
    opened = json.loads(papers["partial"])
    opened["open"]["certificateExpiringDate"] = "2031-05-31"
    proof["path"][0] = "00" * 32
    return {
        "disclosure of another holder": json.dumps(whole).encode(),
        "disclosure of another day": json.dumps(dated).encode(),
        "partial of another number": json.dumps(partial).encode(),
        "partial of another day": json.dumps(opened).encode(),
        "proof of another path": json.dumps(proof).encode(),
        "pdf changed": PDF.replace(b"1 0", b"3 0"),
        "receipt of a stranger": encode(refreshed(holder()[0])).replace(b"eip155:2", b"eip155:3"),
    }


__all__ = ["altered", "ask", "forged", "holder", "proof_of", "question", "saved", "subsets"]
