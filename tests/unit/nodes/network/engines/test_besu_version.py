"""Which Besu may run a network, by what the program says of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from chain_service.errors import Unavailable
from chain_service.nodes.network.engines.engine import engine_of


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Puts a program on PATH that answers as Besu's launcher does."""

    def install(script: str) -> Path:
        program = tmp_path / "besu"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        return program

    return install


def find(tmp_path: Path) -> Path:
    return engine_of("besu").program(tmp_path / "cache", None, lambda _: None)


@pytest.mark.parametrize("said", ["besu/v26.7.1/linux-x86_64/openjdk-java-25", "besu/v26.10.0/linux", "besu/develop"])
def test_a_release_that_seals_free_transactions_is_taken(installed, tmp_path, said) -> None:
    program = installed(f"echo {said}")
    assert find(tmp_path) == program


@pytest.mark.parametrize("said", ["besu/v26.7.0/linux-x86_64/openjdk-java-25", "besu/v25.12.0/linux"])
def test_a_release_that_leaves_them_out_is_refused_with_the_remedy(installed, tmp_path, said) -> None:
    installed(f"echo {said}")
    with pytest.raises(Unavailable, match=r"install 26\.7\.1 or newer") as refused:
        find(tmp_path)
    assert refused.value.code == "no_engine"


def test_a_program_that_does_not_run_is_refused(installed, tmp_path) -> None:
    installed("exit 1")
    with pytest.raises(Unavailable, match="does not run"):
        find(tmp_path)


def test_no_program_is_refused_with_the_remedy(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match=r"no `besu` on PATH.*compose\.yaml"):
        find(tmp_path)
