"""Rows as the jobs would write them."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence

from sqlalchemy import Connection

from chain_service.store import batches, chain_index, records, statuses, submissions

ORG = "11430000006122244L"
OTHER = "11100000000013338W"
ACCOUNT = "0x000000000000000000000000000000000000dEaD"
LOG = ORG.encode().ljust(32, b"\0")


def digest(*parts: object) -> bytes:
    return hashlib.sha256(repr(parts).encode()).digest()


def record(name: str, org: str = ORG, **changes: object) -> records.NewRecord:
    values = {
        "id": str(uuid.uuid4()),
        "org": org,
        "kind": "certificate",
        "type_code": "11100000000013338W011",
        "identity": f"identity of {name}",
        "number": f"number of {name}",
        "body": f'{{"name":"body of {name}"}}'.encode(),
        "salt": digest("salt", name),
        "body_digest": digest("body", org, name),
        "issued": "2024-05-01",
        "replaces": None,
        "key_id": None,
        "created_at": 1_700_000_000.5,
    }
    return records.NewRecord(**{**values, **changes})  # type: ignore[arg-type]


def accepted(connection: Connection, *names: str, org: str = ORG) -> list[records.NewRecord]:
    new = [record(name, org) for name in names]
    records.insert_many(connection, new)
    return new


def submission(connection: Connection, kind: str = "advance", subject: str = "log", account: str = ACCOUNT) -> str:
    new = submissions.NewSubmission(
        id=str(uuid.uuid4()),
        account=account,
        kind=kind,
        subject=subject,
        contract="RecordLog",
        function="advance",
        calldata=b"call",
        created_at=1_700_000_001.0,
    )
    submissions.queue(connection, new)
    return new.id


def new_batch(
    connection: Connection, old_size: int, new_size: int, org: str = ORG, generation: int = 0
) -> batches.NewBatch:
    new = batches.NewBatch(
        id=str(uuid.uuid4()),
        org=org,
        generation=generation,
        old_size=old_size,
        new_size=new_size,
        old_root=digest("root", old_size),
        root=digest("root", new_size),
        consistency_path=b"",
        submission_id=submission(connection),
        closed_at=1_700_000_002.0,
    )
    batches.add(connection, new)
    return new


def closed(connection: Connection, org: str = ORG, generation: int = 0) -> batches.NewBatch:
    """All that is pending in the organisation is in a batch."""
    taken = records.take_pending(connection, org, 1_000_000)
    start = batches.head(connection, org, generation).size
    new = new_batch(connection, start, start + len(taken), org, generation)
    records.place(connection, new.id, generation, {one.seq: start + at for at, one in enumerate(taken)})
    return new


def signed(connection: Connection, submission_id: str, account: str = ACCOUNT) -> bytes:
    nonce = submissions.take_nonce(connection, account, 0)
    hash = digest("tx", account, nonce)
    submissions.store_signed(
        connection, submission_id, hash=hash, account=account, nonce=nonce, raw=b"raw", at=1_700_000_003.0
    )
    return hash


def block(number: int, fork: str = "") -> chain_index.IndexedBlock:
    parent = digest("block", number - 1, fork)
    return chain_index.IndexedBlock(number, digest("block", number, fork), parent, 1_700_000_100 + number, b"header")


def made_final(connection: Connection, batch: batches.NewBatch, number: int) -> None:
    """A block holds the batch's head, and the index has read it."""
    at = block(number)
    tx = digest("tx of", batch.id)
    event = chain_index.Event(number, 0, tx, "RecordLog", "HeadAdvanced", LOG, ACCOUNT, {"size": batch.new_size})
    chain_index.add_blocks(connection, [at])
    chain_index.add_events(connection, [event], [chain_index.NewHead(number, 0, LOG, batch.new_size, batch.root)])
    found = batches.mark_final(
        connection, batch.org, batch.generation, batch.new_size, batch.root,
        block=number, hash=at.hash, time=at.time, tx=tx,
    )  # fmt: skip
    assert found == batch.id


def change(connection: Connection, record_id: str, name: str, to_state: int = 1) -> statuses.NewStatusChange:
    new = statuses.NewStatusChange(
        id=str(uuid.uuid4()),
        record_id=record_id,
        to_state=to_state,
        reason_code=12,
        body=f"text of {name}".encode(),
        salt=digest("change salt", name),
        digest=digest("change", name),
        key_id=None,
        created_at=1_700_000_004.0,
    )
    statuses.add(connection, new)
    return new


def states(connection: Connection, ids: Sequence[str]) -> list[str]:
    return [records.get(connection, id).state for id in ids]
