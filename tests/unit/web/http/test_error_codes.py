"""Every code that the program raises with is explained to its reader, and no other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chain_service import errors
from chain_service.error_codes import CODES

PACKAGE = Path(errors.__file__).parent
Tree = dict[Path, ast.Module]


@pytest.fixture(scope="module")
def package() -> Tree:
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


def words_in(node: ast.AST) -> set[str]:
    """The literal texts in an expression, which is one code or one of two."""
    return {one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def bases(node: ast.ClassDef) -> set[str]:
    return {ast.unparse(base) for base in node.bases}


def error_classes(package: Tree) -> dict[str, set[str]]:
    """Every class of errors in the package, with the code that it has by itself."""
    classes = [node for tree in package.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    found: dict[str, set[str]] = {"ChainServiceError": {"error"}}
    while new := [one for one in classes if one.name not in found and not bases(one).isdisjoint(found)]:
        for one in new:
            own = [
                node.value
                for node in one.body
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "default_code"
            ]
            found[one.name] = {word for value in own if isinstance(value, ast.Constant) for word in words_in(value)}
    return found


@dataclass
class Raising:
    """What raises: the classes of errors, and functions that raise with a code they are given."""

    package: Tree
    classes: dict[str, set[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.classes = error_classes(self.package)

    def passing_on(self, tree: ast.Module) -> Iterator[tuple[str, int, set[str]]]:
        """Name, place of the code among the arguments, and its default, of each such function of a module."""
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            names = [one.arg for one in (*function.args.args, *function.args.kwonlyargs)]
            given = [
                keyword
                for call in ast.walk(function)
                if isinstance(call, ast.Call) and ast.unparse(call.func) in self.classes
                for keyword in call.keywords
                if keyword.arg == "code" and ast.unparse(keyword.value) == "code"
            ]
            if given and "code" in names:
                yield function.name, names.index("code"), {w for one in function.args.defaults for w in words_in(one)}

    def codes(self) -> set[str]:
        """Every code that is raised; errors of contracts (`Reverted`) are named by the contracts."""
        found = {code for own in self.classes.values() for code in own}
        passed = {
            path: {name: place for name, place, _ in self.passing_on(tree)} for path, tree in self.package.items()
        }
        found |= {code for tree in self.package.values() for _, _, default in self.passing_on(tree) for code in default}
        public = {name: at for places in passed.values() for name, at in places.items() if not name.startswith("_")}
        for path, tree in self.package.items():
            takes_code = public | passed[path]
            for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
                name = ast.unparse(call.func).rpartition(".")[2]
                if name == "Reverted" or name not in {*self.classes, *takes_code, "partial"}:
                    continue
                found |= {w for keyword in call.keywords if keyword.arg == "code" for w in words_in(keyword.value)}
                if name in takes_code and len(call.args) > takes_code[name]:
                    found |= words_in(call.args[takes_code[name]])
        return found


def test_every_code_that_is_raised_stands_in_the_table(package: Tree) -> None:
    raised = Raising(package).codes()
    assert {"record_unknown", "rate_limited", "headers_disagree", "xml_entity", "bad_xml", "key_exists"} <= raised
    assert sorted(raised - set(CODES)) == []


def test_every_code_of_the_table_is_named_by_the_program(package: Tree) -> None:
    words = {word for path, tree in package.items() if path.name != "error_codes.py" for word in words_in(tree)}
    assert sorted(set(CODES) - words) == []
