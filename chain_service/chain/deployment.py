"""Which chain and which contracts this instance means, and how they came to be there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from eth_account.signers.local import LocalAccount

from chain_service.chain.rpc import Rpc
from chain_service.core.evidence import ChainTrust


@dataclass(frozen=True)
class DeployedContract:
    """One contract: where, with which code, since which block."""

    address: str
    code_hash: bytes
    block: int


@dataclass(frozen=True)
class Deployment:
    """`DIR/deployment.json`: everything needed to recognise the chain and believe its proofs.

    `validators` are ranges (first block, signers' addresses ascending), the last one open.
    """

    version: str
    chain_id: int
    genesis_hash: bytes
    consensus: str
    epoch: int
    validators: tuple[tuple[int, tuple[str, ...]], ...]
    contracts: Mapping[str, DeployedContract]
    registrar: str

    @classmethod
    def load(cls, file: Path) -> Deployment:
        """Raises `NotFound` (code `not_deployed`) if the file is missing, `Corrupt` if it cannot be read."""

    def save(self, file: Path) -> None:
        """The file exists, complete or not at all. Raises `Conflict` (code `already_deployed`) if it existed."""

    def trust(self) -> ChainTrust:
        """What `core.evidence` verifies against."""

    def address(self, contract: str) -> str:
        """The contract's address."""

    @property
    def first_block(self) -> int:
        """The first block that can hold an event of ours."""


def deploy(
    rpc: Rpc,
    registrar: LocalAccount,
    *,
    state: Path,
    progress: Callable[[str, int, int], None] | None = None,
    timeout: float = 120.0,
) -> Deployment:
    """All five contracts stand, owned by `registrar`, their code proven against a sealed block.

    Signed transactions are kept in `state` before they are sent, so that an interrupted run is finished by the next
    one; the file is removed by whoever has stored the result. `progress(contract, done, total)`.
    Raises `Unavailable`, `Reverted`, `Conflict` (code `wrong_chain`) if `state` belongs to another chain.
    """


def check_chain(rpc: Rpc, deployment: Deployment) -> None:
    """Every node that answers serves the deployment's chain and code, proven. Raises `Conflict` (code `wrong_chain`) if one
    does not, `Unavailable` if none answers."""
