"""The five contracts' ABIs: calls, events and errors between Python values and bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import orjson
from eth_abi.abi import encode
from eth_abi.codec import ABIDecoder
from eth_abi.decoding import StringDecoder
from eth_abi.exceptions import DecodingError, EncodingError
from eth_abi.registry import registry
from eth_utils.address import to_checksum_address

from chain_service.core.chainproof.storage_layout import (
    CATALOG_REGISTRY,
    ORGANISATIONS,
    RECORD_LOG,
    RECORD_STATUS,
    SEAL_REGISTRY,
)
from chain_service.core.encoding.digests import keccak256
from chain_service.errors import BadRequest, Reverted, Unavailable

CONTRACTS = (ORGANISATIONS, RECORD_LOG, RECORD_STATUS, SEAL_REGISTRY, CATALOG_REGISTRY)

PANICS = {  # Solidity manual, "Panic via assert and Error via require"
    0x01: "assertion failed",
    0x11: "arithmetic overflow",
    0x12: "division by zero",
    0x21: "value outside an enum",
    0x22: "malformed storage",
    0x31: "pop from an empty array",
    0x32: "array index out of bounds",
    0x41: "too much memory",
    0x51: "call of an uninitialised function",
}


@dataclass(frozen=True, slots=True)
class StatusChange:
    """One element of `StatusSet`'s changes."""

    index: int
    state: int
    reason: int
    digest: bytes

    @classmethod
    def unpack(cls, what: int, digest: bytes) -> StatusChange:
        """`what` = index | state << 64 | reason << 72."""
        return cls(what & (2**64 - 1), what >> 64 & 0xFF, what >> 72 & 0xFFFF, digest)

    def pack(self) -> tuple[int, bytes]:
        """The struct that `RecordStatus.set` takes."""
        return self.index | self.state << 64 | self.reason << 72, self.digest


@dataclass(frozen=True, slots=True)
class CatalogChange:
    """One element of `CatalogChanged`'s changes; `action` 1 publish, 2 change, 3 withdraw."""

    catalog: bytes
    sequence: int
    action: int
    previous: bytes
    digest: bytes

    @classmethod
    def unpack(cls, catalog: bytes, what: int, previous: bytes, digest: bytes) -> CatalogChange:
        """`what` = sequence | action << 64."""
        return cls(catalog, what & (2**64 - 1), what >> 64, previous, digest)

    def pack(self) -> tuple[bytes, int, bytes, bytes]:
        """The struct that `CatalogRegistry.publish` takes."""
        return self.catalog, self.sequence | self.action << 64, self.previous, self.digest


PACKED_CHANGES: Mapping[str, Any] = {"StatusSet": StatusChange.unpack, "CatalogChanged": CatalogChange.unpack}


@dataclass(frozen=True)
class ChainEvent:
    """An event as a node reported it: news, not proof.

    `args` are named as in the ABI: bytes32 as bytes, addresses as EIP-55 text, integers as int, and `changes` of
    `StatusSet` and `CatalogChanged` as tuples of `StatusChange` and `CatalogChange`. Text has U+FFFD where its bytes
    are not UTF-8: the chain takes any bytes.
    """

    block: int
    block_hash: bytes
    position: int
    tx: bytes
    contract: str
    address: str
    name: str
    args: Mapping[str, Any]


@dataclass(frozen=True)
class _Item:
    """A function, event or error of an ABI."""

    name: str
    signature: str
    names: tuple[str, ...]
    types: tuple[str, ...]
    indexed: tuple[bool, ...]
    returns: tuple[str, ...]

    @property
    def selector(self) -> bytes:
        return self.topic[:4]

    @property
    def topic(self) -> bytes:
        return keccak256(self.signature.encode())


def encode_call(contract: str, function: str, *args: Any) -> bytes:
    """Calldata of `function`; structs are tuples in the ABI's order. Raises `BadRequest` if one does not fit."""
    selector, types = _call(contract, function)
    try:
        return selector + encode(types, args)
    except (EncodingError, ValueError, TypeError, OverflowError) as error:
        raise BadRequest(f"{contract}.{function} cannot take these arguments: {error}") from error


def decode_result(contract: str, function: str, data: bytes) -> Any:
    """What `function` returned: one value, or a tuple of several. Raises `Unavailable` if the bytes do not fit."""
    returns = _functions(contract)[function].returns
    values = _decoded(returns, data)
    return values[0] if len(values) == 1 else values


def decode_call(contract: str, calldata: bytes) -> tuple[str, tuple[Any, ...]]:
    """The function that these bytes call and its arguments. Raises `Unavailable` if no function takes them."""
    for name, item in _functions(contract).items():
        if item.selector == calldata[:4]:
            return name, _decoded(item.types, calldata[4:])
    raise Unavailable("the bytes call no function of the contract", code="node_unavailable")


def encode_constructor(contract: str, *args: Any) -> bytes:
    """The transaction data that deploys `contract`."""
    types = next((_item(entry).types for entry in artifact(contract)["abi"] if entry["type"] == "constructor"), ())
    return _bytes(artifact(contract)["bytecode"]) + encode(types, args)


def runtime_code(contract: str, immutables: Mapping[str, int]) -> bytes:
    """The code that stands on chain once the constructor has filled in `immutables` (by name in the source)."""
    code = bytearray(_bytes(artifact(contract)["deployedBytecode"]))
    for name, places in artifact(contract)["immutableReferences"].items():
        for place in places:
            start, length = place["start"], place["length"]
            code[start : start + length] = immutables[name].to_bytes(length, "big")
    return bytes(code)


def decode_event(log: Mapping[str, Any], contracts: Mapping[str, str]) -> ChainEvent:
    """The event in one element of an `eth_getLogs` answer; `contracts` names each address (EIP-55).

    Raises `Unavailable` (code `node_unavailable`) if no event of that contract has this form.
    """
    try:
        address = to_checksum_address(log["address"])
        contract = contracts[address]
        topics = [_bytes(topic) for topic in log["topics"]]
        event = _events(contract)[topics[0]]
        return ChainEvent(
            block=int(log["blockNumber"], 16),
            block_hash=_bytes(log["blockHash"]),
            position=int(log["logIndex"], 16),
            tx=_bytes(log["transactionHash"]),
            contract=contract,
            address=address,
            name=event.name,
            args=_event_args(event, topics[1:], _bytes(log["data"])),
        )
    except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
        raise Unavailable(
            "the node reported an event that no contract of ours emits", code="node_unavailable"
        ) from error


def decode_revert(data: bytes | str | None) -> Reverted:
    """The contract error in revert data: `code` its name, `details["arguments"]` its arguments by name.

    Bytes become 0x hex and integers above 2^53-1 decimal text. `Error(string)` and `Panic(uint256)` included; what
    cannot be read has the code `reverted` and the data itself.
    """
    try:
        raw = _bytes(data) if isinstance(data, str) else data or b""
    except ValueError:
        raw = b""
    item = _errors().get(raw[:4])
    if item is None:
        return Reverted("the contract refused without a known reason", data="0x" + raw[:256].hex())
    try:
        values = _decoder().decode(item.types, raw[4:])
    except (DecodingError, OverflowError, ValueError):
        return Reverted(f"the contract refused with a malformed {item.name}", code=item.name, arguments={})
    if item.name == "Error":
        return Reverted(f"the contract refused: {values[0]}", arguments={"reason": values[0]})
    arguments = {
        name or str(n): _json(_value(kind, value))
        for n, (name, kind, value) in enumerate(zip(item.names, item.types, values, strict=True))
    }
    if item.name == "Panic":
        return Reverted(f"the contract failed: {PANICS.get(values[0], 'panic')}", code="Panic", arguments=arguments)
    shown = ", ".join(f"{name}={value}" for name, value in arguments.items())
    return Reverted(f"the contract refused: {item.name}({shown})", code=item.name, arguments=arguments)


@cache
def artifact(contract: str) -> Mapping[str, Any]:
    """The compiled contract as checked in: `abi`, `bytecode`, `storageLayout` and the compiler's settings."""
    file = resources.files(__package__) / "artifacts" / f"{contract}.json"
    loaded: Mapping[str, Any] = orjson.loads(file.read_bytes())
    return loaded


def _event_args(event: _Item, topics: Sequence[bytes], data: bytes) -> Mapping[str, Any]:
    where = [*zip(event.names, event.types, event.indexed, strict=True)]
    in_topics = [(name, kind) for name, kind, indexed in where if indexed]
    in_data = [(name, kind) for name, kind, indexed in where if not indexed]
    args = {
        name: _value(kind, _decoded((kind,), topic)[0]) for (name, kind), topic in zip(in_topics, topics, strict=True)
    }
    values = _decoded(tuple(kind for _, kind in in_data), data)
    args |= {name: _value(kind, value) for (name, kind), value in zip(in_data, values, strict=True)}
    if unpack := PACKED_CHANGES.get(event.name):
        args["changes"] = tuple(unpack(*change) for change in args["changes"])
    return args


def _value(kind: str, value: Any) -> Any:
    return to_checksum_address(value) if kind == "address" else value


def _decoded(types: tuple[str, ...], data: bytes) -> tuple[Any, ...]:
    try:
        return tuple(_decoder().decode(types, data))
    except (DecodingError, OverflowError, ValueError) as error:
        raise Unavailable("the node's answer does not fit the contract's ABI", code="node_unavailable") from error


@cache
def _decoder() -> ABIDecoder:
    # eth_abi's own decoder raises for text that is not UTF-8: whoever may write an event could stop all its readers.
    lenient = registry.copy()  # type: ignore[no-untyped-call]
    lenient.unregister_decoder("string")
    text = StringDecoder(handle_string_errors="replace")  # type: ignore[no-untyped-call]
    lenient.register_decoder("string", text, label="string")
    return ABIDecoder(lenient)


def _json(value: Any) -> Any:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53 - 1:
        return str(value)
    return value


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


@cache
def _call(contract: str, function: str) -> tuple[bytes, tuple[str, ...]]:
    item = _functions(contract)[function]
    return item.selector, item.types


@cache
def _functions(contract: str) -> Mapping[str, _Item]:
    return {item.name: item for item in _items(contract, "function")}


@cache
def _events(contract: str) -> Mapping[bytes, _Item]:
    return {item.topic: item for item in _items(contract, "event")}


@cache
def _errors() -> Mapping[bytes, _Item]:
    solidity = [
        _item({"name": "Error", "inputs": [{"name": "reason", "type": "string"}]}),
        _item({"name": "Panic", "inputs": [{"name": "code", "type": "uint256"}]}),
    ]
    ours = [item for contract in CONTRACTS for item in _items(contract, "error")]
    return {item.selector: item for item in (*solidity, *ours)}


def _items(contract: str, kind: str) -> list[_Item]:
    return [_item(entry) for entry in artifact(contract)["abi"] if entry["type"] == kind]


def _item(entry: Mapping[str, Any]) -> _Item:
    inputs = entry.get("inputs", [])
    types = tuple(_type(part) for part in inputs)
    return _Item(
        name=entry.get("name", "constructor"),
        signature=f"{entry.get('name', 'constructor')}({','.join(types)})",
        names=tuple(part["name"] for part in inputs),
        types=types,
        indexed=tuple(bool(part.get("indexed")) for part in inputs),
        returns=tuple(_type(part) for part in entry.get("outputs", [])),
    )


def _type(part: Mapping[str, Any]) -> str:
    """The canonical type: structs as tuples of their members."""
    kind: str = part["type"]
    if not kind.startswith("tuple"):
        return kind
    return "(" + ",".join(_type(member) for member in part["components"]) + ")" + kind.removeprefix("tuple")
