"""The chain as files that go-ethereum imports."""

from __future__ import annotations

from pathlib import Path


def export(directory: Path, target: Path) -> int:
    """`target` holds all blocks but genesis as RLP, `target` + `.genesis.json` the genesis; answers the head's number.

    `geth init TARGET.genesis.json`, then `geth import TARGET`. Works while a node runs. Raises NotFound and Conflict
    (a target exists).
    """
    raise NotImplementedError
