"""Whoever verifies receipts installs chain-service without any extra, and needs nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from chain_service.cli.extras import EXTRAS
from support.offline.offline_papers import forged, holder

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[3]
SOURCE = ("chain_service", "pyproject.toml", "README.md", "LICENSE")
AT = "2026-09-21T14:15:10Z"
"""When the record of these papers stood."""
UNREACHABLE = re.compile(r"NewConnectionError|ConnectTimeout|NameResolutionError|No matching distribution found")


def ran(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=900)


def done(*words: object) -> str:
    result = ran(*words)
    assert result.returncode == 0, result.stderr[-2000:]
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: setuptools leaves folders where it builds."""
    folder = tmp_path_factory.mktemp("wheel")
    listed = ran("git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard", *SOURCE)
    if listed.returncode != 0:
        pytest.skip("this is no git checkout, so its own files cannot be told from others")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            copy = folder / "source" / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes((ROOT / name).read_bytes())
    build = ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, folder / "source")
    done(sys.executable, "-m", "pip", "--disable-pip-version-check", *build)
    (made,) = folder.glob("chain_service-*.whl")
    return made


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """chain-service and what its base asks for, in the versions of the lock file, and nothing else."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=True)
    pinned = re.findall(r"^[\w.\-\[\]]+==\S+", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE)
    versions = folder / "versions.txt"
    versions.write_text("\n".join(pinned) + "\n", encoding="utf-8")
    options = ("--disable-pip-version-check", "--only-binary", ":all:", "--constraint", versions)
    installed = ran(folder / "bin/python", "-m", "pip", "install", *options, wheel)
    if installed.returncode != 0 and UNREACHABLE.search(installed.stderr + installed.stdout):
        pytest.skip("no package index can be reached")
    assert installed.returncode == 0, installed.stderr[-2000:]
    return folder / "bin/chain-service"


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("papers")
    for name, data in {**holder()[1], **forged()}.items():
        (folder / name.replace(" ", "_")).write_bytes(data)
    return folder


def test_nothing_of_any_extra_comes_along(program: Path) -> None:
    names = sorted(set().union(*EXTRAS.values()))
    look = f"from importlib.util import find_spec; print([name for name in {names} if find_spec(name)])"
    found = done(program.with_name("python"), "-c", look)
    assert found.strip() == "[]"


@pytest.mark.parametrize(
    ("disclosure", "verdict"),
    [("disclosure", (0, "valid in_force")), ("disclosure_of_another_holder", (1, "invalid record_mismatch"))],
)
def test_receipts_are_verified_there(
    program: Path, papers: Path, tmp_path: Path, disclosure: str, verdict: tuple[int, str]
) -> None:
    offline = ("--offline", "--trust", papers / "trust_file", "--at", AT, "--accept-stale-trust")
    given = ("--disclosure", papers / disclosure, "--receipt", papers / "receipt")
    told = ran(program, "--data", tmp_path / "none", "--quiet", "verify", *offline, *given)
    assert (told.returncode, told.stdout.strip()) == verdict, told.stderr


def test_a_trust_file_is_taken_into_use_there(program: Path, papers: Path, tmp_path: Path) -> None:
    trusted = holder()[0].trust
    update = ("trust", "update", papers / "trust_file", "--trust", tmp_path / "mine.trust")
    told = ran(program, "--data", tmp_path, "--quiet", *update, "--fingerprint", trusted.fingerprint)
    assert (told.returncode, told.stdout.strip()) == (0, trusted.fingerprint), told.stderr


def test_what_needs_an_extra_names_it(program: Path, papers: Path, tmp_path: Path) -> None:
    offline = ("--offline", "--trust", papers / "trust_file", "--receipt", papers / "receipt")
    for words, extra in (
        (("verify", papers / "pdf_with_receipt", *offline), "documents"),
        (("init",), "server"),
    ):
        told = ran(program, "--data", tmp_path / "none", *words)
        assert told.returncode == 2, (told.stdout, told.stderr)
        assert f"chain-service[{extra}]" in told.stderr and "缺少可选组件" in told.stderr
