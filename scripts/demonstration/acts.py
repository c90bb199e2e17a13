"""Anchor, verify and trace on a trial chain or a network, from an empty folder; see `scripts/demo --help`."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from chain_service.errors import ChainServiceError
from demonstration import auditor, counter, department, network, papers, sealing, setting_up
from demonstration.client import Client
from demonstration.network import NetworkInstance
from demonstration.processes import Instance
from demonstration.story import Failed, Story

LEAST = 24
"""Certificates that the acts need."""
LEAST_VALIDATORS, MOST_VALIDATORS = 3, 9


def run() -> int:
    """The exit code: 0 if every expectation held, 1 if one did not or something failed, 2 for wrong usage."""
    options = _options()
    geth = os.environ.get("CHAIN_SERVICE_GETH")
    for name in [name for name in os.environ if name.startswith("CHAIN_SERVICE_")]:
        del os.environ[name]
    story = Story()
    story.title(
        "政务电子证照、电子文书与数据目录的上链、核验与追溯", "Trusted government records on a permissioned chain"
    )
    data = options.data.resolve()
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _instance(data, options, geth) as instance:
            play(story, instance, options.n)
            story.end()
            if not options.once:
                _serve(story, instance)
    except KeyboardInterrupt:
        story.say("已中断", "interrupted; what was started has been stopped")
        return 130
    except (Failed, ChainServiceError, OSError) as error:
        story.expect(False, "演示未能继续", "the demonstration could not go on", error)
        story.end()
        return 1
    story.say(f"已停止；数据保留在 {data}", "stopped; the data stay there, and the demonstration can be run again")
    return 1 if story.broken else 0


def _instance(data: Path, options: argparse.Namespace, geth: str | None) -> Instance:
    if options.validators is not None:
        return NetworkInstance(data, options.validators, port=options.port, geth=geth)
    if (data / "network" / "network.toml").exists():
        raise Failed(f"{data} has a network beneath it: give --validators N, or another --data")
    return Instance(data, port=options.port, chain_port=options.chain_port)


def play(story: Story, instance: Instance, n: int) -> None:
    """Every act, in order."""
    setting_up.prepare(story, instance)
    auditor.take_back(story, instance)
    keys = setting_up.register(story, instance)
    department.register_seals(story, instance, keys)
    department.publish_catalogs(story, instance, keys)
    if isinstance(instance, NetworkInstance):
        network.show(story, instance)
        with network.a_validator_dies(story, instance):
            departments = department.anchor(story, instance, keys, n)
        department.count(story, departments)
    else:
        departments = department.anchor(story, instance, keys, n)
    chosen = counter.choose(departments, 3)
    counter.verify(story, instance, departments, chosen)
    documents = sealing.issue(story, instance)
    auditor.trace(story, instance, keys)
    auditor.alter(story, instance, chosen[2], keys[chosen[2].org])
    good, withdrawn = chosen[:2]
    made = papers.write(story, instance, departments[good.org].client, good, withdrawn, documents)
    page = Client(instance.url).page()
    story.chapter("核验页面", "The page")
    story.expect("<html" in page, f"{instance.url}/", "drop a file, a disclosure, or type an identifier", page[:200])
    story.say(f"接口说明 {instance.url}/openapi.json", f"log files in {instance.data}/log")
    story.say(f"试验材料 {made.folder}/README.txt", "papers to try, and what the page must say of each")
    story.say(f"页面与接口的密钥 {made.key}", "an API key for the pages, role verify")


def _serve(story: Story, instance: Instance) -> None:
    try:
        story.console.print(f"\n[bold]页面 page {instance.url}/[/]  [dim]Ctrl-C 停止 stops[/]")
        while instance.alive():
            time.sleep(0.5)
    except KeyboardInterrupt:
        return
    raise Failed("a server ended by itself:\n" + instance.log("service") + "\n" + instance.log("chain"))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="stop at the end; exit code 0 only if all was as expected")
    parser.add_argument("--data", type=Path, default=Path("data"), metavar="DIR", help="default ./data")
    parser.add_argument("--n", type=int, default=1_000, help=f"certificates, at least {LEAST} (default 1,000)")
    parser.add_argument("--port", type=int, help="of the service; by default 8000, or a free one if that is taken")
    parser.add_argument("--chain-port", type=int, help="of the trial chain; by default 8545, or a free one")
    parser.add_argument(
        "--validators", type=int, metavar="N", help="run on a network of N go-ethereum validators, and kill one of them"
    )
    options = parser.parse_args()
    if options.validators is not None and not LEAST_VALIDATORS <= options.validators <= MOST_VALIDATORS:
        parser.error(f"--validators must be {LEAST_VALIDATORS} to {MOST_VALIDATORS}: fewer do not bear one's death")
    if options.n < LEAST:
        parser.error(f"--n must be at least {LEAST}")
    return options
