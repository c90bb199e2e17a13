"""JSON-RPC arguments are read strictly and refused by position."""

from __future__ import annotations

from typing import Any

import pytest

from chain_service.nodes.embedded.rpc import rpc_params
from chain_service.nodes.embedded.rpc_error import INVALID_PARAMS, JsonRpcError


@pytest.mark.parametrize(("text", "number"), [("0x0", 0), ("0xff", 255), ("0x1" + "0" * 63, 16**63)])
def test_a_quantity_is_minimal_hex(text: str, number: int) -> None:
    assert rpc_params.quantity(text, 0) == number


@pytest.mark.parametrize("text", ["0x", "0x00", "0x01", "12", 12, None, True, "0xg", "0x1" + "0" * 64, "-0x1"])
def test_anything_else_is_no_quantity(text: Any) -> None:
    with pytest.raises(JsonRpcError) as caught:
        rpc_params.quantity(text, 3)
    assert caught.value.number == INVALID_PARAMS
    assert caught.value.message.startswith("invalid argument 3:")


@pytest.mark.parametrize("text", ["0x1", "ff", "0xzz", 1, None, "0x" + "00" * (rpc_params.MAX_DATA + 1)])
def test_data_is_whole_bytes_within_bounds(text: Any) -> None:
    with pytest.raises(JsonRpcError):
        rpc_params.data(text, 0)


def test_a_storage_key_is_echoed_as_it_was_spelled() -> None:
    full = "0x" + "00" * 31 + "05"
    assert rpc_params.storage_key(full, 0) == ((5).to_bytes(32), full)
    assert rpc_params.storage_key("0x5", 0) == ((5).to_bytes(32), "0x5")
    assert rpc_params.storage_key("0x0005", 0) == ((5).to_bytes(32), "0x5")


def test_too_many_storage_keys_are_refused() -> None:
    with pytest.raises(JsonRpcError):
        rpc_params.storage_keys(["0x0"] * (rpc_params.MAX_STORAGE_KEYS + 1), 1)


def test_missing_and_surplus_arguments_are_named() -> None:
    signature = rpc_params.Signature(rpc_params.quantity, rpc_params.quantity, optional=1)
    assert signature.read(["0x1"]) == [1, None]
    with pytest.raises(JsonRpcError, match="missing value for required argument 0"):
        signature.read([])
    with pytest.raises(JsonRpcError, match="too many arguments, want at most 2"):
        signature.read(["0x1", "0x1", "0x1"])
