"""README says what the program says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from chain_service import error_codes
from chain_service.config import Settings
from chain_service.core.verdicts import verdict

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def test_making_the_tables_again_leaves_no_difference() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "readme.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_setting_stands_in_the_table_with_its_variable() -> None:
    listed = re.findall(r"^\| `(\w+)` \| `CHAIN_SERVICE_(\w+)` \|", TEXT, re.MULTILINE)
    assert [name for name, _ in listed] == list(Settings.model_fields)
    assert all(name.upper() == variable for name, variable in listed)


def test_the_tables_of_codes_are_those_of_the_program_and_stand_once() -> None:
    for table in (verdict.codes_as_markdown(), error_codes.codes_as_markdown()):
        assert TEXT.count(table) == 1


def test_every_path_of_the_tree_exists() -> None:
    tree = re.search(r"^## How it is built\n\n```\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    assert tree is not None
    folder, found = "", []
    for line in tree[1].splitlines():
        names, indented = line.split("  ")[0 if not line.startswith(" ") else 1], line.startswith(" ")
        if not indented:
            folder = names
        found += [ROOT / (folder if indented else "") / name for name in names.split(", ")]
    assert len(found) > 15
    assert [path for path in found if not path.exists()] == []


@pytest.mark.parametrize("path", re.findall(r"`((?:scripts|tests)/[\w./]+)`", TEXT))
def test_every_file_that_the_text_names_exists(path: str) -> None:
    assert (ROOT / path).exists()
