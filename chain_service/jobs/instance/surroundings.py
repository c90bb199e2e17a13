"""What the instance needs around it: a right clock, space on the disk, a certificate and a trust file in force, an
organisation that carries the journal.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from sqlalchemy import Connection

from chain_service.core.encoding.answers import answer, left_out
from chain_service.core.encoding.display import moment
from chain_service.core.verdicts.inputs import BLOCK_AHEAD
from chain_service.errors import ChainServiceError
from chain_service.jobs.anchoring.journal_heads import why_not_carried
from chain_service.jobs.context import App
from chain_service.jobs.proofs import trust_files
from chain_service.store.chain_index import IndexedBlock

SOON = 14 * 86_400
LAST_PART = 1 / 4
"""A certificate or trust file is told of so many seconds before its end, or in this last part of its life where that is
shorter: one that lives for days is renewed every few days, and the alert would never end."""


@answer
class PlainCheck:
    """Whether something is as it should be, and if not, or not for long any more, why."""

    ok: bool
    code: str | None = left_out()
    detail: str | None = left_out()


FINE = PlainCheck(ok=True)


def check_clock(app: App, block: IndexedBlock | None, newest_time: int) -> PlainCheck:
    """This machine's clock against the times of blocks: the newest that was read, and a node's newest."""
    times = [newest_time, *([] if block is None else [block.time])]
    behind = max(times) - app.now
    if behind > BLOCK_AHEAD:
        return PlainCheck(ok=False, code="clock_behind", detail=f"the chain's newest block is {behind} s ahead of it")
    ahead = app.chain.reader.arrivals.ahead if app.chain is not None else None
    if ahead is not None:
        return PlainCheck(ok=False, code="clock_ahead", detail=f"blocks that were just sealed are {ahead} s old by it")
    return FINE


def check_disk(app: App) -> PlainCheck:
    """Space is left where the instance keeps its files."""
    try:
        system = os.statvfs(app.settings.data)
    except OSError as error:
        return PlainCheck(ok=False, code="disk_full", detail=f"DIR cannot be looked at: {error.strerror}")
    free = system.f_bavail * system.f_frsize / 2**20
    if system.f_flag & os.ST_RDONLY or free >= app.settings.disk_reserve:
        return FINE
    detail = f"{free:.1f} MiB are free, less than the {app.settings.disk_reserve} MiB of disk_reserve"
    return PlainCheck(ok=False, code="disk_full", detail=detail)


def check_certificate(app: App, served: bytes | None = None) -> PlainCheck:
    """The certificate that the service shows is in force: that of the file, and `served`, which was read before."""
    file = app.settings.tls_certificate
    if file is None:
        return FINE
    try:
        pem = Path(file).read_bytes()
        in_file = _validity(pem)
        shown = in_file if served is None else _validity(served)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no PEM certificate"
        return PlainCheck(ok=False, code="certificate_expired", detail=f"tls_certificate cannot be read: {why}")
    later = "; the file has a newer one, which SIGHUP makes the service read" if shown.end < in_file.end else ""
    return _ends(app, "certificate", min(in_file, shown, key=lambda one: one.end), later)


class _Validity(NamedTuple):
    """In unix seconds."""

    begin: float
    end: float


def _validity(pem: bytes) -> _Validity:
    """Of the first certificate of these bytes. Raises ValueError."""
    certificate = x509.load_pem_x509_certificate(pem)
    return _Validity(certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp())


def _ends(app: App, what: str, validity: _Validity, later: str = "") -> PlainCheck:
    """Told as expired, or as ending soon, which leaves the instance ready."""
    begin, end = validity
    if app.now > end:
        return PlainCheck(ok=False, code=f"{what}_expired", detail=f"it ended at {moment(end)}{later}")
    if app.now > end - min(SOON, LAST_PART * (end - begin)):
        return PlainCheck(ok=True, code=f"{what}_ends_soon", detail=f"it ends at {moment(end)}{later}")
    return FINE


def check_trust(app: App) -> PlainCheck:
    """The trust file that the instance hands out, if it has one, is in force."""
    file = app.settings.data / trust_files.FILE
    if not file.is_file():
        return FINE
    try:
        terms = trust_files.read(file).terms
    except ChainServiceError as error:
        return PlainCheck(ok=False, code="trust_expired", detail=f"it cannot be read: {error.message}")
    return _ends(app, "trust", _Validity(terms.issued, terms.expires))


def check_journal(app: App, connection: Connection) -> PlainCheck:
    """An organisation can carry the journal's head to the chain."""
    try:
        why = None if app.chain is None else why_not_carried(app, connection)
    except ChainServiceError as error:  # of the keystore: the database would not be well under a name of its own
        why = error.message
    return FINE if why is None else PlainCheck(ok=False, code="journal_not_carried", detail=why)
