"""Re-proving the outbox: a submission is what its signed bytes call, and final where the chain holds them."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection

from chain_service.chain.contracts import decode_call
from chain_service.chain.rpc import RpcError
from chain_service.chain.sender import TxReceipt, read_signed
from chain_service.core.chainproof.storage_layout import (
    CATALOG_REGISTRY,
    RECORD_LOG,
    RECORD_STATUS,
    SEAL_REGISTRY,
    code_key,
    organisation_word,
)
from chain_service.errors import BadRequest, Unavailable
from chain_service.jobs.auditing.findings import AuditFinding, compare, missing
from chain_service.jobs.context import App
from chain_service.store.auditing.whole_tables import Row, rows

_KINDS = {
    "advance": (RECORD_LOG, "advance"),
    "status": (RECORD_STATUS, "set"),
    "seal_register": (SEAL_REGISTRY, "register"),
    "seal_state": (SEAL_REGISTRY, "setStates"),
    "catalog": (CATALOG_REGISTRY, "publish"),
}
"""Contract and function of each kind of submission."""
_SIGNED = "the signed bytes"
_CALLED = "the call"
_MINED = "the block that holds it"
RECEIPTS_AT_ONCE = 200
NONCE_TAKEN = "nonce_taken"
"""Another transaction of the account stands in the block; this one is in none."""


def audit_outbox(app: App, connection: Connection, first: int, newest: int) -> list[AuditFinding]:
    """Submissions and transactions that a block from `first` on holds, or none yet, are what was signed and mined.

    What such a block holds is looked at whatever block its row names.
    """
    mined = {row["tx"]: row["block"] for row in rows(connection, "chain_events", span=("block", first, newest))}
    queued = {row["id"]: row for row in rows(connection, "submissions")}
    signed: dict[str, list[Row]] = defaultdict(list)
    used: dict[str, int] = {}
    found: list[AuditFinding] = []
    unsettled: list[Row] = []
    for row in rows(connection, "transactions"):
        signed[row["submission_id"]].append(row)
        used[row["account"]] = max(used.get(row["account"], 0), row["nonce"])
        if row["block"] is not None and row["block"] < first and row["hash"] not in mined:
            continue
        submission = queued.get(row["submission_id"])
        if submission is None:
            found.append(missing("submissions", {"seq": f"id {row['submission_id']}"}, "its signed bytes"))
            found += compare("transactions", row, {"submission_id": None}, "no submission has this id")
        found += _check_signed(app, row, submission)
        if row["hash"] in mined:
            found += compare("transactions", row, {"outcome": "final", "block": mined[row["hash"]]}, _MINED)
        else:
            unsettled.append(row)
    found += _check_unsettled(app, unsettled, newest)
    carried = _carried(connection)
    for row in queued.values():
        of_it = signed[row["id"]]
        if row["final_block"] is None or row["final_block"] >= first or any(one["hash"] in mined for one in of_it):
            found += _check_call(row)
            found += _check_end(row, of_it, mined, carried[row["id"]])
    return found + _check_accounts(connection, used)


_LARGE = {"batches": ("evidence", "consistency_path"), "status_changes": ("body",), "seals": ("body",)}
_CARRIED = ("batches", "status_changes", "seals", "seal_changes", "catalog_versions")


def _carried(connection: Connection) -> dict[str | None, list[int | None]]:
    """The final blocks of what each submission carries."""
    ends: dict[str | None, list[int | None]] = defaultdict(list)
    for table in _CARRIED:
        for row in rows(connection, table, without=_LARGE.get(table, ())):
            ends[row["submission_id"]].append(row["final_block"])
    return ends


def _check_signed(app: App, row: Row, submission: Row | None) -> list[AuditFinding]:
    try:
        call = read_signed(row["raw"])
    except BadRequest:
        return compare("transactions", row, {"raw": None}, _SIGNED)
    proven: dict[str, Any] = {"hash": call.hash, "account": call.account, "nonce": call.nonce}
    found = compare("transactions", row, proven, _SIGNED)
    if submission is not None:
        addresses = {app.require_chain().deployment.address(name): name for name, _ in _KINDS.values()}
        of_its_call = {
            "account": call.account,
            "calldata": call.calldata,
            "contract": addresses.get(call.to or ""),
        }
        differing = compare("submissions", submission, of_its_call, _SIGNED)
        if differing and not found:
            found += compare("transactions", row, {"submission_id": None}, "it calls something else")
        found += differing
    return found


def _check_call(row: Row) -> list[AuditFinding]:
    """Kind, contract, function and subject are those of the stored call."""
    contract, function = _KINDS.get(row["kind"], (None, None))
    if contract is None:
        return compare("submissions", row, {"kind": None}, _CALLED)
    proven: dict[str, Any] = {"contract": contract, "function": function}
    try:
        called, args = decode_call(contract, row["calldata"])
    except Unavailable:
        return compare("submissions", row, proven | {"calldata": None}, _CALLED)
    proven["function"] = called
    if _subject_of(row["kind"], row["subject"], args) is False:
        proven["subject"] = None
    return compare("submissions", row, proven, _CALLED)


def _subject_of(kind: str, subject: str, args: tuple[Any, ...]) -> bool:
    """Whether the call concerns the subject."""
    try:
        if kind in ("advance", "status"):
            return bool(args[0].hex() == subject)
        if kind == "seal_register":
            return all(registration[1] == organisation_word(subject) for registration in args[0])
        if kind == "seal_state":
            return all(change[0] == code_key(subject) for change in args[0])
        return bool(args[0] == organisation_word(subject))
    except (AttributeError, IndexError, TypeError, ValueError):
        return False


def _check_end(
    row: Row, carried_by: list[Row], mined: dict[bytes, int], carried: list[int | None]
) -> list[AuditFinding]:
    """Final where one of its transactions is in a block, or all that it carries stands there by somebody else's."""
    ours = [one["hash"] for one in carried_by if one["hash"] in mined]
    if ours:
        proven = {"final_block": mined[ours[-1]], "final_tx": ours[-1]}
        proven |= dict.fromkeys(("abandoned_at", "abandoned_reason", "last_error"))
        return compare("submissions", row, proven, _MINED)
    ends = [end for end in carried if end is not None]
    by_others = bool(ends) and len(ends) == len(carried) and (row["final_block"] or 0) >= max(ends)
    proven = {"final_tx": None} if by_others else {"final_block": None, "final_tx": None}
    return compare("submissions", row, proven, _MINED)


def _check_unsettled(app: App, unsettled: list[Row], newest: int) -> list[AuditFinding]:
    """What no event tells of was refused by the contracts in the block named, as far as a node still knows."""
    found = []
    for start in range(0, len(unsettled), RECEIPTS_AT_ONCE):
        part = unsettled[start : start + RECEIPTS_AT_ONCE]
        try:
            receipts = app.require_chain().sender.receipts([row["hash"] for row in part])
        except RpcError as error:
            raise Unavailable("the node refused the request", code="node_unavailable", reason=error.reason) from error
        for row, receipt in zip(part, receipts, strict=True):
            found += compare("transactions", row, _end_by_receipt(row, receipt, newest), _MINED)
    return found


def _end_by_receipt(row: Row, receipt: TxReceipt | None, newest: int) -> dict[str, Any]:
    if row["outcome"] == "final":
        return {"outcome": None}
    if row["outcome"] is None:
        return {"block": None}
    if receipt is None or receipt.block > newest:
        return {}
    return {"outcome": None if receipt.succeeded else "reverted", "block": receipt.block}


def _check_accounts(connection: Connection, used: dict[str, int]) -> list[AuditFinding]:
    """The next nonce of each account follows the last one that was signed."""
    found = []
    for row in rows(connection, "accounts"):
        nonce = used.pop(row["address"], None)
        found += compare("accounts", row, {"next_nonce": None if nonce is None else nonce + 1}, "what was signed")
    return found + [missing("accounts", {"address": address}, "what it signed") for address in used]


def audit_deployment(app: App, connection: Connection) -> list[AuditFinding]:
    """The database was made for the contracts that this instance uses."""
    deployment = app.require_chain().deployment
    proven = {
        "one": 1,
        "chain_id": deployment.chain_id,
        "genesis_hash": deployment.trust().genesis_hash,
        "record_log": deployment.address(RECORD_LOG),
    }
    return [one for row in rows(connection, "deployment") for one in compare("deployment", row, proven, "its file")]
