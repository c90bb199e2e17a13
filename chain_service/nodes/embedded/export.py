"""The chain as files that go-ethereum imports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from chain_service.errors import BadRequest, Conflict
from chain_service.files import replacing, write_shared
from chain_service.nodes.embedded.blocks.database import FILE, connect
from chain_service.nodes.embedded.blocks.genesis import load
from chain_service.nodes.embedded.blocks.sealing import encode_block


def export(directory: Path, target: Path) -> int:
    """`target` holds all blocks but genesis as RLP, `target` + `.genesis.json` the genesis; answers the head's number.

    `geth init TARGET.genesis.json`, then `geth import TARGET`. Works while a node runs. Raises NotFound and Conflict
    (a target exists), BadRequest (`file_not_written`).
    """
    genesis = load(directory)
    beside = target.with_name(target.name + ".genesis.json")
    for path in (target, beside):
        if path.exists():
            raise Conflict(f"{path} exists; an export never overwrites")
    try:
        return _write(directory, target, beside, json.dumps(genesis.document(), indent=1))
    except OSError as error:
        raise BadRequest(f"{target}: {error.strerror}", code="file_not_written", file=str(target)) from None


def _write(directory: Path, target: Path, beside: Path, genesis: str) -> int:
    number = 0
    with replacing(target) as file:
        for number, block in _blocks(directory / FILE):  # noqa: B007 - the last number is the newest block's
            file.write(block)
        write_shared(beside, genesis)
    return number


def _blocks(path: Path) -> Iterator[tuple[int, bytes]]:
    """Numbers and RLP of the blocks after genesis, as of one moment."""
    if not path.exists():
        return
    with closing(connect(path)) as connection:
        connection.execute("BEGIN")
        for number, header in connection.execute("SELECT number, header FROM block WHERE number > 0 ORDER BY number"):
            query = "SELECT raw FROM mined WHERE block = ? ORDER BY position"
            yield number, encode_block(header, [raw for (raw,) in connection.execute(query, (number,))])
