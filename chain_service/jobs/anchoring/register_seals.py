"""Seals of organisations: registered by digest, with a history of states that the chain can prove."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import Connection

from chain_service.chain.contracts import encode_call
from chain_service.chain.reader import HistoryRequest
from chain_service.core.chainproof.storage_layout import (
    SEAL_FIRST_CERTIFICATE,
    SEAL_IN_FORCE,
    SEAL_REGISTRY,
    code_key,
    organisation_word,
    seal_fact_slot,
)
from chain_service.core.encoding.canonical import canonical
from chain_service.core.encoding.display import moment
from chain_service.core.encoding.refusals import Refusals
from chain_service.core.encoding.visible_text import add_hidden, require_visible
from chain_service.core.records.state_tags import ExpectedState, parse_expected_state
from chain_service.core.registries.histories import read_seal_facts
from chain_service.core.registries.seals import (
    PERSONAL,
    SEAL,
    STATES,
    Seal,
    parse_seal,
    parse_seal_state,
    seal_facts,
    seal_may_follow,
)
from chain_service.core.registries.typed_codes import sought_seal_code
from chain_service.errors import (
    ChainServiceError,
    Conflict,
    Forbidden,
    MalformedDocument,
    MalformedRecord,
)
from chain_service.jobs.asker import Acting
from chain_service.jobs.context import App
from chain_service.jobs.registries.seals import STATE_NAMES, SealDetails, newest_tag, seal_details
from chain_service.jobs.repeats import Once, begin, keep, seen_again
from chain_service.store import chain_index, submissions
from chain_service.store.chain_index import Event
from chain_service.store.registries import organisations, seals
from chain_service.store.submissions import NewSubmission

_V1, _PERSON = 1, 2
"""In seals of version 1 the type tells organisations from persons (GM/T 0031-2014)."""


def seal_entry(app: App, data: bytes, owner: str, seal_type: str | None = None) -> dict[str, Any]:
    """The registry's entry for a seal as its maker delivers it (.esl: SESeal of GM/T 0031, GB/T 38540).

    Raises `MalformedDocument` for what is no seal, `MalformedRecord` (`personal_seal`; `seal_signature_invalid` where
    the maker's signature does not hold), `Unavailable` (`busy`).
    """
    facts = app.parsers.read(data)
    seal = facts.seal
    if seal is None:
        why = facts.problem.detail if facts.problem is not None else "it is of another format"
        raise MalformedDocument(f"the file is no electronic seal: {why}")
    if seal.signature_holds is not True:
        raise MalformedRecord("the maker's signature in the seal does not hold", code="seal_signature_invalid")
    personal = seal.type == _PERSON if seal.version == _V1 else f"{seal.type:02}" == PERSONAL
    if personal:
        raise MalformedRecord("a personal seal is never registered", code="personal_seal", field="sealType")
    if seal.list_type != "certificates":
        raise MalformedRecord(
            "the seal lists hashes, not certificates: register a seal record in JSON that names their sha-256 digests",
            field="signerCertificates",
        )
    return {
        "sealCode": seal.code,
        "sealName": seal.name,
        "ownerCode": owner,
        "sealType": seal_type or f"{seal.type:02}",
        "digests": {"sha-256": facts.sha256.hex(), "sm3": facts.sm3.hex()},
        "signerCertificates": [
            f"sha-256:{certificate.hex()}" for certificate in dict.fromkeys(seal.signer_certificates)
        ],
        "validFrom": moment(seal.valid_from),
        "validUntil": moment(seal.valid_until),
    }


def register_seal(app: App, asker: Acting, entry: object, once: Once | None = None) -> SealDetails:
    """The seal is on its way to the registry. Repeating it is safe; another seal under its code is refused.

    A seal that memory lost is stored again, with its states, if it is the one that the chain is proven to hold.
    Raises `MalformedRecord` (`personal_seal` for type 05), `Forbidden`, `Conflict` (`seal_exists`).
    """
    asker.need("seal")
    parsed = _parse(asker, entry)
    account = account_of(app, parsed.owner)
    return seen_again(lambda: _register(app, asker, parsed, account, once))


def _register(app: App, asker: Acting, parsed: Seal, account: str, once: Once | None) -> SealDetails:
    body = canonical(parsed.to_json())
    lost = lost_seal(app, parsed)
    with app.database.transaction() as connection:
        begin(app, connection, once)
        if lost:
            _restore(app, connection, asker, parsed, lost)
            return keep(app, connection, once, replace(seal_details(app, connection, parsed.code), created=True))
        organisations.get(connection, parsed.owner)
        known = seals.find(connection, parsed.code)
        if known is not None and known.refused is None:
            if known.body != body:
                raise Conflict("another seal is registered under this code", code="seal_exists", seal=parsed.code)
        else:
            submission = _submission(app, account, parsed.owner, "seal_register", "register", [_registration(parsed)])
            submissions.queue(connection, submission)
            seals.add(
                connection,
                seals.NewSeal(
                    code=parsed.code,
                    owner=parsed.owner,
                    sha256=parsed.sha256,
                    sm3=parsed.sm3,
                    body=body,
                    key_id=asker.key_id,
                    created_at=app.clock(),
                    submission_id=submission.id,
                ),
            )
        made = replace(seal_details(app, connection, parsed.code), created=known is None or known.refused is not None)
        return keep(app, connection, once, made)


def lost_seal(app: App, parsed: Seal) -> list[Event]:
    """The events of a seal that the chain holds and memory lost; none where memory has it or nobody registered it.

    Raises `Conflict` (`seal_exists`) where the chain is proven to hold another seal of this owner under the code,
    `Unavailable` where it cannot be read.
    """
    key = code_key(parsed.code)
    with app.database.reading() as connection:
        known = seals.find(connection, parsed.code)
        told = chain_index.events(connection, ("SealRegistered", "SealStateSet"), subject=key)
        head = chain_index.newest_block(connection)
    if (known is not None and known.refused is None) or not told or head is None:
        return []
    if organisations.org_in(told[0].args["owner"]) != parsed.owner:
        return []  # another organisation's: the contract refuses it
    slots = partial(seal_fact_slot, parsed.code)
    wanted = HistoryRequest(SEAL_REGISTRY, slots, SEAL_FIRST_CERTIFICATE + len(parsed.signer_certificates))
    _, state, _ = app.require_chain().reader.prove_histories(head.number, [], [wanted], head.hash)
    if read_seal_facts(state, parsed.code) != seal_facts(parsed):
        raise Conflict("another seal is registered under this code", code="seal_exists", seal=parsed.code)
    return told


def _restore(app: App, connection: Connection, asker: Acting, parsed: Seal, told: Sequence[Event]) -> None:
    """The seal is stored as final as it is on chain, and every state that the chain holds of it."""
    blocks = chain_index.blocks_of(connection, [event.block for event in told])

    def final(event: Event) -> dict[str, Any]:
        block = blocks[event.block]
        return {"block": block.number, "hash": block.hash, "time": block.time, "tx": event.tx}

    (registered,) = (event for event in told if event.name == "SealRegistered")
    new = seals.NewSeal(
        code=parsed.code,
        owner=parsed.owner,
        sha256=parsed.sha256,
        sm3=parsed.sm3,
        body=canonical(parsed.to_json()),
        key_id=asker.key_id,
        created_at=app.clock(),
        submission_id=None,
    )
    seals.restore_seal(connection, new, **final(registered))
    for event in told:
        if event.name == "SealStateSet" and event.args["n"] > 0:
            n, to = event.args["n"], event.args["state"]
            change = seals.NewSealChange(str(uuid.uuid4()), parsed.code, n, to, None, app.clock(), None)
            seals.restore_change(connection, change, **final(event))


def check_seals(asker: Acting, entries: Sequence[object]) -> None:
    """Returns only if `register_seal` can read each of them; raises the first refusal, which tells the others.

    In each `details["entry"]` counts from 1.
    """
    with Refusals() as refusals:
        for place, entry in enumerate(entries, start=1):
            try:
                _parse(asker, entry)
            except ChainServiceError as error:
                refusals.add(error, entry=place)


def _parse(asker: Acting, entry: object) -> Seal:
    with Refusals(SEAL) as refusals:
        try:
            parsed = parse_seal(entry)
        except MalformedRecord as error:
            refusals.add(error)
            add_hidden(entry, refusals)
            refusals.raise_first()
        refusals.read(require_visible, parsed.to_json())
        refusals.read(asker.need_org, parsed.owner)
    return parsed


def set_seal_state(
    app: App, asker: Acting, code: str, to: str, if_state: str | None = None, once: Once | None = None
) -> SealDetails:
    """The change of state is on its way; asking for the state that stands or is on its way changes nothing.

    `if_state` names the state that was seen: where it is not the newest one nothing is done. Raises `MalformedRecord`,
    `NotFound`, `Forbidden`, `Conflict` (`not_registered`, `state_changed`, `change_pending`, `illegal_transition`).
    """
    asker.need("seal")
    code = sought_seal_code(code)
    with Refusals() as refusals:
        state = refusals.read(parse_seal_state, to)
        expected = None if if_state is None else refusals.read(parse_expected_state, if_state, tuple(STATES))
    return seen_again(lambda: _set_state(app, asker, code, state, expected, once))


def _set_state(
    app: App, asker: Acting, code: str, state: int, expected: ExpectedState | None, once: Once | None
) -> SealDetails:
    with app.database.transaction() as connection:
        begin(app, connection, once)
        known = seals.find(connection, code)
        if (known is None or known.refused is not None) and seals.unstored(connection, code=code):
            raise Conflict("the chain holds this seal, its entry was lost here", code="seal_lost", seal=code)
        stored = seals.get(connection, code)
        asker.need_org(stored.owner)
        if stored.final_block is None:
            raise Conflict("the seal is not registered on chain yet", code="not_registered")
        changes = seals.changes(connection, code)
        newest = changes[-1] if changes else None
        current = newest.state if newest is not None else SEAL_IN_FORCE
        if current != state:
            _refuse_outdated(connection, changes, code, state, expected, keyed=once is not None)
            if newest is not None and newest.final_block is None:
                raise Conflict(
                    f"a change to {STATE_NAMES[current]} is pending; try again when it is final", code="change_pending"
                )
            if not seal_may_follow(current, state):
                raise Conflict(
                    f"a seal that is {STATE_NAMES[current]} cannot become {STATE_NAMES[state]}",
                    code="illegal_transition",
                )
            n = newest.n + 1 if newest is not None else 1
            account = account_of(app, stored.owner)
            submission = _submission(app, account, code, "seal_state", "setStates", [(code_key(code), n, state)])
            submissions.queue(connection, submission)
            change = seals.NewSealChange(str(uuid.uuid4()), code, n, state, asker.key_id, app.clock(), submission.id)
            seals.add_change(connection, change)
        made = replace(seal_details(app, connection, code), created=current != state)
        return keep(app, connection, once, made)


def _refuse_outdated(
    connection: Connection,
    changes: Sequence[seals.SealChange],
    code: str,
    state: int,
    expected: ExpectedState | None,
    *,
    keyed: bool,
) -> None:
    """As of records: a state without its number does not tell a new request from a late duplicate of an old one."""
    if expected is None:
        return
    tag = newest_tag(connection, changes, code)
    name, _, number = tag.partition("/")
    if not expected.is_now(name, int(number)):
        raise Conflict(f"the newest state is {tag}", code="state_changed", stateTag=tag)
    if expected.changes is None and not keyed and any(change.state == state for change in changes):
        raise Conflict(
            f"the seal was set to {STATE_NAMES[state]} before, and others followed; to do it again send ifState {tag}",
            code="state_changed",
            stateTag=tag,
        )


def account_of(app: App, org: str) -> str:
    """The account that this instance keeps for the organisation. Raises `Forbidden` (`no_account`)."""
    account = app.keystore.accounts().get(org)
    if account is None:
        raise Forbidden(f"this instance keeps no account for {org}; ask its own custodian", code="no_account", org=org)
    return account


def _submission(app: App, account: str, subject: str, kind: str, function: str, changes: list[Any]) -> NewSubmission:
    return NewSubmission(
        id=str(uuid.uuid4()),
        account=account,
        kind=kind,
        subject=subject,
        contract=SEAL_REGISTRY,
        function=function,
        calldata=encode_call(SEAL_REGISTRY, function, changes),
        created_at=app.clock(),
    )


def _registration(parsed: Seal) -> tuple[Any, ...]:
    return (
        parsed.code,
        organisation_word(parsed.owner),
        parsed.sha256,
        parsed.sm3,
        int(parsed.seal_type),
        parsed.valid_from,
        parsed.valid_until,
        list(parsed.signer_certificates),
    )
