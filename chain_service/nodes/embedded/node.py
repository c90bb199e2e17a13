"""One running trial chain."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from chain_service.nodes.embedded.genesis import Genesis


class Node:
    """A trial chain that answers JSON-RPC and seals blocks while started; holds its directory alone."""

    genesis: Genesis

    @classmethod
    def open(cls, directory: Path, password: str, *, period: int | None = None, heartbeat: float = 60.0) -> Node:
        """The chain in `directory`, locked for this process.

        `period` (seconds) may lengthen, never shorten, the one in genesis. An empty block follows after `heartbeat`
        seconds of silence. Raises NotFound (no chain there), Unauthorised (wrong password) and Conflict, code
        `chain_in_use`, when another process has it open.
        """
        raise NotImplementedError

    def handle(self, request: bytes) -> bytes:
        """The JSON-RPC answer to one request body, single or batch; empty for notifications."""
        raise NotImplementedError

    def start(self) -> None:
        """Blocks are sealed from now on, in a thread of its own."""

    def stop(self) -> None:
        """No block is being sealed any more; what waits in the pool stays on disk."""

    def close(self) -> None:
        """Stopped, files closed, directory free for another process."""

    def __enter__(self) -> Self:
        """Started."""
        raise NotImplementedError

    def __exit__(self, *_: object) -> None:
        self.close()
