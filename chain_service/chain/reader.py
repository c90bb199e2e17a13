"""Headers, proofs and events of the chain; what it returns as proven was checked by `core`, not by the node."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_utils.address import to_checksum_address

from chain_service.chain.contracts import ChainEvent, decode_event
from chain_service.chain.rpc import Request, Rpc, RpcError, quantity
from chain_service.core.chain_trust import ChainTrust
from chain_service.core.clique import CliqueHeader, majority_size, parse_header, recover_signer, verify_majority
from chain_service.core.evidence import Evidence, ProvenState, Slot, evidence_from_rpc, verify_evidence
from chain_service.core.headers import header_rlp_from_json
from chain_service.errors import InvalidProof, Unavailable

BLOCKS_AT_ONCE = 250
LOG_BLOCKS_AT_ONCE = 1000  # Besu answers for at most 5,000 by default
KEYS_AT_ONCE = 1000  # newer geth proves at most 1,024 slots in one request
MAX_HISTORY = 4096


@dataclass(frozen=True)
class History:
    """A gapless history to prove: `slot(n)` is the slot of position n, from 0, in one contract.

    `known` is how many positions are believed to exist; a wrong guess costs a round trip, never a wrong answer.
    """

    contract: str
    slot: Callable[[int], bytes]
    known: int = 0


class ChainReader:
    """Reads of one chain. Threads may share it."""

    def __init__(self, rpc: Rpc, trust: ChainTrust) -> None:
        self.rpc = rpc
        self.trust = trust
        self._names: dict[str, str] = {to_checksum_address(pin.address): name for name, pin in trust.contracts.items()}
        self._addresses = {name: address for address, name in self._names.items()}

    def head(self) -> int:
        """The newest block's number, as the node says."""
        return quantity(self.rpc.call("eth_blockNumber"))

    def final_head(self) -> int:
        """The newest final block's number, as the node says: one signer, the head; N signers, N blocks below it."""
        head = self.head()
        validators = len(self.trust.validators_at(head))
        return head if validators == 1 else max(head - validators, 0)

    def blocks(self, first: int, last: int) -> list[CliqueHeader]:
        """The headers of `first`..`last`, both included.

        Each was rehashed, is sealed by a trusted signer and linked to the one before. Raises `InvalidProof`,
        `Unavailable` if the node lacks one.
        """
        headers: list[CliqueHeader] = []
        for start in range(first, last + 1, BLOCKS_AT_ONCE):
            numbers = range(start, min(start + BLOCKS_AT_ONCE, last + 1))
            answers = self.rpc.batch([_block_request(number) for number in numbers])
            for number, answer in zip(numbers, answers, strict=True):
                header = parse_header(header_rlp_from_json(_existing(answer, number)))
                if header.number != number or (headers and header.parent_hash != headers[-1].block_hash):
                    raise InvalidProof("a block does not follow the one before it", block=number)
                self._check_seal(header)
                headers.append(header)
        return headers

    def prove(
        self, number: int, wants: Sequence[Slot], expected_hash: bytes | None = None, accounts: Collection[str] = ()
    ) -> tuple[Evidence, ProvenState]:
        """The wanted slots' values in the state after block `number`, in one round trip, verified.

        `accounts` are contracts whose code is to be proven even if no slot of theirs is wanted. Raises `InvalidProof`
        if the node's answer proves nothing (code `block_replaced` if the block is sealed but is not
        `expected_hash`), `Unavailable` if the node cannot prove that block now.
        """
        slots: dict[str, list[bytes]] = {name: [] for name in accounts}
        for contract, slot in dict.fromkeys(wants):
            slots.setdefault(contract, []).append(slot)
        evidence = self._fetch(number, slots)
        state = verify_evidence(evidence, self.trust)
        if state.block != number:
            raise InvalidProof("the node proved another block", block=number)
        if expected_hash is not None and state.block_hash != expected_hash:
            raise InvalidProof("another block stands at this height now", code="block_replaced", block=number)
        asked = {self.trust.contracts[name].address: tuple(sorted(wanted)) for name, wanted in slots.items()}
        if evidence.accounts != tuple(sorted(asked.items())):
            raise InvalidProof("the node proved other slots than those asked for", block=number)
        return evidence, state

    def prove_histories(
        self,
        number: int,
        wants: Sequence[Slot],
        histories: Sequence[History],
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

    def events(self, first: int, last: int) -> list[ChainEvent]:
        """All events of our contracts in blocks `first`..`last`, in chain order, as the node says."""
        events: list[ChainEvent] = []
        for start in range(first, last + 1, LOG_BLOCKS_AT_ONCE):
            end = min(start + LOG_BLOCKS_AT_ONCE - 1, last)
            asked = {"address": list(self._names), "fromBlock": hex(start), "toBlock": hex(end)}
            answer = self.rpc.call("eth_getLogs", asked)
            if not isinstance(answer, list):
                raise Unavailable("the node's answer is no list of events", code="node_unavailable")
            found = [decode_event(log, self._names) for log in answer]
            if any(not start <= event.block <= end for event in found):
                raise Unavailable("the node reported events of other blocks", code="node_unavailable")
            events += sorted(found, key=lambda event: (event.block, event.position))
        return events

    def _fetch(self, number: int, slots: Mapping[str, Sequence[bytes]]) -> Evidence:
        count = majority_size(len(self.trust.validators_at(number)))
        requests = [_block_request(number + place) for place in range(count)]
        for contract, wanted in slots.items():
            address = self._addresses[contract]
            for start in range(0, max(len(wanted), 1), KEYS_AT_ONCE):
                keys = ["0x" + slot.hex() for slot in wanted[start : start + KEYS_AT_ONCE]]
                requests.append(("eth_getProof", (address, keys, hex(number))))
        try:
            answers = self.rpc.batch(requests)
        except RpcError as error:
            raise Unavailable(
                "the node cannot prove this block", code="node_unavailable", block=number, reason=error.reason
            ) from error
        blocks = [_existing(answer, number + place) for place, answer in enumerate(answers[:count])]
        return evidence_from_rpc(self.trust.chain_id, self.trust.genesis_hash, blocks, answers[count:])

    def _check_seal(self, header: CliqueHeader) -> None:
        if header.number == 0:
            if header.block_hash != self.trust.genesis_hash:
                raise InvalidProof("the chain begins with another block", code="wrong_chain")
            return
        validators = self.trust.validators_at(header.number)
        if len(validators) == 1:
            verify_majority([header], validators)
        elif recover_signer(header) not in validators:
            raise InvalidProof("a header is sealed by a stranger", block=header.number)


def _length(state: ProvenState, history: History, span: int) -> int:
    """Positions before the first absent one; `span` if all are there."""
    return next((n for n in range(span) if state.word(history.contract, history.slot(n)) == 0), span)


def _block_request(number: int) -> Request:
    return "eth_getBlockByNumber", (hex(number), False)


def _existing(answer: Any, number: int) -> Mapping[str, Any]:
    if not isinstance(answer, dict):
        raise Unavailable("the node lacks a block", code="node_unavailable", block=number)
    return answer
