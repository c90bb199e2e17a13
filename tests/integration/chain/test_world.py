"""Deploy, register, write and read on a real trial chain."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from chain_world import Chain, World
from eth_account import Account

from chain_service.chain import contracts
from chain_service.chain import sender as sender_module
from chain_service.chain.contracts import StatusChange, encode_call
from chain_service.chain.deployment import Deployment, check_chain, deploy
from chain_service.chain.reader import HistoryRequest
from chain_service.chain.registrar import Registrar
from chain_service.chain.rpc import Rpc, RpcError
from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.storage_layout import OPEN_END, ORGANISATIONS, RECORD_LOG, RECORD_STATUS, Right
from chain_service.core.log.merkle import leaf_hash, root_of
from chain_service.core.records.hashing import founding_entry, log_id
from chain_service.core.records.identifiers import OrgCode
from chain_service.errors import Conflict, InvalidProof, Reverted, Unavailable

TYPE = "11100000000013338W011"
KEY = b"\x07" * 32


@pytest.fixture
def org(world: World, request: pytest.FixtureRequest) -> OrgCode:
    """An organisation registered for this test alone."""
    code = OrgCode("9132" + f"{crc32(request.node.name.encode()):014d}")
    world.organisations.register([(code, "某某局", KEY)])
    return code


def leaves_of(world: World, org: OrgCode, count: int, generation: int = 0) -> list[bytes]:
    address = bytes.fromhex(world.deployment.address(RECORD_LOG)[2:])
    founding = founding_entry(world.deployment.chain_id, address, log_id(org, generation))
    return [leaf_hash(founding), *(leaf_hash(bytes([n]) * 32) for n in range(1, count))]


def account_with(world: World, org: OrgCode, rights: Right) -> Any:
    account = Account.create()
    world.organisations.grant(org, account.address, rights)
    return account


def advance_to_two(world: World, org: OrgCode, account: Any) -> bytes:
    """The head at size 2, anchored by `account`."""
    leaves = leaves_of(world, org, 2)
    call = encode_call(RECORD_LOG, "advance", log_id(org), 2, root_of(leaves), [leaves[1]])
    world.sender.transact(account, world.deployment.address(RECORD_LOG), call)
    return root_of(leaves)


def test_five_contracts_stand_and_name_chain_and_version(world: World) -> None:
    assert set(world.deployment.contracts) == set(contracts.CONTRACTS)
    assert world.deployment.version == "1.0.0"
    for name in contracts.CONTRACTS:
        answer = world.sender.call(world.deployment.address(name), encode_call(name, "chainId"))
        assert contracts.decode_result(name, "chainId", answer) == world.deployment.chain_id
    check_chain(world.rpc, world.deployment)


def test_a_registered_organisation_is_what_was_said_and_repeating_sends_nothing(world: World, org: OrgCode) -> None:
    nonce = world.sender.transaction_count(world.registrar.address)
    (again,) = world.organisations.register([(org, "某某局", KEY)])
    assert world.sender.transaction_count(world.registrar.address) == nonce
    assert (again.registered, again.suspended, again.generation, again.log_keys) == (True, False, 0, (KEY,))
    with pytest.raises(Reverted) as raised:
        world.organisations.register([(org, "某某局", b"\x08" * 32)])
    assert raised.value.code == "OrganisationExists"


def test_a_grant_is_proven_funds_the_account_and_can_be_taken_back(world: World, org: OrgCode) -> None:
    account = Account.create()
    assert world.organisations.grant(org, account.address, Right.ANCHOR | Right.STATUS) == 3
    assert world.sender.balance(account.address) == sender_module.FUNDS
    slot = storage_layout.rights_slot(bytes.fromhex(account.address[2:]), org)
    assert world.reader.prove(world.reader.head(), [(ORGANISATIONS, slot)])[1].word(ORGANISATIONS, slot) == 3
    assert world.organisations.grant(org, account.address, 0) == 0


def test_a_head_and_the_absence_of_a_status_are_proven_in_one_go(world: World, org: OrgCode) -> None:
    root = advance_to_two(world, org, account_with(world, org, Right.ANCHOR))
    head, size = storage_layout.head_slot(log_id(org), 2), storage_layout.size_slot(log_id(org))
    status, shift = storage_layout.status_slot(log_id(org), 1)
    block = world.reader.final_head()
    _, state = world.reader.prove(block, [(RECORD_LOG, head), (RECORD_LOG, size), (RECORD_STATUS, status)])
    assert state.word(RECORD_LOG, head).to_bytes(32, "big") == root
    assert state.word(RECORD_LOG, size) == 2
    assert storage_layout.status_in(state.word(RECORD_STATUS, status), shift) == 0
    assert (state.assurance, state.validators, state.block) == ("trial", 1, block)
    assert world.reader.prove(block, [], expected_hash=state.block_hash)[1].block_hash == state.block_hash
    with pytest.raises(InvalidProof) as raised:
        world.reader.prove(block, [], expected_hash=bytes(32))
    assert raised.value.code == "block_replaced"


def test_an_old_block_proves_what_was_true_then(world: World, org: OrgCode) -> None:
    before = world.reader.head()
    root = advance_to_two(world, org, account_with(world, org, Right.ANCHOR))
    slot = storage_layout.head_slot(log_id(org), 2)
    assert world.reader.prove(before, [(RECORD_LOG, slot)])[1].word(RECORD_LOG, slot) == 0
    assert world.reader.prove(world.reader.head(), [(RECORD_LOG, slot)])[1].word(RECORD_LOG, slot) == int.from_bytes(
        root
    )


def test_permits_are_a_history_that_is_proven_whole(world: World, org: OrgCode) -> None:
    registrar = world.organisations
    assert registrar.permit(org, [TYPE], date(2024, 1, 1))[TYPE][0].until_day == OPEN_END
    assert len(registrar.permit(org, [TYPE], date(2024, 1, 1))[TYPE]) == 1
    assert len(registrar.end_permit(org, TYPE, date(2025, 6, 30))) == 2
    assert len(registrar.permit(org, [TYPE], date(2026, 1, 1), date(2026, 12, 31))[TYPE]) == 3
    with pytest.raises(Conflict):
        registrar.end_permit(org, "another type", date(2025, 6, 30))
    for known in (0, 2, 3, 7):
        histories = [
            HistoryRequest(ORGANISATIONS, lambda n: storage_layout.permit_slot(org, TYPE, n), known),
            HistoryRequest(ORGANISATIONS, lambda n: storage_layout.log_key_slot(org, n)),
            HistoryRequest(ORGANISATIONS, lambda n: storage_layout.permit_slot(org, "another type", n)),
        ]
        _, state, lengths = world.reader.prove_histories(world.reader.head(), [], histories)
        assert lengths == (3, 1, 0)
        words = [state.word(ORGANISATIONS, storage_layout.permit_slot(org, TYPE, n)) for n in range(4)]
        assert words[3] == 0
        assert tuple(storage_layout.PermitEntry.from_word(word) for word in words[:3]) == registrar.permits(org, TYPE)


def test_suspension_log_keys_and_generations_are_what_the_registrar_says(world: World, org: OrgCode) -> None:
    registrar = world.organisations
    account = account_with(world, org, Right.ANCHOR)
    assert registrar.set_suspended(org, True).suspended
    assert registrar.set_suspended(org, True).suspended
    with pytest.raises(Reverted) as raised:
        advance_to_two(world, org, account)
    assert raised.value.code == "SuspendedOrganisation"
    assert not registrar.set_suspended(org, False).suspended
    assert registrar.add_log_key(org, b"\x09" * 32).log_keys == (KEY, b"\x09" * 32)
    assert registrar.add_log_key(org, b"\x09" * 32).log_keys == (KEY, b"\x09" * 32)
    assert registrar.open_generation(org).generation == 1
    with pytest.raises(Reverted) as raised:
        advance_to_two(world, org, account)
    assert raised.value.code == "WrongGeneration"


def test_events_are_read_in_order_with_their_arguments(world: World, org: OrgCode) -> None:
    first = world.reader.head() + 1
    account = account_with(world, org, Right.ANCHOR | Right.STATUS)
    root = advance_to_two(world, org, account)
    change = StatusChange(index=1, state=1, reason=10, digest=b"\x05" * 32)
    world.sender.transact(
        account,
        world.deployment.address(RECORD_STATUS),
        encode_call(RECORD_STATUS, "set", log_id(org), [change.pack()]),
    )
    events = world.reader.events(first, world.reader.head())
    assert [event.name for event in events] == ["RightsSet", "HeadAdvanced", "StatusSet"]
    assert events[1].args == {"log": log_id(org), "account": account.address, "size": 2, "root": root}
    assert events[2].args["changes"] == (change,)
    headers = world.reader.blocks(first, world.reader.head())
    assert {event.block_hash for event in events} <= {header.block_hash for header in headers}


def test_only_the_registrar_registers(world: World) -> None:
    stranger = Registrar(world.sender, world.deployment, Account.create())
    with pytest.raises(Reverted) as raised:
        stranger.register([("913200000000000000", "x", KEY)])
    assert raised.value.code == "OwnableUnauthorizedAccount"


def test_sending_the_same_bytes_again_changes_nothing(world: World) -> None:
    account, sender = world.registrar, world.sender
    nonce = sender.transaction_count(account.address)
    signed = sender.sign(account, nonce, account.address, b"", 21_000, value=1)
    for _ in range(3):
        sender.broadcast(signed)
    block = sender.wait(signed.hash).block
    for everywhere in (False, True):
        sender.broadcast(signed, everywhere=everywhere)
    assert sender.wait(signed.hash).block == block
    assert sender.transaction_count(account.address) == nonce + 1
    other = sender.sign(account, nonce, account.address, b"", 21_000, value=2)
    for everywhere in (False, True):
        with pytest.raises(Conflict) as raised:
            sender.broadcast(other, everywhere=everywhere)
        assert raised.value.code == "nonce_taken"


def test_a_transaction_that_fails_in_its_block_says_why(world: World, org: OrgCode) -> None:
    account = account_with(world, org, Right.ANCHOR)
    advance_to_two(world, org, account)
    leaves = leaves_of(world, org, 2)
    call = encode_call(RECORD_LOG, "advance", log_id(org), 2, root_of(leaves), [leaves[1]])
    with pytest.raises(Reverted) as raised:
        world.sender.preflight(account.address, world.deployment.address(RECORD_LOG), call)
    assert raised.value.code == "AlreadyAnchored"
    nonce = world.sender.transaction_count(account.address)
    signed = world.sender.sign(account, nonce, world.deployment.address(RECORD_LOG), call, 200_000)
    world.sender.broadcast(signed)
    with pytest.raises(Reverted) as raised:
        world.sender.wait(signed.hash)
    assert raised.value.code == "AlreadyAnchored"


def test_a_transaction_that_nobody_sent_is_not_mined(world: World) -> None:
    assert world.sender.receipt(b"\x01" * 32) is None
    with pytest.raises(Unavailable) as raised:
        world.sender.wait(b"\x01" * 32, timeout=0.2)
    assert raised.value.code == "not_mined"


def test_a_block_that_is_not_there_yet_makes_the_node_unavailable(world: World) -> None:
    with pytest.raises(Unavailable):
        world.reader.prove(world.reader.head() + 1000, [])
    with pytest.raises(Unavailable):
        world.reader.blocks(0, world.reader.head() + 1000)


def test_an_interrupted_deployment_is_finished_by_the_next(fresh_chain: Chain, tmp_path: Path) -> None:
    state = tmp_path / "deployment.partial.json"

    def stop(at: str) -> Callable[[str, int, int], None]:
        def progress(name: str, done: int, total: int) -> None:
            if name == at:
                raise KeyboardInterrupt

        return progress

    with Rpc([fresh_chain.url]) as rpc:
        for at in (ORGANISATIONS, RECORD_STATUS):
            with pytest.raises(KeyboardInterrupt):
                deploy(rpc, fresh_chain.registrar, state=state, progress=stop(at))
        seen: list[tuple[str, int, int]] = []
        deployment = deploy(rpc, fresh_chain.registrar, state=state, progress=lambda *step: seen.append(step))
        assert seen[-1] == ("CatalogRegistry", 5, 5)
        assert int(rpc.call("eth_getTransactionCount", fresh_chain.registrar.address, "latest"), 16) == 5
        check_chain(rpc, deployment)


def test_another_chain_behind_the_url_is_refused(world: World, fresh_chain: Chain, tmp_path: Path) -> None:
    with Rpc([fresh_chain.url]) as other:
        with pytest.raises(Conflict) as raised:
            check_chain(other, world.deployment)
        assert raised.value.code == "wrong_chain"
        own = deploy(other, fresh_chain.registrar, state=tmp_path / "state.json")
        twin = Deployment(**{**vars(own), "chain_id": world.deployment.chain_id})
        for foreign in (world.deployment, twin):
            with pytest.raises(Conflict) as raised:
                check_chain(other, foreign)
            assert raised.value.code == "wrong_chain"
    with Rpc([fresh_chain.url, world.url]) as mixed:
        check_chain(mixed, world.deployment)
        assert [node.urls[0] for node in mixed.nodes()] == [world.url, fresh_chain.url], "the wrong one is asked last"
    with Rpc([world.url, "http://127.0.0.1:1"]) as half:
        check_chain(half, world.deployment)


def test_a_node_that_is_down_is_unavailable_everywhere(world: World) -> None:
    with Rpc(["http://127.0.0.1:1"]) as nobody:
        down = World(world.url, world.registrar, nobody, world.deployment)
        for ask in (
            down.reader.head,
            lambda: down.reader.prove(1, []),
            lambda: down.reader.events(0, 1),
            lambda: check_chain(nobody, world.deployment),
            lambda: down.sender.broadcast(world.sender.sign(world.registrar, 0, world.registrar.address, b"", 21_000)),
        ):
            with pytest.raises(Unavailable) as raised:
                ask()
            assert raised.value.code == "node_unavailable"


def test_a_refused_transaction_is_an_error_and_not_a_success(world: World) -> None:
    poor = Account.create()
    with pytest.raises(RpcError):
        world.sender.broadcast(world.sender.sign(poor, 0, world.registrar.address, b"", 21_000, value=1))
