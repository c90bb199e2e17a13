"""Reading the registry of seals: one with its history, or a page of them.

A seal that the chain holds and memory lost, as after restoring an old backup, is told from the chain: the registry has
all of it but its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal

from sqlalchemy import Connection

from chain_service.chain.reader import HistoryRequest
from chain_service.core.chainproof.storage_layout import (
    SEAL_FIRST_CERTIFICATE,
    SEAL_IN_FORCE,
    SEAL_OWNER,
    SEAL_PERIOD,
    SEAL_REGISTRY,
    SEAL_SHA256,
    SEAL_SM3,
    SealPeriod,
    code_key,
    organisation_word,
    seal_fact_slot,
    seal_state_slot,
)
from chain_service.core.encoding.answers import answer, left_out
from chain_service.core.encoding.digests import Digest
from chain_service.core.encoding.display import hex0x, moment, optional_moment
from chain_service.core.encoding.text import Text
from chain_service.core.records.state_tags import state_tag
from chain_service.core.registries.histories import read_seal_facts, read_seal_states
from chain_service.core.registries.seals import STATES, Seal, parse_seal
from chain_service.core.registries.typed_codes import sought_seal_code, typed_org_code
from chain_service.errors import BadRequest, Corrupt, InvalidProof, Unavailable
from chain_service.jobs.context import App
from chain_service.jobs.pages import page_size
from chain_service.store import chain_index
from chain_service.store.registries import seals
from chain_service.store.rows import json_object

SealStatus = Literal["in_force", "frozen", "cancelled"]
LOST = Text(
    "印章的登记条目（含名称）在本实例中丢失，此处为链上内容；原样重新登记即可找回，不再发送交易。",
    "The seal's entry, with its name, was lost here and this is what the chain holds. Register the seal again as it "
    "was: it is stored with all its states, and nothing is sent.",
)
MOST_MISSING = 1000
"""Lost seals that one answer names: the next are named once some of these are registered again."""
STATE_NAMES = {number: name for name, (number, _, _) in STATES.items()}


@answer
class SealStep:
    """A step in the life of a seal; step 0 is its registration."""

    n: int
    to: str
    state: str
    """`pending`, `final` or `refused`: how far the step is on its way to the chain."""
    block: int | None = left_out()
    time: str | None = left_out()


@answer
class SealDetails:
    """A seal with its state, as the index has read it."""

    seal_code: str
    seal_name: str | None
    """Null where it was lost: the chain does not hold it."""
    owner_code: str
    seal_type: str
    digests: Mapping[str, str]
    """Of the seal's file, in hex, by algorithm."""
    signer_certificates: tuple[str, ...]
    """Digest of each certificate that may sign with the seal."""
    valid_from: str
    valid_until: str
    state: str
    """`pending`, `final` or `refused`: how far the registration is on its way to the chain."""
    status: str
    """`in_force`, `frozen`, `cancelled`, or `expired` once its period is over; it counts once `state` is `final`."""
    state_tag: str
    """The newest state that was asked for, on its way to the chain or there, as `ifState` takes it."""
    history: tuple[SealStep, ...]
    failure: str | None = left_out()
    """Why the contract refused the registration, by the error's name."""
    lost: Text | None = left_out()
    """Of a seal that only the chain holds: what was lost here, and how it comes back."""
    created: bool | None = left_out()
    """Of a request that changes something: whether it did, or found it done."""


@answer
class ListedSeal:
    """A seal in a list."""

    seal_code: str
    seal_name: str
    owner_code: str
    seal_type: str
    valid_from: str
    valid_until: str
    state: str
    """`pending`, `final` or `refused`: how far the registration is on its way to the chain."""
    status: str
    """`in_force`, `frozen`, `cancelled`, or `expired` once its period is over; it counts once `state` is `final`."""


@answer
class MissingSeal:
    """A seal that the chain holds and this instance lost: registered again as it was, it is stored again."""

    seal_code: str
    owner_code: str
    digests: Mapping[str, str]
    """Of the seal's file, in hex, by algorithm."""
    status: str
    """`in_force`, `frozen` or `cancelled`, by the newest event; whether its period is over the seal itself tells."""
    block: int
    time: str
    tx: str


@answer
class SealPage:
    """Seals by code; `next` is the `cursor` of the next page."""

    seals: tuple[ListedSeal, ...]
    next: str | None
    missing: tuple[MissingSeal, ...] = ()
    """On the last page: seals that only the chain holds, for they were lost here, as after restoring an old backup; at
    most 1,000."""


def list_seals(
    app: App,
    *,
    org: str | None = None,
    status: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> SealPage:
    """The seals by code, of one owner or in one state, as the index has read them.

    A seal whose period is over is found by the state that the chain holds, and shown as `expired`. Raises `BadRequest`
    for a status that is no state.
    """
    if status is not None and status not in STATES:
        raise BadRequest(f"status must be one of {', '.join(STATES)}", field="status")
    state = None if status is None else STATES[status][0]
    org = None if org is None else typed_org_code(org)
    with app.database.reading() as connection:
        page, following = seals.page(connection, owner=org, state=state, after=cursor, limit=page_size(limit))
        missing = () if following is not None else _missing(connection, org, state)
    return SealPage(tuple(_listed(app, stored, recorded) for stored, recorded in page), following, missing)


def _missing(connection: Connection, org: str | None, state: int | None) -> tuple[MissingSeal, ...]:
    lost = seals.unstored(connection, owner=org, limit=MOST_MISSING)
    states = chain_index.newest_seal_states(connection, [one.key for one in lost])
    return tuple(
        MissingSeal(
            seal_code=one.code,
            owner_code=one.owner,
            digests={"sha-256": one.sha256, "sm3": one.sm3},
            status=STATE_NAMES[states.get(one.key, SEAL_IN_FORCE)],
            block=one.block,
            time=moment(one.time),
            tx=hex0x(one.tx),
        )
        for one in lost
        if state in (None, states.get(one.key, SEAL_IN_FORCE))
    )


def _listed(app: App, stored: seals.StoredSeal, recorded: int) -> ListedSeal:
    parsed = _read(stored)
    return ListedSeal(
        seal_code=parsed.code,
        seal_name=parsed.name,
        owner_code=parsed.owner,
        seal_type=parsed.seal_type,
        valid_from=moment(parsed.valid_from),
        valid_until=moment(parsed.valid_until),
        state=_progress(stored),
        status=parsed.state_at(app.now, STATE_NAMES[recorded]),
    )


def seal(app: App, code: str) -> SealDetails:
    """The seal with its state, as the index has read it; one that was lost as the chain is proven to hold it.

    Raises `NotFound` (`seal_unknown`); of a lost one `Unavailable` where the chain cannot be read, `InvalidProof` where
    its state denies the event of the registration.
    """
    code = sought_seal_code(code)
    with app.database.reading() as connection:
        stored = seals.find(connection, code)
        lost = seals.unstored(connection, code=code) if stored is None or stored.refused is not None else []
        if not lost:
            return seal_details(app, connection, code)
        head = chain_index.newest_block(connection)
        told = chain_index.events(connection, ("SealStateSet",), subject=code_key(code))
        blocks = chain_index.blocks_of(connection, [event.block for event in told])
    if head is None:
        raise Unavailable("the chain has not been read yet", code="node_unavailable")
    steps = tuple(
        SealStep(
            n=event.args["n"],
            to=STATE_NAMES[event.args["state"]],
            state="final",
            block=event.block,
            time=moment(blocks[event.block].time),
        )
        for event in told
    )
    return _from_chain(app, lost[0], steps, head)


def _from_chain(
    app: App, lost: seals.UnstoredSeal, steps: tuple[SealStep, ...], head: chain_index.IndexedBlock
) -> SealDetails:
    """All that the registry is proven to hold of the seal, which is all of it but its name."""
    code = lost.code
    wanted = [
        HistoryRequest(SEAL_REGISTRY, partial(seal_fact_slot, code), SEAL_FIRST_CERTIFICATE + 1),
        HistoryRequest(SEAL_REGISTRY, partial(seal_state_slot, code), len(steps)),
    ]
    _, proven, _ = app.require_chain().reader.prove_histories(head.number, [], wanted, head.hash)
    facts, states = read_seal_facts(proven, code), read_seal_states(proven, code)
    if not facts or not states or facts[SEAL_OWNER] != organisation_word(lost.owner):
        raise InvalidProof("the chain's state denies what its events told of this seal", seal=code)
    period = SealPeriod.from_word(int.from_bytes(facts[SEAL_PERIOD], "big"))
    recorded = STATE_NAMES[states[-1].state]
    is_over = recorded == "in_force" and app.now > period.valid_until
    return SealDetails(
        seal_code=code,
        seal_name=None,
        owner_code=lost.owner,
        seal_type=f"{period.seal_type:02}",
        digests={"sha-256": facts[SEAL_SHA256].hex(), "sm3": facts[SEAL_SM3].hex()},
        signer_certificates=tuple(str(Digest("sha-256", one)) for one in facts[SEAL_FIRST_CERTIFICATE:]),
        valid_from=moment(period.valid_from),
        valid_until=moment(period.valid_until),
        state="final",
        status="expired" if is_over else recorded,
        state_tag=state_tag(recorded, len(states) - 1),
        history=steps,
        lost=LOST,
    )


def seal_details(app: App, connection: Connection, code: str) -> SealDetails:
    """The same as this transaction sees it. Raises `NotFound` (`seal_unknown`)."""
    stored = seals.get(connection, code)
    changes = seals.changes(connection, code)
    parsed = _read(stored)
    final = [change for change in changes if change.final_block is not None]
    recorded = STATE_NAMES[final[-1].state] if final else "in_force"
    registration = _step(0, "in_force", stored)
    return SealDetails(
        seal_code=parsed.code,
        seal_name=parsed.name,
        owner_code=parsed.owner,
        seal_type=parsed.seal_type,
        digests={"sha-256": parsed.sha256.hex(), "sm3": parsed.sm3.hex()},
        signer_certificates=tuple(str(Digest("sha-256", certificate)) for certificate in parsed.signer_certificates),
        valid_from=moment(parsed.valid_from),
        valid_until=moment(parsed.valid_until),
        state=registration.state,
        status=parsed.state_at(app.now, recorded),
        state_tag=newest_tag(connection, changes, code),
        history=(registration, *(_step(change.n, STATE_NAMES[change.state], change) for change in changes)),
        failure=stored.refused,
    )


def newest_tag(connection: Connection, changes: Sequence[seals.SealChange], code: str) -> str:
    """The newest state of these accepted changes, with the number of all that were asked for."""
    state = STATE_NAMES[changes[-1].state] if changes else "in_force"
    return state_tag(state, seals.count_changes(connection, code))


def _read(stored: seals.StoredSeal) -> Seal:
    try:
        return parse_seal(json_object(stored.body, "a stored seal", seal=stored.code))
    except BadRequest as error:
        raise Corrupt("a stored seal is damaged", seal=stored.code) from error


def _step(n: int, to: str, stored: seals.StoredSeal | seals.SealChange) -> SealStep:
    pending = stored.final_block is None or stored.final_time is None
    return SealStep(
        n=n,
        to=to,
        state=_progress(stored),
        block=None if pending else stored.final_block,
        time=None if pending else optional_moment(stored.final_time),
    )


def _progress(stored: seals.StoredSeal | seals.SealChange) -> str:
    return "refused" if stored.refused is not None else "pending" if stored.final_block is None else "final"
