"""Organisations, rights, log keys and permits as the indexed events tell them.

For showing and for refusing early; what a verdict rests on is read from the chain with proofs.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, select

from chain_service.core.encoding.decoding import read_hex
from chain_service.core.registries.typed_codes import unknown_organisation
from chain_service.errors import Corrupt
from chain_service.store.chain_index import Event, events
from chain_service.store.rows import chunks, json_object
from chain_service.store.schema import blocks, chain_events

_STANDING = ("OrganisationRegistered", "OrganisationSuspended", "GenerationOpened")


@dataclass(frozen=True)
class Organisation:
    """A registered organisation as of the index's newest block; `registered_block` is where it came on chain."""

    org: str
    name: str
    suspended: bool
    generation: int
    registered_block: int


@dataclass(frozen=True)
class IndexedPermitEntry:
    """Entry `n` of an organisation's permits for a type, `certificate_type` its hash.

    `action` 1 grants `valid_from`..`valid_until`, both included, 2 ends what is open or longer with `valid_until`; days
    since 1970-01-01, open end 2^32-1; `recorded_at` is the block's time, unix seconds.
    """

    org: str
    certificate_type: bytes
    n: int
    action: int
    valid_from: int
    valid_until: int
    recorded_at: int
    block: int
    tx: bytes


def subject_of(org: str) -> bytes:
    """The organisation's 32 bytes in events: its 18 ASCII bytes, then zeros."""
    return org.encode("ascii").ljust(32, b"\0")


def listed(connection: Connection, *, until: int | None = None) -> list[Organisation]:
    """All organisations by code, as of block `until` if given."""
    by_code = _fold(events(connection, _STANDING, until=until))
    return sorted(by_code.values(), key=lambda organisation: organisation.org)


def find(connection: Connection, org: str, *, until: int | None = None) -> Organisation | None:
    """The organisation; None where it is not registered."""
    return _fold(events(connection, _STANDING, subject=subject_of(org), until=until)).get(org)


def names(connection: Connection, orgs: Collection[str]) -> dict[str, list[tuple[int, str]]]:
    """Every name that each of these organisations was registered under, with its block's time, the oldest first."""
    registered = (chain_events.c.subject, chain_events.c.args, blocks.c.time)
    by_code: dict[str, list[tuple[int, str]]] = {}
    for part in chunks([subject_of(org) for org in sorted(orgs)]):
        query = (
            select(*registered)
            .join_from(chain_events, blocks, blocks.c.number == chain_events.c.block)
            .where(chain_events.c.name == "OrganisationRegistered", chain_events.c.subject.in_(part))
            .order_by(chain_events.c.block, chain_events.c.position)
        )
        for subject, args, at in connection.execute(query):
            name = json_object(args, "an indexed event").get("name")
            if isinstance(name, str):
                by_code.setdefault(subject.rstrip(b"\0").decode("ascii"), []).append((at, name))
    return by_code


def get(connection: Connection, org: str) -> Organisation:
    """The organisation. Raises NotFound (`organisation_unknown`)."""
    organisation = find(connection, org)
    if organisation is None:
        raise unknown_organisation(org)
    return organisation


def _fold(told: list[Event]) -> dict[str, Organisation]:
    names: dict[str, Event] = {}
    suspended: dict[str, bool] = {}
    generations: dict[str, int] = {}
    for event in told:
        org = org_of(event)
        if event.name == "OrganisationRegistered":
            names[org] = event
        elif event.name == "OrganisationSuspended":
            suspended[org] = event.args["suspended"]
        else:
            generations[org] = event.args["generation"]
    return {
        org: Organisation(org, event.args["name"], suspended.get(org, False), generations.get(org, 0), event.block)
        for org, event in names.items()
    }


def org_of(event: Event) -> str:
    """The organisation that the event concerns: its subject's 18 characters."""
    return (event.subject or b"").rstrip(b"\0").decode("ascii")


def org_in(word: str) -> str:
    """The organisation's 18 characters in a bytes32 of an event, 0x-hex; what is none comes out as nonsense."""
    return _bytes(word).rstrip(b"\0").decode("ascii", "replace")


def rights(connection: Connection, org: str, *, until: int | None = None) -> dict[str, int]:
    """The accounts that may act for the organisation, with their bits; accounts that lost all are left out."""
    told = events(connection, ("RightsSet",), subject=subject_of(org), until=until)
    latest = {event.account or "": int(event.args["rights"]) for event in told}
    return {account: bits for account, bits in latest.items() if bits}


def log_keys(connection: Connection, org: str, *, until: int | None = None) -> list[bytes]:
    """The organisation's Ed25519 public keys, oldest first."""
    told = events(connection, ("LogKeyAdded",), subject=subject_of(org), until=until)
    return [_bytes(event.args["key"]) for event in sorted(told, key=lambda event: int(event.args["n"]))]


def permits(
    connection: Connection, org: str, certificate_type: bytes | None = None, *, until: int | None = None
) -> list[IndexedPermitEntry]:
    """The organisation's permit entries (of one type, by its hash), in the order recorded."""
    told = events(connection, ("PermitRecorded",), subject=subject_of(org), until=until)
    times = select(blocks.c.number, blocks.c.time).where(blocks.c.number.in_({event.block for event in told}))
    at = {row.number: row.time for row in connection.execute(times)}
    entries = [_permit(org, event, at[event.block]) for event in told]
    return [entry for entry in entries if certificate_type in (None, entry.certificate_type)]


def _permit(org: str, event: Event, time: int) -> IndexedPermitEntry:
    args = event.args
    return IndexedPermitEntry(
        org=org,
        certificate_type=_bytes(args["certificateType"]),
        n=args["n"],
        action=args["action"],
        valid_from=args["from"],
        valid_until=args["until"],
        recorded_at=time,
        block=event.block,
        tx=event.tx,
    )


def _bytes(value: str) -> bytes:
    return read_hex(value.removeprefix("0x"), limit=32, refuse=_altered)


def _altered(reason: str) -> Corrupt:
    return Corrupt(f"an indexed event is damaged: {reason}")
