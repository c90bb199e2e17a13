"""The trust store: a directory of root certificates, intermediates and revocation lists that the operator keeps.

anchors/LABEL/*.cer, *.crt, *.pem       roots; findings name them by LABEL, a region or whatever the operator says
anchors/LABEL/intermediates/            certificates between roots and signers
crls/*.crl, *.pem                       revocation lists; old ones speak about signers whose certificates have ended
"""

from __future__ import annotations

import base64
import binascii
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import structlog
from cryptography import x509

from chain_service.core.encoding.answers import answer
from chain_service.core.encoding.times import rfc3339
from chain_service.documents.pki.sm2 import DEFAULT_ID
from chain_service.documents.pki.trust_store import RootCertificate, TrustStore

LOOK_AGAIN = 2.0
"""Seconds for which the directory is taken to be unchanged."""
MAX_FILES = 5_000
MAX_BYTES = 64 * 2**20
_CERTIFICATES = frozenset({".cer", ".crt", ".pem", ".der"})
_LISTS = frozenset({".crl", ".pem", ".der"})
_PEM = re.compile(rb"-----BEGIN (?:X509 CRL|(?:TRUSTED |X509 )?CERTIFICATE)-----([A-Za-z0-9+/=\s]+)-----END")
log = structlog.get_logger("anchors")


@answer
class ListedCertificate:
    """A certificate of the trust store."""

    label: str
    "The folder it lies in: a region, or whatever the operator calls it."
    kind: str
    "anchor or intermediate."
    subject: str
    until: str | None
    "Its end; none where it cannot be read."


@answer
class ListedRevocationList:
    """A revocation list of the trust store."""

    issuer: str
    of: str | None
    "When it was issued; none where it cannot be read."
    next_update: str | None
    age_days: int | None
    stale: bool
    "The next one is due, or it cannot be read."


@answer
class TrustStoreListing:
    """What the trust store holds."""

    directory: str
    certificates: tuple[ListedCertificate, ...]
    revocation_lists: tuple[ListedRevocationList, ...]


class TrustDirectory:
    """The trust store in a directory, read again when something in it changes; empty while there is none."""

    def __init__(self, directory: Path, user_id: bytes = DEFAULT_ID) -> None:
        self.directory = directory
        self._user_id = user_id
        self._lock = threading.Lock()
        self._looked = float("-inf")
        self._seen: object = None
        self._store = TrustStore(user_id=user_id)

    def __call__(self) -> TrustStore:
        """The store in force; the same object as long as nothing changed."""
        with self._lock:
            if time.monotonic() - self._looked >= LOOK_AGAIN:
                seen = sorted(_stamps(self.directory))
                if seen != self._seen:
                    self._store, self._seen = replace(read_store(self.directory), user_id=self._user_id), seen
                self._looked = time.monotonic()
            return self._store


def read_store(directory: Path) -> TrustStore:
    """Everything in the directory; a file that is no certificate or list is left out and logged."""
    roots: list[RootCertificate] = []
    intermediates: list[bytes] = []
    for label, path in _certificate_files(directory):
        for der in _ders(path):
            if path.parent.name == "intermediates":
                intermediates.append(der)
            else:
                roots.append(RootCertificate(label, der))
    crls = [der for path in _files(directory / "crls", _LISTS) for der in _ders(path)]
    return TrustStore(tuple(roots), tuple(intermediates), tuple(crls))


def listed(directory: Path, now: int) -> TrustStoreListing:
    """What the trust store holds, for reading: each certificate with its end, each revocation list with its age."""
    store = read_store(directory)
    certificates = [(root.label, "anchor", root.certificate) for root in store.roots]
    certificates += [("-", "intermediate", der) for der in store.intermediates]
    return TrustStoreListing(
        directory=str(directory),
        certificates=tuple(ListedCertificate(label, kind, *_certificate(der)) for label, kind, der in certificates),
        revocation_lists=tuple(_revocation_list(der, now) for der in store.crls),
    )


def _certificate(der: bytes) -> tuple[str, str | None]:
    """Subject and end of a certificate."""
    try:
        found = x509.load_der_x509_certificate(der)
        return found.subject.rfc4514_string(), _moment(found.not_valid_after_utc)
    except ValueError as error:
        return f"unreadable: {error}"[:200], None


def _revocation_list(der: bytes, now: int) -> ListedRevocationList:
    try:
        found = x509.load_der_x509_crl(der)
        issuer = found.issuer.rfc4514_string()
    except ValueError as error:
        return ListedRevocationList(f"unreadable: {error}"[:200], None, None, None, stale=True)
    promised = found.next_update_utc
    return ListedRevocationList(
        issuer=issuer,
        of=_moment(found.last_update_utc),
        next_update=None if promised is None else _moment(promised),
        age_days=int(now - found.last_update_utc.timestamp()) // 86_400,
        stale=promised is not None and promised.timestamp() < now,
    )


def _moment(when: datetime) -> str:
    return rfc3339(int(when.timestamp()))


def _certificate_files(directory: Path) -> Iterator[tuple[str, Path]]:
    for label in _folders(directory / "anchors"):
        for folder in (label, label / "intermediates"):
            yield from ((label.name, path) for path in _files(folder, _CERTIFICATES))


def _stamps(directory: Path) -> Iterator[tuple[str, int, int]]:
    paths = [path for _, path in _certificate_files(directory)]
    for path in [*paths, *_files(directory / "crls", _LISTS)]:
        try:
            stat = path.stat()
        except OSError:
            continue
        yield str(path), stat.st_mtime_ns, stat.st_size


def _folders(directory: Path) -> list[Path]:
    try:
        return sorted(path for path in directory.iterdir() if path.is_dir())
    except OSError:
        return []


def _files(directory: Path, suffixes: frozenset[str]) -> list[Path]:
    try:
        found = [path for path in directory.iterdir() if path.suffix.lower() in suffixes and path.is_file()]
    except OSError:
        return []
    if len(found) > MAX_FILES:
        log.error("a folder of the trust store has too many files", folder=str(directory), most=MAX_FILES)
    return sorted(found)[:MAX_FILES]


def _ders(path: Path) -> list[bytes]:
    """The DER objects in a file: one, or each PEM block."""
    try:
        data = path.read_bytes() if path.stat().st_size <= MAX_BYTES else b""
        found = [base64.b64decode(b"".join(block.split())) for block in _PEM.findall(data)]
    except (OSError, binascii.Error) as error:
        log.error("a file of the trust store cannot be read", file=str(path), error=str(error))
        return []
    found = found or [data]
    good = [der for der in found if der[:1] == b"\x30"]
    if len(good) < len(found):
        log.error("a file of the trust store is neither DER nor PEM", file=str(path))
    return good
