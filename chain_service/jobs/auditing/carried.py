"""Re-proving where what was sent became final: the event that tells it, its block and transaction, its submission."""

from __future__ import annotations

from itertools import islice
from typing import Any

from sqlalchemy import Connection

from chain_service.core.chainproof.storage_layout import code_key, organisation_word
from chain_service.core.records.hashing import log_id
from chain_service.core.records.identifiers import OrgCode
from chain_service.errors import Corrupt, InvalidProof
from chain_service.jobs.auditing.findings import AuditFinding, added, compare, missing
from chain_service.store import records
from chain_service.store.auditing.whole_tables import Row, rows
from chain_service.store.registries import organisations
from chain_service.store.rows import json_object

_FINAL = ("final_block", "final_hash", "final_time", "final_tx")
_EVENT = "the event on chain"
CHANGES_AT_ONCE = 1000


class Events:
    """The stored events by what they make final, with their blocks; and our transactions and calls."""

    def __init__(self, connection: Connection) -> None:
        self._events = {(row["block"], row["position"]): row for row in rows(connection, "chain_events")}
        with_events = {block for block, _ in self._events}
        blocks = rows(connection, "blocks", without=("header",))
        self._blocks = {row["number"]: row for row in blocks if row["number"] in with_events}
        self._calls = {row["id"]: row["calldata"] for row in rows(connection, "submissions")}
        self._carriers = {
            row["hash"]: row["submission_id"] for row in rows(connection, "transactions", without=("raw",))
        }

    def named(self, name: str) -> list[Row]:
        """All events of this name."""
        return [row for row in self._events.values() if row["name"] == name]

    def check(self, table: str, row: Row, told: list[tuple[int, int]], content: bytes) -> list[AuditFinding]:
        """The row is final by one of the events at these places, if there is one, and was sent by the call that has its
        `content`.
        """
        ends = [end for end in map(self._end, told) if end is not None]
        end = next((end for end in ends if end["final_block"] == row["final_block"]), ends[0] if ends else None)
        proven: dict[str, Any] = dict.fromkeys(_FINAL)
        if end is not None and (row["final_block"] is not None or row.get("refused") is None):
            proven = {**end, "fell_out_at": None}
            if "refused" in row:
                proven["refused"] = None
            if row["submission_id"] is None and end["final_tx"] in self._carriers:
                proven["submission_id"] = self._carriers[end["final_tx"]]
        call = self._calls.get(row["submission_id"])
        if row["submission_id"] is not None and (call is None or content not in call):
            proven["submission_id"] = self._carriers.get(proven["final_tx"])
        return compare(table, row, proven, _EVENT)

    def _end(self, place: tuple[int, int]) -> dict[str, Any] | None:
        event, block = self._events.get(place), self._blocks.get(place[0])
        if event is None or block is None:
            return None
        return {
            "final_block": block["number"],
            "final_hash": block["hash"],
            "final_time": block["time"],
            "final_tx": event["tx"],
        }


def _place(row: Row) -> tuple[int, int]:
    return row["block"], row["position"]


def audit_carried(connection: Connection, org: str | None) -> list[AuditFinding]:
    """Batches, changes, seals and versions (of one organisation, if given) became final where the chain says."""
    events = Events(connection)
    of_org = {} if org is None else {"org": org}
    return [
        *_batches(connection, events, of_org),
        *_changes(connection, events, of_org),
        *_seals(connection, events, {} if org is None else {"owner": org}),
        *_versions(connection, events, of_org),
    ]


def _log(org: str, generation: int) -> bytes:
    try:
        return log_id(OrgCode(org), generation)
    except (InvalidProof, ValueError, TypeError, OverflowError):
        return b""


def _batches(connection: Connection, events: Events, where: dict[str, str]) -> list[AuditFinding]:
    heads: dict[Any, list[tuple[int, int]]] = {}
    for row in rows(connection, "heads"):
        heads.setdefault((row["log"], row["size"], row["root"]), []).append(_place(row))
    found = []
    for row in rows(connection, "batches", where, without=("evidence",)):
        told = heads.get((_log(row["org"], row["generation"]), row["new_size"], row["root"]), [])
        found += events.check("batches", row, told, row["root"])
    return found


def _changes(connection: Connection, events: Events, where: dict[str, str]) -> list[AuditFinding]:
    told: dict[Any, list[tuple[int, int]]] = {}
    for row in rows(connection, "status_events"):
        told.setdefault((row["digest"], row["log"], row["leaf_index"]), []).append(_place(row))
    stored = rows(connection, "status_changes", without=("body",))
    found = []
    while part := list(islice(stored, CHANGES_AT_ONCE)):
        places = records.get_many(connection, [row["record_id"] for row in part])
        for row in part:
            record = places.get(row["record_id"])
            if record is None:
                found.append(missing("records", {"seq": f"id {row['record_id']}"}, "a change of its state"))
            elif record.generation is not None and where.get("org") in (None, record.org):
                key = (row["digest"], _log(record.org, record.generation), record.leaf_index)
                found += events.check("status_changes", row, told.get(key, []), row["digest"])
    return found


def _seals(connection: Connection, events: Events, where: dict[str, str]) -> list[AuditFinding]:
    registered, states = events.named("SealRegistered"), events.named("SealStateSet")
    by_key: dict[bytes | None, list[Row]] = {}
    for event in [*registered, *states]:
        by_key.setdefault(event["subject"], []).append(event)
    changes: dict[str, list[Row]] = {}
    for row in rows(connection, "seal_changes"):
        changes.setdefault(row["code"], []).append(row)
    found = []
    for seal in rows(connection, "seals", where):
        of_it = by_key.get(code_key(seal["code"]), [])
        told = [_place(event) for event in of_it if _registers(event, seal)]
        found += events.check("seals", seal, told, seal["sha256"])
        for change in changes.pop(seal["code"], []):
            at = [_place(event) for event in of_it if _sets(event, change)]
            found += events.check("seal_changes", change, at, code_key(seal["code"]))
    if not where:
        found += [added("seal_changes", one, "no seal has this code") for ones in changes.values() for one in ones]
    return found


def _registers(event: Row, seal: Row) -> bool:
    args = _args(event)
    try:
        owner = "0x" + organisation_word(seal["owner"]).hex()
    except InvalidProof:
        return False
    return (args.get("owner"), args.get("sha256Digest")) == (owner, "0x" + seal["sha256"].hex())


def _sets(event: Row, change: Row) -> bool:
    args = _args(event)
    return (args.get("n"), args.get("state")) == (change["n"], change["state"])


def _versions(connection: Connection, events: Events, where: dict[str, str]) -> list[AuditFinding]:
    told: dict[Any, list[tuple[int, int]]] = {}
    for event in events.named("CatalogChanged"):
        for change in _args(event).get("changes", []):
            catalog, sequence, _, _, digest = change
            told.setdefault((catalog, sequence, digest), []).append(_place(event))
    found = []
    for row in rows(connection, "catalog_versions", where):
        key = (code_key(row["code"]).hex(), row["sequence"], row["digest"].hex())
        found += events.check("catalog_versions", row, told.get(key, []), row["digest"])
    return found


def audit_unstored(connection: Connection) -> list[AuditFinding]:
    """What is kept of versions that memory lacks is what the events tell, and memory still lacks them."""
    told = {}
    for event in Events(connection).named("CatalogChanged"):
        for item, change in enumerate(_args(event).get("changes", [])):
            told[event["block"], event["position"], item] = (event, change)
    stored = {(code_key(row["code"]), row["digest"]) for row in rows(connection, "catalog_versions")}
    found = []
    for row in rows(connection, "unstored_versions"):
        place = row["block"], row["position"], row["item"]
        if place not in told or (row["catalog"], row["digest"]) in stored:
            found.append(added("unstored_versions", row, _EVENT))
            continue
        event, (catalog, sequence, action, previous, digest) = told[place]
        shown = {"catalog": row["catalog"].hex(), "previous": row["previous"].hex(), "digest": row["digest"].hex()}
        proven = {"catalog": catalog, "previous": previous, "digest": digest, "sequence": sequence, "action": action}
        proven["org"] = organisations.org_in(_args(event).get("organisation", ""))
        found += compare("unstored_versions", {**row, **shown}, proven, _EVENT)
    return found


def audit_unstored_seals(connection: Connection) -> list[AuditFinding]:
    """What is kept of seals that memory lacks is what the events tell, and memory still lacks them."""
    kept = list(rows(connection, "unstored_seals"))
    if not kept:
        return []
    told = {(event["block"], event["position"]): _args(event) for event in Events(connection).named("SealRegistered")}
    stored = {(row["code"], row["sha256"].hex()) for row in rows(connection, "seals") if row["refused"] is None}
    found = []
    for row in kept:
        args = told.get((row["block"], row["position"]))
        if args is None or (args.get("code"), str(args.get("sha256Digest")).removeprefix("0x")) in stored:
            found.append(added("unstored_seals", row, _EVENT))
            continue
        proven = {"code": args.get("code"), "owner": organisations.org_in(args.get("owner", ""))}
        found += compare("unstored_seals", row, proven, _EVENT)
    return found


def _args(event: Row) -> dict[str, Any]:
    """The event's arguments; none where they were altered into no object, which the index's part names."""
    try:
        return json_object(event["args"], "an indexed event")
    except Corrupt:
        return {}
