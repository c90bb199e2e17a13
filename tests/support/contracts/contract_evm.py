"""The five contracts in a py-evm state under Berlin rules: no server, no blocks, no signatures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from eth import constants
from eth.chains.base import MiningChain
from eth.consensus.noproof import NoProofConsensus
from eth.db.atomic import AtomicDB
from eth.vm.forks.berlin import BerlinVM
from eth.vm.spoof import SpoofTransaction
from eth_utils.address import to_checksum_address

from chain_service.chain.contracts import (
    CONTRACTS,
    ChainEvent,
    decode_event,
    decode_result,
    decode_revert,
    encode_call,
    encode_constructor,
)
from chain_service.core.chainproof.storage_layout import Right
from chain_service.core.encoding.digests import keccak256
from chain_service.errors import Reverted

CHAIN_ID = 20_260_131
NOW = 1_800_000_000
GAS_LIMIT = 100_000_000

ORG_A, ORG_B, ORG_SUSPENDED, ORG_UNKNOWN = (
    code.encode().ljust(32, b"\0")
    for code in ("11310000MB2F30012A", "11320500014149644B", "12330000470080007C", "91110000100000000X")
)


def account(name: str) -> bytes:
    """The address that tests know by this name."""
    return keccak256(name.encode())[12:]


def log_of(organisation: bytes, generation: int = 0) -> bytes:
    return organisation[:28] + generation.to_bytes(4, "big")


@contextmanager
def refused(name: str, **arguments: Any) -> Iterator[None]:
    """The contract refuses with this error, and with these among its arguments."""
    with pytest.raises(Reverted) as caught:
        yield
    found = caught.value.details.get("arguments", {})
    named = {key: found.get(key) for key in arguments}
    assert (caught.value.code, _comparable(named)) == (name, _comparable(arguments))


def _comparable(arguments: dict[str, Any]) -> dict[str, Any]:
    """Bytes as hex, and addresses whichever way their letters are written."""
    texts = {key: "0x" + value.hex() if isinstance(value, bytes) else value for key, value in arguments.items()}
    return {key: value.lower() if isinstance(value, str) else value for key, value in texts.items()}


REGISTRAR = account("registrar")


@dataclass(frozen=True)
class Outcome:
    """A transaction that was accepted: gas of the whole transaction, what the function returned, events in order."""

    gas: int
    value: Any
    events: list[ChainEvent]


class _Vm(BerlinVM):
    extra_data_max_bytes = 65535
    consensus_class = NoProofConsensus


class ContractEvm:
    """One state. `branch()` gives a fresh one that starts from what was deployed and set up here."""

    def __init__(self, vm: Any, header: Any, addresses: dict[str, bytes]) -> None:
        self._vm = vm
        self._header = header
        self.addresses = addresses

    @classmethod
    def deployed(cls) -> ContractEvm:
        """The contracts, two organisations with a clerk for everything, and a suspended one."""
        chain_type = MiningChain.configure(vm_configuration=((0, _Vm),), chain_id=CHAIN_ID)
        parameters: dict[str, Any] = {
            "difficulty": 1,
            "gas_limit": GAS_LIMIT,
            "timestamp": NOW - 1,
            "extra_data": b"",
            "nonce": bytes(8),
            "coinbase": constants.ZERO_ADDRESS,
            "mix_hash": bytes(32),
        }
        chain = chain_type.from_genesis(AtomicDB(), parameters, {})
        parent = chain.get_canonical_head()
        header = chain.create_header_from_parent(parent, timestamp=NOW, gas_limit=GAS_LIMIT, difficulty=1)
        evm = cls(chain.get_vm(header), header, {})
        evm._deploy_all()
        return evm

    def mark(self) -> ContractEvm:
        """This state, kept: later branches start from here."""
        self._vm.state.persist()
        self._header = self._header.copy(state_root=self._vm.state.make_state_root())
        return self

    def branch(self) -> ContractEvm:
        """A fresh state that begins at the last `mark`; nothing done there is seen here."""
        vm = self._vm.__class__(self._header, self._vm.chaindb, self._vm.chain_context, self._vm.consensus_context)
        return ContractEvm(vm, self._header, self.addresses)

    def transact(self, sender: bytes, contract: str, function: str, *args: Any) -> Outcome:
        """Raises Reverted when the contract refuses."""
        return self.send(sender, contract, function, encode_call(contract, function, *args))

    def send(self, sender: bytes, contract: str, function: str, data: bytes) -> Outcome:
        """The same with calldata of any bytes."""
        gas, computation = self._apply(sender, self.addresses[contract], data)
        names: dict[str, str] = {to_checksum_address(address): name for name, address in self.addresses.items()}
        events = [decode_event(_log(n, *entry), names) for n, entry in enumerate(computation.get_log_entries())]
        value = decode_result(contract, function, computation.output) if computation.output else None
        return Outcome(gas, value, events)

    def call(self, contract: str, function: str, *args: Any) -> Any:
        """What the view returns to anybody."""
        return self.transact(account("anybody"), contract, function, *args).value

    def word(self, contract: str, slot: bytes) -> int:
        """The storage word, 0 if the slot is empty."""
        return int(self._vm.state.get_storage(self.addresses[contract], int.from_bytes(slot, "big")))

    def force(self, contract: str, slot: bytes, value: int) -> None:
        """Puts a word where no transaction could, to begin from a log that would take too long to grow."""
        self._vm.state.set_storage(self.addresses[contract], int.from_bytes(slot, "big"), value)
        self._vm.state.lock_changes()

    def code(self, contract: str) -> bytes:
        return bytes(self._vm.state.get_code(self.addresses[contract]))

    def _deploy_all(self) -> None:
        arguments: dict[str, tuple[str, ...]] = {
            "Organisations": (),
            "RecordLog": ("Organisations",),
            "RecordStatus": ("Organisations", "RecordLog"),
            "SealRegistry": ("Organisations",),
            "CatalogRegistry": ("Organisations",),
        }
        for contract in CONTRACTS:
            given = [to_checksum_address(self.addresses[name]) for name in arguments[contract]]
            data = encode_constructor(contract, *(given or [to_checksum_address(REGISTRAR)]))
            _, computation = self._apply(REGISTRAR, b"", data)
            self.addresses[contract] = computation.msg.storage_address
        organisations = [ORG_A, ORG_B, ORG_SUSPENDED]
        everything = int(Right.ANCHOR | Right.STATUS | Right.SEAL | Right.CATALOG)
        self.registrar("registerOrganisations", [(org, "局", keccak256(org)) for org in organisations])
        self.registrar(
            "setRights",
            [(clerk, org, everything) for clerk, org in zip(CLERKS, organisations, strict=True)],
        )
        self.registrar("setSuspended", [(ORG_SUSPENDED, True)])

    def registrar(self, function: str, *args: Any) -> Outcome:
        return self.transact(REGISTRAR, "Organisations", function, *args)

    def _apply(self, sender: bytes, to: bytes, data: bytes) -> tuple[int, Any]:
        state = self._vm.state
        builder = self._vm.get_transaction_builder()
        unsigned = builder.create_unsigned_transaction(
            nonce=state.get_nonce(sender), gas_price=0, gas=GAS_LIMIT, to=to, value=0, data=data
        )
        transaction = SpoofTransaction(unsigned, from_=sender)
        state.lock_changes()
        computation = state.apply_transaction(transaction)
        if computation.is_error:
            raise decode_revert(computation.output)
        return self._vm.finalize_gas_used(transaction, computation), computation


CLERK_A, CLERK_B, CLERK_SUSPENDED = CLERKS = tuple(account(f"clerk {n}") for n in range(3))


def _log(position: int, address: bytes, topics: tuple[int, ...], data: bytes) -> dict[str, Any]:
    """The log entry as a node's JSON has it."""
    return {
        "address": "0x" + address.hex(),
        "topics": ["0x" + topic.to_bytes(32, "big").hex() for topic in topics],
        "data": "0x" + data.hex(),
        "blockNumber": "0x1",
        "blockHash": "0x" + bytes(32).hex(),
        "transactionHash": "0x" + bytes(32).hex(),
        "logIndex": hex(position),
    }
