"""Headers, proofs and events of the chain; what it returns as proven was checked by `core`, not by the node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chain_service.chain.contracts import ChainEvent
from chain_service.chain.deployment import Deployment
from chain_service.chain.rpc import Rpc
from chain_service.core.evidence import Evidence, ProvenState
from chain_service.core.headers import Header

Want = tuple[str, bytes]  # contract name, 32-byte slot


@dataclass(frozen=True)
class History:
    """A gapless history to prove: the slot of each position, from 0, in one contract.

    `known` is how many positions are believed to exist; a wrong guess costs a round trip, never a wrong answer.
    """

    contract: str
    key: bytes
    mapping: int
    known: int = 0

    def slot(self, n: int) -> bytes:
        """The slot of position `n`: key and mapping position as Solidity nests them (bytes32, then uint256)."""


class ChainReader:
    """Reads of one deployment's chain. Threads may share it."""

    def __init__(self, rpc: Rpc, deployment: Deployment) -> None: ...

    def head(self) -> int:
        """The newest block's number, as the node says."""

    def final_head(self) -> int:
        """The newest final block's number, as the node says: one signer, the head; N signers, N blocks below it."""

    def blocks(self, first: int, last: int) -> list[Header]:
        """The headers of `first`..`last`, both included, each rehashed, sealed by a trusted signer and linked to the one
        before. Raises `InvalidProof`, `Unavailable` if the node lacks one."""

    def prove(
        self, number: int, wants: Sequence[Want], expected_hash: bytes | None = None
    ) -> tuple[Evidence, ProvenState]:
        """The wanted slots' values in the state after block `number`, in one round trip, verified.

        Raises `InvalidProof` if the node's answer proves nothing (code `block_replaced` if the block is sealed but is
        not `expected_hash`), `Unavailable` if the node cannot prove that block now.
        """

    def prove_histories(
        self,
        number: int,
        wants: Sequence[Want],
        histories: Sequence[History],
        expected_hash: bytes | None = None,
    ) -> tuple[Evidence, ProvenState, tuple[int, ...]]:
        """Like `prove`, with every history whole: positions 0 to its first absent one. The last part of the answer is each
        history's length. One round trip when every `known` is right."""

    def events(self, first: int, last: int) -> list[ChainEvent]:
        """All events of our contracts in blocks `first`..`last`, in chain order."""
