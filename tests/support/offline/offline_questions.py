"""Questions to both offline verifiers, each with the answer of the one in Python."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chain_service.core.chainproof.evidence_cbor import BlockProof
from chain_service.core.receipts import receipt as receipts
from chain_service.core.receipts import trust_file
from chain_service.core.receipts.receipt import Receipt
from chain_service.core.receipts.trust_file import TrustFile
from chain_service.core.receipts.verify_offline import present, verify_offline
from chain_service.errors import BadRequest, ChainServiceError
from support.worlds.receipt_world import BLOCK, NOW, ROOTS, Issued

Case = dict[str, Any]
"""`{name, receipt, disclosure, files, trust, now, at, expected}`, byte strings in base64.

`expected` is the verdict as JSON without the sentences of `detail`, `{refused: code}` where the question is, or None
where the trust file is.
"""
Change = Callable[[Any], Any]


@dataclass(frozen=True)
class Question:
    """What is handed to a verifier."""

    name: str
    receipt: bytes
    disclosure: bytes | None
    trust: bytes
    now: int = NOW
    at: int | None = None
    files: tuple[dict[str, str], ...] = ()

    def answered(self) -> Case:
        """The case: this question with the Python verifier's answer."""
        case: Case = {"name": self.name, "files": list(self.files), "now": self.now, "at": self.at}
        for part in ("receipt", "disclosure", "trust"):
            data = getattr(self, part)
            case[part] = None if data is None else base64.b64encode(data).decode()
        return case | {"expected": self._answer()}

    def _answer(self) -> Any:
        try:
            trusted = trust_file.parse(self.trust)
        except ChainServiceError:
            return None
        presented = present(self.disclosure, self.files, whole_files=bool(self.files))
        try:
            verdict = verify_offline(self.receipt, presented, trusted, now=self.now, at=self.at)
        except BadRequest as error:
            return {"refused": error.code}
        return without_details(json.loads(json.dumps(verdict.to_json())))


def without_details(value: Any) -> Any:
    """The JSON value without members named `detail`: those sentences are each program's own."""
    if isinstance(value, dict):
        return {name: without_details(member) for name, member in value.items() if name != "detail"}
    return [without_details(item) for item in value] if isinstance(value, list) else value


ISSUED = Issued()
QBFT = Issued("qbft")
ZEROS = "0" * 64


def ask(name: str, issued: Issued = ISSUED, receipt: Receipt | bytes | None = None, **asked: Any) -> Question:
    whole = issued.receipt() if receipt is None else receipt
    stated: dict[str, Any] = {
        "receipt": whole if isinstance(whole, bytes) else receipts.encode(whole),
        "disclosure": issued.disclosed,
        "trust": signed(issued.trust),
    }
    return Question(name, **stated | asked)


def signed(trusted: TrustFile) -> bytes:
    return trust_file.sign(trusted.terms, ROOTS[:3])


def refreshed(issued: Issued, state: int = 0, number: int = 107) -> Receipt:
    return receipts.refreshed(issued.receipt(), issued.newer(number, state))


def twice(issued: Issued, before: int, after: int) -> Receipt:
    """A receipt whose first evidence shows one state of the record, and the refresh another one."""
    evidence = issued.whole(BLOCK, before), issued.newer(BLOCK + 100, after)
    return issued.receipt(blocks=tuple(map(BlockProof, evidence)))


def changed(value: Any, change: Callable[[Any], Any]) -> Any:
    value = copy.deepcopy(json.loads(json.dumps(value)))
    change(value)
    return value


def disclosing(name: str, value: Any) -> Question:
    return ask(name, disclosure=json.dumps(value).encode())


def put(*path: str | int, to: Any) -> Callable[[Any], Any]:
    def change(value: Any) -> None:
        for step in path[:-1]:
            value = value[step]
        value[path[-1]] = to

    return change


def drop(*path: str | int) -> Callable[[Any], Any]:
    def change(value: Any) -> None:
        for step in path[:-1]:
            value = value[step]
        del value[path[-1]]

    return change
