"""What systemd does with the units of `scripts/deploy`, without systemd: other paths, and the same users and limits.

`systemctl` of a drill is this file: `enable --now UNIT…` starts the units below the root that the drill has.
"""

from __future__ import annotations

import ctypes
import os
import re
import resource
import shutil
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PR_SET_MDWE, PR_SET_NO_NEW_PRIVS = 65, 38
OPT = "/opt/chain-service"


@dataclass(frozen=True)
class Unit:
    """The part of a unit that a process without systemd can be given."""

    name: str
    values: dict[str, list[str]]

    def one(self, name: str) -> str:
        """The only value of this name."""
        (value,) = self.values[name]
        return value


def read_unit(file: Path) -> Unit:
    """The assignments of a unit's file, whatever section they stand in."""
    values: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", file.read_text(encoding="utf-8"), re.MULTILINE):
        values.setdefault(name, []).append(value)
    return Unit(file.stem, values)


def ids(root: Path, user: str, group: str) -> tuple[int, int]:
    """Numbers of a user and a group below `root`."""
    numbers = []
    for file, name in (("passwd", user), ("group", group)):
        found = re.search(rf"^{name}:[^:]*:(\d+):", (root / "etc" / file).read_text(encoding="utf-8"), re.MULTILINE)
        assert found is not None, name
        numbers.append(int(found[1]))
    return numbers[0], numbers[1]


def moved(text: str, root: Path, program: Path) -> str:
    """Paths of the machine as those below `root`, and the program's as those of this checkout."""
    return re.sub(r"(?<![\w.])/(etc|var)/", rf"{root}/\1/", text.replace(OPT, str(program)))


def python_for_all() -> Path | None:
    """A Python of this version that other users can start; a developer's own often lies in a closed home."""
    version = f"python3.{sys.version_info.minor}"
    for python in (Path(sys.executable).resolve(), Path("/usr/bin") / version):
        if python.exists() and all(folder.stat().st_mode & stat.S_IXOTH for folder in (python, *python.parents)):
            return python
    return None


def interpreter(root: Path, program: Path) -> Path:
    """Below `root` a Python for all users that has the packages and the program of this checkout."""
    made = root / "venv" / "bin" / "python"
    if not made.exists():
        python = python_for_all()
        assert python is not None
        packages = root / "venv" / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
        for folder in (made.parent, packages):
            folder.mkdir(parents=True)
        made.symlink_to(python)
        (root / "venv" / "pyvenv.cfg").write_text(f"home = {python.parent}\n")
        (packages / "checkout.pth").write_text(f"{sysconfig.get_path('purelib')}\n{program}\n")
        for path in (root / "venv").rglob("*"):
            if not path.is_symlink():
                path.chmod(0o755)
        (root / "venv").chmod(0o755)
    return made


def start(unit: Unit, root: Path, program: Path) -> int:
    """The unit runs as its user, with its umask, limits and credentials; the number of its process."""
    uid, gid = ids(root, unit.one("User"), unit.one("Group"))
    credentials = root / "run" / "credentials" / unit.name
    credentials.mkdir(parents=True, exist_ok=True)
    for folder in (credentials, *credentials.parents[:2]):
        folder.chmod(0o711)
    for credential in unit.values["LoadCredential"]:
        name, _, source = credential.partition(":")
        shutil.copyfile(moved(source, root, program), credentials / name)
        os.chown(credentials / name, uid, gid)
        (credentials / name).chmod(0o400)
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    for assignment in unit.values["Environment"]:
        name, _, value = assignment.partition("=")
        environment[name] = value.replace("%d", str(credentials))
    words = moved(unit.one("ExecStart"), root, program).split()
    assert words[0] == str(program / ".venv" / "bin" / "chain-service")
    command = [str(interpreter(root, program)), "-c", "from chain_service.cli.main import main; main()", *words[1:]]
    with (root / f"{unit.name}.log").open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", env=environment, start_new_session=True,
            user=uid, group=gid, extra_groups=[], umask=int(unit.one("UMask"), 8), preexec_fn=limits(unit),
        )  # fmt: skip
    return process.pid


def limits(unit: Unit) -> Callable[[], None]:
    """What holds in the process before it begins."""
    prctl = ctypes.CDLL(None).prctl

    def apply() -> None:
        if "LimitNOFILE" in unit.values:
            most = int(unit.one("LimitNOFILE"))
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        if unit.one("NoNewPrivileges") == "yes":
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if unit.one("MemoryDenyWriteExecute") == "yes":
            prctl(PR_SET_MDWE, 1, 0, 0, 0)  # kernels before 6.3 do not know it; there systemd filters calls

    return apply


def main() -> int:
    """`systemctl` for a drill below DRILL_ROOT with the program of DRILL_PROGRAM."""
    words = sys.argv[1:]
    if words == ["daemon-reload"]:
        return 0
    assert words[:2] == ["enable", "--now"] and words[2:], words
    root, program = Path(os.environ["DRILL_ROOT"]), Path(os.environ["DRILL_PROGRAM"])
    for name in words[2:]:
        unit = read_unit(root / "etc" / "systemd" / "system" / name)
        (root / f"{unit.name}.pid").write_text(str(start(unit, root, program)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
