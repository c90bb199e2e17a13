"""Clique chains and world states made in memory with test keys, in the shapes a node would answer with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import coincurve
from trie.hexary import HexaryTrie

from chain_service.core.chainproof.clique import majority_size
from chain_service.core.chainproof.consensus import prove_block
from chain_service.core.chainproof.evidence import Evidence, evidence_from_rpc
from chain_service.core.chainproof.headers import ProvenHeader, decode_fields
from chain_service.core.chainproof.tries import EMPTY_TRIE_ROOT
from chain_service.core.chainproof.trust import FORM_CLIQUE, ChainTrust, PinnedContract, ValidatorRange
from chain_service.core.encoding import rlp
from chain_service.core.encoding.digests import keccak256

CHAIN_ID = 20261
GENESIS_HASH = keccak256(b"genesis of the simulated chain")
NO_OMMERS = keccak256(rlp.encode([]))
HEADER_FIELDS = [
    *("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom", "difficulty"),
    *("number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce", "baseFeePerGas"),
    *("withdrawalsRoot", "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot", "requestsHash"),
]
INTEGERS = {
    *("difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "blobGasUsed", "excessBlobGas"),
}


@dataclass(frozen=True)
class Validator:
    key: coincurve.PrivateKey
    address: bytes

    @classmethod
    def from_number(cls, number: int) -> Validator:
        key = coincurve.PrivateKey(keccak256(b"validator %d" % number))
        return cls(key, keccak256(key.public_key.format(compressed=False)[1:])[12:])

    def seal(self, unsealed: list[bytes]) -> list[bytes]:
        """The same fields with this validator's seal at the end of extraData."""
        digest = keccak256(rlp.encode(unsealed))
        sealed = list(unsealed)
        sealed[12] += self.key.sign_recoverable(digest, hasher=None)
        return sealed


def validators(count: int) -> list[Validator]:
    """So many validators, ascending by address."""
    return sorted((Validator.from_number(n) for n in range(count)), key=lambda validator: validator.address)


def header_fields(number: int, parent_hash: bytes, state_root: bytes, **changes: bytes | int) -> list[bytes]:
    """The fields of an unsealed header; `changes` by the names of `eth_getBlockByNumber`."""
    values: dict[str, bytes | int] = {
        "parentHash": parent_hash,
        "sha3Uncles": NO_OMMERS,
        "miner": bytes(20),
        "stateRoot": state_root,
        "transactionsRoot": EMPTY_TRIE_ROOT,
        "receiptsRoot": EMPTY_TRIE_ROOT,
        "logsBloom": bytes(256),
        "difficulty": 2,
        "number": number,
        "gasLimit": 60_000_000,
        "gasUsed": 21_000,
        "timestamp": 1_790_000_000 + number,
        "extraData": bytes(32),
        "mixHash": bytes(32),
        "nonce": bytes(8),
    }
    values |= changes
    return [value if isinstance(value, bytes) else rlp.integer_bytes(value) for value in values.values()]


def chain(
    first: int, sealers: list[Validator], among: list[Validator], state_root: bytes, epoch: int | None = None
) -> list[bytes]:
    """Linked headers from number `first`, one a sealer; every one has the same state root."""
    made: list[bytes] = []
    addresses = [validator.address for validator in among]
    for number, sealer in enumerate(sealers, start=first):
        in_turn = sealer in among and number % len(among) == among.index(sealer)
        fields = header_fields(
            number,
            keccak256(made[-1]) if made else keccak256(b"parent"),
            state_root,
            difficulty=2 if in_turn else 1,
            extraData=bytes(32) + (b"".join(addresses) if epoch and number % epoch == 0 else b""),
        )
        made.append(rlp.encode(sealer.seal(fields)))
    return made


def strings_of(header: bytes) -> list[bytes]:
    """The fields of a header, however wrong they are; all of them are strings."""
    fields = rlp.decode_list(header)
    strings = [field for field in fields if isinstance(field, bytes)]
    assert len(strings) == len(fields)
    return strings


def block_json(header: bytes) -> dict[str, Any]:
    """The header as `eth_getBlockByNumber` shows it."""
    values = strings_of(header)
    shown = {
        name: hex(int.from_bytes(value, "big")) if name in INTEGERS else "0x" + value.hex()
        for name, value in zip(HEADER_FIELDS, values, strict=False)
    }
    return shown | {"hash": "0x" + keccak256(header).hex(), "transactions": [], "uncles": [], "size": "0x260"}


@dataclass
class World:
    """Contracts by name with their storage words by slot; addresses and codes follow from the names."""

    storage: dict[str, dict[bytes, int]]
    other_accounts: int = 20
    _tries: dict[str, HexaryTrie] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.state = HexaryTrie({})
        for number in range(self.other_accounts):
            self.state[keccak256(b"stranger %d" % number)] = rlp.encode(
                [b"\x01", b"\x64", EMPTY_TRIE_ROOT, keccak256(b"")]
            )
        for name, words in self.storage.items():
            trie = self._tries[name] = HexaryTrie({})
            for slot, word in words.items():
                if word:
                    trie[keccak256(slot)] = rlp.encode(rlp.integer_bytes(word))
            self.state[keccak256(self.address(name))] = rlp.encode(
                [b"\x01", b"", trie.root_hash, keccak256(self.code(name))]
            )

    @property
    def root(self) -> bytes:
        return bytes(self.state.root_hash)

    def address(self, name: str) -> bytes:
        return keccak256(b"address of " + name.encode())[12:]

    def code(self, name: str) -> bytes:
        return b"code of " + name.encode()

    def trust(
        self, *addresses: bytes, form: str = FORM_CLIQUE, fields: int | None = None, **changes: Any
    ) -> ChainTrust:
        pins = {name: PinnedContract(self.address(name), keccak256(self.code(name))) for name in self.storage}
        known: dict[str, Any] = {
            "chain_id": CHAIN_ID,
            "genesis_hash": GENESIS_HASH,
            "ranges": (ValidatorRange(0, tuple(addresses), form, fields),),
            "contracts": pins,
        }
        return ChainTrust(**known | changes)

    def proof_json(self, name: str, slots: list[bytes]) -> dict[str, Any]:
        """What `eth_getProof` answers for a contract."""
        trie = self._tries[name]
        return {
            "address": "0x" + self.address(name).hex(),
            "accountProof": proof_nodes(self.state, keccak256(self.address(name))),
            "storageProof": [
                {
                    "key": hex(int.from_bytes(slot, "big")),
                    "value": hex(self.storage[name].get(slot, 0)),
                    "proof": proof_nodes(trie, keccak256(slot)),
                }
                for slot in slots
            ],
        }

    def evidence(self, wanted: dict[str, list[bytes]], among: list[Validator], number: int = 7) -> Evidence:
        """Evidence for these slots from a block that a majority of `among` built on."""
        sealers = [among[(number + place) % len(among)] for place in range(majority_size(len(among)))]
        return evidence_from_rpc(
            CHAIN_ID,
            GENESIS_HASH,
            [block_json(raw) for raw in chain(number, sealers, among, self.root)],
            [self.proof_json(name, slots) for name, slots in wanted.items()],
            FORM_CLIQUE,
        )


def prove_headers(
    raws: Sequence[bytes],
    among: Sequence[bytes],
    epoch: int | None = None,
    *,
    form: str = FORM_CLIQUE,
    fields: int | None = None,
) -> ProvenHeader:
    """The first header as a chain proves it whose only validators these addresses are, by default with its fields."""
    within = ValidatorRange(0, tuple(among), form, fields or len(decode_fields(raws[0])))
    return prove_block(raws, ChainTrust(CHAIN_ID, GENESIS_HASH, (within,), {}, epoch), form)


def proof_nodes(trie: HexaryTrie, key: bytes) -> list[str]:
    """The nodes from the root to a key or to where it would be, as a node lists them."""
    return ["0x" + node.hex() for node in listed_nodes(trie, key)]


def listed_nodes(trie: HexaryTrie, key: bytes) -> list[bytes]:
    """As `proof_nodes`, in bytes; embedded nodes are not listed by themselves."""
    nodes = [rlp.encode(node) for node in trie.get_proof(key)]
    return [node for node in nodes if len(node) >= 32]
