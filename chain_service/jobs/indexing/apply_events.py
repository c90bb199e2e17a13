"""What follows from the events of final blocks: batches anchored with their proof, changes and versions final."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from chain_service.chain.contracts import ChainEvent
from chain_service.core.chainproof.headers import SealedHeader
from chain_service.core.chainproof.storage_layout import (
    CATALOG_REGISTRY,
    ORGANISATIONS,
    RECORD_LOG,
    RECORD_STATUS,
    SEAL_REGISTRY,
    code_key,
)
from chain_service.core.records.hashing import log_id, parse_log_id
from chain_service.core.records.identifiers import OrgCode
from chain_service.errors import MalformedRecord
from chain_service.jobs.alerts import LOG_STOPPED
from chain_service.jobs.anchoring.supersede import supersede_replaced
from chain_service.jobs.context import App
from chain_service.jobs.indexing.confirm_state import owner_of
from chain_service.jobs.proofs.batch_proof import HeadProof, prove_batch
from chain_service.jobs.sending.refusals import clear_refusals
from chain_service.store import alerts, batches, chain_index, records, statuses, submissions
from chain_service.store.batches import Batch
from chain_service.store.chain_index import Event, NewHead, NewStatusEvent
from chain_service.store.registries import catalogs, seals
from chain_service.store.registries.catalogs import NewUnstoredVersion
from chain_service.store.registries.seals import NewSealChange, NewUnstoredSeal

Headers = Mapping[int, SealedHeader]
PROOFS_AT_ONCE = 20


HeadProofs = dict[tuple[bytes, int], HeadProof]
"""By log and size."""


def prove_heads(app: App, events: Sequence[ChainEvent], headers: Headers) -> HeadProofs:
    """For every head of ours among the events one proof, checked: all that the receipts of its batch need."""
    proofs = {}
    for event in events:
        if event.name != "HeadAdvanced":
            continue
        log, size = event.args["log"], event.args["size"]
        batch = _batch_of(app, log, size)
        if batch is not None:
            proofs[log, size] = prove_batch(app, batch, headers[event.block].number, headers[event.block].block_hash)
    return proofs


def fetch_missing_proofs(app: App) -> None:
    """Anchored batches whose stored proof is gone have one again, read at the block that anchored them."""
    with app.database.reading() as connection:
        missing = batches.without_evidence(connection, PROOFS_AT_ONCE)
    for batch in missing:
        assert batch.final_block is not None and batch.final_hash is not None
        proof = prove_batch(app, batch, batch.final_block, batch.final_hash)
        if proof.root == batch.root:
            with app.database.transaction() as connection:
                batches.store_evidence(connection, batch.id, proof.evidence, proof.block)


def _batch_of(app: App, log: bytes, size: int) -> Batch | None:
    try:
        org, generation = parse_log_id(log)
    except MalformedRecord:
        return None
    with app.database.reading() as connection:
        return batches.by_head(connection, org, generation, size)


def indexed(events: Sequence[ChainEvent]) -> tuple[list[Event], list[NewHead], list[NewStatusEvent]]:
    """The events as the index stores them, and the log heads and changes of state that they tell."""
    heads, changes = [], []
    for event in events:
        if event.name == "HeadAdvanced":
            args = event.args
            heads.append(NewHead(event.block, event.position, args["log"], args["size"], args["root"]))
        elif event.name == "StatusSet":
            changes += [
                NewStatusEvent(event.block, event.position, at, event.args["log"], c.index, c.state, c.reason, c.digest)
                for at, c in enumerate(event.args["changes"])
            ]
    return [_stored(event) for event in events], heads, changes


def apply(
    app: App,
    connection: Connection,
    events: Sequence[ChainEvent],
    headers: Headers,
    proofs: Mapping[tuple[bytes, int], HeadProof],
) -> None:
    """The events are indexed and what they make final is final."""
    chain_index.add_events(connection, *indexed(events))
    for event in events:
        final: dict[str, Any] = {
            "block": event.block,
            "hash": event.block_hash,
            "time": headers[event.block].time,
            "tx": event.tx,
        }
        done = submissions.mark_final(connection, event.tx, event.block)
        if done is not None:
            clear_refusals(app, connection, done.id)
        if event.name == "HeadAdvanced":
            _head_final(app, connection, event, final, proofs.get((event.args["log"], event.args["size"])))
        elif event.name == "StatusSet":
            _changes_final(connection, event, final)
        elif event.name == "SealRegistered":
            _seal_final(app, connection, event, final)
        elif event.name == "SealStateSet":
            _seal_state_final(app, connection, event, final)
        elif event.name == "CatalogChanged":
            _versions_final(app, connection, event, final)
        elif event.name in _CURES:
            _retry_now(app, connection, event)
    if any(event.name in _CARRYING for event in events):
        submissions.finish_carried(connection, max(headers))


_CARRYING = ("StatusSet", "SealRegistered", "SealStateSet", "CatalogChanged")
_CURES = ("OrganisationSuspended", "RightsSet", "GenerationOpened")


def _retry_now(app: App, connection: Connection, event: ChainEvent) -> None:
    """What the organisation's accounts had refused is asked again at once: the registrar may have cured it."""
    org = _code_in(event.args["organisation"])
    accounts = [
        account for account in (event.args.get("account"), app.keystore.accounts().get(org)) if account is not None
    ]
    submissions.retry_now(connection, accounts, app.clock())


def _head_final(
    app: App, connection: Connection, event: ChainEvent, final: Mapping[str, Any], proof: HeadProof | None
) -> None:
    """The batch is anchored if the chain holds its root, proven; a head that is not ours stops the log."""
    try:
        org, generation = parse_log_id(event.args["log"])
    except MalformedRecord:
        return  # a log of an organisation whose code is not valid here is none of ours
    if proof is None or proof.root != proof.batch.root:
        if org in app.keystore.accounts():
            _stop(app, connection, event)
        return
    batch = proof.batch
    batches.mark_final(connection, org, generation, batch.new_size, batch.root, **final)
    if batch.evidence is None:
        batches.store_evidence(connection, batch.id, proof.evidence, proof.block)
    submissions.mark_final_by_other(connection, batch.submission_id, event.block)
    clear_refusals(app, connection, batch.submission_id)
    supersede_replaced(app, connection, batch.id)


def _stop(app: App, connection: Connection, event: ChainEvent) -> None:
    org, generation = parse_log_id(event.args["log"])
    details = {"size": event.args["size"], "root": event.args["root"].hex(), "reason": "a head that is not ours"}
    batches.stop_log(connection, org, generation, "a head that is not ours stands on chain", app.clock())
    alerts.put(connection, LOG_STOPPED, log_id(OrgCode(org), generation).hex(), details, app.clock())


def _changes_final(connection: Connection, event: ChainEvent, final: Mapping[str, Any]) -> None:
    """Our changes whose record stands at the place named; whoever copies a digest into another log ends nothing."""
    told = {change.digest: change for change in event.args["changes"]}
    ours = statuses.by_digests(connection, list(told))
    places = records.get_many(connection, [change.record_id for change in ours.values()])
    done = []
    for digest, change in ours.items():
        record = places[change.record_id]
        if record.generation is None or (record.leaf_index, change.to_state) != (
            told[digest].index,
            told[digest].state,
        ):
            continue
        if log_id(OrgCode(record.org), record.generation) == event.args["log"]:
            done.append(digest)
    statuses.mark_final(connection, done, **final)


def _seal_final(app: App, connection: Connection, event: ChainEvent, final: Mapping[str, Any]) -> None:
    """Our seal, unless another organisation registered its code and digest first; one that memory lacks is named."""
    code, digest, owner = event.args["code"], event.args["sha256Digest"], _code_in(event.args["owner"])
    if not code.isprintable():
        return
    seal = seals.find(connection, code)
    if seal is not None and (seal.owner, seal.sha256) == (owner, digest):
        seals.mark_final(connection, code, digest, **final)
    elif (seal is None or seal.final_block is None) and owner in app.keystore.accounts():
        seals.add_unstored(connection, NewUnstoredSeal(event.block, event.position, code, owner))


def _code_in(word: bytes) -> str:
    """The organisation's code in a word of an event; what is none comes out as nonsense."""
    return word.rstrip(b"\0").decode("ascii", "replace")


def _seal_state_final(app: App, connection: Connection, event: ChainEvent, final: Mapping[str, Any]) -> None:
    """The state is final; where memory lacks it, a backup was restored: all there is to it stands on chain."""
    code = chain_index.seal_code(connection, event.args["seal"])
    seal = seals.find(connection, code) if code is not None else None
    if code is None or seal is None or seal.final_block is None:
        return
    n, state = event.args["n"], event.args["state"]
    if seals.mark_change_final(connection, code, n, state, **final) is None and n > 0:
        change = NewSealChange(str(uuid.uuid4()), code, n, state, None, app.clock(), None)
        seals.restore_change(connection, change, **final)


def _versions_final(app: App, connection: Connection, event: ChainEvent, final: Mapping[str, Any]) -> None:
    """Our versions are final; what memory lacks of our organisations' is named, so that the entry goes on behind it."""
    owner, lost = owner_of(event), []
    ours = owner in app.keystore.accounts()
    for at, change in enumerate(event.args["changes"]):
        version = catalogs.by_digest(connection, change.digest)
        if version is not None and code_key(version.code) == change.catalog:
            catalogs.mark_final(connection, version.code, change.sequence, change.digest, **final)
        elif ours:
            lost.append(
                NewUnstoredVersion(
                    block=event.block,
                    position=event.position,
                    item=at,
                    catalog=change.catalog,
                    org=owner,
                    sequence=change.sequence,
                    action=change.action,
                    previous=change.previous,
                    digest=change.digest,
                )
            )
    catalogs.add_unstored(connection, lost)


_SUBJECT = {
    ORGANISATIONS: "organisation",
    RECORD_LOG: "log",
    RECORD_STATUS: "log",
    SEAL_REGISTRY: "seal",
    CATALOG_REGISTRY: "organisation",
}


def _stored(event: ChainEvent) -> Event:
    args = {name: value for name, value in event.args.items() if name != "changes"}
    if "changes" in event.args:
        args["changes"] = len(event.args["changes"])
        if event.name == "CatalogChanged":
            args["changes"] = [
                [c.catalog.hex(), c.sequence, c.action, c.previous.hex(), c.digest.hex()] for c in event.args["changes"]
            ]
    subject = event.args.get(_SUBJECT[event.contract])
    return Event(
        block=event.block,
        position=event.position,
        tx=event.tx,
        contract=event.contract,
        name=event.name,
        subject=subject,
        account=event.args.get("account"),
        args=args,
    )
