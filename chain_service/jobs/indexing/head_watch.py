"""Whether the chain still moves: an alert stands while the newest final block is too old."""

from __future__ import annotations

from typing import Literal

from chain_service.chain.node_causes import NoNodeAnswered
from chain_service.core.encoding.answers import answer, left_out, to_json
from chain_service.errors import ChainServiceError
from chain_service.jobs.alerts import CHAIN_HALTED, HEAD
from chain_service.jobs.context import App
from chain_service.store import alerts, chain_index


@answer
class WhyOld:
    """Why the newest final block is too old."""

    code: Literal["node_unavailable", "chain_halted", "no_majority", "index_behind", "clock_ahead"]
    """No node answers; no blocks are sealed; too few validators seal them; the index has not read them yet; blocks are
    sealed, and this machine's clock is ahead of their times."""
    detail: str
    newest: int | None = left_out()
    """The node's newest block, final or not."""
    sealed_by: int | None = left_out()
    """Validators that sealed recently."""
    validators: int | None = left_out()
    """Validators that may seal."""


def watch_head(app: App) -> None:
    """An alert stands while the newest final block is too old, and goes when the chain moves again."""
    with app.database.reading() as connection:
        block = chain_index.newest_block(connection)
        standing = bool(alerts.standing(connection, [CHAIN_HALTED]))
    if block is None:
        return
    age = max(0, app.now - block.time)
    # where the clock is ahead, its own alert says so and no chain has halted
    if age <= app.settings.halted_after or app.require_chain().reader.arrivals.ahead is not None:
        if standing:
            with app.database.transaction() as connection:
                alerts.clear(connection, CHAIN_HALTED, HEAD, app.clock())
    elif not standing:
        details = {"block": block.number, "ageSeconds": age, **to_json(why_old(app, block))}
        with app.database.transaction() as connection:
            alerts.put(connection, CHAIN_HALTED, HEAD, details, app.clock())


def why_old(app: App, block: chain_index.IndexedBlock) -> WhyOld:
    """Whether nodes are silent, the chain seals no blocks, or blocks come that too few validators stand behind."""
    reader = app.require_chain().reader
    if reader.arrivals.ahead is not None:
        return WhyOld(
            "clock_ahead", f"blocks are sealed; this machine's clock is {reader.arrivals.ahead} s ahead of them"
        )
    try:
        number, time = reader.newest()
        signers, validators = reader.recent_signers(number)
    except NoNodeAnswered as error:
        return WhyOld("node_unavailable", error.without_names)
    except ChainServiceError as error:
        return WhyOld("node_unavailable", error.message)
    still = number <= block.number + reader.unfinal_blocks(block.number)
    if still or app.now - time > app.settings.halted_after:
        detail = "no blocks are sealed: no majority of the validators is running, or they wait for one that is down"
        return WhyOld("chain_halted", detail, number, signers, validators)
    if 2 * signers <= validators:
        detail = "new blocks are not sealed by a majority of the validators"
        return WhyOld("no_majority", detail, number, signers, validators)
    detail = "there are new blocks that the index has not read yet"
    return WhyOld("index_behind", detail, number, signers, validators)
