"""Headers, proofs and events of the chain; what it returns as proven was checked by `core`, not by the node."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

from eth_utils.address import to_checksum_address

from chain_service.chain.arrivals import Arrivals
from chain_service.chain.contracts import ChainEvent, decode_event
from chain_service.chain.node_causes import joined_causes
from chain_service.chain.rpc import Request, Rpc, RpcError, quantity
from chain_service.core.chainproof.consensus import (
    consensus_of,
    follow,
    headers_on_top,
    newest_final,
    proof_length,
    sealed,
)
from chain_service.core.chainproof.evidence import Evidence, ProvenState, Slot, evidence_from_rpc, verify_evidence
from chain_service.core.chainproof.headers import SealedHeader, header_rlp_from_json
from chain_service.core.chainproof.trust import ChainTrust
from chain_service.errors import ChainServiceError, InvalidProof, Unavailable

BLOCKS_AT_ONCE = 250
LOG_BLOCKS_AT_ONCE = 1000  # Besu answers for at most 5,000 by default
KEYS_AT_ONCE = 1000  # newer geth proves at most 1,024 slots in one request
MAX_HISTORY = 4096

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class HistoryRequest:
    """A gapless history to prove: `slot(n)` is the slot of position n, from 0, in one contract.

    `known` is how many positions are believed to exist; a wrong guess costs a round trip, never a wrong answer.
    """

    contract: str
    slot: Callable[[int], bytes]
    known: int = 0


@dataclass(frozen=True)
class NodeView:
    """What one node says: its newest block, and the header that it has at the height asked about, if any."""

    node: Rpc
    newest: int
    header: bytes | None
    """RLP, rehashed; nothing is said yet about who sealed it."""
    block_hash: bytes | None


class ChainReader:
    """Reads of one chain, from whichever node's answers prove true. Threads may share it.

    `trust` is replaced, as a whole, when the validators change.
    """

    def __init__(self, rpc: Rpc, trust: ChainTrust) -> None:
        self.rpc = rpc
        self.trust = trust
        self._names: dict[str, str] = {to_checksum_address(pin.address): name for name, pin in trust.contracts.items()}
        self._addresses = {name: address for address, name in self._names.items()}
        self.last_event_source: Rpc | None = None
        """The node whose events were believed last."""
        self.arrivals = Arrivals()
        """When new blocks arrived, as far as somebody looks."""

    def head(self) -> int:
        """The newest block's number, as a node says."""
        return quantity(self.rpc.call("eth_blockNumber"))

    def newest(self) -> tuple[int, int]:
        """Number and time (unix seconds) of the newest block, as a node says."""
        answer = self.rpc.call("eth_getBlockByNumber", "latest", False)
        block = _existing(answer, 0)
        return quantity(block.get("number")), quantity(block.get("timestamp"))

    def recent_signers(self, newest: int) -> tuple[int, int]:
        """How many validators sealed the last blocks up to `newest`, two rounds of them, and how many there are.

        Raises `InvalidProof`, `Unavailable`.
        """
        count = len(self.trust.validators_at(newest))
        headers = self.blocks(max(1, newest - 2 * count + 1), newest)
        return len({signer for header in headers for signer in header.signers}), count

    def unfinal_blocks(self, number: int) -> int:
        """How many of the newest blocks are not final in the ordinary course, around this block."""
        return headers_on_top(self.trust, number)

    def survey(self, number: int) -> list[NodeView]:
        """What every node that can be asked now says, the one with the newest block first.

        A node that answers nonsense is left out. Raises `Unavailable` if none is left.
        """
        seen: list[NodeView] = []
        failures: dict[str, ChainServiceError] = {}
        for node in self.rpc.nodes(avoided=False):
            try:
                newest, block = node.call_each([("eth_blockNumber", ()), _block_request(number)])
                raw = (
                    None
                    if isinstance(block, RpcError | None)
                    else header_rlp_from_json(_existing(block, number), self.block_hash)
                )
                seen.append(
                    NodeView(node, quantity(_raised(newest)), raw, None if raw is None else self.block_hash(raw))
                )
            except (Unavailable, InvalidProof, RpcError) as failure:
                failures[node.names[0]] = failure
                node.distrust()
        if not seen:
            raise joined_causes(failures)
        return sorted(seen, key=lambda view: -view.newest)

    def final_head(self) -> int:
        """The newest block that our own checks prove final, on whichever node.

        Raises `InvalidProof`, `Unavailable` if no node shows one.
        """
        best: int | None = None
        error: InvalidProof | Unavailable | None = None
        for view in self.survey(0):
            if best is not None and view.newest <= best:
                break
            try:
                number = self._final_on(view)
            except (InvalidProof, Unavailable) as failure:
                error = error or failure
                continue
            best = number if best is None else max(best, number)
        if best is None:
            raise error or Unavailable("no block is final yet", code="not_final")
        return best

    def _final_on(self, one: NodeView) -> int:
        if one.block_hash != self.trust.genesis_hash:
            one.node.distrust()
            raise InvalidProof("the chain begins with another block", code="wrong_chain")
        reach = headers_on_top(self.trust, one.newest)
        while True:
            first = max(0, one.newest - reach)
            followed = follow(self.headers(one.node, first, one.newest), self.trust, None, None)
            headers = [block.header for block in followed]
            place = newest_final(headers, self.trust)
            if place is not None:
                return headers[place].number
            reach = 2 * reach + 1

    def headers(self, node: Rpc, first: int, last: int) -> list[bytes]:
        """The RLP of the headers `first`..`last`, both included, as this node has them: rehashed and no more.

        Raises `InvalidProof`, `Unavailable` if the node lacks one.
        """
        raws: list[bytes] = []
        for start in range(first, last + 1, BLOCKS_AT_ONCE):
            numbers = range(start, min(start + BLOCKS_AT_ONCE, last + 1))
            answers = node.batch([_block_request(number) for number in numbers])
            raws += [
                header_rlp_from_json(_existing(answer, number), self.block_hash)
                for number, answer in zip(numbers, answers, strict=True)
            ]
        return raws

    def blocks(self, first: int, last: int, node: Rpc | None = None) -> list[SealedHeader]:
        """The headers of `first`..`last`, both included.

        Each was rehashed, is sealed by trusted validators and linked to the one before. Raises `InvalidProof`,
        `Unavailable` if no node has them.
        """

        def read(node: Rpc) -> list[SealedHeader]:
            headers = [sealed(raw, self.trust) for raw in self.headers(node, first, last)]
            for number, header in enumerate(headers, start=first):
                if header.number != number:
                    raise InvalidProof("a block does not follow the one before it", block=number)
            _require_linked(headers)
            return headers

        return read(node) if node is not None else self._from_any(read)

    def _from_any(self, read: Callable[[Rpc], Answer]) -> Answer:
        """What the first node says whose answer holds; the others are asked only then.

        Raises the first `InvalidProof`, or else `Unavailable` with what each node answered.
        """
        wrong: InvalidProof | None = None
        failures: dict[str, ChainServiceError] = {}
        for node in self.rpc.nodes():
            try:
                return read(node)
            except InvalidProof as error:
                wrong = wrong or error
                node.distrust()
            except (Unavailable, RpcError) as error:
                failures[node.names[0]] = error
        raise wrong or joined_causes(failures)

    def block_hash(self, raw: bytes) -> bytes:
        """The hash of the block with this header, as the chain's consensus has it. Raises `InvalidProof`."""
        return consensus_of(self.trust).block_hash(raw)

    def prove(
        self, number: int, wants: Sequence[Slot], expected_hash: bytes | None = None, accounts: Collection[str] = ()
    ) -> tuple[Evidence, ProvenState]:
        """The wanted slots' values in the state after block `number`, in one round trip to a truthful node, verified.

        `accounts` are contracts whose code is to be proven even if no slot of theirs is wanted. Raises `InvalidProof`
        if no node's answer proves anything (code `block_replaced` if the block is sealed but is not
        `expected_hash`), `Unavailable` if no node can prove that block now.
        """
        slots: dict[str, list[bytes]] = {name: [] for name in accounts}
        for contract, slot in dict.fromkeys(wants):
            slots.setdefault(contract, []).append(slot)
        asked = {self.trust.contracts[name].address: tuple(sorted(wanted)) for name, wanted in slots.items()}

        def read(node: Rpc) -> tuple[Evidence, ProvenState]:
            trust = self.trust
            evidence = self._fetch(node, trust, number, slots)
            state = verify_evidence(evidence, trust)
            if state.block != number:
                raise InvalidProof("the node proved another block", block=number)
            if expected_hash is not None and state.block_hash != expected_hash:
                raise InvalidProof(
                    "the chain has another block at this height now", code="block_replaced", block=number
                )
            if evidence.accounts != tuple(sorted(asked.items())):
                raise InvalidProof("the node proved other slots than requested", block=number)
            return evidence, state

        return self._from_any(read)

    def prove_histories(
        self,
        number: int,
        wants: Sequence[Slot],
        histories: Sequence[HistoryRequest],
        expected_hash: bytes | None = None,
    ) -> tuple[Evidence, ProvenState, tuple[int, ...]]:
        """Like `prove`, with every history whole: positions 0 to its first absent one.

        The last part of the answer is each history's length. One round trip when no `known` is too small; one that is
        too large is proven with more absent positions than needed.
        """
        spans = [history.known + 1 for history in histories]
        while True:
            whole = [
                *wants,
                *(
                    (history.contract, history.slot(n))
                    for history, span in zip(histories, spans, strict=True)
                    for n in range(span)
                ),
            ]
            evidence, state = self.prove(number, whole, expected_hash)
            lengths = tuple(_length(state, history, span) for history, span in zip(histories, spans, strict=True))
            if all(length < span for length, span in zip(lengths, spans, strict=True)):
                return evidence, state, lengths
            if max(spans) > MAX_HISTORY:
                raise InvalidProof("a history is longer than any we know how to prove", length=max(spans))
            spans = [span if length < span else 2 * span + 1 for length, span in zip(lengths, spans, strict=True)]

    def events(self, first: int, last: int, node: Rpc | None = None) -> list[ChainEvent]:
        """All events of our contracts in blocks `first`..`last`, in chain order, as the node says."""
        asked_of = node or self.rpc
        events: list[ChainEvent] = []
        for start in range(first, last + 1, LOG_BLOCKS_AT_ONCE):
            end = min(start + LOG_BLOCKS_AT_ONCE - 1, last)
            asked = {"address": list(self._names), "fromBlock": hex(start), "toBlock": hex(end)}
            answer = asked_of.call("eth_getLogs", asked)
            if not isinstance(answer, list):
                raise Unavailable("the node's answer is not a list of events", code="node_unavailable")
            decoded = [decode_event(log, self._names) for log in answer]
            if any(not start <= event.block <= end for event in decoded):
                raise Unavailable("the node reported events of other blocks", code="node_unavailable")
            events += sorted(decoded, key=lambda event: (event.block, event.position))
        return events

    def _fetch(self, node: Rpc, trust: ChainTrust, number: int, slots: Mapping[str, Sequence[bytes]]) -> Evidence:
        count = proof_length(trust, number)
        requests = [_block_request(number + place) for place in range(count)]
        for contract, wanted in slots.items():
            address = self._addresses[contract]
            for start in range(0, max(len(wanted), 1), KEYS_AT_ONCE):
                keys = ["0x" + slot.hex() for slot in wanted[start : start + KEYS_AT_ONCE]]
                requests.append(("eth_getProof", (address, keys, hex(number))))
        try:
            answers = node.batch(requests)
        except RpcError as error:
            raise Unavailable(
                "the node cannot prove this block", code="node_unavailable", block=number, reason=error.reason
            ) from error
        blocks = [_existing(answer, number + place) for place, answer in enumerate(answers[:count])]
        return evidence_from_rpc(trust.chain_id, trust.genesis_hash, blocks, answers[count:], trust.form)


def _require_linked(headers: Sequence[SealedHeader]) -> None:
    for parent, child in pairwise(headers):
        if child.number != parent.number + 1 or child.parent_hash != parent.block_hash:
            raise InvalidProof("a block does not follow the one before it", block=child.number)


def _raised(answer: Any) -> Any:
    if isinstance(answer, RpcError):
        raise answer
    return answer


def _length(state: ProvenState, history: HistoryRequest, span: int) -> int:
    """Positions before the first absent one; `span` if all are there."""
    return next((n for n in range(span) if state.word(history.contract, history.slot(n)) == 0), span)


def _block_request(number: int) -> Request:
    return "eth_getBlockByNumber", (hex(number), False)


def _existing(answer: Any, number: int) -> Mapping[str, Any]:
    if not isinstance(answer, dict):
        raise Unavailable("the node lacks a block", code="node_unavailable", block=number)
    return answer
