"""Hardhat's network provider and ethers work against the served chain."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from trial_chain import KEEPER, KEEPER_ABI, Chain

from chain_service.nodes.embedded.server import serve

ROOT = Path(__file__).resolve().parents[4]
HARDHAT = ROOT / "node_modules" / "hardhat"

SCRIPT = """
const hre = require(%(hardhat)s);
const { BrowserProvider, ContractFactory } = require(%(ethers)s);
async function main() {
  const signer = await new BrowserProvider(hre.network.provider, undefined, { cacheTimeout: -1 }).getSigner();
  const keeper = await new ContractFactory(%(abi)s, %(code)s, signer).deploy();
  await keeper.waitForDeployment();
  const receipt = await (await keeper.set(42n)).wait();
  let refusal = "";
  try { await keeper.set.staticCall(0n); } catch (error) { refusal = error.reason; }
  const value = (await keeper.get()).toString();
  const version = await hre.network.provider.send("web3_clientVersion");
  console.log(JSON.stringify({ value, status: receipt.status, events: receipt.logs.length, refusal, version }));
}
main().catch((error) => { console.error(error); process.exit(1); });
"""


@pytest.mark.long
def test_hardhat_deploys_and_uses_a_contract(chain: Chain, tmp_path: Path) -> None:
    if not HARDHAT.is_dir() or not shutil.which("node"):
        pytest.skip("no Hardhat here: node_modules is filled by `npm ci`")
    names = {"hardhat": HARDHAT, "ethers": ROOT / "node_modules" / "ethers", "abi": KEEPER_ABI, "code": KEEPER.hex()}
    script = tmp_path / "use.js"
    script.write_text(SCRIPT % {name: json.dumps(value, default=str) for name, value in names.items()})
    with serve(chain.node, port=0) as server:
        trial = {"url": server.url, "accounts": ["0x" + chain.account.key.hex().removeprefix("0x")]}
        config = tmp_path / "hardhat.config.js"
        config.write_text(f"module.exports = {{ solidity: '0.8.30', networks: {{ trial: {json.dumps(trial)} }} }};")
        run = subprocess.run(
            ["node", HARDHAT / "internal" / "cli" / "bootstrap.js", "--config", config, "--network", "trial",
             "run", "--no-compile", script],
            cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
            env=os.environ | {"HARDHAT_DISABLE_TELEMETRY_PROMPT": "true"},
        )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    answer = json.loads(run.stdout.strip().splitlines()[-1])
    assert answer["version"].startswith("chain_service-trial/")
    assert answer | {"version": ""} == {"value": "42", "status": 1, "events": 1, "refusal": "zero", "version": ""}
