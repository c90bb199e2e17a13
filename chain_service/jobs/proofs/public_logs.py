"""The anchored logs for everybody: checkpoint and tiles (C2SP tlog-tiles). What is not final yet is not shown."""

from __future__ import annotations

import re
from typing import NamedTuple

from sqlalchemy import Connection

from chain_service.chain.deployment import Deployment
from chain_service.core.chainproof.storage_layout import RECORD_LOG
from chain_service.core.encoding.cose import Signer
from chain_service.core.log import checkpoints
from chain_service.core.log.checkpoints import Checkpoint, VerifierKey
from chain_service.core.log.tiles import WIDTH, entries_tile
from chain_service.errors import Conflict, Corrupt, NotFound
from chain_service.jobs.context import App
from chain_service.store import batches, tiles
from chain_service.store.batches import Batch

_LOG = re.compile(r"([0-9A-Z]{18})\.(0|[1-9][0-9]{0,9})")
_TILE = re.compile(r"(?:(entries)|([0-9]|[1-5][0-9]|6[0-3]))/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


class TilePath(NamedTuple):
    """A tile by its place below `tile/`; level −1 are the entries themselves."""

    level: int
    n: int
    width: int

    @property
    def is_full(self) -> bool:
        """A full tile never changes; a partial one is superseded."""
        return self.width == WIDTH


def parse_tile_path(text: str) -> TilePath | None:
    """`<level>/<n>[.p/<width>]` or `entries/<n>[.p/<width>]`; None for anything else, also a longer way to write it."""
    match = _TILE.fullmatch(text)
    if match is None:
        return None
    _entries, level, groups, partial = match.groups()
    if groups.startswith("x000"):
        return None
    width = WIDTH if partial is None else int(partial)
    if width > WIDTH or (partial is not None and width == WIDTH):
        return None
    return TilePath(tiles.ENTRIES if level is None else int(level), int(re.sub("[x/]", "", groups)), width)


def origin(chain_id: int, contract: bytes, org: str, generation: int) -> str:
    """A log's name among all logs, and the name of its key: chain, contract, organisation, generation."""
    return f"eip155:{chain_id}:0x{contract.hex()}/{org}.{generation}"


def checkpoint(app: App, log: str) -> bytes:
    """The log's newest final head as a signed note. Raises `NotFound` (code `log_unknown`).

    The key that signs is the organisation's note key, made when it is first needed.
    """
    with app.database.reading() as connection:
        head = _final_head(connection, log)
    name = _origin(app.require_chain().deployment, head.org, head.generation)
    return checkpoints.sign(Checkpoint(name, head.new_size, head.root), _signer(app, head.org))


def verifier_key(app: App, log: str) -> VerifierKey:
    """The key that signs the log's checkpoints. Raises `NotFound` (code `log_unknown`)."""
    with app.database.reading() as connection:
        head = _final_head(connection, log)
    name = _origin(app.require_chain().deployment, head.org, head.generation)
    return VerifierKey(name, _signer(app, head.org).public_key)


def tile(app: App, log: str, path: TilePath) -> bytes:
    """A tile of the log as far as it is anchored.

    Raises `NotFound` (code `log_unknown`, `tile_unknown` for one that the anchored log does not have yet), `Corrupt`.
    """
    with app.database.reading() as connection:
        head = _final_head(connection, log)
        there = (head.new_size >> (8 * max(path.level, 0))) - path.n * WIDTH
        if path.width > there:
            raise NotFound("the anchored log has no such tile yet", code="tile_unknown", size=head.new_size)
        stored = tiles.read(connection, head.org, head.generation, path.level, path.n) or b""
    data = stored[: path.width * tiles.HASH]
    if len(data) < path.width * tiles.HASH:
        raise Corrupt("a stored tile is shorter than the anchored log requires", code="tile_missing", log=log)
    if path.level != tiles.ENTRIES:
        return data
    return entries_tile([data[at : at + tiles.HASH] for at in range(0, len(data), tiles.HASH)])


def _final_head(connection: Connection, log: str) -> Batch:
    match = _LOG.fullmatch(log)
    head = batches.final_head(connection, match[1], int(match[2])) if match and int(match[2]) < 2**32 else None
    if head is None:
        raise NotFound("this instance has no anchored log of that name", code="log_unknown", log=log[:40])
    return head


def _origin(deployment: Deployment, org: str, generation: int) -> str:
    contract = deployment.contracts[RECORD_LOG].raw_address
    return origin(deployment.chain_id, contract, org, generation)


def _signer(app: App, org: str) -> Signer:
    keystore = app.keystore
    key = keystore.note_key(org)
    if key is None:
        try:
            key = keystore.create_note_key(org)
        except Conflict:  # another process was quicker
            key = keystore.note_key(org)
    assert key is not None
    return Signer(key, lambda message: keystore.sign_note(org, message))
