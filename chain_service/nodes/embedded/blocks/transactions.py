"""Signed transactions as Berlin knows them: legacy with EIP-155, and EIP-2930 with an access list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import rlp
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError
from rlp.exceptions import RLPException
from tiny_keccak import keccak256

from chain_service.nodes.embedded.rpc_error import JsonRpcError

MAX_SIZE = 128 * 1024
_HALF_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141 // 2

AccessList = tuple[tuple[bytes, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction whose signature was recovered; `to` is empty for a creation, amounts are in wei."""

    raw: bytes
    hash: bytes
    sender: bytes
    type: int
    chain_id: int | None
    nonce: int
    gas_price: int
    gas: int
    to: bytes
    value: int
    data: bytes
    access_list: AccessList
    v: int
    r: int
    s: int

    @property
    def y_parity(self) -> int:
        """Which of two points the signature means, 0 or 1, however `v` writes it (EIP-155, EIP-2930)."""
        return self.v if self.type else (self.v - 35) % 2 if self.chain_id is not None else self.v - 27

    @property
    def cost(self) -> int:
        """What the sender must own."""
        return self.gas * self.gas_price + self.value

    @property
    def intrinsic_gas(self) -> int:
        """Gas that it costs before any code runs (yellow paper §6.2, EIP-2930)."""
        return intrinsic_gas(self.to, self.data, self.access_list)


def intrinsic_gas(to: bytes, data: bytes, access_list: AccessList) -> int:
    """Gas that is due before the first instruction (yellow paper g0, EIP-2028, EIP-2930)."""
    zeros = data.count(0)
    creation = 0 if to else 32_000
    listed = sum(2_400 + 1_900 * len(slots) for _, slots in access_list)
    return 21_000 + creation + 4 * zeros + 16 * (len(data) - zeros) + listed


def decode(raw: bytes, sender: bytes | None = None) -> Transaction:
    """The transaction in `raw`; its sender is recovered unless given. Raises RpcError (-32000)."""
    if len(raw) > MAX_SIZE:
        raise JsonRpcError(f"oversized data: transaction size {len(raw)}, limit {MAX_SIZE}")
    if not raw:
        raise JsonRpcError("typed transaction too short")
    if raw[0] <= 0x7F and raw[0] != 1:
        raise JsonRpcError("transaction type not supported")
    try:
        fields = rlp.decode(raw[1:] if raw[0] == 1 else raw)
        return _typed(raw, fields, sender) if raw[0] == 1 else _legacy(raw, fields, sender)
    except (RLPException, _Malformed) as error:
        raise JsonRpcError(f"rlp: {error}") from error


class _Malformed(Exception):
    """A field has the wrong shape."""


def _legacy(raw: bytes, fields: Any, sender: bytes | None) -> Transaction:
    if not isinstance(fields, list) or len(fields) != 9 or not all(isinstance(field, bytes) for field in fields):
        raise _Malformed("a legacy transaction has nine fields")
    nonce, gas_price, gas, to, value, data, v, r, s = fields
    v_number = _integer(v)
    if v_number < 35:
        raise JsonRpcError("only replay-protected (EIP-155) transactions allowed over RPC")
    chain_id = (v_number - 35) // 2
    digest = keccak256(rlp.encode([*fields[:6], rlp.sedes.big_endian_int.serialize(chain_id), b"", b""]))
    parity = (v_number - 35) % 2
    return Transaction(
        raw, keccak256(raw), sender or _recover(digest, parity, r, s), 0, chain_id, _integer(nonce, 8),
        _integer(gas_price), _integer(gas, 8), _recipient(to), _integer(value), data, (), v_number, _integer(r),
        _integer(s),
    )  # fmt: skip


def _typed(raw: bytes, fields: Any, sender: bytes | None) -> Transaction:
    if not isinstance(fields, list) or len(fields) != 11 or not isinstance(fields[7], list):
        raise _Malformed("an access list transaction has eleven fields")
    if not all(isinstance(field, bytes) for index, field in enumerate(fields) if index != 7):
        raise _Malformed("a field is a list")
    chain_id, nonce, gas_price, gas, to, value, data, access_list, parity, r, s = fields
    if parity not in (b"", b"\x01"):
        raise JsonRpcError("invalid transaction v, r, s values")
    digest = keccak256(b"\x01" + rlp.encode(fields[:8]))
    return Transaction(
        raw, keccak256(raw), sender or _recover(digest, len(parity), r, s), 1, _integer(chain_id), _integer(nonce, 8),
        _integer(gas_price), _integer(gas, 8), _recipient(to), _integer(value), data, _access_list(access_list),
        len(parity), _integer(r), _integer(s),
    )  # fmt: skip


def _integer(field: bytes, size: int = 32) -> int:
    if field[:1] == b"\0" or len(field) > size:
        raise _Malformed("non-canonical or oversized integer")
    return int.from_bytes(field)


def _recipient(field: bytes) -> bytes:
    if len(field) not in (0, 20):
        raise _Malformed("an address has 20 bytes")
    return field


def _access_list(fields: list[Any]) -> AccessList:
    entries = []
    for entry in fields:
        match entry:
            case [bytes(address), list(slots)] if len(address) == 20:
                if not all(isinstance(slot, bytes) and len(slot) == 32 for slot in slots):
                    raise _Malformed("a storage key has 32 bytes")
                entries.append((address, tuple(int.from_bytes(slot) for slot in slots)))
            case _:
                raise _Malformed("an access list entry is an address and its storage keys")
    return tuple(entries)


def _recover(digest: bytes, parity: int, r: bytes, s: bytes) -> bytes:
    """The signer's address; a high s is refused (EIP-2)."""
    r_number, s_number = _integer(r), _integer(s)
    if s_number > _HALF_ORDER:
        raise JsonRpcError("invalid transaction v, r, s values")
    try:
        signature = Signature(vrs=(parity, r_number, s_number))
        return bytes(signature.recover_public_key_from_msg_hash(digest).to_canonical_address())
    except (BadSignature, ValidationError) as error:
        raise JsonRpcError("invalid transaction v, r, s values") from error
