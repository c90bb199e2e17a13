"""Whatever a node says, a word is either proven or not returned."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import pytest
from chain_world import World

from chain_service.chain.deployment import check_chain
from chain_service.chain.reader import ChainReader
from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.storage_layout import ORGANISATIONS, RECORD_LOG
from chain_service.errors import BadRequest, Conflict, InvalidProof, Unavailable
from support.chains.lying_node import liar

ORG = "913200000000000042"
SLOTS = [
    (ORGANISATIONS, storage_layout.standing_slot(ORG)),
    (ORGANISATIONS, storage_layout.log_key_slot(ORG, 0)),
    (ORGANISATIONS, storage_layout.log_key_slot(ORG, 1)),
    (RECORD_LOG, storage_layout.size_slot(ORG.encode() + bytes(14))),
]


@pytest.fixture(scope="module")
def block(world: World) -> int:
    world.organisations.register([(ORG, "某某局", b"\x07" * 32)])
    return world.reader.final_head()


def altered(method: str, change: Callable[[Any], Any]) -> Callable[[str, Any], Any]:
    return lambda asked, result: change(result) if asked == method else result


def drop_last_node(proof: Any) -> Any:
    proof["storageProof"][0]["proof"].pop()
    return proof


def drop_slot(proof: Any) -> Any:
    proof["storageProof"].pop()
    return proof


def swap_keys(proof: Any) -> Any:
    slots = proof["storageProof"]
    if len(slots) > 1:
        slots[0]["key"], slots[1]["key"] = slots[1]["key"], slots[0]["key"]
        slots[1]["proof"] = []
    return proof


def add_node(proof: Any) -> Any:
    proof["accountProof"].append("0x" + "c0" * 40)
    return proof


def member(name: str, value: Any) -> Callable[[Any], Any]:
    return lambda result: {**result, name: value}


LIES: dict[str, Callable[[str, Any], Any]] = {
    "a storage proof cut short": altered("eth_getProof", drop_last_node),
    "a slot left out": altered("eth_getProof", drop_slot),
    "the keys of two slots exchanged": altered("eth_getProof", swap_keys),
    "a node too many": altered("eth_getProof", add_node),
    "no account proof": altered("eth_getProof", member("accountProof", [])),
    "another account": altered("eth_getProof", member("address", "0x" + "11" * 20)),
    "proof of no form": altered("eth_getProof", lambda _: "0x"),
    "another state root": altered("eth_getBlockByNumber", member("stateRoot", "0x" + "22" * 32)),
    "another time": altered("eth_getBlockByNumber", member("timestamp", "0x1")),
    "another hash": altered("eth_getBlockByNumber", member("hash", "0x" + "33" * 32)),
    "another number": altered("eth_getBlockByNumber", member("number", "0x1")),
    "no seal": altered("eth_getBlockByNumber", member("extraData", "0x" + "00" * 97)),
    "a block of no form": altered("eth_getBlockByNumber", lambda _: []),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_proves_nothing(world: World, block: int, lie: str) -> None:
    with liar(world.url, LIES[lie]) as rpc:
        reader = ChainReader(rpc, world.deployment.trust())
        with pytest.raises((InvalidProof, Unavailable)):
            reader.prove(block, SLOTS)


def test_values_beside_the_proof_are_not_even_read(world: World, block: int) -> None:
    def lie(proof: Any) -> Any:
        for slot in proof["storageProof"]:
            slot["value"] = "0xdead"
        return {**proof, "codeHash": "0x" + "00" * 32, "storageHash": "0x" + "00" * 32, "balance": "0x0"}

    truth = world.reader.prove(block, SLOTS)[1]
    with liar(world.url, altered("eth_getProof", lie)) as rpc:
        assert ChainReader(rpc, world.deployment.trust()).prove(block, SLOTS)[1] == truth


def test_an_older_block_in_place_of_the_one_asked_for_is_noticed(world: World, block: int) -> None:
    old = world.rpc.call("eth_getBlockByNumber", hex(block - 1), False)
    addresses = [world.deployment.address(name) for name in (ORGANISATIONS, RECORD_LOG)]
    proofs = [
        world.rpc.call(
            "eth_getProof",
            address,
            [f"0x{slot.hex()}" for name, slot in SLOTS if world.deployment.address(name) == address],
            hex(block - 1),
        )
        for address in addresses
    ]
    answers = {"eth_getBlockByNumber": [old], "eth_getProof": proofs}
    given = {method: iter(copy.deepcopy(results)) for method, results in answers.items()}
    with liar(world.url, lambda method, _: next(given[method])) as rpc:
        with pytest.raises(InvalidProof) as raised:
            ChainReader(rpc, world.deployment.trust()).prove(block, SLOTS)
        assert "another block" in raised.value.message


def test_a_changed_digit_anywhere_is_refused_or_harmless(world: World, block: int) -> None:
    truth = world.reader.prove(block, SLOTS)[1]
    chance = random.Random(7)
    outcomes = {"refused": 0, "harmless": 0}
    with liar(world.url, lambda _, result: change_one_digit(result, chance)) as rpc:
        reader = ChainReader(rpc, world.deployment.trust())
        for _ in range(300):
            try:
                assert reader.prove(block, SLOTS)[1] == truth
                outcomes["harmless"] += 1
            except (InvalidProof, Unavailable):
                outcomes["refused"] += 1
    assert outcomes["refused"] > 100


def change_one_digit(result: Any, chance: random.Random) -> Any:
    places = [*texts(result)]
    if chance.random() < 0.5 and places:
        holder, key = chance.choice(places)
        text = holder[key]
        at = chance.randrange(len(text))
        holder[key] = text[:at] + chance.choice("0123456789abcdefx") + text[at + 1 :]
    return result


def texts(value: Any) -> Any:
    """Every place of a non-empty text inside `value`."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if isinstance(inner, str) and inner:
            yield value, key
        else:
            yield from texts(inner)


def test_forged_headers_are_refused_and_missing_ones_unavailable(world: World, block: int) -> None:
    for lie in ("another state root", "another time", "another hash", "another number", "no seal"):
        with liar(world.url, LIES[lie]) as rpc, pytest.raises(InvalidProof):
            ChainReader(rpc, world.deployment.trust()).blocks(1, block)
    with liar(world.url, lambda *_: None) as rpc, pytest.raises(Unavailable):
        ChainReader(rpc, world.deployment.trust()).blocks(1, block)


def test_headers_that_do_not_follow_each_other_are_refused(world: World, block: int) -> None:
    one = world.rpc.call("eth_getBlockByNumber", "0x1", False)
    with liar(world.url, lambda *_: one) as rpc, pytest.raises(InvalidProof):
        ChainReader(rpc, world.deployment.trust()).blocks(1, block)


def test_a_node_with_another_genesis_or_chain_id_is_on_the_wrong_chain(world: World) -> None:
    lies = (
        altered("eth_chainId", lambda _: "0x1"),
        altered("eth_getBlockByNumber", lambda genesis: {**genesis, "timestamp": "0x7"}),
        altered("eth_getProof", member("accountProof", [])),
    )
    for lie in lies:
        with liar(world.url, lie) as rpc, pytest.raises(Conflict) as raised:
            check_chain(rpc, world.deployment)
        assert raised.value.code == "wrong_chain"


@pytest.mark.parametrize("answer", [None, [], {}, "0x", "nonsense", 7, True, [[]], [{}], {"a": {}}])
def test_nonsense_never_gets_further_than_an_error(world: World, answer: Any) -> None:
    with liar(world.url, lambda *_: answer) as rpc:
        forged = World(world.url, world.registrar, rpc, world.deployment)
        for ask in (
            forged.reader.head,
            forged.reader.final_head,
            lambda: forged.reader.blocks(0, 1),
            lambda: forged.reader.prove(1, SLOTS),
            lambda: forged.sender.transaction_count(world.registrar.address),
            lambda: forged.sender.balance(world.registrar.address),
            lambda: forged.organisations.rights_of(world.registrar.address, ORG),
            lambda: forged.sender.preflight(world.registrar.address, None, b""),
            lambda: forged.organisations.organisation(ORG),
        ):
            with pytest.raises((BadRequest, Unavailable)):
                ask()
        for ask in (lambda: forged.sender.receipt(bytes(32)), lambda: forged.reader.events(0, 1)):
            try:
                assert not ask()
            except (BadRequest, Unavailable):
                continue
