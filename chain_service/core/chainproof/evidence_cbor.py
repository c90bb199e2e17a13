"""Evidence as receipts carry it, and how the evidence of one record is cut out of that of a whole batch.

{1: form, 2: chain id, 3: genesis hash, 4: header | [+ header], 5: [+ node], 6: [+ [address, [* slot]]],
 ?7: checkpoint with cosignatures, ?8: [+ external time token]}
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, NoReturn

from chain_service.core.chainproof.consensus import CONSENSUS_FORMS
from chain_service.core.chainproof.evidence import Evidence, Slot
from chain_service.core.chainproof.headers import MAX_HEADER_BYTES, MAX_HEADERS, decode_fields
from chain_service.core.chainproof.tries import MAX_NODE_BYTES, AccountState, NodePool, account_at, slot_at
from chain_service.core.chainproof.trust import ChainTrust, require_verifiable
from chain_service.core.encoding.cose import Cbor
from chain_service.errors import InvalidProof, MalformedDocument

MAX_NODES: Final = 1024
"""A large registry takes four or five nodes a slot; what bounds the work is the size of a receipt."""
MAX_SLOTS: Final = 1024
MAX_CHECKPOINT: Final = 16 * 1024
MAX_TOKENS: Final = 4
MAX_TOKEN_BYTES: Final = 16 * 1024

FORM, CHAIN_ID, GENESIS_HASH, HEADERS, NODES, ACCOUNTS, CHECKPOINT, TIME_TOKENS = range(1, 9)
_ALWAYS: Final = frozenset(range(FORM, ACCOUNTS + 1))


@dataclass(frozen=True, slots=True)
class BlockProof:
    """One block's evidence, and what outsiders attested about that block (kept, not judged here)."""

    evidence: Evidence
    checkpoint: str | None = None
    """The log's checkpoint with cosignatures (C2SP tlog-checkpoint)."""
    time_tokens: tuple[bytes, ...] = ()
    """External time tokens over the block hash (RFC 3161)."""

    def to_json(self) -> dict[str, Any]:
        """For reading: headers and nodes by count and size."""
        evidence = self.evidence
        return {
            "form": evidence.form,
            "chainId": evidence.chain_id,
            "genesisHash": "0x" + evidence.genesis_hash.hex(),
            "headers": [{"bytes": len(raw), "rlp": "0x" + raw.hex()} for raw in evidence.headers],
            "nodes": {"count": len(evidence.nodes), "bytes": sum(map(len, evidence.nodes))},
            "accounts": [
                {"address": "0x" + address.hex(), "slots": ["0x" + slot.hex() for slot in slots]}
                for address, slots in evidence.accounts
            ],
            "checkpoint": self.checkpoint,
            "timeTokens": len(self.time_tokens),
        }


def block_to_cbor(block: BlockProof) -> Cbor:
    """The map that `block_from_cbor` reads. Raises InvalidProof for evidence beyond the bounds of receipts."""
    evidence = block.evidence
    if not _is_within_bounds(evidence):
        raise InvalidProof(
            "the evidence would be larger than any verifier accepts",
            nodes=len(evidence.nodes),
            slots=_slot_count(evidence),
        )
    single = CONSENSUS_FORMS[evidence.form].has_single_header
    value: dict[int, Cbor] = {
        FORM: evidence.form,
        CHAIN_ID: evidence.chain_id,
        GENESIS_HASH: evidence.genesis_hash,
        HEADERS: evidence.headers[0] if single else list(evidence.headers),
        NODES: list(evidence.nodes),
        ACCOUNTS: [[address, list(slots)] for address, slots in evidence.accounts],
    }
    if block.checkpoint is not None:
        value[CHECKPOINT] = block.checkpoint
    if block.time_tokens:
        value[TIME_TOKENS] = list(block.time_tokens)
    return value


def size_of(evidence: Evidence) -> int:
    """No fewer bytes than this evidence has in a receipt."""
    parts = (*evidence.headers, *evidence.nodes)
    accounts = sum(32 + 35 * len(slots) for _, slots in evidence.accounts)
    return 128 + sum(map(len, parts)) + 4 * len(parts) + accounts


def _slot_count(evidence: Evidence) -> int:
    return sum(len(slots) for _, slots in evidence.accounts)


def _is_within_bounds(evidence: Evidence) -> bool:
    return len(evidence.nodes) <= MAX_NODES and _slot_count(evidence) <= MAX_SLOTS


def block_from_cbor(value: Cbor) -> BlockProof:
    """The evidence in a map of these labels, within the bounds of receipts. Raises MalformedDocument."""
    if type(value) is not dict or not _ALWAYS <= value.keys() <= _ALWAYS | {CHECKPOINT, TIME_TOKENS}:
        _refuse("a map lacks a label or has one too many", "")
    form, chain_id, genesis_hash = value[FORM], value[CHAIN_ID], value[GENESIS_HASH]
    require_verifiable(form)
    if type(form) is not str or form not in CONSENSUS_FORMS:
        _refuse("the format of this evidence is unknown", "1")
    if type(chain_id) is not int or not 0 <= chain_id < 2**64:
        _refuse("a chain id is a whole number of at most 64 bits", "2")
    if type(genesis_hash) is not bytes or len(genesis_hash) != 32:
        _refuse("a block hash has 32 bytes", "3")
    headers = [value[HEADERS]] if CONSENSUS_FORMS[form].has_single_header else value[HEADERS]
    checkpoint = value.get(CHECKPOINT)
    if checkpoint is not None and (type(checkpoint) is not str or len(checkpoint) > MAX_CHECKPOINT):
        _refuse(f"a checkpoint is text of at most {MAX_CHECKPOINT} characters", "7")
    if CHECKPOINT in value and checkpoint is None:
        _refuse("a checkpoint is text", "7")
    tokens = _byte_strings(value[TIME_TOKENS], MAX_TOKENS, MAX_TOKEN_BYTES, "8") if TIME_TOKENS in value else ()
    evidence = Evidence(
        form=form,
        chain_id=chain_id,
        genesis_hash=genesis_hash,
        headers=_byte_strings(headers, MAX_HEADERS, MAX_HEADER_BYTES, "4"),
        nodes=_byte_strings(value[NODES], MAX_NODES, MAX_NODE_BYTES, "5"),
        accounts=_accounts(value[ACCOUNTS]),
    )
    return BlockProof(evidence, checkpoint, tokens)


def _byte_strings(value: Cbor, most: int, size: int, field: str) -> tuple[bytes, ...]:
    if type(value) is not list or not 0 < len(value) <= most:
        _refuse(f"a list of 1 to {most} byte strings is needed", field)
    if any(type(item) is not bytes or len(item) > size for item in value):
        _refuse(f"a byte string has at most {size} bytes here", field)
    return tuple(value)


def _accounts(value: Cbor) -> tuple[tuple[bytes, tuple[bytes, ...]], ...]:
    if type(value) is not list or not value or any(type(item) is not list or len(item) != 2 for item in value):
        _refuse("accounts are a list of address and slots", "6")
    found: list[tuple[bytes, tuple[bytes, ...]]] = []
    total = 0
    for address, slots in value:
        if type(address) is not bytes or len(address) != 20 or type(slots) is not list:
            _refuse("an account is a 20-byte address and a list of slots", "6")
        total += len(slots)
        if total > MAX_SLOTS or any(type(slot) is not bytes or len(slot) != 32 for slot in slots):
            _refuse(f"there are at most {MAX_SLOTS} slots, of 32 bytes each", "6")
        if any(left >= right for left, right in pairwise(slots)):
            _refuse("the slots of an account are ascending", "6")
        found.append((address, tuple(slots)))
    if any(left[0] >= right[0] for left, right in pairwise(found)):
        _refuse("accounts are ascending by address", "6")
    return tuple(found)


def _refuse(message: str, label: str) -> NoReturn:
    raise MalformedDocument(f"evidence: {message}", field=f"unprotected.-65601.{label}".rstrip("."))


class Selector:
    """Cuts evidence for single records out of the evidence of a batch. Not for threads to share.

    Trie nodes and code hashes are checked on the way; seals and validators are not.
    """

    def __init__(self, evidence: Evidence, trust: ChainTrust) -> None:
        """Raises InvalidProof if the pool or its first header is malformed."""
        self._evidence = evidence
        self._trust = trust
        self._pool = NodePool(evidence.nodes)
        self._state_root = decode_fields(evidence.headers[0])[3]
        self._accounts: dict[bytes, tuple[AccountState, tuple[bytes, ...]]] = {}
        self._slots: dict[tuple[bytes, bytes], tuple[bytes, ...]] = {}

    def select(self, slots: Iterable[Slot]) -> Evidence:
        """Evidence for exactly these slots, with no node that they do not need. Raises InvalidProof if one lacks."""
        wanted: dict[bytes, set[bytes]] = {}
        for contract, slot in slots:
            pin = self._trust.contracts.get(contract)
            if pin is None:
                raise InvalidProof("the contract is not among the trusted ones", contract=contract)
            wanted.setdefault(pin.address, set()).add(slot)
        nodes: dict[bytes, None] = {}
        accounts = tuple((address, tuple(sorted(wanted[address]))) for address in sorted(wanted))
        for address, of_account in accounts:
            account, on_the_way = self._account(address)
            nodes.update(dict.fromkeys(on_the_way))
            for slot in of_account:
                nodes.update(dict.fromkeys(self._walk(address, account, slot)))
        source = self._evidence
        return Evidence(source.form, source.chain_id, source.genesis_hash, source.headers, tuple(nodes), accounts)

    def select_fitting(self, slots: Sequence[Slot], extras: Sequence[Sequence[Slot]], most_bytes: int) -> Evidence:
        """Evidence for these slots and for as many of the extras, from the first one on, as a receipt has room for.

        Raises InvalidProof as `select`.
        """
        while True:
            evidence = self.select([*slots, *(slot for extra in extras for slot in extra)])
            if not extras or (_is_within_bounds(evidence) and size_of(evidence) <= most_bytes):
                return evidence
            extras = extras[: len(extras) // 2]

    def _account(self, address: bytes) -> tuple[AccountState, tuple[bytes, ...]]:
        known = self._accounts.get(address)
        if known is None:
            self._pool.take_used()
            account = account_at(self._pool, self._state_root, address)
            pins = {pin.address: pin.code_hash for pin in self._trust.contracts.values()}
            if account is None or account.code_hash != pins[address]:
                raise InvalidProof("a contract is absent or has other code than the trusted one")
            known = self._accounts[address] = account, self._pool.take_used()
        return known

    def _walk(self, address: bytes, account: AccountState, slot: bytes) -> tuple[bytes, ...]:
        """The nodes on the way to a slot; remembered, since the records of a batch share most of them."""
        known = self._slots.get((address, slot))
        if known is None:
            self._pool.take_used()
            slot_at(self._pool, account.storage_root, slot)
            known = self._slots[address, slot] = self._pool.take_used()
        return known


def select(evidence: Evidence, trust: ChainTrust, slots: Iterable[Slot]) -> Evidence:
    """`Selector(evidence, trust).select(slots)`, for who needs one."""
    return Selector(evidence, trust).select(slots)
