"""The source of this repository as the rules read it: its files, who imports whom, what is called."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "chain_service"


@cache
def tracked(*suffixes: str) -> tuple[Path, ...]:
    """The repository's own files: those that git knows or would add, with one of these endings if any is given."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("this is no git checkout, so its own files cannot be told from others")
    names = [name for name in listed.stdout.decode().split("\0") if name]
    paths = (ROOT / name for name in names if not suffixes or name.endswith(suffixes))
    return tuple(path for path in paths if path.is_file())


def python(*folders: str) -> list[Path]:
    return [path for path in tracked(".py") if path.relative_to(ROOT).parts[0] in folders]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def part(path: Path) -> str:
    """The layer that a file of the package belongs to: `core`, `jobs`, …, `config`."""
    inside = path.relative_to(ROOT / PACKAGE)
    return inside.parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of everything imported, also inside functions and for type checkers."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def calls(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything called by name."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            name = dotted(node.func)
            if name:
                yield node.lineno, name


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = dotted(node.value)
        return f"{inner}.{node.attr}" if inner else f".{node.attr}"
    return ""


def where(path: Path, line: int, what: str) -> str:
    return f"{path.relative_to(ROOT)}:{line}: {what}"


def assert_none(found: Iterable[str]) -> None:
    told = sorted(found)
    assert not told, "\n".join(["", *told])


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, Path]:
    return {module_name(path): path for path in python(PACKAGE)}


@cache
def needs(name: str) -> frozenset[str]:
    """The modules of the package that this one imports, also inside functions and for type checkers."""
    found = set()
    for _, full in imports(modules()[name]):
        while full and full not in modules():
            full = full.rpartition(".")[0]
        if full:
            found.add(full)
    return frozenset(found - {name})


def paths_from(start: Iterable[str]) -> dict[str, str]:
    """Everything reached by imports, with how: `a → b → c`."""
    reached = {name: name for name in start}
    waiting = list(reached)
    while waiting:
        name = waiting.pop()
        for other in needs(name):
            if other not in reached:
                reached[other] = f"{reached[name]} → {other}"
                waiting.append(other)
    return reached


def below(*rooms: str) -> list[str]:
    """The modules in these rooms, each written as `jobs.verifying`."""
    found = [name for name in modules() if name.startswith(tuple(f"{PACKAGE}.{room}." for room in rooms))]
    assert found
    return found
