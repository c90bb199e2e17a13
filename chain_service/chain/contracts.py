"""The five contracts' ABIs: calls, events and errors between Python values and bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from chain_service.errors import Reverted

ORGANISATIONS, RECORD_LOG, RECORD_STATUS = "Organisations", "RecordLog", "RecordStatus"
SEAL_REGISTRY, CATALOG_REGISTRY = "SealRegistry", "CatalogRegistry"
CONTRACTS = (ORGANISATIONS, RECORD_LOG, RECORD_STATUS, SEAL_REGISTRY, CATALOG_REGISTRY)


class StatusChange(NamedTuple):
    """One element of `StatusSet`'s changes."""

    index: int
    state: int
    reason: int
    digest: bytes


class CatalogChange(NamedTuple):
    """One element of `CatalogChanged`'s changes; `action` 1 publish, 2 change, 3 withdraw."""

    catalog: bytes
    sequence: int
    action: int
    previous: bytes
    digest: bytes


@dataclass(frozen=True)
class ChainEvent:
    """An event as a node reported it: news, not proof.

    `args` are named as in the ABI: bytes32 as bytes, addresses as EIP-55 text, integers as int, and `changes` of
    `StatusSet` and `CatalogChanged` as tuples of `StatusChange` and `CatalogChange`.
    """

    block: int
    block_hash: bytes
    position: int
    tx: bytes
    contract: str
    address: str
    name: str
    args: Mapping[str, Any]


def encode_call(contract: str, function: str, *args: Any) -> bytes:
    """Calldata of `function`; structs are tuples in the ABI's order. Raises `BadRequest` if an argument does not fit."""


def decode_result(contract: str, function: str, data: bytes) -> Any:
    """What `function` returned: one value, or a tuple of several. Raises `Unavailable` if the bytes do not fit."""


def encode_constructor(contract: str, *args: Any) -> bytes:
    """The transaction data that deploys `contract`."""


def decode_event(log: Mapping[str, Any], contracts: Mapping[str, str]) -> ChainEvent:
    """The event in one element of an `eth_getLogs` answer; `contracts` names each address (EIP-55). Raises `Unavailable`
    (code `node_unavailable`) if no event of that contract has this form."""


def decode_revert(data: bytes | str | None) -> Reverted:
    """The contract error in revert data: `code` its name, `details["arguments"]` its arguments by name (bytes as 0x hex).

    `Error(string)` and `Panic(uint256)` included; what cannot be read has the code `reverted` and the data itself.
    """


def organisation_id(org: str) -> bytes:
    """The organisation's 18 ASCII bytes, left-aligned in 32."""
