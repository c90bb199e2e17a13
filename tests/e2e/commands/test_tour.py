"""The tour of docs/tour.md does what it says, on an instance of its own."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from support.worlds.running_instance import free_port
from support.worlds.tour_steps import ROOT, Shell, Step, steps

TOUR = ROOT / "docs" / "tour.md"


def test_a_step_is_a_command_with_the_output_it_promises() -> None:
    text = "words\n```console\n$ one \\\n>   two\nfirst …\n…\nlast\n$ three\n```\n```sh\n$ not this\n```\n"
    first, second = steps(text)
    assert (first.command, first.output, second) == ("one \\\n  two", "first …\n…\nlast", Step("three", ""))
    assert first.promises("first line\nsecond\n last\n".replace(" last", "last"))
    assert not first.promises("first line\nlast word\n")
    assert second.promises("\n") and not second.promises("something")


@pytest.mark.timeout(1200)  # some fifty commands, each a new process
@pytest.mark.skipif(shutil.which("curl") is None, reason="the tour uses curl, which is not installed")
def test_the_tour_runs_and_says_what_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "scripts").symlink_to(ROOT / "scripts")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    ports = {"8000": str(free_port()), "8545": str(free_port())}
    settings = {
        "CHAIN_SERVICE_PORT": ports["8000"],
        "CHAIN_SERVICE_CHAIN_PORT": ports["8545"],
        "CHAIN_SERVICE_RPC_URLS": json.dumps([f"http://127.0.0.1:{ports['8545']}"]),
    }

    def here(text: str) -> str:
        for usual, ours in ports.items():
            text = text.replace(f"127.0.0.1:{usual}", f"127.0.0.1:{ours}")
        return text

    tour = steps(TOUR.read_text(encoding="utf-8"))
    assert len(tour) > 30
    with Shell(tmp_path, settings) as shell:
        for step in tour:
            found = shell.run(here(step.command))
            wanted = Step(step.command, here(step.output))
            if not wanted.promises(found):
                pytest.fail(f"$ {step.command}\n{found}\ndocs/tour.md says:\n{wanted.output}", pytrace=False)
