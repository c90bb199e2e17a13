"""Reading the registry of seals: one with its history, or a page of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from sqlalchemy import Connection

from chain_service.core.encoding.answers import answer, left_out
from chain_service.core.encoding.digests import Digest
from chain_service.core.encoding.display import moment, optional_moment
from chain_service.core.records.state_tags import state_tag
from chain_service.core.registries.seals import STATES, Seal, parse_seal
from chain_service.core.registries.typed_codes import sought_seal_code, typed_org_code
from chain_service.errors import BadRequest, Corrupt
from chain_service.jobs.context import App
from chain_service.jobs.pages import page_size
from chain_service.store.registries import seals
from chain_service.store.rows import json_object

SealStatus = Literal["in_force", "frozen", "cancelled"]
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
    seal_name: str
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
class SealPage:
    """Seals by code; `next` is the `cursor` of the next page."""

    seals: tuple[ListedSeal, ...]
    next: str | None


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
    return SealPage(tuple(_listed(app, stored, recorded) for stored, recorded in page), following)


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
    """The seal with its state, as the index has read it. Raises `NotFound` (`seal_unknown`)."""
    code = sought_seal_code(code)
    with app.database.reading() as connection:
        return seal_details(app, connection, code)


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
