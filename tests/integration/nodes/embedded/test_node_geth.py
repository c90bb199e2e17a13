"""go-ethereum takes an exported trial chain over and answers about it as the trial chain does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from trial_chain import DIVER, KEEPER, PASSWORD, STORED, WRITER, Chain, Opener

from chain_service.errors import Conflict, Corrupt
from chain_service.nodes.embedded.export import export
from chain_service.nodes.network.engines import geth_binary

CACHE = Path(__file__).resolve().parents[4] / "build"


pytestmark = pytest.mark.timeout(1_200)


@pytest.fixture(scope="module")
def geth(request: pytest.FixtureRequest) -> Path:
    """The binary; a long run builds it into build/ when it is not here."""
    named = os.environ.get("CHAIN_SERVICE_GETH")
    look = geth_binary.find_or_build if request.config.getoption("--long") else geth_binary.find
    found = Path(named) if named else look(CACHE)
    if found is None:
        pytest.skip("no geth 1.13.15: neither CHAIN_SERVICE_GETH, nor on PATH, nor in build/, nor could it be built")
    return found


def run(geth: Path, *arguments: object) -> str:
    command = [str(geth), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stderr


def take_over(geth: Path, folder: Path) -> Path:
    """The data directory of a geth that has imported `folder`/chain.rlp."""
    data = folder / "geth"
    run(geth, "--datadir", data, "--state.scheme", "hash", "init", folder / "chain.rlp.genesis.json")
    run(geth, "--datadir", data, "--gcmode", "archive", "import", folder / "chain.rlp")
    return data


@contextmanager
def served(geth: Path, data: Path) -> Iterator[str]:
    """An archive geth without peers over `data`; its IPC-less HTTP address."""
    with (data / "log").open("wb") as log:
        process = subprocess.Popen(
            [geth, "--datadir", data, "--gcmode", "archive", "--nodiscover", "--maxpeers", "0", "--port", "0",
             "--authrpc.port", "0", "--ipcdisable", "--http", "--http.port", "0", "--http.api", "eth,net,web3",
             "--txpool.pricelimit", "1", "--miner.gasprice", "1"],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield _address(data / "log")
    finally:
        process.terminate()
        process.wait(timeout=30)


def _address(log: Path) -> str:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        for line in log.read_text().splitlines():
            if "HTTP server started" in line:
                return "http://" + line.split("endpoint=")[1].split()[0]
        time.sleep(0.1)
    raise AssertionError(log.read_text()[-2000:])


def ask(url: str, method: str, *parameters: Any) -> dict[str, Any]:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    until = time.monotonic() + 120
    while True:
        with urllib.request.urlopen(request, timeout=30) as response:
            answer: dict[str, Any] = json.loads(response.read())
        if "transaction indexing" not in str(answer.get("error")) or time.monotonic() > until:
            return answer
        time.sleep(0.1)


def live(chain: Chain) -> dict[str, str]:
    """Deployments, logs, reverts, failures, an access list, cleared words, several epochs of 10."""
    keeper, writer, diver = chain.deploy(KEEPER), chain.deploy(WRITER), chain.deploy(DIVER)
    for n in range(1, 41):
        chain.send(to=writer, data="0x" + (n.to_bytes(32) + (n % 5).to_bytes(32)).hex(), gas=300_000)
        if n % 2:
            digest = chain.send(to=keeper, data="0x60fe47b1" + (n % 7).to_bytes(32).hex(), gas=100_000, gasPrice=n)
            chain.mine(digest)
    access = [{"address": writer, "storageKeys": ["0x" + (3).to_bytes(32).hex()]}]
    chain.send(to=writer, data="0x" + (3).to_bytes(32).hex() + "00" * 32, gas=300_000, type=1, accessList=access)
    chain.send(to="0x" + "99" * 20, value=12345)
    chain.send(to=b"", data=b"\xfe", gas=100_000)
    chain.mine(chain.send(to=diver, gas=5_000_000))
    return {"keeper": keeper, "writer": writer, "diver": diver}


@pytest.mark.parametrize("period", [0, 1])
def test_geth_imports_an_export_that_crosses_epochs(
    geth: Path, open_chain: Opener, tmp_path: Path, period: int
) -> None:
    chain = open_chain(epoch=10 if period == 0 else 2, period=period)
    if period == 0:
        live(chain)
    else:
        for _ in range(4):
            chain.mine(chain.send())
    head = chain.call("eth_getBlockByNumber", "latest", False)
    assert export(chain.directory, tmp_path / "chain.rlp") == int(head["number"], 16)
    with served(geth, take_over(geth, tmp_path)) as url:
        taken = ask(url, "eth_getBlockByNumber", "latest", False)["result"]
    assert (taken["hash"], taken["stateRoot"]) == (head["hash"], head["stateRoot"])
    if period == 0:
        assert int(head["number"], 16) > 20


def test_geth_answers_as_the_trial_chain_does(geth: Path, open_chain: Opener, tmp_path: Path) -> None:
    chain = open_chain(epoch=10)
    contracts = live(chain)
    head = chain.node.history.head.number
    export(chain.directory, tmp_path / "chain.rlp")
    differences = []
    with served(geth, take_over(geth, tmp_path)) as url:
        for method, parameters in questions(chain, contracts, head):
            ours, theirs = chain.ask(method, *parameters), ask(url, method, *parameters)
            if ours != theirs:
                differences.append((method, parameters, ours, theirs))
    assert not differences, "\n".join(map(str, differences))


def questions(chain: Chain, contracts: dict[str, str], head: int) -> Iterator[tuple[str, list[Any]]]:
    keeper, writer, account = contracts["keeper"], contracts["writer"], chain.account.address
    signer = "0x" + chain.genesis.signer.hex()
    for number in range(head + 1):
        block = chain.call("eth_getBlockByNumber", hex(number), True)
        yield "eth_getBlockByNumber", [hex(number), True]
        yield "eth_getBlockByHash", [block["hash"], False]
        for transaction in block["transactions"]:
            yield "eth_getTransactionByHash", [transaction["hash"]]
            yield "eth_getTransactionReceipt", [transaction["hash"]]
    for tag in ("latest", hex(head // 2), "0x1", "earliest", {"blockNumber": hex(head)}):
        for address in (keeper, writer, account, signer, "0x" + "99" * 20, "0x" + "00" * 20):
            yield "eth_getProof", [address, ["0x0", "0x5", "0x" + (3).to_bytes(32).hex(), "0x" + "ff" * 32], tag]
            yield "eth_getBalance", [address, tag]
            yield "eth_getTransactionCount", [address, tag]
            yield "eth_getCode", [address, tag]
            yield "eth_getStorageAt", [address, "0x5", tag]
        yield "eth_call", [{"to": keeper, "data": "0x6d4ce63c"}, tag]
        yield "eth_call", [{"to": keeper, "data": "0x60fe47b1" + "00" * 32}, tag]
    set_nine = {"from": account, "to": keeper, "data": "0x60fe47b1" + (9).to_bytes(32).hex()}
    yield "eth_estimateGas", [set_nine]
    yield "eth_estimateGas", [{"from": account, "to": account, "value": "0x1"}]
    yield "eth_estimateGas", [{"from": account, "data": "0x" + KEEPER.hex()}]
    yield "eth_estimateGas", [set_nine | {"gas": hex(22_000)}]
    yield "eth_estimateGas", [{"from": account, "to": keeper, "data": "0x60fe47b1" + "00" * 32}]
    for criteria in (
        {}, {"address": keeper}, {"address": [keeper, writer]}, {"topics": [STORED]}, {"topics": [None]},
        {"topics": [[STORED, "0x" + "00" * 32]]}, {"topics": [[], None]},
        {"address": keeper, "toBlock": hex(head // 2)},
    ):  # fmt: skip
        yield "eth_getLogs", [{"fromBlock": "0x0"} | criteria]
    yield "eth_feeHistory", [hex(8), "latest", [0, 25, 50, 99, 100]]
    yield "eth_feeHistory", [hex(3), hex(5), []]
    yield "eth_chainId", []
    yield "net_version", []
    yield "eth_getBlockByNumber", [hex(head + 50), False]
    yield "eth_getBlockByNumber", ["finalized", False]
    yield "eth_getBalance", [account, "safe"]
    yield "eth_getBalance", [account, hex(head + 50)]
    yield "eth_call", [{"data": "0x600056"}, "latest"]
    yield "eth_getTransactionByHash", ["0x" + "00" * 32]
    for refused in (
        chain.sign(nonce=0), chain.sign(value=2**201), chain.sign(gas=20_999), chain.sign(gas=2**40),
        chain.sign(account=Account.create(), nonce=0), "0x",
    ):  # fmt: skip
        yield "eth_sendRawTransaction", [refused]
    yield "eth_nope", []
    yield "eth_getBalance", []


def test_geth_goes_on_sealing_with_the_same_key(geth: Path, open_chain: Opener, tmp_path: Path) -> None:
    chain = open_chain(period=1)
    chain.mine(chain.send())
    head = export(chain.directory, tmp_path / "chain.rlp")
    data, signer = take_over(geth, tmp_path), "0x" + chain.genesis.signer.hex()
    (data / "keystore" / "key").write_bytes((chain.directory / "sealing-key.json").read_bytes())
    (data / "password").write_text(PASSWORD)
    with (data / "log").open("wb") as log:
        process = subprocess.Popen(
            [geth, "--datadir", data, "--gcmode", "archive", "--nodiscover", "--maxpeers", "0", "--port", "0",
             "--authrpc.port", "0", "--ipcpath", data / "ipc", "--mine", "--miner.etherbase", signer,
             "--unlock", signer, "--password", data / "password"],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        until, number = time.monotonic() + 120, 0
        while number < head + 2 and time.monotonic() < until:
            time.sleep(0.5)
            command = [geth, "attach", "--exec", "eth.blockNumber", data / "ipc"]
            answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout.strip()
            number = int(answer) if answer.isdigit() else 0
        assert number >= head + 2, (data / "log").read_text()[-3000:]
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_an_export_never_overwrites(chain: Chain, tmp_path: Path) -> None:
    assert export(chain.directory, tmp_path / "chain.rlp") == 0
    with pytest.raises(Conflict):
        export(chain.directory, tmp_path / "chain.rlp")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chain.rlp", "chain.rlp.genesis.json", "chain0"]


@pytest.mark.long
def test_a_source_other_than_the_pinned_one_is_not_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not shutil.which("go"):
        pytest.skip("no Go toolchain")
    monkeypatch.setattr(geth_binary, "MODULE", "golang.org/x/exp/typeparams")
    monkeypatch.setattr(geth_binary, "VERSION", "0.0.0-20230203172020-98cc5a0785f9")
    try:
        assert geth_binary.find_or_build(tmp_path) is None
    except Corrupt:
        return
    pytest.skip("the Go module proxy cannot be reached")
