"""A trial chain with anchored records grows to four validators: same blocks, contracts, heads, receipts."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from running_network import wait_until

from chain_service.nodes.network.rpc import call
from chain_service.nodes.network.running.ledger import Ledger
from chain_service.nodes.network.votes import signers_of
from support.worlds.running_instance import ISSUER, Instance, Process, make_instance

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
CERTIFICATES = 3_010
"""Of five organisations; a third are of the one that anchors here."""


@dataclass(frozen=True)
class Grown:
    """An instance whose trial chain has become a network, and what was known before."""

    instance: Instance
    geth: Path
    blocks: dict[int, str]
    """Some numbers and hashes of the trial chain's blocks, its head among them."""
    answer: dict[str, Any]

    @property
    def network(self) -> Path:
        return self.instance.data / "network"

    def doors(self) -> list[str]:
        folders = sorted(path.parents[1] for path in self.network.glob("*/data/geth"))
        return [f"ipc:{folder}/data/geth.ipc" for folder in folders]


@pytest.fixture(scope="module")
def grown(geth: Path) -> Iterator[Grown]:
    folder = Path(tempfile.mkdtemp(prefix="chain-grow-"))
    instance = make_instance(folder, block_period=1, certificates=CERTIFICATES)
    try:
        node = Process(instance.data, "chain", "run")
        try:
            anchor_on_the_trial_chain(instance)
            blocks = blocks_of(node.url)
            refused = instance.run_apart("--json", "network", "grow", "--port", "0", CHAIN_SERVICE_GETH=str(geth))
            assert json.loads(refused.out)["error"]["code"] == "chain_in_use", refused
            assert not (instance.data / "network").exists()
        finally:
            node.stop()
        done = instance.run_apart("--json", "network", "grow", "--port", "0", CHAIN_SERVICE_GETH=str(geth))
        assert done.code == 0, done
        yield Grown(instance, geth, blocks, json.loads(done.out))
    finally:
        if (instance.data / "network" / "network.toml").exists():
            instance.done("network", "down")
        shutil.rmtree(folder)


def anchor_on_the_trial_chain(instance: Instance) -> None:
    """A thousand certificates with receipts in `out`, and a trust file of that time."""
    instance.done("deploy")
    organisations = json.loads((instance.samples / "organisations.json").read_text(encoding="utf-8"))
    name = next(one["name"] for one in organisations if one["code"] == ISSUER)
    instance.done("org", "add", ISSUER, name)
    for file in sorted((instance.samples / "types").iterdir()):
        instance.done("type", "add", file)
    for permit in json.loads((instance.samples / "permits.json").read_text(encoding="utf-8")):
        if permit["organisation"] == ISSUER:
            instance.done("org", "permit", ISSUER, permit["certificateType"], "--from", permit["from"])
    file = instance.samples / f"certificates-{ISSUER}.ndjson"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    first, rest = file.with_name("first.ndjson"), file.with_name("rest.ndjson")
    first.write_text("".join(lines[:-3]), encoding="utf-8")
    rest.write_text("".join(lines[-3:]), encoding="utf-8")
    done = instance.run_apart("anchor", str(first), "--org", ISSUER, "--wait", "--out", str(instance.data / "out"))
    assert done.code == 0, done
    instance.done("trust", "export", "--out", instance.data / "before.trust")


def blocks_of(url: str) -> dict[int, str]:
    """Hashes by number of some blocks, the head among them."""
    head = int(call(url, "eth_blockNumber"), 16)
    numbers = {0, 1, head // 2, head - 1, head}
    return {n: call(url, "eth_getBlockByNumber", hex(n), False)["hash"] for n in numbers}


def receipts_of(grown: Grown) -> list[Path]:
    return sorted((grown.instance.data / "out").glob("*.disclosure.json"))


def test_every_node_has_the_trial_chains_blocks_and_goes_on(grown: Grown) -> None:
    head = max(grown.blocks)
    assert (grown.answer["head"], grown.answer["headHash"]) == (head, grown.blocks[head])
    assert len(grown.doors()) == 6
    for door in grown.doors():
        for number, expected in grown.blocks.items():
            assert call(door, "eth_getBlockByNumber", hex(number), False)["hash"] == expected
        wait_until(lambda door=door: int(call(door, "eth_blockNumber"), 16) > head)


def test_three_signers_were_voted_in_beside_the_trial_chains_own(grown: Grown) -> None:
    genesis = json.loads((grown.network / "genesis.json").read_text())
    assert len(genesis["extraData"]) == 2 + 2 * (32 + 20 + 65), "one signer at birth"
    assert signers_of(grown.network) == sorted(grown.answer["validators"])
    assert len(grown.answer["validators"]) == 4
    assert genesis["extraData"][66:106] == grown.answer["validators"][0][2:]

    def sealers() -> set[str]:
        return {one["address"] for one in grown.instance.done("network", "status")["signers"]}

    wait_until(lambda: sealers() == set(grown.answer["validators"]), seconds=60, every=1)


def test_old_states_are_proven_at_their_own_blocks_by_every_archive(grown: Grown) -> None:
    deployed = json.loads((grown.instance.data / "deployment.json").read_text())
    contract = deployed["contracts"]["RecordLog"]["address"]
    half = max(grown.blocks) // 2
    proofs = [call(door, "eth_getProof", contract, [], hex(half)) for door in grown.doors()]
    assert proofs[0]["accountProof"] and all(proof == proofs[0] for proof in proofs)


def test_receipts_of_before_verify_after_and_nobody_anchored_again(grown: Grown) -> None:
    disclosures = receipts_of(grown)
    assert len(disclosures) >= 1_000
    for disclosure in (disclosures[0], disclosures[-1]):
        receipt = disclosure.with_name(disclosure.name.replace(".disclosure.json", ".receipt"))
        assert receipt.exists()
        words = ["verify", str(disclosure), "--receipt", str(receipt), "--offline"]
        offline = grown.instance.run("--json", *words, "--trust", grown.instance.data / "before.trust")
        assert offline.code == 0, offline
        online = grown.instance.run("--json", "verify", disclosure)
        assert online.code == 0, online


def test_the_same_log_goes_on_in_the_network(grown: Grown) -> None:
    """Three more certificates, the next places of the same log; and the audit agrees with the chain."""
    rest = grown.instance.samples / "rest.ndjson"
    out = grown.instance.data / "later"
    done = grown.instance.run_apart("--json", "anchor", str(rest), "--org", ISSUER, "--wait", "--out", str(out))
    assert done.code == 0, done
    later = sorted(out.glob("*.disclosure.json"))
    assert len(later) == 3
    assert grown.instance.done("verify", later[0])["verdict"] == "valid"
    audit = grown.instance.done("audit")
    assert audit["ok"], audit


def test_the_trial_chain_can_seal_no_second_history(grown: Grown) -> None:
    assert Ledger(grown.network).supervisor() is not None
    ran = grown.instance.run_apart("--json", "chain", "run")
    assert ran.code != 0 and "sealing-key.json is missing" in ran.out and "network up" in ran.out
    again = grown.instance.run_apart("--json", "network", "grow", CHAIN_SERVICE_GETH=str(grown.geth))
    assert again.code != 0
