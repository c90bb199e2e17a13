"""What a chain's state was at one block, shown by headers and trie nodes alone: no node or network is believed.

Links: header ← seals of trusted validators; state root ← header; pinned contract ← state root; word ← its storage root.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from chain_service.core.chainproof.consensus import CONSENSUS_FORMS, prove_block
from chain_service.core.chainproof.headers import MAX_HEADERS, Assurance, ProvenHeader, header_rlp_from_json
from chain_service.core.chainproof.tries import EMPTY_NODE, MAX_NODES, NodePool, account_at, slot_at
from chain_service.core.chainproof.trust import ChainTrust
from chain_service.core.encoding import rlp
from chain_service.core.encoding.hex_members import from_hex, member, to_hex
from chain_service.errors import CannotTell, InvalidProof

MAX_ACCOUNTS: Final = 64
MAX_SLOTS: Final = 16_384
MAX_EVIDENCE_BYTES: Final = 16 * 2**20

Slot: TypeAlias = tuple[str, bytes]
"""A contract's name, for example "RecordLog", and a 32-byte slot of its storage."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Headers and trie nodes as they are stored and sent; proves nothing until `verify_evidence` has accepted it."""

    form: str
    chain_id: int
    genesis_hash: bytes
    headers: tuple[bytes, ...]
    """RLP; the block in question first, then those on top of it that make its majority."""
    nodes: tuple[bytes, ...]
    """Pool of trie nodes, each once."""
    accounts: tuple[tuple[bytes, tuple[bytes, ...]], ...]
    """Address and 32-byte slots, both ascending."""

    def to_bytes(self) -> bytes:
        """One encoding per value: RLP [form, chain id, genesis hash, [header], [node], [[address, [slot]]]]."""
        return rlp.encode(
            (
                self.form.encode(),
                rlp.integer_bytes(self.chain_id),
                self.genesis_hash,
                self.headers,
                self.nodes,
                self.accounts,
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Evidence:
        """What `to_bytes` encoded. Raises InvalidProof for other bytes or more than MAX_EVIDENCE_BYTES."""
        if len(data) > MAX_EVIDENCE_BYTES:
            raise InvalidProof("evidence is too large", bytes=len(data))
        parts = rlp.decode_list(data)
        if len(parts) != 6:
            raise InvalidProof("evidence has 6 parts", parts=len(parts))
        form, chain_id, genesis_hash, headers, nodes, accounts = parts
        known = next((name for name in CONSENSUS_FORMS if form == name.encode()), None)
        if known is None:
            raise InvalidProof("the format of this evidence is unknown")
        return cls(
            form=known,
            chain_id=rlp.integer(chain_id),
            genesis_hash=_bytes(genesis_hash),
            headers=_all_bytes(headers),
            nodes=_all_bytes(nodes),
            accounts=tuple(_account(part) for part in _list(accounts)),
        )


@dataclass(frozen=True, slots=True)
class ProvenState:
    """What one block's state was shown to hold."""

    chain_id: int
    block: int
    block_hash: bytes
    time: int
    """The block's time, unix seconds, set by its proposer."""
    assurance: Assurance
    validators: int
    signers: int
    words: Mapping[Slot, int]
    """Every word that was proven; 0 where the slot was proven absent."""
    counts: bool = True
    """It shows by itself what stood at this block; what does not is evidence only together with a state that does."""
    speaks_until: int | None = None
    """The last moment (unix seconds) that it says anything of, -1 if that is not known; None: no end."""

    def word(self, contract: str, slot: bytes) -> int:
        """The word in a contract's slot, 0 if it was proven absent. Raises InvalidProof if it was not proven at all."""
        try:
            return self.words[contract, slot]
        except KeyError:
            raise InvalidProof("the evidence does not cover a slot", contract=contract, slot=to_hex(slot)) from None


def verify_evidence(evidence: Evidence, trust: ChainTrust, *, max_nodes: int = MAX_NODES) -> ProvenState:
    """The state that this evidence proves under this trust.

    Raises InvalidProof, and nothing else, for evidence that proves nothing or contains anything it does not need;
    CannotTell where this trust, or this version, does not know enough to say so.
    """
    # 1. it speaks of the trusted chain
    if evidence.chain_id != trust.chain_id or evidence.genesis_hash != trust.genesis_hash:
        raise InvalidProof("the evidence is about another chain", chain_id=evidence.chain_id)
    # 2. its size is bounded before anything is hashed
    _require_bounds(evidence)
    pool = NodePool(evidence.nodes, max_nodes)
    # 3. trusted validators stand behind the block
    head = _proven_header(evidence, trust)
    # 4. every account is a trusted contract with the pinned code, every word lies in its storage
    names = {pin.address: (name, pin) for name, pin in trust.contracts.items()}
    words: dict[Slot, int] = {}
    for address, slots in evidence.accounts:
        if address not in names:
            raise InvalidProof("the evidence is about an untrusted contract", address=to_hex(address))
        name, pin = names[address]
        if pin.until is not None and head.block > pin.until.block:
            raise CannotTell("a contract was closed before this block", contract=name, block=head.block)
        if pin.until is not None and head.block == pin.until.block and head.block_hash != pin.until.block_hash:
            raise InvalidProof("another block ends this contract", contract=name, block=head.block)
        account = account_at(pool, head.state_root, address)
        if account is None or account.code_hash != pin.code_hash:
            raise InvalidProof("a contract is absent or has other code than the trusted one", contract=name)
        for slot in slots:
            words[name, slot] = slot_at(pool, account.storage_root, slot)
    # 5. no node is left over
    pool.require_all_used()
    return ProvenState(
        chain_id=trust.chain_id,
        block=head.block,
        block_hash=head.block_hash,
        time=head.time,
        assurance=head.assurance,
        validators=head.validators,
        signers=head.signers,
        words=words,
        counts=head.counts,
        speaks_until=head.speaks_until,
    )


def _require_bounds(evidence: Evidence) -> None:
    if not 0 < len(evidence.headers) <= MAX_HEADERS:
        raise InvalidProof("evidence has at least one header and not too many", headers=len(evidence.headers))
    if len(evidence.accounts) > MAX_ACCOUNTS or sum(len(slots) for _, slots in evidence.accounts) > MAX_SLOTS:
        raise InvalidProof("evidence covers too many accounts or slots")
    if len({address for address, _ in evidence.accounts}) != len(evidence.accounts):
        raise InvalidProof("evidence names an account twice")
    for address, slots in evidence.accounts:
        if len(address) != 20 or any(len(slot) != 32 for slot in slots):
            raise InvalidProof("an address has 20 bytes and a slot 32")
        if len(set(slots)) != len(slots):
            raise InvalidProof("evidence names a slot twice", address=to_hex(address))


def _proven_header(evidence: Evidence, trust: ChainTrust) -> ProvenHeader:
    if evidence.form not in CONSENSUS_FORMS:
        raise InvalidProof("the format of this evidence is unknown", form=evidence.form)
    return prove_block(evidence.headers, trust, evidence.form)


def evidence_from_rpc(
    chain_id: int,
    genesis_hash: bytes,
    blocks: Sequence[Mapping[str, Any]],
    proofs: Iterable[Mapping[str, Any]],
    form: str,
) -> Evidence:
    """Evidence made of what a node answered; nothing of it is believed yet.

    `blocks` are results of `eth_getBlockByNumber`, the block in question first; `proofs` results of `eth_getProof` at
    that block, one or more an account. Slots come back short from some nodes and are padded. Raises InvalidProof if
    an answer is malformed or a block's fields do not give its hash.
    """
    hash_of = CONSENSUS_FORMS[form].block_hash
    nodes: dict[bytes, None] = {}
    slots: dict[bytes, set[bytes]] = {}
    for proof in proofs:
        covered = slots.setdefault(from_hex(member(proof, "address", str), 20, "address"), set())
        _collect(member(proof, "accountProof", list), nodes)
        for part in member(proof, "storageProof", list):
            covered.add(_slot_key(member(part, "key", str)))
            _collect(member(part, "proof", list), nodes)
    # Some nodes list the empty trie's only node, some do not; a walk never needs it.
    nodes.pop(EMPTY_NODE, None)
    return Evidence(
        form=form,
        chain_id=chain_id,
        genesis_hash=genesis_hash,
        headers=tuple(header_rlp_from_json(block, hash_of) for block in blocks),
        nodes=tuple(nodes),
        accounts=tuple((address, tuple(sorted(slots[address]))) for address in sorted(slots)),
    )


def _collect(listed: Sequence[Any], nodes: dict[bytes, None]) -> None:
    for node in listed:
        nodes[from_hex(node, None, "proof")] = None


def _slot_key(text: str) -> bytes:
    digits = text.removeprefix("0x")
    if len(digits) > 64:
        raise InvalidProof("a storage key has at most 32 bytes", field="key")
    return from_hex("0x" + digits.rjust(64, "0"), 32, "key")


def _bytes(item: rlp.Item) -> bytes:
    if not isinstance(item, bytes):
        raise InvalidProof("evidence holds a list where bytes belong")
    return item


def _list(item: rlp.Item) -> list[rlp.Item]:
    if isinstance(item, bytes):
        raise InvalidProof("evidence holds bytes where a list belongs")
    return item


def _all_bytes(item: rlp.Item) -> tuple[bytes, ...]:
    return tuple(_bytes(part) for part in _list(item))


def _account(item: rlp.Item) -> tuple[bytes, tuple[bytes, ...]]:
    parts = _list(item)
    if len(parts) != 2:
        raise InvalidProof("evidence holds an account that is not address and slots")
    return _bytes(parts[0]), _all_bytes(parts[1])
