"""docs/reference says what the program says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import reference
from chain_service.config import Settings
from chain_service.core.records.record import parse_record
from chain_service.core.registries.schemas import SUBMITTED
from reference_pages.markdown import table

ROOT = Path(__file__).resolve().parents[3]


def text(name: str) -> str:
    return (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")


def test_making_the_pages_again_leaves_no_difference() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "reference.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_page_that_differs_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(reference, "PAGES", {**reference.PAGES, "errors.md": lambda: "other"})
    monkeypatch.setattr(sys, "argv", ["reference.py", "--check"])
    assert reference.main() == 1
    assert capsys.readouterr().err.startswith("docs/reference/errors.md: run")


def test_there_are_no_other_pages() -> None:
    folder = ROOT / "docs" / "reference"
    assert {str(path.relative_to(folder)) for path in folder.rglob("*.*")} == set(reference.PAGES)


def test_every_setting_stands_in_the_table_with_its_variable() -> None:
    listed = re.findall(r"^\| `(\w+)` \| `CHAIN_SERVICE_(\w+)` \|", text("settings.md"), re.MULTILINE)
    assert [name for name, _ in listed] == list(Settings.model_fields)
    assert all(name.upper() == variable for name, variable in listed)


def test_every_member_that_can_be_submitted_stands_on_the_page_in_both_languages() -> None:
    page = text("records.md")
    for name, (_, table_of) in SUBMITTED.items():
        for member in table_of:
            assert f"`{member.name}` | {member.label.zh} |" in page, (name, member.name)
            assert member.label.en and member.meaning.zh and member.meaning.en


def test_the_record_shown_as_an_example_is_one() -> None:
    example = re.search(r"^```json\n(.+?)^```", text("records.md"), re.MULTILINE | re.DOTALL)
    assert example is not None
    parse_record(json.loads(example[1]))


def test_what_looks_like_a_tag_does_not_vanish_from_a_table() -> None:
    assert "&lt;type code>" in text("records.md")
    assert table(("a",), [("<b> `<c>` |",)])[-1] == "| &lt;b> `<c>` \\| |"


def test_every_command_of_a_page_can_be_found_by_its_words() -> None:
    commands = re.findall(r"^## ([a-z -]+)$", text("cli.md"), re.MULTILINE)
    assert {"verify", "status set", "trust export", "network grow"} <= set(commands)
    assert len(commands) == len(set(commands))
