"""The birth of a trial chain: its genesis file as go-ethereum reads it, and the encrypted key that seals its blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Genesis:
    """What the first block fixes for ever."""

    chain_id: int
    hash: bytes
    signer: bytes
    period: int
    epoch: int
    gas_limit: int
    timestamp: int


def create(
    directory: Path,
    *,
    funded: Sequence[str],
    password: str,
    chain_id: int | None = None,
    period: int = 1,
    epoch: int = 30_000,
    gas_limit: int = 300_000_000,
) -> Genesis:
    """A new trial chain stands in `directory`: `genesis.json` and `sealing-key.json` (mode 0600).

    Each address of `funded` owns 2^200 wei. `period` is the least number of seconds between two blocks; without
    `chain_id` a random one is drawn. Raises Conflict when the directory holds anything already.
    """
    raise NotImplementedError
