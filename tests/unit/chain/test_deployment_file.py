"""The deployment file, and transactions as they are signed."""

from __future__ import annotations

from pathlib import Path

import pytest
from eth_account import Account
from eth_utils.address import to_checksum_address

from chain_service.chain.deployment import DeployedContract, Deployment
from chain_service.chain.rpc import Rpc
from chain_service.chain.sender import Sender
from chain_service.core.encoding.digests import keccak256
from chain_service.errors import Conflict, Corrupt, NotFound

ADDRESS = to_checksum_address("0x" + "ab" * 20)
DEPLOYMENT = Deployment(
    version="1.0.0",
    chain_id=20261,
    genesis_hash=b"\x01" * 32,
    consensus="clique",
    validators=((0, (ADDRESS,)),),
    contracts={
        "RecordLog": DeployedContract(ADDRESS, b"\x02" * 32, 3),
        "Organisations": DeployedContract(ADDRESS, b"\x03" * 32, 2),
    },
    registrar=ADDRESS,
)


def test_a_deployment_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "deployment.json"
    DEPLOYMENT.save(file)
    assert Deployment.load(file) == DEPLOYMENT
    assert Deployment.load(file).first_block == 2


def test_a_deployment_is_written_once(tmp_path: Path) -> None:
    file = tmp_path / "deployment.json"
    DEPLOYMENT.save(file)
    with pytest.raises(Conflict) as raised:
        DEPLOYMENT.save(file)
    assert raised.value.code == "already_deployed"
    assert [path.name for path in tmp_path.iterdir()] == ["deployment.json"]


def test_a_missing_or_damaged_deployment_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as raised:
        Deployment.load(tmp_path / "deployment.json")
    assert raised.value.code == "not_deployed"
    for content in ("", "[]", "{}", '{"version": 1}'):
        (tmp_path / "deployment.json").write_text(content)
        with pytest.raises(Corrupt):
            Deployment.load(tmp_path / "deployment.json")


def test_the_trust_pins_address_code_and_validators() -> None:
    trust = DEPLOYMENT.trust()
    assert trust.contracts["RecordLog"] == (b"\xab" * 20, b"\x02" * 32, "1.0.0", None)
    assert trust.validators_at(10**9) == (b"\xab" * 20,)


def test_a_signed_transaction_is_for_this_chain_and_free_but_for_one_wei() -> None:
    account = Account.from_key(b"\x05" * 32)
    signed = Sender(Rpc(["http://127.0.0.1:1"]), 20261).sign(account, 7, ADDRESS, b"\x01\x02", 90_000)
    assert keccak256(signed.raw) == signed.hash
    assert Account.recover_transaction(signed.raw) == account.address
    assert Sender(Rpc(["http://127.0.0.1:1"]), 20261).sign(account, 7, ADDRESS, b"\x01\x02", 90_000) == signed
    assert Sender(Rpc(["http://127.0.0.1:1"]), 20262).sign(account, 7, ADDRESS, b"\x01\x02", 90_000) != signed


def test_a_deployment_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "deployment.json"
    DEPLOYMENT.save(file)
    assert file.stat().st_mode & 0o777 == 0o600
