"""The page has words in both languages for every evidence name and sentence of the record's checks."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[3] / "chain_service"
STATIC = PACKAGE / "web" / "static"
JUDGES = [
    *(PACKAGE / "core" / f"{name}.py" for name in ("judge", "proving", "standing")),
    *(PACKAGE / "jobs" / f"{name}.py" for name in ("papers", "questions", "gathering")),
]


def told(name: str) -> set[str]:
    """The keys of one object in details.js."""
    text = (STATIC / "details.js").read_text(encoding="utf-8")
    body = re.search(rf"const {name} = \{{\n(.*?)\n\}};", text, re.DOTALL)
    assert body is not None
    return set(re.findall(r'^  "?(.+?)"?:(?: [\["]|$)', body[1], re.MULTILINE))


def literals(node: ast.expr) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def details(file: Path) -> Iterator[str]:
    """Every sentence that becomes evidence: values under "detail", and the last argument of Failure and Outage."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "detail" and isinstance(value, ast.Constant):
                    yield value.value
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Failure", "Outage"):
            yield from literals(node.args[-1])


def evidence_names(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == "evidence" for target in targets):
                for part in ast.walk(node.value):
                    if isinstance(part, ast.Dict):
                        yield from (key.value for key in part.keys if isinstance(key, ast.Constant))


@pytest.mark.parametrize("file", JUDGES, ids=lambda file: file.stem)
def test_every_sentence_has_its_chinese(file: Path) -> None:
    assert set(details(file)) - told("DETAILS") == set()


@pytest.mark.parametrize("file", JUDGES, ids=lambda file: file.stem)
def test_every_evidence_name_has_words(file: Path) -> None:
    assert {str(name) for name in evidence_names(file)} - told("EVIDENCE") == set()


def test_templates_put_back_what_varies() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    asked = ["salt must be 64 lower-case hex digits", "the file is empty", "nothing known"]
    script = f"import {{ inChinese }} from {json.dumps(str(STATIC / 'details.js'))};"
    script += f"console.log(JSON.stringify({json.dumps(asked)}.map(inChinese)));"
    done = subprocess.run(
        [node, "--input-type=module", "--no-warnings", "-e", script], capture_output=True, text=True, timeout=60
    )
    assert json.loads(done.stdout or "null") == ["salt 须为 64 位小写十六进制", "文件为空", None], done.stderr
