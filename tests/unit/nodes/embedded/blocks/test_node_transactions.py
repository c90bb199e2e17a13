"""Raw transactions are read as go-ethereum reads them."""

from __future__ import annotations

import pytest
import rlp
from eth_account import Account

from chain_service.nodes.embedded.blocks.transactions import MAX_SIZE, decode
from chain_service.nodes.embedded.rpc_error import JsonRpcError

ACCOUNT = Account.from_key(b"\x01" * 32)
HALF_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def signed(**fields: object) -> bytes:
    base = {"nonce": 3, "gasPrice": 2, "gas": 30_000, "to": ACCOUNT.address, "value": 5, "data": b"\0\1", "chainId": 77}
    return bytes(ACCOUNT.sign_transaction(base | fields).raw_transaction)


def test_a_legacy_transaction_names_its_sender_chain_and_amounts() -> None:
    transaction = decode(signed())
    assert "0x" + transaction.sender.hex() == ACCOUNT.address.lower()
    assert (transaction.type, transaction.chain_id, transaction.nonce, transaction.gas_price) == (0, 77, 3, 2)
    assert transaction.cost == 30_000 * 2 + 5
    assert transaction.intrinsic_gas == 21_000 + 4 + 16


def test_an_access_list_transaction_pays_for_its_list() -> None:
    access = [{"address": ACCOUNT.address, "storageKeys": ["0x" + "00" * 32, "0x" + "01" * 32]}]
    transaction = decode(signed(type=1, accessList=access))
    assert "0x" + transaction.sender.hex() == ACCOUNT.address.lower()
    assert transaction.access_list == ((bytes.fromhex(ACCOUNT.address[2:]), (0, int("01" * 32, 16))),)
    assert transaction.intrinsic_gas == 21_020 + 2_400 + 2 * 1_900


def test_a_creation_pays_for_itself() -> None:
    assert decode(signed(to=b"", data=b"\1")).intrinsic_gas == 21_000 + 32_000 + 16


def test_a_signature_for_any_chain_is_refused() -> None:
    raw = signed()
    fields = rlp.decode(raw)
    fields[6] = b"\x1b"
    with pytest.raises(JsonRpcError, match="replay-protected"):
        decode(rlp.encode(fields))


def test_a_high_s_is_refused() -> None:
    fields = rlp.decode(signed())
    fields[8] = (HALF_ORDER - int.from_bytes(fields[8])).to_bytes(32)
    with pytest.raises(JsonRpcError, match="invalid transaction v, r, s"):
        decode(rlp.encode(fields))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "too short"),
        (b"\x02\xc0", "type not supported"),
        (b"\x7f", "type not supported"),
        (b"\xc0", "nine fields"),
        (b"\x01\xc0", "eleven fields"),
        (b"\xf8\x01\x00", "rlp"),
        (b"\x80", "nine fields"),
        (b"\xff" * 40, "rlp"),
        (b"\xc0" * (MAX_SIZE + 1), "oversized"),
    ],
)
def test_what_is_no_transaction_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(JsonRpcError, match=message):
        decode(raw)


@pytest.mark.parametrize("position", [0, 1, 2, 4])
def test_an_integer_with_leading_zero_is_refused(position: int) -> None:
    fields = rlp.decode(signed())
    fields[position] = b"\0" + fields[position]
    with pytest.raises(JsonRpcError, match="integer"):
        decode(rlp.encode(fields))


def test_every_flipped_byte_is_another_transaction_or_none() -> None:
    raw = signed()
    for position in range(len(raw)):
        altered = bytearray(raw)
        altered[position] ^= 1
        try:
            found = decode(bytes(altered))
        except JsonRpcError:
            continue
        assert found.hash != decode(raw).hash
        assert found.sender != decode(raw).sender
