"""Publishing versions of catalog entries."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import Connection

from chain_service.core.chainproof.storage_layout import CATALOG_WITHDRAW, code_key
from chain_service.core.encoding.answers import answer
from chain_service.core.encoding.canonical import canonical
from chain_service.core.encoding.refusals import Refusals
from chain_service.core.encoding.visible_text import add_hidden, require_visible
from chain_service.core.registries.catalogs import (
    CatalogHeadOnChain,
    CatalogVersion,
    digest,
    next_version,
    parse_catalog,
    placed,
    version_behind,
)
from chain_service.errors import (
    ChainServiceError,
    Conflict,
    MalformedRecord,
)
from chain_service.jobs.anchoring.register_seals import account_of
from chain_service.jobs.asker import Acting
from chain_service.jobs.context import App
from chain_service.jobs.registries.catalogs import read_version, written_digest
from chain_service.jobs.sending.group_changes import VERSIONS, version_submission, version_words
from chain_service.store import submissions
from chain_service.store.registries import catalogs, organisations
from chain_service.store.registries.catalogs import NewCatalogVersion, UnstoredVersion

MAX_ENTRIES = 1000
_PLACE = ("sequence", "previous")


@answer
class AcceptedVersion:
    """A version of a catalog entry that is on its way to the chain, or was before."""

    catalog_code: str
    sequence: int | None
    previous: str | None
    """Digest of the version before; null for the first."""
    digest: str
    created: bool
    """False where the newest version has the same content."""


def publish(app: App, asker: Acting, entries: object) -> list[AcceptedVersion]:
    """The versions (one object, or a list) are on their way to the registry, all of them or none.

    `sequence` and `previous` are filled in where left out. Sending a version again whose content is the latest one's
    returns that one with `created` False. A version that memory lost and the chain holds is stored again; any other
    follows what stands on chain. Raises `MalformedRecord`, `Forbidden`, `Conflict` (`catalog_conflict`);
    in a list `details["entry"]` counts from 1.
    """
    asker.need("catalog")
    parsed = _parse(asker, entries)
    account = account_of(app, asker.acting_for)
    with app.database.transaction() as connection, Refusals() as refusals:
        organisations.get(connection, asker.acting_for)
        stored = catalogs.latest(connection, [version.code for version in parsed])
        latest: dict[str, CatalogVersion] = {code: read_version(version) for code, version in stored.items()}
        lost = _lost(connection, [version.code for version in parsed])
        answers: list[AcceptedVersion] = []
        new: list[CatalogVersion] = []
        for place, version in enumerate(parsed, start=1):
            before = latest.get(version.code)
            known = lost.get(version.code, [])
            behind = [one for one in known if before is None or one.sequence > (before.sequence or 0)]
            if before is not None and not behind and _same(before, version):
                answers.append(_accepted(before, created=False))
                continue
            found = next((one for one in known if _is_lost(one, version)), None)
            if found is not None:
                known.remove(found)
                answers.append(_restore(app, connection, asker, version, found))
                if found in behind:
                    latest[version.code] = _as_lost(found, version)
                continue
            try:
                following = _following(before, behind, version)
            except Conflict as error:
                refusals.add(error, entry=place)
                continue
            latest[version.code] = following
            new.append(following)
            answers.append(_accepted(following, created=True))
        refusals.raise_first()
        _queue(app, connection, asker, account, new)
    return answers


def _lost(connection: Connection, codes: Sequence[str]) -> dict[str, list[UnstoredVersion]]:
    """What the chain holds of these entries and memory does not, in order, by code."""
    by_key = {code_key(code): code for code in codes}
    lost: dict[str, list[UnstoredVersion]] = {}
    for version in catalogs.unstored(connection, catalogs=list(by_key)):
        lost.setdefault(by_key[version.catalog], []).append(version)
    return lost


def _as_lost(lost: UnstoredVersion, version: CatalogVersion) -> CatalogVersion:
    return placed(version, lost.sequence, None if lost.sequence == 1 else lost.previous)


def _is_lost(lost: UnstoredVersion, version: CatalogVersion) -> bool:
    """In the lost version's place, what is submitted has its digest."""
    return digest(_as_lost(lost, version)) == lost.digest


def _restore(
    app: App, connection: Connection, asker: Acting, submitted: CatalogVersion, lost: UnstoredVersion
) -> AcceptedVersion:
    version = _as_lost(lost, submitted)
    catalogs.restore_version(connection, _row(app, asker, version, None), lost)
    return _accepted(version, created=True)


def _following(
    before: CatalogVersion | None, behind: Sequence[UnstoredVersion], version: CatalogVersion
) -> CatalogVersion:
    """The version as it follows the newest one, of which memory or only the chain tells. Raises `Conflict`."""
    if not behind:
        return next_version(before, version)
    newest = behind[-1]
    return version_behind(
        CatalogHeadOnChain(newest.sequence, newest.digest, newest.action != CATALOG_WITHDRAW), version
    )


def _parse(asker: Acting, entries: object) -> list[CatalogVersion]:
    listed = entries if isinstance(entries, list) else [entries]
    if not 1 <= len(listed) <= MAX_ENTRIES:
        raise MalformedRecord(f"between 1 and {MAX_ENTRIES} entries can be published at once", field="")
    parsed: list[CatalogVersion] = []
    with Refusals() as refusals:
        for place, entry in enumerate(listed, start=1):
            try:
                parsed.append(_read_entry(asker, entry))
            except ChainServiceError as error:
                refusals.add(error, entry=place)
    return parsed


def _read_entry(asker: Acting, entry: object) -> CatalogVersion:
    """The version in `entry`; raises the first refusal, which tells the others."""
    with Refusals() as refusals:
        try:
            version = parse_catalog(entry)
        except MalformedRecord as error:
            refusals.add(error)
            add_hidden(entry, refusals)
            refusals.raise_first()
        refusals.read(require_visible, version.body)
        refusals.read(asker.need_org, version.provider)
    return version


def _same(before: CatalogVersion, submitted: CatalogVersion) -> bool:
    """The submitted version says what the latest one says, apart from the place it may leave out."""
    content = {name: value for name, value in before.body.items() if name not in _PLACE}
    given = {name: value for name, value in submitted.body.items() if name not in _PLACE}
    if content != given or before.sequence is None:
        return False
    return submitted.sequence in (None, before.sequence) and submitted.previous in (None, before.previous)


def _queue(app: App, connection: Connection, asker: Acting, account: str, new: Sequence[CatalogVersion]) -> None:
    for start in range(0, len(new), VERSIONS):
        group = new[start : start + VERSIONS]
        words = [version_words(v.code, v.sequence or 0, v.action, v.previous, digest(v)) for v in group]
        submission = version_submission(app, account, asker.acting_for, words)
        submissions.queue(connection, submission)
        catalogs.add_many(connection, [_row(app, asker, version, submission.id) for version in group])


def _row(app: App, asker: Acting, version: CatalogVersion, submission_id: str | None) -> NewCatalogVersion:
    return NewCatalogVersion(
        id=str(uuid.uuid4()),
        code=version.code,
        sequence=version.sequence or 0,
        org=asker.acting_for,
        layer=version.layer,
        action=version.action,
        digest=digest(version),
        previous=version.previous,
        body=canonical(version.body),
        key_id=asker.key_id,
        created_at=app.clock(),
        submission_id=submission_id,
    )


def _accepted(version: CatalogVersion, *, created: bool) -> AcceptedVersion:
    return AcceptedVersion(
        catalog_code=version.code,
        sequence=version.sequence,
        previous=written_digest(version.previous) if version.previous else None,
        digest=written_digest(digest(version)),
        created=created,
    )
