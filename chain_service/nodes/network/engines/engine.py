"""The two engines, each a module with the same functions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from chain_service.errors import Unavailable
from chain_service.nodes.network.descriptor import Engine
from chain_service.nodes.network.engines import besu, geth, geth_binary


def engine_of(name: Engine) -> ModuleType:
    """`geth` or `besu` of this package."""
    return {"geth": geth, "besu": besu}[name]


def binary_of(engine: Engine, cache: Path, named: Path | None, tell: Callable[[str], None]) -> Path:
    """The engine's program: found, or for geth built into `cache`. Raises Unavailable (`no_engine`) with the remedy."""
    if engine == "besu":
        found = besu.find()
        if found is None:
            raise Unavailable(
                "no `besu` on PATH: install Hyperledger Besu 26.7.1 or newer, or start compose.yaml. "
                "请安装 Hyperledger Besu 并加入 PATH，或使用 compose.yaml 启动。",
                code="no_engine",
            )
        besu.require_version(found)
        return found
    return geth_binary.require(cache, named, tell)
