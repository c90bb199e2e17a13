"""Runs what `scripts/test` promises: tools are found or installed, then style, types, contracts and tests are checked.

--long adds the tests that take minutes and runs everything at once; --fast runs a selection of pure unit tests that
takes less than ten seconds, --checks all but the tests. With --fast or arguments for pytest only pytest runs. The exit
code is 0 only if every part passed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
QUIET = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "HARDHAT_DISABLE_TELEMETRY_PROMPT": "true", "CI": "true"}
QUIET.pop("PYTHONDONTWRITEBYTECODE", None)  # hundreds of processes would each compile the package anew


PYTEST = [str(BIN / "python"), "-m", "pytest"]
PARTS = (
    ("tests/integration/jobs", "tests/integration/nodes", "tests/integration/chain"),
    ("tests/integration/crash", "tests/integration/store", "tests/integration/scripts", "tests/network"),
    ("tests/e2e",),
    (
        "tests/unit",
        "tests/property",
        "tests/vectors",
        "tests/contracts",
        "tests/test_architecture.py",
        "tests/test_repository.py",
    ),
)
"""Folders of tests that run beside each other: together they are all of `tests`. All but the last mostly wait."""
FAST = (
    "tests/unit/core/encoding", "tests/unit/core/log", "tests/unit/core/records", "tests/unit/core/registries",
    "--ignore=tests/unit/core/encoding/test_decoding.py",
)  # fmt: skip
"""Pure unit tests that take less than ten seconds of one core; those of decoding alone take as long again."""


@dataclass(frozen=True)
class Tool:
    """Something a part of the tests needs: how to see it, which Debian packages bring it, what lacks without it."""

    name: str
    there: Callable[[], bool]
    packages: tuple[str, ...]
    lacking: str
    remedy: str


def _postgresql() -> bool:
    return any(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or shutil.which("initdb") is not None


def _nginx() -> bool:
    return shutil.which("nginx") is not None or Path("/usr/sbin/nginx").exists()


def _chinese_font() -> bool:
    if shutil.which("fc-list") is None:
        return False
    return bool(subprocess.run(["fc-list", ":lang=zh"], capture_output=True, check=False).stdout.strip())


TOOLS = (
    Tool("PostgreSQL", _postgresql, ("postgresql",), "store and crash tests on PostgreSQL",
         "install the postgresql package"),
    Tool("pgbouncer", Path("/usr/sbin/pgbouncer").exists, ("pgbouncer",), "the store behind a pooler",
         "install the pgbouncer package"),
    Tool("pgBackRest", lambda: shutil.which("pgbackrest") is not None, ("pgbackrest",),
         "the drill of going back to a moment", "install the pgbackrest package"),
    Tool("libfaketime", lambda: any(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), ("libfaketime",),
         "the faults of a wrong clock", "install the libfaketime package"),
    Tool("Chromium", Path("/usr/bin/chromium").exists, ("chromium",), "tests of the page in a browser",
         "install the chromium package"),
    Tool("nginx", _nginx, ("nginx",), "tests of the sample configuration of the proxy", "install the nginx package"),
    Tool("promtool", lambda: shutil.which("promtool") is not None, ("prometheus",), "tests of the alert rules",
         "install the prometheus package"),
    Tool("systemd-analyze", lambda: shutil.which("systemd-analyze") is not None, ("systemd",), "tests of the units",
         "install the systemd package"),
    Tool("Chinese font", _chinese_font, ("fontconfig", "fonts-wqy-zenhei"), "nothing; screenshots show empty boxes",
         "install the fonts-wqy-zenhei package"),
    Tool("Node.js and npm", lambda: all(map(shutil.which, ("node", "npm", "npx"))), ("nodejs", "npm"),
         "the linter of the pages, the compiler's and Hardhat's contract tests",
         "install Node.js 18.18 or newer with npm"),
    Tool("Go or go-ethereum 1.13.15", lambda: any(map(shutil.which, ("geth", "go"))), (),
         "networks, and the import of the trial chain into go-ethereum",
         "install Go 1.23 or newer, or geth 1.13.15 on the PATH"),
)  # fmt: skip


def main() -> int:
    """The exit code of the whole."""
    arguments = [word for given in sys.argv[1:] for word in (FAST if given == "--fast" else (given,))]
    if {"-h", "--help"} & set(arguments):
        print("usage: scripts/test [--long | --fast | --checks] [arguments of pytest]\n\n" + (__doc__ or ""))
        return 0
    long = ", long tests too" if "--long" in arguments else ""
    _tell("testing", f"Python {sys.version.split()[0]}, {os.cpu_count()} cores{long}")
    if arguments == ["--checks"]:
        return _checks()
    if any(argument != "--long" for argument in arguments):
        return _run([*PYTEST, *arguments])
    _find_tools()
    if arguments == ["--long"]:
        _node_modules()  # tests need them; if npm fails, the checks try again and say so
        return _long_tests()
    checks = _checks()
    return _run(PYTEST) or checks


def _long_tests() -> int:
    """The exit code of the checks and all tests, in parts at once, so that two cores are busy while processes are
    waited for.

    What the first one prints is seen at once, what the others print when they have ended.
    """
    first, *others = ([*PYTEST, "--long", *part] for part in PARTS)
    checks = [sys.executable, __file__, "--checks"]
    with ExitStack() as opened:
        running = [_Beside(opened, command) for command in (checks, *others)]
        codes = [_run(first), *(other.finish() for other in running)]
    return max(codes, key=abs)


class _Beside:
    """A part of the tests that runs beside the first one; ended with `opened`."""

    def __init__(self, opened: ExitStack, command: list[str]) -> None:
        self._printed = opened.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=QUIET, stdin=subprocess.DEVNULL, stdout=self._printed, stderr=subprocess.STDOUT
        )
        opened.callback(self._end)

    def finish(self) -> int:
        """Its exit code, once it has ended and what it printed was shown."""
        code = self._process.wait()
        self._printed.seek(0)
        sys.stdout.buffer.write(self._printed.read())
        sys.stdout.flush()
        return code

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()


def _find_tools() -> None:
    """Says which tools are here and what lacks without the others, once what can be installed is."""
    _install([tool for tool in TOOLS if not tool.there()])
    for tool in TOOLS:
        if tool.there():
            _tell("found", tool.name)
        else:
            _tell("SKIPPED", f"{tool.name} is not here: {tool.lacking}. Remedy: {tool.remedy}.")
    sys.stdout.flush()


def _checks() -> int:
    """1 if style, types, the linter of the pages or the contracts' tests under Hardhat complain, or npm fails."""
    passed = [_node_modules()]
    commands = [
        ("ruff check", [str(BIN / "ruff"), "check"]),
        ("ruff format", [str(BIN / "ruff"), "format", "--check"]),
        ("mypy", [str(BIN / "mypy")]),
    ]
    if (ROOT / "node_modules" / ".bin" / "eslint").exists():
        commands.append(("eslint", ["npm", "run", "--silent", "lint"]))
    if (ROOT / "node_modules" / ".bin" / "hardhat").exists():
        commands.append(("hardhat test", ["npx", "--no-install", "hardhat", "test"]))
    passed += [_passes(name, command) for name, command in commands]
    return 0 if all(passed) else 1


def _install(missing: list[Tool]) -> None:
    """What Debian packages can bring is installed, where we may."""
    packages = [package for tool in missing for package in tool.packages]
    if not packages or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    _tell("installing", " ".join(packages))
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", *packages]):
        done = subprocess.run(command, env=QUIET, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            _tell("not installed", f"{' '.join(command[:2])}: {done.stderr.strip()[-300:]}")
            return


def _node_modules() -> bool:
    """What package-lock.json lists is in node_modules, or there is no npm; False if npm failed."""
    if not shutil.which("npm"):
        return True
    lock, done = ROOT / "package-lock.json", ROOT / "node_modules" / ".installed"
    if done.exists() and done.read_bytes() == lock.read_bytes():
        return True
    if not _passes("npm ci", ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]):
        return False
    shutil.copyfile(lock, done)
    return True


def _passes(name: str, command: list[str]) -> bool:
    start = time.monotonic()
    passed = _run(command) == 0
    _tell("passed" if passed else "FAILED", f"{name}  {time.monotonic() - start:.0f} s")
    return passed


def _run(command: list[str]) -> int:
    return subprocess.run(command, cwd=ROOT, env=QUIET, stdin=subprocess.DEVNULL, check=False).returncode


def _tell(what: str, text: str) -> None:
    print(f"{what:<14}{text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
