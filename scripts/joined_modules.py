"""Joins ES modules into one script, in the order in which they need each other.

This is no bundler: nothing is renamed, rewritten or left out. That works because the modules keep to a strict form,
and whatever strays from it is refused: imports are single lines of plain names at the top, from relative paths, and
without a circle; exports are declarations; every name at the top of a module is its own in the whole program. So
`import { fill } from "../verdicts/messages.js";` can be dropped, `export function fill` lose its first word, and the
names still mean what they meant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

NAME = r"[A-Za-z_$][\w$]*"
IMPORT = re.compile(rf'import \{{ ({NAME}(?:, {NAME})*) \}} from "(\.\.?/[\w./-]+\.js)";')
DECLARED = re.compile(rf"(export )?(?:(?:async )?function|class|const|let) ({NAME})\b")
TOP = re.compile(r"(?:export|import|async|function|class|const|let|var)\b")


class ModuleError(ValueError):
    """A module strays from the form in which modules can be joined."""


@dataclass(frozen=True)
class Module:
    """One file, taken apart."""

    path: Path
    imports: dict[Path, list[str]]
    """Which names come from which file."""
    declared: dict[str, bool]
    """The names at its top, and whether they are exported."""
    text: str
    """What is left without `import` and `export`."""


def joined(entry: Path, root: Path) -> tuple[str, list[Path]]:
    """The program that begins at this module, and the files it consists of; headings name them as seen from `root`."""
    modules = _in_order(entry.resolve())
    _require_names(modules)
    headings = [f"// ==== {module.path.relative_to(root.resolve()).as_posix()} ====" for module in modules]
    parts = [f"{heading}\n\n{module.text}" for heading, module in zip(headings, modules, strict=True)]
    return "\n".join(parts), [module.path for module in modules]


def read_module(path: Path) -> Module:
    """The file taken apart; ModuleError names the line that strays from the form."""
    imports: dict[Path, list[str]] = {}
    declared: dict[str, bool] = {}
    kept: list[str] = []
    has_begun = False
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        where = f"{path}:{number}"
        if re.search(r"\bimport\s*[(.]", line):
            raise ModuleError(f"{where}: imports are static")
        if taken := IMPORT.fullmatch(line):
            if has_begun:
                raise ModuleError(f"{where}: imports stand before everything else")
            _add_import(imports, (path.parent / taken[2]).resolve(), taken[1].split(", "), where)
            continue
        if TOP.match(line):
            has_begun = True
            kept.append(_declare(declared, line, where))
        else:
            has_begun = has_begun or not re.match(r"//|$", line)
            kept.append(line)
    return Module(path, imports, declared, re.sub(r"\n{3,}", "\n\n", "\n".join(kept).strip("\n")) + "\n")


def _add_import(imports: dict[Path, list[str]], target: Path, names: list[str], where: str) -> None:
    if target in imports:
        raise ModuleError(f"{where}: a module is imported by one line")
    if not target.is_file():
        raise ModuleError(f"{where}: there is no {target}")
    imports[target] = names


def _declare(declared: dict[str, bool], line: str, where: str) -> str:
    """The line without `export`; its name is added to the declared ones."""
    found = DECLARED.match(line)
    if found is None:
        raise ModuleError(f"{where}: neither a declaration of one name nor an import of plain names")
    if found[2] in declared:
        raise ModuleError(f"{where}: {found[2]} is declared twice")
    declared[found[2]] = found[1] is not None
    return line.removeprefix("export ")


def _in_order(entry: Path) -> list[Module]:
    """The module and all that it needs, each after those that it imports."""
    done: dict[Path, Module] = {}

    def visit(path: Path, above: list[Path]) -> None:
        if path in above:
            circle = [*above[above.index(path) :], path]
            raise ModuleError("modules import each other in a circle: " + " → ".join(file.name for file in circle))
        if path in done:
            return
        module = read_module(path)
        for needed in module.imports:
            visit(needed, [*above, path])
        done[path] = module

    visit(entry, [])
    return list(done.values())


def _require_names(modules: list[Module]) -> None:
    """No name stands for two things, and what is imported is there."""
    by_path = {module.path: module for module in modules}
    home: dict[str, Path] = {}
    for module in modules:
        for name in module.declared:
            if name in home:
                raise ModuleError(f"{name} is declared in {home[name]} and in {module.path}")
            home[name] = module.path
        for path, names in module.imports.items():
            for name in names:
                if not by_path[path].declared.get(name):
                    raise ModuleError(f"{module.path}: {path.name} does not export {name}")
