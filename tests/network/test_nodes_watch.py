"""What the supervisor notices about a node's chain: new heads, replaced blocks, how deep."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from chain_service.nodes.network.running.watch import Watch


class Chain:
    """Blocks by hash, as a node serves them; branches are told apart by a letter."""

    def __init__(self) -> None:
        self.blocks: dict[str, dict[str, object]] = {}

    def block(self, number: int, branch: str, parent: str) -> str:
        digest = "0x" + sha256(f"{branch}{number}".encode()).hexdigest()
        self.blocks[digest] = {"number": hex(number), "hash": digest, "parentHash": parent, "timestamp": hex(number)}
        return digest

    def grow(self, head: str, count: int, branch: str) -> list[str]:
        made = [head]
        for _ in range(count):
            number = int(str(self.blocks[made[-1]]["number"]), 16) + 1
            made.append(self.block(number, branch, made[-1]))
        return made


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.fixture
def watch(chain: Chain) -> Iterator[Watch]:
    """A watch over a node that knows the chain's blocks by hash."""

    class Node(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert asked["method"] == "eth_getBlockByHash"
            body = json.dumps({"id": 1, "result": chain.blocks[asked["params"][0]]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return None

    with HTTPServer(("127.0.0.1", 0), Node) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        serving.start()
        yield Watch(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
        serving.join()


def see(watch: Watch, chain: Chain, head: str) -> tuple[int, int, int]:
    watch.look(chain.blocks[head])
    return watch.reorganisations, watch.deepest, watch.last_replaced


def test_a_chain_that_only_grows_shows_no_reorganisation(watch: Watch, chain: Chain) -> None:
    made = chain.grow(chain.block(0, "a", "0x"), 20, "a")
    for head in (made[3], made[3], made[4], made[11], made[20]):
        assert see(watch, chain, head) == (0, 0, 0)
    assert watch.head == 20


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("longer", [0, 2])
def test_a_replaced_branch_is_counted_once_with_its_depth(watch: Watch, chain: Chain, depth: int, longer: int) -> None:
    made = chain.grow(chain.block(0, "a", "0x"), 10, "a")
    for head in made:
        see(watch, chain, head)
    other = chain.grow(made[10 - depth], depth + longer, "b")
    assert see(watch, chain, other[-1]) == (1, depth, 11 - depth)
    assert see(watch, chain, chain.grow(other[-1], 3, "b")[-1]) == (1, depth, 11 - depth)


def test_a_branch_that_comes_back_is_a_second_reorganisation(watch: Watch, chain: Chain) -> None:
    made = chain.grow(chain.block(0, "a", "0x"), 5, "a")
    for head in made:
        see(watch, chain, head)
    other = chain.grow(made[4], 2, "b")
    assert see(watch, chain, other[-1])[0] == 1
    back = chain.grow(made[5], 3, "a")
    assert see(watch, chain, back[-1])[:2] == (2, 2)


def test_a_chain_longer_than_what_is_remembered_is_taken_up_again_without_a_false_alarm(
    watch: Watch, chain: Chain
) -> None:
    made = chain.grow(chain.block(0, "a", "0x"), 1_300, "a")
    see(watch, chain, made[5])
    assert see(watch, chain, made[1_300]) == (0, 0, 0)
    assert see(watch, chain, chain.grow(made[1_299], 2, "b")[-1]) == (1, 1, 1_300)
