"""A validator is voted in or out through the own validators' doors, by whatever the engine calls its votes."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

from chain_service.errors import BadRequest, Conflict, Unavailable
from chain_service.nodes.network.descriptor import NETWORK_FILE, Network, load
from chain_service.nodes.network.engines.engine import engine_of
from chain_service.nodes.network.rpc import call

_LOOK = 0.3


def propose(directory: Path, address: str, *, add: bool, timeout: float = 60) -> dict[str, Any]:
    """The own validators have voted; `changed` says whether `address` is now in (or out).

    More than half of the current validators have to vote before the epoch ends. When the own ones are too few, their
    votes stand in the chain and `missing` says how many more are needed. The nodes' proposals are withdrawn at the
    end, so that no node votes again later. Raises NotFound, BadRequest, Conflict (it is so already; nobody of ours may
    vote; the last validator would go), Unavailable.
    """
    network = load(directory / NETWORK_FILE)
    target = address.lower()
    if len(target) != 42 or not target.startswith("0x") or any(digit not in "0123456789abcdef" for digit in target[2:]):
        raise BadRequest(f"{address} is not an account address", code="usage", field="ADDRESS")
    doors = _doors(directory, network)
    signers = _signers(network, doors)
    if (target in signers) == add:
        raise Conflict(f"{target} is {'a validator already' if add else 'no validator'}; nobody voted")
    if not add and len(signers) == 1:
        raise Conflict("the last validator cannot be voted out: nobody would seal")
    engine = engine_of(network.engine)
    voters = _tell(doors, signers, *engine.propose(target, add))
    if not voters:
        raise Conflict("no validator of this directory may vote; another authority has to")
    try:
        changed = _wait(network, voters, target, add, timeout)
        votes = 0 if changed else len(_voted(network, voters, target, add))
    finally:
        # a proposal left in a node would vote again, against whoever proposes the contrary later
        _tell(voters, set(voters), *engine.discard(target))
    needed = len(signers) // 2 + 1
    return {
        "address": target,
        "wanted": "add" if add else "remove",
        "changed": changed,
        "validators": sorted(_signers(network, voters)),
        "votes": needed if changed else votes,
        "missing": 0 if changed else max(0, needed - votes),
    }


def signers_of(directory: Path) -> list[str]:
    """The validators as the own nodes know them now, lower-case hex, ascending."""
    network = load(directory / NETWORK_FILE)
    return sorted(_signers(network, _doors(directory, network)))


def _doors(directory: Path, network: Network) -> dict[str, str]:
    """Own validators' endpoints by sealing address."""
    engine = engine_of(network.engine)
    own = network.own(directory)
    return {node.address: engine.endpoint(directory / node.name, node) for node in own if node.role == "validator"}


def _tell(doors: dict[str, str], signers: set[str], method: str, arguments: list[object]) -> dict[str, str]:
    """Those of the own validators that may vote and have heard this; a node that is away does not vote."""
    heard = {}
    for address, door in doors.items():
        if address in signers:
            try:
                call(door, method, *arguments)
            except Unavailable:
                continue
            heard[address] = door
    return heard


def _signers(network: Network, doors: dict[str, str]) -> set[str]:
    method, arguments = engine_of(network.engine).validators()
    for door in doors.values():
        try:
            return {address.lower() for address in call(door, method, *arguments)}
        except Unavailable:
            continue
    raise Unavailable("no own validator answers: `chain-service network up`", code="network_stalled")


def _wait(network: Network, voters: dict[str, str], target: str, add: bool, timeout: float) -> bool:
    """Whether the set changed in time; gives up early only when it cannot change without others."""
    end = time.monotonic() + timeout
    enough = len(voters) > len(_signers(network, voters)) // 2
    while time.monotonic() < end:
        if (target in _signers(network, voters)) == add:
            return True
        if not enough and voters.keys() <= _voted(network, voters, target, add):
            return False
        time.sleep(_LOOK)
    return False


def _voted(network: Network, voters: dict[str, str], target: str, add: bool) -> set[str]:
    """Who voted so about `target` in blocks, as far as it still counts: a proposal is no vote until its node seals."""
    ask = partial(call, next(iter(voters.values())))
    return engine_of(network.engine).voted(ask, target, add, network.epoch)
