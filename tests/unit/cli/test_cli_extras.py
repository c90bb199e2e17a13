"""An installation has the libraries that its commands need, and says which extra brings one that is missing."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from chain_service.cli import extras
from chain_service.cli.main import run

ROOT = Path(__file__).resolve().parents[3]
BASE = frozenset(
    {
        "cbor2", "coincurve", "cryptography", "orjson", "pydantic", "pydantic_core", "pydantic_settings", "rich",
        "structlog", "tiny_keccak", "typer", "typing_extensions",
    }
)  # fmt: skip
"""What no extra is needed for; pydantic_core and typing_extensions come with pydantic."""

OFFLINE = """
import sys
from importlib.abc import MetaPathFinder

class Absent(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
from chain_service.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


def imported() -> set[str]:
    """The libraries that the package imports anywhere."""
    found = set()
    for path in (ROOT / "chain_service").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module is not None:
                found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - {"chain_service"}


def test_every_library_that_is_imported_is_brought_by_the_base_or_one_extra() -> None:
    extra = [module for modules in extras.EXTRAS.values() for module in modules]
    assert len(set(extra)) == len(extra) and not BASE & set(extra)
    assert imported() <= BASE | set(extra)


def test_the_extras_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(extras.EXTRAS) <= set(project["optional-dependencies"])
    named = {re.split(r"[\[<>=]", one)[0].replace("-", "_") for one in project["dependencies"]}
    assert named == BASE - {"pydantic_core", "typing_extensions"}


def without(*absent: str, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    program = OFFLINE.format(absent=set(absent))
    return subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("extra", ["documents", "server"])
def test_a_command_that_needs_a_missing_extra_names_it_and_the_remedy(extra: str, tmp_path: Path) -> None:
    arguments = {
        "documents": ["verify", "--offline", "--trust", str(tmp_path / "trust"), str(tmp_path / "a.pdf")],
        "server": ["init"],
    }[extra]
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7\n")
    (tmp_path / "trust").write_bytes(trust_file())
    told = without(*extras.EXTRAS[extra], arguments=["--data", str(tmp_path / "new"), *arguments])
    assert told.returncode == 2, told.stderr
    assert f"pip install 'chain-service[{extra}]'" in told.stderr
    assert "缺少可选组件" in told.stderr and "is missing" in told.stderr


def test_a_file_that_is_no_document_needs_no_extra(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"words")
    (tmp_path / "trust").write_bytes(trust_file())
    every = [module for modules in extras.EXTRAS.values() for module in modules]
    arguments = ["verify", "--offline", "--trust", str(tmp_path / "trust"), str(tmp_path / "a.txt")]
    told = without(*every, arguments=["--data", str(tmp_path / "new"), *arguments])
    assert "has no receipt" in told.stderr, told.stderr
    assert run(arguments) == told.returncode == 2


def trust_file() -> bytes:
    from support.offline.offline_papers import holder

    return holder()[1]["trust file"]
