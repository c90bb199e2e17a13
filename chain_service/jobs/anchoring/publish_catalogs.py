"""Publishing versions of catalog entries."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import Connection

from chain_service.core.encoding.answers import answer
from chain_service.core.encoding.canonical import canonical
from chain_service.core.encoding.refusals import Refusals
from chain_service.core.encoding.visible_text import add_hidden, require_visible
from chain_service.core.registries.catalogs import CatalogVersion, digest, next_version, parse_catalog
from chain_service.errors import (
    ChainServiceError,
    Conflict,
    MalformedRecord,
)
from chain_service.jobs.anchoring.register_seals import account_of
from chain_service.jobs.asker import Acting
from chain_service.jobs.context import App
from chain_service.jobs.registries.catalogs import read_version, written_digest
from chain_service.jobs.repeats import Once, begin, keep, seen_again
from chain_service.jobs.sending.group_changes import VERSIONS, version_submission, version_words
from chain_service.store import submissions
from chain_service.store.registries import catalogs, organisations
from chain_service.store.registries.catalogs import NewCatalogVersion

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


def publish(app: App, asker: Acting, entries: object, once: Once | None = None) -> list[AcceptedVersion]:
    """The versions (one object, or a list) are on their way to the registry, all of them or none.

    `sequence` and `previous` are filled in where left out. Sending a version again whose content is the latest one's
    returns that one with `created` False. Raises `MalformedRecord`, `Forbidden`, `Conflict` (`catalog_conflict`);
    in a list `details["entry"]` counts from 1.
    """
    asker.need("catalog")
    parsed = _parse(asker, entries)
    account = account_of(app, asker.acting_for)
    return seen_again(lambda: _publish(app, asker, account, parsed, once))


def _publish(
    app: App, asker: Acting, account: str, parsed: Sequence[CatalogVersion], once: Once | None
) -> list[AcceptedVersion]:
    with app.database.transaction() as connection, Refusals() as refusals:
        begin(app, connection, once)
        organisations.get(connection, asker.acting_for)
        stored = catalogs.latest(connection, [version.code for version in parsed])
        latest: dict[str, CatalogVersion] = {code: read_version(version) for code, version in stored.items()}
        answers: list[AcceptedVersion] = []
        new: list[CatalogVersion] = []
        for place, version in enumerate(parsed, start=1):
            before = latest.get(version.code)
            if before is not None and _same(before, version):
                answers.append(_accepted(before, created=False))
                continue
            try:
                following = next_version(before, version)
            except Conflict as error:
                refusals.add(error, entry=place)
                continue
            latest[version.code] = following
            new.append(following)
            answers.append(_accepted(following, created=True))
        refusals.raise_first()
        _queue(app, connection, asker, account, new)
        return keep(app, connection, once, answers)


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
        rows = [
            NewCatalogVersion(
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
                submission_id=submission.id,
            )
            for version in group
        ]
        catalogs.add_many(connection, rows)


def _accepted(version: CatalogVersion, *, created: bool) -> AcceptedVersion:
    return AcceptedVersion(
        catalog_code=version.code,
        sequence=version.sequence,
        previous=written_digest(version.previous) if version.previous else None,
        digest=written_digest(digest(version)),
        created=created,
    )
