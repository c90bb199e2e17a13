"""The list that an operator's command begins is one that service and worker can read and go on with."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from chain_service.config import Settings
from chain_service.jobs.context import App
from chain_service.jobs.records.erasure_list import note_revocation, read_list


@pytest.mark.parametrize(("folder", "expected"), [(0o700, 0o600), (0o755, 0o600), (0o2770, 0o660)])
def test_a_new_list_is_as_private_as_its_folder(tmp_path: Path, folder: int, expected: int) -> None:
    data = tmp_path / "data"
    data.mkdir()
    if os.geteuid() == 0:
        os.chown(data, 4711, 4712)
    data.chmod(folder)
    app = cast(App, SimpleNamespace(settings=Settings(data=data), now=1_780_000_000))
    before = os.umask(0o077)
    try:
        note_revocation(app, "k1")
        note_revocation(app, "k2")
    finally:
        os.umask(before)
    made = app.settings.erasures.stat()
    assert made.st_mode & 0o777 == expected
    assert (made.st_uid, made.st_gid) == (data.stat().st_uid, data.stat().st_gid)
    assert [act["revoked"] for act in read_list(app.settings.erasures)] == ["k1", "k2"]
