"""`scripts/demo --validators 4`: the whole story on four validators, one of which is killed in the middle."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from chain_service.nodes.network.running.ledger import Ledger
from support.worlds.running_instance import free_port

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.long


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name: sockets lie deep below it."""
    made = Path(tempfile.mkdtemp(prefix="chain-demo-"))
    yield made
    shutil.rmtree(made)


def demo(data: Path, geth: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    variables = os.environ | {"PYTHONPATH": str(ROOT / "scripts"), "PYTHONUTF8": "1", "CHAIN_SERVICE_GETH": str(geth)}
    words = [sys.executable, "-m", "demonstration", "--data", str(data), "--port", str(free_port()), *arguments]
    return subprocess.run(words, env=variables, capture_output=True, text=True, timeout=1200, check=False)


def test_a_killed_validator_costs_nothing_and_everything_is_stopped_at_the_end(folder: Path, geth: Path) -> None:
    done = demo(folder / "data", geth, "--validators", "4", "--once", "--n", "60")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"all 5\d expectations held", done.stdout)
    assert "the supervisor brought it back by itself" in done.stdout
    assert "all 60 acknowledged certificates are anchored exactly once" in done.stdout
    ledger = Ledger(folder / "data" / "network")
    assert ledger.supervisor() is None and ledger.running() == {}
    refused = demo(folder / "data", geth, "--once")
    assert refused.returncode == 1 and "give --validators" in refused.stdout
