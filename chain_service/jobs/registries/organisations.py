"""Who may act for whom, as the index has read it."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from chain_service.core.chainproof.storage_layout import (
    OPEN_END,
    PERMIT_GRANT,
    PermitEntry,
    Right,
    code_key,
    date_of_day,
)
from chain_service.core.encoding.answers import Hex, answer
from chain_service.core.encoding.display import moment
from chain_service.core.records.hashing import log_id
from chain_service.core.records.identifiers import parse_org_code
from chain_service.core.registries.typed_codes import sought_org_code
from chain_service.jobs.context import App
from chain_service.store import chain_index, types
from chain_service.store.registries import organisations

RIGHTS = {right.name.lower(): right for right in Right if right.name}


@answer
class PermitStep:
    """A permit given or ended; days are included, and its validity counts from when it was recorded."""

    action: str
    """`grant` or `end`."""
    from_: str | None
    """The first day; null where it ends a permit."""
    until: str | None
    """The last day; null where it is open."""
    recorded_at: str


@answer
class IndexedPermitStep:
    """A permit given or ended, with the type and the block it stands in."""

    type: str | None
    """Code of the certificate type; null where this instance does not list the type."""
    type_hash: Hex
    """What the chain knows the type by."""
    action: str
    """`grant` or `end`."""
    from_: str | None
    until: str | None
    recorded_at: str
    block: int


@answer
class OrganisationLog:
    """One generation of an organisation's log."""

    generation: int
    log: Hex
    """The log's identifier on chain."""
    size: int
    """How many entries the newest head on chain has."""


@answer
class ListedOrganisation:
    """An organisation on chain."""

    code: str
    name: str
    suspended: bool
    """While suspended nobody can write for it; what it anchored stays as valid as it was."""
    generation: int
    """Which of its logs is open."""


@answer
class OrganisationDetails(ListedOrganisation):
    """An organisation with who may act for it, what it may issue and its logs."""

    accounts: Mapping[str, tuple[str, ...]]
    """Rights of each account."""
    log_keys: tuple[Hex, ...]
    permits: tuple[IndexedPermitStep, ...]
    logs: tuple[OrganisationLog, ...]


def list_organisations(app: App) -> list[ListedOrganisation]:
    """Every organisation on chain, as the index has read it."""
    with app.database.reading() as connection:
        return [
            ListedOrganisation(stored.org, stored.name, stored.suspended, stored.generation)
            for stored in organisations.listed(connection)
        ]


def organisation(app: App, code: str) -> OrganisationDetails:
    """One organisation with its rights, permits, log keys and logs. Raises `NotFound` (`organisation_unknown`)."""
    code = sought_org_code(code)
    with app.database.reading() as connection:
        registered = organisations.get(connection, code)
        names = {code_key(stored.code): stored.code for stored in types.listed(connection)}
        rights = organisations.rights(connection, code)
        return OrganisationDetails(
            code=registered.org,
            name=registered.name,
            suspended=registered.suspended,
            generation=registered.generation,
            accounts={account: right_names(Right(bits)) for account, bits in rights.items()},
            log_keys=tuple(organisations.log_keys(connection, code)),
            permits=tuple(
                _indexed_permit(permit, names.get(permit.certificate_type))
                for permit in organisations.permits(connection, code)
            ),
            logs=tuple(_log(connection, code, generation) for generation in range(registered.generation + 1)),
        )


def permit_entries(connection: Connection, org: str, type_code: str) -> list[PermitEntry]:
    """The permit history of one type as indexed, as `core.registries.permits` judges it."""
    return [_core(permit) for permit in organisations.permits(connection, org, code_key(type_code))]


def _core(entry: organisations.IndexedPermitEntry) -> PermitEntry:
    return PermitEntry(entry.action, entry.valid_from, entry.valid_until, entry.recorded_at)


def right_names(rights: Right) -> tuple[str, ...]:
    """The names of these rights in the order of the table."""
    return tuple(name for name, right in RIGHTS.items() if right in rights)


def permit_step(entry: PermitEntry) -> PermitStep:
    """An entry of a permit's history as it is shown: days as `YYYY-MM-DD`, an open end as None."""
    grants = entry.action == PERMIT_GRANT
    last = None if entry.until_day == OPEN_END else date_of_day(entry.until_day)
    first = date_of_day(entry.from_day) if grants else None
    return PermitStep(
        action="grant" if grants else "end",
        from_=first.isoformat() if first else None,
        until=last.isoformat() if last else None,
        recorded_at=moment(entry.recorded_at),
    )


def _indexed_permit(entry: organisations.IndexedPermitEntry, type_code: str | None) -> IndexedPermitStep:
    step = permit_step(_core(entry))
    return IndexedPermitStep(
        type=type_code,
        type_hash=entry.certificate_type,
        action=step.action,
        from_=step.from_,
        until=step.until,
        recorded_at=step.recorded_at,
        block=entry.block,
    )


def _log(connection: Connection, org: str, generation: int) -> OrganisationLog:
    log = log_id(parse_org_code(org), generation)
    head = chain_index.log_head(connection, log)
    return OrganisationLog(generation, log, head.size if head else 0)
