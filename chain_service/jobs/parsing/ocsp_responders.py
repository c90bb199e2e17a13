"""Asking OCSP responders (RFC 6960 over HTTP) that the operator allows; answers are never parsed here.

They count like revocation lists inside a document: a parser process reads them with it, and believes their signatures.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import Final

import structlog
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from chain_service.documents.facts import CertificateFacts, DocumentFacts, RevocationFacts

MAX_QUESTIONS: Final = 8
"""Certificates of one document that are asked about."""
MAX_ANSWER: Final = 256 * 1024
SECONDS: Final = 4.0
"""For all questions of one document together."""
REST: Final = 60.0
"""Seconds for which a responder that did not answer is left alone."""
REMEMBERED: Final = 1024
_PRINTABLE: Final = re.compile(r"[!-~]{1,500}")
_HEADERS: Final = {
    "Content-Type": "application/ocsp-request", "Accept": "application/ocsp-response", "User-Agent": "chain-service",
}  # fmt: skip
log = structlog.get_logger("ocsp")


@dataclass(frozen=True)
class OcspQuery:
    """One question, and where it may be put."""

    question: bytes
    """OCSPRequest, DER; made by the parser process."""
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class _Kept:
    answer: bytes
    until: int


class Responders:
    """The responders below these URL prefixes; with none, nobody is ever asked. For use by several threads."""

    def __init__(self, prefixes: Sequence[str]) -> None:
        """`prefixes` as the setting `ocsp_responders` checked them."""
        self._allowed = [one for prefix in prefixes if (one := _parts(prefix)) is not None]
        self._lock = threading.Lock()
        self._kept: dict[bytes, _Kept] = {}
        self._resting: dict[tuple[str, str, int], float] = {}

    def allows(self, address: str) -> bool:
        """Whether scheme, host and port are those of a prefix, and the path is its path or below it."""
        if (parts := _parts(address)) is None:
            return False
        origin, path = parts
        return any(
            origin == allowed and (path == top or path.startswith(top if top.endswith("/") else f"{top}/"))
            for allowed, top in self._allowed
        )

    def questions(self, facts: DocumentFacts, now: int, list_age: int) -> list[OcspQuery]:
        """What nothing available tells the present of: certificates on trusted paths that name an allowed responder."""
        queries: dict[bytes, OcspQuery] = {}
        for revocation in _revocations(facts) if self._allowed else ():
            addresses = tuple(address for address in revocation.ask if self.allows(address))
            if addresses and revocation.question and not _fresh(revocation, now, list_age):
                queries.setdefault(revocation.question, OcspQuery(revocation.question, addresses))
        return list(queries.values())[:MAX_QUESTIONS]

    def answers(self, asked: Sequence[OcspQuery], now: int, *, fetch: bool) -> dict[bytes, bytes]:
        """The answer to each query's question, where one is kept or, with `fetch`, came in time. Never raises."""
        ends = time.monotonic() + SECONDS
        kept_answers: dict[bytes, bytes] = {}
        for query in asked:
            with self._lock:
                kept = self._kept.get(query.question)
            if kept is not None and kept.until > now:
                kept_answers[query.question] = kept.answer
            elif fetch and (answer := self._fetch(query, ends)) is not None:
                kept_answers[query.question] = answer
        return kept_answers

    def remember(self, facts: DocumentFacts, answers: dict[bytes, bytes], list_age: int) -> None:
        """Answers that the parser process believed are kept until a newer one was promised. `facts`: with them."""
        with self._lock:
            for revocation in _revocations(facts):
                answer = answers.get(revocation.question)
                if (
                    answer is None
                    or revocation.source != "ocsp"
                    or revocation.as_of is None
                    or revocation.next_update is None
                ):
                    continue
                self._kept.pop(revocation.question, None)
                if len(self._kept) >= REMEMBERED:
                    self._kept.pop(next(iter(self._kept)))
                self._kept[revocation.question] = _Kept(
                    answer, min(revocation.next_update, revocation.as_of + list_age)
                )

    def _fetch(self, asked: OcspQuery, ends: float) -> bytes | None:
        for address in asked.addresses:
            parts = _parts(address)
            left = ends - time.monotonic()
            if parts is None or left <= 0:
                return None
            with self._lock:
                if self._resting.get(parts[0], 0.0) > time.monotonic():
                    continue
            try:
                return _post(address, asked.question, left)
            except (urllib3.exceptions.HTTPError, HTTPException, OSError, _NoAnswer) as error:
                log.warning("an OCSP responder did not answer", responder=parts[0][1], error=type(error).__name__)
                with self._lock:
                    self._resting[parts[0]] = time.monotonic() + REST  # at most one for each origin allowed
        return None


class _NoAnswer(Exception):
    """What came is none: another status, a redirection, too many bytes, too late."""


def _post(address: str, question: bytes, seconds: float) -> bytes:
    """The body of the answer. Raises HTTPError, HTTPException, OSError, _NoAnswer.

    No redirection is followed, and the connection is cut when the time is over, however slowly something comes.
    """
    url = urllib3.util.parse_url(address)
    kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
    began, late = time.monotonic(), threading.Event()
    connection = kind((url.host or "").strip("[]"), url.port, timeout=seconds)
    try:
        connection.connect()
        watch = threading.Timer(max(0.0, seconds - (time.monotonic() - began)), _cut, [connection.sock, late])
        watch.start()
        try:
            connection.request("POST", url.request_uri, question, _HEADERS, preload_content=False, decode_content=False)
            response = connection.getresponse()
            if response.status != 200:
                raise _NoAnswer
            body = response.read(MAX_ANSWER + 1)
            if len(body) > MAX_ANSWER or late.is_set():
                raise _NoAnswer
            return body
        finally:
            watch.cancel()
    finally:
        connection.close()


def _cut(connected: socket.socket, late: threading.Event) -> None:
    late.set()
    with suppress(OSError):  # it has ended by itself
        connected.shutdown(socket.SHUT_RDWR)


def _parts(address: str) -> tuple[tuple[str, str, int], str] | None:
    """Origin (scheme, host, port) and path; None for what is no plain URL of HTTP."""
    if not _PRINTABLE.fullmatch(address) or any(odd in address for odd in ("\\", "..", "%", "@", "#")):
        return None  # such as a server could read in another way than we do
    try:
        url = urllib3.util.parse_url(address)
    except urllib3.exceptions.LocationParseError:
        return None
    if url.scheme not in ("http", "https") or not url.host:
        return None
    return (url.scheme, url.host.lower(), url.port or (443 if url.scheme == "https" else 80)), url.path or "/"


def _revocations(facts: DocumentFacts) -> list[RevocationFacts]:
    """Of every certificate on a trusted path, signers first."""
    every: list[CertificateFacts | None] = [signature.signer for signature in facts.signatures]
    every += [signature.seal.maker for signature in facts.signatures if signature.seal is not None]
    every += [stamp.authority for signature in facts.signatures for stamp in signature.timestamps]
    trusted = [
        certificate for certificate in every if certificate is not None and certificate.path.outcome == "trusted"
    ]
    return [revocation for certificate in trusted for revocation in certificate.path.revocations]


def _fresh(revocation: RevocationFacts, now: int, list_age: int) -> bool:
    """Whether what is available speaks of the present."""
    if revocation.outcome != "good" or revocation.as_of is None:
        return revocation.outcome == "revoked"
    promised = revocation.next_update is None or now <= revocation.next_update
    return promised and now - revocation.as_of <= list_age and not revocation.after_end
