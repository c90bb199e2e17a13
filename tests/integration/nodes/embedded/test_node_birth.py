"""How a trial chain is made, opened, locked and continued."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from eth_account import Account
from trial_chain import PASSWORD, Chain, Opener

from chain_service.errors import BadRequest, Conflict, Corrupt, NotFound, Unauthorised
from chain_service.nodes.embedded.blocks.genesis import create
from chain_service.nodes.embedded.export import export
from chain_service.nodes.embedded.node import Node

FUNDED = Account.from_key(b"\x02" * 32).address


def test_a_new_chain_is_a_genesis_file_and_an_encrypted_key(tmp_path: Path) -> None:
    genesis = create(tmp_path / "c", funded=[FUNDED], password=PASSWORD)
    document = json.loads((tmp_path / "c" / "genesis.json").read_text())
    assert 2**20 <= genesis.chain_id < 2**31
    assert document["config"]["clique"] == {"period": 1, "epoch": 30_000}
    assert int(document["alloc"][FUNDED[2:].lower()]["balance"], 16) == 2**200
    key = tmp_path / "c" / "sealing-key.json"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert bytes.fromhex(json.loads(key.read_text())["address"]) == genesis.signer


def test_chain_ids_are_drawn_at_random(tmp_path: Path) -> None:
    drawn = {create(tmp_path / str(n), funded=[], password=PASSWORD).chain_id for n in range(3)}
    assert len(drawn) == 3


def test_a_chain_is_never_overwritten(tmp_path: Path) -> None:
    create(tmp_path / "c", funded=[], password=PASSWORD)
    before = (tmp_path / "c" / "genesis.json").read_bytes()
    with pytest.raises(Conflict):
        create(tmp_path / "c", funded=[FUNDED], password=PASSWORD)
    assert (tmp_path / "c" / "genesis.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c"]


def test_an_empty_directory_may_become_a_chain(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    create(tmp_path / "c", funded=[], password=PASSWORD)


@pytest.mark.parametrize("wrong", [{"funded": ["0x12"]}, {"period": -1}, {"epoch": 0}, {"password": ""}])
def test_impossible_settings_are_refused_and_leave_nothing(tmp_path: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(BadRequest):
        create(tmp_path / "c", **({"funded": [], "password": PASSWORD} | wrong))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_no_chain_a_wrong_password_and_a_shorter_period_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Node.open(tmp_path / "c", PASSWORD)
    create(tmp_path / "c", funded=[], password=PASSWORD, period=2)
    with pytest.raises(Unauthorised):
        Node.open(tmp_path / "c", "wrong")
    with pytest.raises(BadRequest):
        Node.open(tmp_path / "c", PASSWORD, period=1)
    Node.open(tmp_path / "c", PASSWORD, period=3).close()


def test_a_second_process_is_refused_and_told_the_directory(open_chain: Opener) -> None:
    chain = open_chain()
    code = (
        "import sys; from pathlib import Path\n"
        "from chain_service.errors import Conflict\n"
        "from chain_service.nodes.embedded.node import Node\n"
        "try: Node.open(Path(sys.argv[1]), sys.argv[2])\n"
        "except Conflict as error: print(error.code, error.message)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, chain.directory, PASSWORD], capture_output=True, text=True, check=True
    )
    assert run.stdout.startswith("chain_in_use ")
    assert str(chain.directory) in run.stdout


def test_the_directory_is_free_after_close(open_chain: Opener) -> None:
    chain = open_chain()
    digest = chain.send()
    chain.mine(digest)
    head = chain.node.history.head
    chain.node.close()
    with Node.open(chain.directory, PASSWORD) as again:
        assert again.history.head.number == head.number
        assert again.history.head.hash == head.hash


def test_a_database_of_another_genesis_is_refused(tmp_path: Path) -> None:
    create(tmp_path / "a", funded=[], password=PASSWORD)
    create(tmp_path / "b", funded=[], password=PASSWORD)
    Node.open(tmp_path / "a", PASSWORD).close()
    (tmp_path / "a" / "chain.db").rename(tmp_path / "b" / "chain.db")
    with pytest.raises(Corrupt):
        Node.open(tmp_path / "b", PASSWORD)
    with pytest.raises(Corrupt):  # and the lock was given back
        Node.open(tmp_path / "b", PASSWORD)


def test_a_database_of_a_newer_program_is_refused(open_chain: Opener) -> None:
    import sqlite3

    chain = open_chain()
    chain.node.close()
    connection = sqlite3.connect(chain.directory / "chain.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(Conflict) as caught:
        Node.open(chain.directory, PASSWORD)
    assert caught.value.code == "database_newer"


def test_no_file_of_a_chain_is_open_to_others_but_its_genesis(chain: Chain) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in chain.directory.iterdir()}
    assert {"chain.db", "chain.db-wal", "lock"} <= set(modes)
    assert {name for name, mode in modes.items() if mode != 0o600} <= {"genesis.json"}


def test_an_export_that_cannot_be_written_says_so(chain: Chain) -> None:
    with pytest.raises(BadRequest) as refused:
        export(chain.directory, Path("/nonexistent/x"))
    assert refused.value.code == "file_not_written"
