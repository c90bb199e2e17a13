"""The vectors beside these tests are the files whose source and licence are told."""

from __future__ import annotations

import hashlib
from pathlib import Path

TOLD = {"PROVENANCE.md", "SHA256SUMS"}


def test_every_vector_is_the_file_that_was_taken(vectors: Path) -> None:
    stated = dict(
        reversed(line.split("  ", 1)) for line in (vectors / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    )
    found = {
        file.relative_to(vectors).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in vectors.rglob("*")
        if file.is_file() and file.name not in TOLD
    }
    assert found == stated


def test_every_vector_has_a_source_and_a_licence(vectors: Path) -> None:
    rows = [line for line in (vectors / "PROVENANCE.md").read_text(encoding="utf-8").splitlines() if line[:3] == "| `"]
    named = {row.split("`")[1].split("/")[0] for row in rows}
    assert named == {folder.name for folder in vectors.iterdir() if folder.is_dir()}
    assert all(row.count("|") == 5 and row.rsplit("|", 2)[1].strip() for row in rows)
