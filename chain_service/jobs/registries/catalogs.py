"""Reading catalog entries: their list, an entry's history against the chain, two versions compared, the findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from chain_service.core.chainproof.storage_layout import (
    CATALOG_CHANGE,
    CATALOG_PUBLISH,
    CATALOG_REGISTRY,
    CATALOG_WITHDRAW,
    CatalogStanding,
    catalog_digest_slot,
    catalog_standing_slot,
    code_key,
)
from chain_service.core.encoding.answers import answer, left_out
from chain_service.core.encoding.digests import Digest
from chain_service.core.encoding.display import hex0x, moment
from chain_service.core.encoding.text import Text
from chain_service.core.registries import catalog_findings
from chain_service.core.registries.catalogs import CatalogStep, CatalogVersion, check_history, parse_catalog
from chain_service.core.registries.typed_codes import sought_catalog_code, typed_org_code
from chain_service.errors import (
    BadRequest,
    Corrupt,
    InvalidProof,
    NotFound,
    Unavailable,
)
from chain_service.jobs.asker import REVIEWERS, Acting
from chain_service.jobs.context import App
from chain_service.jobs.pages import page_size, parse_cursor, write_cursor
from chain_service.store import chain_index
from chain_service.store.registries import catalogs
from chain_service.store.registries.catalogs import StoredCatalogVersion, UnstoredVersion
from chain_service.store.rows import json_object

_ACTIONS = {CATALOG_PUBLISH: "publish", CATALOG_CHANGE: "change", CATALOG_WITHDRAW: "withdraw"}

MOST_MISSING = 1000
"""Lost entries that one answer names: the next are named once some of these are submitted again."""


@answer
class ListedEntry:
    """A catalog entry by its newest version."""

    catalog_code: str
    layer: str
    """`duty`, `data` or `table`."""
    title: str | None
    provider_code: str
    sequence: int
    action: str
    digest: str
    state: str
    """`pending` until the version's block is final, then `final`."""
    newest_on_chain: int | None = left_out()
    """Of an entry whose newest version was lost here: the sequence that the chain holds; its history names all."""


@answer
class MissingEntry:
    """An entry that only the chain holds; its versions are stored again when they are submitted again as they were."""

    catalog_key: str
    """The hash of its code by which the chain knows it; the code itself was lost."""
    provider_code: str
    sequence: int
    """Of its newest version."""
    action: str
    digest: str
    block: int
    time: str
    tx: str


@answer
class CatalogPage:
    """Catalog entries in the order of their codes."""

    catalogs: tuple[ListedEntry, ...]
    next: str | None
    """The `after` of the next page; null on the last."""
    missing: tuple[MissingEntry, ...] = ()
    """On the last page, of any layer: entries of which all versions were lost here, as after restoring an old backup;
    at most 1,000."""


@answer
class TracedVersion:
    """A version of a catalog entry: who, when and where."""

    sequence: int
    action: str
    digest: str
    previous: str | None
    """Digest of the version before, which it names; null for the first."""
    by: str
    """The organisation."""
    key_id: str | None
    """The API key it was sent with; null for the operator."""
    accepted_at: str
    state: str
    """`pending` until its block is final, then `final`."""
    version: Mapping[str, Any]
    """The version itself, whose canonical bytes have the digest."""
    block: int | None = left_out()
    time: str | None = left_out()
    tx: str | None = left_out()


@answer
class MissingVersion:
    """A version that the chain holds and this instance lost: submitted again as it was, it is stored again."""

    sequence: int
    action: str
    digest: str
    previous: str | None
    by: str
    """The organisation."""
    block: int
    time: str
    tx: str


@answer
class HistoryFinding:
    """A place where the stored history does not hold."""

    code: str
    sequence: int
    message: Text


@answer
class CatalogHead:
    """What the chain has of a catalog entry: its newest version."""

    digest: str | None
    sequence: int
    owner: str | None


@answer
class ProvenBlock:
    """The block at which something was proven."""

    id: int
    """The chain's id."""
    block: int
    hash: str
    time: str
    assurance: str


@answer
class HistoryProof:
    """Whether the stored history leads to the head that the chain holds, proven."""

    outcome: str
    """`passed`, `failed`, or `indeterminate` where the chain could not be asked."""
    code: str | None = left_out()
    detail: str | None = left_out()
    findings: tuple[HistoryFinding, ...] = ()
    head: CatalogHead | None = left_out()
    chain: ProvenBlock | None = left_out()


@answer
class CatalogHistory:
    """Every version of a catalog entry in order."""

    catalog_code: str
    versions: tuple[TracedVersion, ...]
    proof: HistoryProof
    missing: tuple[MissingVersion, ...] = ()
    """Versions that only the chain holds: they were lost here, as after restoring an old backup."""


@answer
class ChangedField:
    """A field that two versions have differently; null where one has it not."""

    field: str
    change: str
    """`added`, `removed`, `reordered` or `changed`."""
    before: Any
    after: Any


@answer
class CatalogComparison:
    """What changed between two versions, by field and by item."""

    catalog_code: str
    from_: int
    to: int
    differences: tuple[ChangedField, ...]


@answer
class CatalogFinding:
    """Something that an auditor should ask about."""

    code: str
    catalog_code: str
    about: str | None
    """The other entry it concerns, if any."""
    message: Text


@answer
class CatalogFigures:
    """Figures over the newest versions; withdrawn entries count nowhere but in `withdrawn`."""

    providers: int
    """Departments with at least one live entry."""
    duties: int
    duties_covered: int
    duty_coverage: float | None
    """Share of duties that a live data entry serves; null without duties."""
    data: int
    data_mounted: int
    mount_rate: float | None
    """挂接率: share of published data entries that have a table; null without data entries."""
    tables: int
    withdrawn: int
    overdue: int


@answer
class CatalogReview:
    """Gaps between the three layers, and figures."""

    findings: tuple[CatalogFinding, ...]
    """By catalog code."""
    metrics: CatalogFigures
    """Over all entries that were looked at, whatever the findings shown."""
    next: str | None
    """Cursor of the next page of findings."""


def list_catalogs(
    app: App, *, org: str | None = None, layer: str | None = None, after: str | None = None, limit: int = 100
) -> CatalogPage:
    """The newest version of each entry by code; `next` is the `after` of the next page. Raises `MalformedRecord`."""
    org = None if org is None else typed_org_code(org)
    with app.database.reading() as connection:
        rows, following = catalogs.page(connection, org=org, layer=layer, after=after, limit=max(1, min(limit, 1000)))
        keys = [code_key(row.code) for row in rows]
        lost = {one.catalog: one for one in catalogs.unstored(connection, catalogs=keys)}  # the newest of each
        missing = [] if following is not None else _missing_entries(connection, org)
    return CatalogPage(tuple(_listed(row, lost) for row in rows), following, tuple(map(_missing_entry, missing)))


def _missing_entries(connection: Connection, org: str | None) -> list[UnstoredVersion]:
    """The newest version of each entry that only the chain holds."""
    lost = {one.catalog: one for one in catalogs.unstored(connection, org=org)}
    known = {code_key(code) for code in catalogs.codes(connection, accepted=True)} if lost else set()
    return [one for key, one in lost.items() if key not in known][:MOST_MISSING]


def _missing_entry(newest: UnstoredVersion) -> MissingEntry:
    return MissingEntry(
        catalog_key=hex0x(newest.catalog),
        provider_code=newest.org,
        sequence=newest.sequence,
        action=_ACTIONS.get(newest.action, str(newest.action)),
        digest=written_digest(newest.digest),
        block=newest.block,
        time=moment(newest.time),
        tx=hex0x(newest.tx),
    )


def history(app: App, code: str) -> CatalogHistory:
    """Every version in order, each with who, when and where, and whether all of it agrees with the chain.

    Raises `NotFound` (`catalog_unknown`).
    """
    code = sought_catalog_code(code)
    with app.database.reading() as connection:
        rows = catalogs.history(connection, code)
        lost = catalogs.unstored(connection, catalogs=[code_key(code)])
        head = chain_index.newest_block(connection)
    if not rows and not lost:
        raise _unknown(code)
    final = [read_version(row) for row in rows if row.final_block is not None]
    try:
        proof = _compare(app, code, final, lost, head)
    except (Unavailable, InvalidProof) as error:
        proof = HistoryProof("indeterminate", code=error.code, detail=error.message)
    return CatalogHistory(code, tuple(_traced(row) for row in rows), proof, tuple(_missing(one) for one in lost))


def _missing(lost: UnstoredVersion) -> MissingVersion:
    return MissingVersion(
        sequence=lost.sequence,
        action=_ACTIONS.get(lost.action, str(lost.action)),
        digest=written_digest(lost.digest),
        previous=written_digest(lost.previous) if lost.sequence > 1 else None,
        by=lost.org,
        block=lost.block,
        time=moment(lost.time),
        tx=hex0x(lost.tx),
    )


def _traced(row: StoredCatalogVersion) -> TracedVersion:
    final = row.final_block is not None and row.final_time is not None and row.final_tx is not None
    return TracedVersion(
        sequence=row.sequence,
        action=row.action,
        digest=written_digest(row.digest),
        previous=written_digest(row.previous) if row.previous else None,
        by=row.org,
        key_id=row.key_id,
        accepted_at=moment(row.created_at),
        state=_state(row),
        version=_body(row),
        block=row.final_block if final else None,
        time=moment(row.final_time) if final and row.final_time is not None else None,
        tx=hex0x(row.final_tx) if final and row.final_tx is not None else None,
    )


def _compare(
    app: App,
    code: str,
    final: Sequence[CatalogVersion],
    lost: Sequence[UnstoredVersion],
    head: chain_index.IndexedBlock | None,
) -> HistoryProof:
    """The stored history against the head that the chain holds, proven; where versions were lost it cannot be told."""
    if head is None:
        raise Unavailable("the chain has not been read yet", code="node_unavailable")
    wants = [
        (CATALOG_REGISTRY, catalog_digest_slot(code)),
        (CATALOG_REGISTRY, catalog_standing_slot(code)),
    ]
    _, state = app.require_chain().reader.prove(head.number, wants, head.hash)
    word = state.word(*wants[0])
    on_chain = word.to_bytes(32, "big") if word else None
    standing = CatalogStanding.from_word(state.word(*wants[1])) if word else None
    breaks = check_history(final, on_chain, standing.sequence if standing else None, [step_of(one) for one in lost])
    return HistoryProof(
        outcome="failed" if breaks else "indeterminate" if lost else "passed",
        code="version_missing" if lost and not breaks else None,
        findings=tuple(HistoryFinding(gap.code, gap.sequence, Text(gap.zh, gap.en)) for gap in breaks),
        head=CatalogHead(
            digest=written_digest(on_chain) if on_chain else None,
            sequence=standing.sequence if standing else 0,
            owner=standing.organisation if standing else None,
        ),
        chain=ProvenBlock(
            id=state.chain_id,
            block=state.block,
            hash=hex0x(state.block_hash),
            time=moment(state.time),
            assurance=state.assurance,
        ),
    )


def step_of(lost: UnstoredVersion) -> CatalogStep:
    """The place in its history of a version that only the chain holds."""
    return CatalogStep(lost.sequence, lost.previous if lost.sequence > 1 else None, lost.digest)


def diff(app: App, code: str, from_: int, to: int) -> CatalogComparison:
    """What changed between two versions, by field and by item. Raises `NotFound` (`catalog_unknown`, `no_version`)."""
    code = sought_catalog_code(code)
    with app.database.reading() as connection:
        rows = {row.sequence: row for row in _rows(connection, code)}
    for sequence in (from_, to):
        if sequence not in rows:
            raise NotFound(f"the entry has no version {sequence}", code="no_version", sequence=sequence)
    differences = catalog_findings.diff(read_version(rows[from_]), read_version(rows[to]))
    changed = tuple(
        ChangedField(difference.field, difference.change, difference.before, difference.after)
        for difference in differences
    )
    return CatalogComparison(code, from_, to, changed)


def findings(
    app: App,
    asker: Acting,
    *,
    org: str | None = None,
    finding: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> CatalogReview:
    """Gaps between the three layers and figures over all entries, or those of one organisation.

    `finding` is the code of those to show. Raises `Forbidden` (`missing_role`), `BadRequest`.
    """
    asker.need(*REVIEWERS)
    org = None if org is None else typed_org_code(org)
    if finding is not None and finding not in catalog_findings.FINDINGS:
        raise BadRequest(f"finding must be one of {', '.join(catalog_findings.FINDINGS)}", field="finding")
    begin = parse_cursor(cursor) or 0
    end = begin + page_size(limit)
    entries: list[catalog_findings.ListedVersion] = []
    after: str | None = None
    with app.database.reading() as connection:
        while True:
            rows, after = catalogs.page(connection, org=None, layer=None, after=after, limit=1000)
            entries += [catalog_findings.ListedVersion(read_version(row), int(row.created_at)) for row in rows]
            if after is None:
                break
    mine = {entry.version.code for entry in entries if org is None or entry.version.provider == org}
    gaps = [
        gap
        for gap in catalog_findings.findings(entries, app.now)
        if gap.catalog in mine and finding in (None, gap.code)
    ]
    counted = [entry for entry in entries if entry.version.code in mine]
    return CatalogReview(
        findings=tuple(
            CatalogFinding(gap.code, gap.catalog, gap.about, catalog_findings.FINDINGS[gap.code])
            for gap in gaps[begin:end]
        ),
        metrics=_figures(catalog_findings.metrics(counted, app.now)),
        next=write_cursor(end if len(gaps) > end else None),
    )


def _figures(counted: catalog_findings.CatalogMetrics) -> CatalogFigures:
    return CatalogFigures(
        providers=counted.providers,
        duties=counted.duties,
        duties_covered=counted.duties_covered,
        duty_coverage=counted.duty_coverage,
        data=counted.data,
        data_mounted=counted.data_mounted,
        mount_rate=counted.mount_rate,
        tables=counted.tables,
        withdrawn=counted.withdrawn,
        overdue=counted.overdue,
    )


def _rows(connection: Connection, code: str) -> list[StoredCatalogVersion]:
    rows = catalogs.history(connection, code)
    if not rows:
        raise _unknown(code)
    return rows


def _unknown(code: str) -> NotFound:
    return NotFound("no catalog entry has this code", code="catalog_unknown", catalog=code)


def read_version(row: StoredCatalogVersion) -> CatalogVersion:
    """A stored version. Raises `Corrupt`."""
    try:
        return parse_catalog(_body(row))
    except BadRequest as error:
        raise Corrupt("a stored catalog version is damaged", catalog=row.code, sequence=row.sequence) from error


def _body(row: StoredCatalogVersion) -> dict[str, Any]:
    return json_object(row.body, "a stored catalog version", catalog=row.code, sequence=row.sequence)


def _listed(row: StoredCatalogVersion, lost: Mapping[bytes, UnstoredVersion]) -> ListedEntry:
    newest = lost.get(code_key(row.code)) if lost else None
    return ListedEntry(
        catalog_code=row.code,
        layer=row.layer,
        title=_body(row).get("title"),
        provider_code=row.org,
        sequence=row.sequence,
        action=row.action,
        digest=written_digest(row.digest),
        state=_state(row),
        newest_on_chain=newest.sequence if newest is not None and newest.sequence > row.sequence else None,
    )


def written_digest(value: bytes) -> str:
    """The digest of a version as it is written in answers and versions."""
    return str(Digest("sha-256", value))


def _state(row: StoredCatalogVersion) -> str:
    return "final" if row.final_block is not None else "pending"
