"""The first block of a QBFT network: validators ascending in extraData, as Besu and our own verifier read it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_service.core.chainproof import qbft
from chain_service.core.chainproof.consensus import QBFT
from chain_service.core.chainproof.headers import NO_OMMERS
from chain_service.core.encoding import rlp
from chain_service.core.encoding.digests import keccak256
from chain_service.errors import BadRequest
from chain_service.nodes.network.engines import besu
from chain_service.nodes.network.genesis import genesis, genesis_json
from chain_service.nodes.network.keys import address_of

EMPTY_TRIE = keccak256(b"\x80")

# Validators 1 to 4 of Consensys/quorum-dev-quickstart: node keys' public halves as files/besu/config/besu/
# permissions_config.toml (commit 231f606c) lists them, addresses as in the extraData of QBFTgenesis.json beside it
# (commit 06d1a824), in that file's order, which is not ascending.
QUICKSTART = {
    "8208a3f344695d44e9cf2c023683cbea7b9343e2f70a5e804bd2c93858e945f8"
    "f91439eef96a4ab6c47ff06637d6fbe6472f96de1655a1bee57ea896654f3a22": "0x93917cadbace5dfce132b991732c6cda9bcc5b8a",
    "b9050e002aa42464e6b07c811a1f9dfec01249af03f67b753e8415420649b184"
    "447bb2a784863ccbf327ad9e31aaba803464979dfe6a7facc669151a5fa6ad1b": "0x27a97c9aaf04f18f3014c32e036dd0ac76da5f18",
    "59cf0c623c582fa9b19bdf70fb6bade07f4ae32218dd4d1c7e2c7e65acf87da4"
    "5cf2ab55d16d27360aafef17622c37c09db60d7680ebcc17b78867f4c05bcaa4": "0xce412f988377e31f4d0ff12d74df73b51c42d0ca",
    "2fd5b5b6ad529f55b71602026d1849d0036f06482368b5812fa793014195d357"
    "1b0840dbc4175617de2a12db8f1222c012420d471ae5c0d982118625cae58868": "0x98c1334496614aed49d2e81526d089f7264fed9c",
}
QUICKSTART_EXTRA = (
    "0xf87aa00000000000000000000000000000000000000000000000000000000000000000f8549493917cadbace5dfce132b991732c6cda9bc"
    "c5b8a9427a97c9aaf04f18f3014c32e036dd0ac76da5f1894ce412f988377e31f4d0ff12d74df73b51c42d0ca9498c1334496614aed49d2e"
    "81526d089f7264fed9cc080c0"
)


def unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def header_zero(document: dict, *, base_fee: bytes = b"") -> bytes:
    """The first block's header as London has it, of the empty state."""
    number = lambda name: rlp.integer_bytes(int(document[name], 16))  # noqa: E731
    return rlp.encode([
        bytes(32), NO_OMMERS, unhex(document["coinbase"]), EMPTY_TRIE, EMPTY_TRIE, EMPTY_TRIE, bytes(256),
        number("difficulty"), b"", number("gasLimit"), b"", number("timestamp"), unhex(document["extraData"]),
        unhex(document["mixHash"]), bytes(8), base_fee,
    ])  # fmt: skip


def test_the_quickstarts_node_keys_have_the_quickstarts_addresses() -> None:
    assert [address_of(public) for public in QUICKSTART] == list(QUICKSTART.values())


def test_the_quickstarts_extra_data_comes_out_in_its_own_order() -> None:
    assert "0x" + besu.extra_data([unhex(address) for address in QUICKSTART.values()]).hex() == QUICKSTART_EXTRA


def test_the_extra_data_of_besus_sample_without_validators_comes_out(vectors) -> None:
    sample = json.loads((vectors / "qbft-besu/qbft-emptyextradata.json").read_text())
    assert "0x" + besu.extra_data([]).hex() == sample["extraData"]


def test_our_genesis_has_the_shape_of_besus_own_sample(vectors, network_of) -> None:
    sample = json.loads((vectors / "qbft-besu/qbft-london.json").read_text())
    document = genesis(network_of())
    for field in ("nonce", "difficulty", "mixHash", "coinbase"):
        assert document[field] == sample[field]
    assert set(document["config"]["qbft"]) <= set(sample["config"]["qbft"])
    assert set(document) <= set(sample)


def test_our_genesis_lists_the_quickstarts_validators_ascending(network_of) -> None:
    nodes = tuple(
        replace(node, public_key=public, address=address)
        for node, (public, address) in zip(network_of().nodes, QUICKSTART.items(), strict=False)
    )
    extra = qbft.parse_extra(unhex(genesis(replace(network_of(), nodes=nodes))["extraData"]))
    assert ["0x" + address.hex() for address in extra.validators] == sorted(QUICKSTART.values())
    assert (extra.vanity, extra.vote, extra.round, extra.seals) == (bytes(32), None, 0, ())


@given(st.lists(st.binary(min_size=20, max_size=20), max_size=40))
def test_what_the_encoder_writes_the_verifier_reads(validators: list[bytes]) -> None:
    extra = besu.extra_data(validators)
    assert qbft.parse_extra(extra).validators == tuple(validators)
    assert extra.endswith(b"\xc0\x80\xc0")


@pytest.mark.parametrize("validators", [1, 4, 7])
def test_our_verifier_takes_the_validators_from_our_first_block(validators: int, network_of) -> None:
    network = network_of(validators)
    raw = header_zero(genesis(network))
    assert list(QBFT.genesis_validators(raw)) == sorted(unhex(node.address) for node in network.validators)
    assert QBFT.block_hash(raw) == keccak256(raw)


def test_the_first_block_fixes_free_gas_and_large_contracts(network_of) -> None:
    assert genesis(network_of())["config"] == {
        "chainId": 20261,
        "berlinBlock": 0,
        "londonBlock": 0,
        "zeroBaseFee": True,
        "contractSizeLimit": 2147483647,
        "qbft": {"blockperiodseconds": 2, "epochlength": 30000, "requesttimeoutseconds": 4},
    }


def test_the_first_block_is_the_same_in_whatever_order_the_nodes_came(network_of) -> None:
    network = network_of()
    assert genesis_json(network) == genesis_json(replace(network, nodes=network.nodes[::-1]))


def test_writers_and_observers_leave_the_first_block_as_it_is(network_of) -> None:
    network = network_of()
    assert genesis_json(network) == genesis_json(replace(network, nodes=network.validators))


def test_a_network_without_validators_has_no_first_block(network_of) -> None:
    with pytest.raises(BadRequest, match="at least one validator"):
        genesis(network_of(0))


def test_the_first_block_is_this(network_of) -> None:
    assert genesis_json(network_of(2)) == GOLDEN


GOLDEN = """\
{
 "alloc": {
  "1111111111111111111111111111111111111111": {
   "balance": "0x100000000000000000000000000000000000000000000000000"
  }
 },
 "coinbase": "0x0000000000000000000000000000000000000000",
 "config": {
  "berlinBlock": 0,
  "chainId": 20261,
  "contractSizeLimit": 2147483647,
  "londonBlock": 0,
  "qbft": {
   "blockperiodseconds": 2,
   "epochlength": 30000,
   "requesttimeoutseconds": 4
  },
  "zeroBaseFee": true
 },
 "difficulty": "0x1",
 "extraData": "0xf84fa00000000000000000000000000000000000000000000000000000000000000000\
ea942b5ad5c4795c026514f8317c7a215e218dccd6cf947e5f4552091a69125d5dfcb7b8c2659029395bdfc080c0",
 "gasLimit": "0x3938700",
 "mixHash": "0x63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365",
 "nonce": "0x0",
 "timestamp": "0x6553f100"
}
"""
