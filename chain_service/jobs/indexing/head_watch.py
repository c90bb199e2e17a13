"""Whether the chain still moves: an alert stands while the newest final block is too old."""

from __future__ import annotations

from typing import Any

from chain_service.errors import ChainServiceError
from chain_service.jobs.alerts import CHAIN_HALTED, HEAD
from chain_service.jobs.context import App
from chain_service.store import alerts, chain_index


def watch_head(app: App) -> None:
    """An alert stands while the newest final block is too old, and goes when the chain moves again."""
    with app.database.reading() as connection:
        block = chain_index.head_block(connection)
        standing = any(one.code == CHAIN_HALTED for one in alerts.listed(connection))
    if block is None:
        return
    age = max(0, app.now - block.time)
    if age <= app.settings.halted_after:
        if standing:
            with app.database.transaction() as connection:
                alerts.clear(connection, CHAIN_HALTED, HEAD, app.clock())
    elif not standing:
        why = why_old(app, block)
        with app.database.transaction() as connection:
            alerts.put(connection, CHAIN_HALTED, HEAD, {"block": block.number, "ageSeconds": age, **why}, app.clock())


def why_old(app: App, block: chain_index.IndexedBlock) -> dict[str, Any]:
    """Whether nodes are silent, the chain seals no blocks, or blocks come that too few validators stand behind."""
    reader = app.require_chain().reader
    try:
        number, time = reader.newest()
        signers, validators = reader.recent_signers(number)
    except ChainServiceError as error:
        return {"code": "node_unavailable", "detail": error.message}
    told = {"newest": number, "sealedBy": signers, "validators": validators}
    still = number <= block.number + reader.unfinal_blocks(block.number)
    if still or app.now - time > app.settings.halted_after:
        detail = "no blocks are sealed: no majority of the validators is running, or they wait for one that is down"
        return {"code": "chain_halted", "detail": detail, **told}
    if 2 * signers <= validators:
        return {"code": "no_majority", "detail": "new blocks are not sealed by a majority of the validators", **told}
    return {"code": "index_behind", "detail": "there are new blocks that the index has not read yet", **told}
