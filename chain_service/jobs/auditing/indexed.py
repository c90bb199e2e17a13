"""Re-deriving the index: blocks from their headers, validators from the votes in them, events as nodes report them.

A block is proven by the one after it, the newest by the chain. Events are read again and compared; the states and log
heads that they tell are proven by the other parts of the audit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection

from chain_service.chain.contracts import ChainEvent
from chain_service.chain.rpc import RpcError
from chain_service.core.chainproof.clique_votes import Signers
from chain_service.core.chainproof.consensus import consensus_of, follow
from chain_service.core.chainproof.headers import decode_fields
from chain_service.errors import Corrupt, InvalidProof, Unavailable
from chain_service.jobs.auditing.findings import AuditFinding, added, compare, compare_rows, missing
from chain_service.jobs.context import App, Progress
from chain_service.jobs.indexing.apply_events import indexed
from chain_service.jobs.validators import changes, count_from_genesis
from chain_service.store import chain_index, validators
from chain_service.store.auditing.whole_tables import Row, rows
from chain_service.store.chain_index import IndexedBlock
from chain_service.store.rows import json_object
from chain_service.store.validators import ValidatorSet

BLOCKS_AT_ONCE = 1000
_PARENT, _NUMBER, _TIME = 0, 8, 11
"""Places of the fields in a header."""
_HEADER = "its header"
_VOTES = "the votes in the headers"
_EVENTS = "the events that the nodes report"


def check_newest(app: App, head: IndexedBlock) -> list[AuditFinding]:
    """The newest block, where everything else begins, is at least what its own header says."""
    row = vars(head)
    try:
        number = int.from_bytes(decode_fields(head.header)[_NUMBER], "big")
        return compare(
            "blocks", row, {"number": number, "hash": app.require_chain().reader.block_hash(head.header)}, _HEADER
        )
    except (InvalidProof, TypeError):
        return compare("blocks", row, {"header": None}, _HEADER)


def audit_blocks(app: App, connection: Connection, head: IndexedBlock, first: int) -> list[AuditFinding]:
    """Every block from `first` to the newest is stored, and is the one that the block after it names."""
    found: list[AuditFinding] = []
    number: int = head.number
    expected: bytes = head.hash
    for row in rows(connection, "blocks", descending=True, span=("number", first, head.number)):
        while row["number"] < number:
            found.append(missing("blocks", {"number": number}, "the block after it"))
            number, expected = number - 1, row["hash"]
        proven = _proven_block(app, row, number, expected)
        found += compare("blocks", row, proven, _HEADER)
        number, expected = number - 1, proven["parent"] if "parent" in proven else row["parent"]
    while number >= first:
        found.append(missing("blocks", {"number": number}, "the block after it"))
        number -= 1
    if first == app.require_chain().deployment.first_block:
        before = rows(connection, "blocks", span=("number", -(2**62), first - 1))
        found += [added("blocks", row, "the chain's contracts were not deployed then") for row in before]
    return found


def _proven_block(app: App, row: Row, number: int, expected: bytes) -> dict[str, Any]:
    """What the row has to hold. A header that is not that of the block named proves nothing of the other columns."""
    try:
        fields = decode_fields(row["header"])
        if app.require_chain().reader.block_hash(row["header"]) != expected:
            return {"header": None, "hash": expected}
    except (InvalidProof, TypeError):
        return {"header": None, "hash": expected}
    integers = {name: int.from_bytes(fields[at], "big") for name, at in (("number", _NUMBER), ("time", _TIME))}
    return {**integers, "hash": expected, "parent": fields[_PARENT], "number": number}


def counted_validators(app: App, connection: Connection, after: int | None) -> list[ValidatorSet] | None:
    """The sets that the stored headers give, after this block or from the beginning; None where they are stated.

    Ends where a stored header does not hold: `audit_blocks` names it.
    """
    chain = app.require_chain()
    trust = chain.deployment.trust()
    if not consensus_of(trust).counts_validators:
        return None
    number = chain.deployment.first_block - 1
    sets: list[ValidatorSet] = []
    signers: Signers | None
    parent: bytes | None
    known = None if after is None else validators.at(connection, after)
    if after is not None and known is not None:
        number, signers, parent = after, Signers.from_bytes(known.addresses, known.votes), None
    else:
        signers, parent = count_from_genesis(app, chain.rpc.nodes()[0], number)
        sets.append(ValidatorSet(number, *signers.to_bytes()))
    newest = chain_index.newest_block(connection)
    while newest is not None and number < newest.number:
        raws = [block.header for block in chain_index.block_range(connection, number + 1, number + BLOCKS_AT_ONCE)]
        try:
            followed = follow(raws, trust, signers, parent)
        except (InvalidProof, TypeError):
            break
        if not followed or followed[-1].signers is None:
            break
        sets += changes(followed, signers)
        last = followed[-1]
        signers, parent, number = last.signers, last.header.block_hash, last.header.number
        if len(followed) < len(raws):
            break
    return sets


def audit_validators(
    connection: Connection, counted: list[ValidatorSet] | None, first: int, newest: int
) -> list[AuditFinding]:
    """The stored sets are those counted; what was stated is not compared."""
    if counted is None:
        return []
    stored = rows(connection, "validators")
    kept = [row for row in stored if first - 1 <= row["block"] or row["block"] > newest]
    return compare_rows("validators", kept, [asdict(one) for one in counted if one.block >= first - 1], _VOTES)


def audit_events(app: App, connection: Connection, first: int, newest: int, progress: Progress) -> list[AuditFinding]:
    """Every event, log head and change of state of these blocks is stored as a node reports it."""
    found: list[AuditFinding] = []
    for start in range(first, newest + 1, BLOCKS_AT_ONCE):
        end = min(start + BLOCKS_AT_ONCE - 1, newest)
        found += _compare_with_any(app, connection, start, end)
        progress("events", end - first + 1, newest - first + 1)
    for table in ("chain_events", "heads", "status_events"):
        for span in ((-(2**62), app.require_chain().deployment.first_block - 1), (newest + 1, 2**62)):
            outside = rows(connection, table, span=("block", *span))
            found += [added(table, row, _EVENTS) for row in outside]
    return found


def _compare_with_any(app: App, connection: Connection, start: int, end: int) -> list[AuditFinding]:
    """Findings against the first node's events; none where any node reports what is stored."""
    reader = app.require_chain().reader
    found: list[AuditFinding] | None = None
    failure: Unavailable | None = None
    for node in reader.rpc.nodes():
        try:
            differing = _compare(connection, reader.events(start, end, node), start, end)
        except Unavailable as error:
            failure = error
            continue
        except RpcError as error:
            failure = Unavailable("the node refused the request", code="node_unavailable", reason=error.reason)
            continue
        if not differing:
            return []
        found = differing if found is None else found
    if found is None:
        raise failure or Unavailable("no node answered", code="node_unavailable")
    return found


def _compare(connection: Connection, events: list[ChainEvent], start: int, end: int) -> list[AuditFinding]:
    told, heads, changed = indexed(events)
    found = []
    proven: dict[str, Iterable[Row]] = {
        "chain_events": (_readable(chain_index.event_row(event)) for event in told),
        "heads": map(asdict, heads),
        "status_events": map(asdict, changed),
    }
    for table, expected in proven.items():
        stored = rows(connection, table, span=("block", start, end))
        found += compare_rows(table, map(_readable, stored), expected, _EVENTS)
    return found


def _readable(row: Row) -> Row:
    """An event's arguments as values: how they are spaced says nothing."""
    if "args" not in row:
        return row
    try:
        return {**row, "args": json_object(row["args"], "an indexed event")}
    except Corrupt:
        return {**row, "args": None}


def audit_rivals(app: App, connection: Connection) -> list[AuditFinding]:
    """Every header that is kept as evidence is that of the height and hash stored with it."""
    return [one for row in rows(connection, "rival_headers") for one in _check_rival(app, row)]


def _check_rival(app: App, row: Row) -> Iterator[AuditFinding]:
    try:
        fields = decode_fields(row["header"])
        number = int.from_bytes(fields[_NUMBER], "big")
        proven = {"number": number, "hash": app.require_chain().reader.block_hash(row["header"])}
    except (InvalidProof, TypeError):
        proven = {"header": None}
    yield from compare("rival_headers", row, proven, _HEADER)
