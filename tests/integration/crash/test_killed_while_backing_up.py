"""kill -9 during backup and restore: what stood still stands, or every command refuses until restore has ended."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from kill_points import BACKING_UP, RESTORING
from killable_instance import LAUNCHER

from support.worlds.backed_up import PASSWORD, anchored, chain_of, done, with_records
from support.worlds.running_instance import Instance, environment


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Instance, Path]:
    """An instance with two records more than its backup."""
    folder = tmp_path_factory.mktemp("kept")
    instance, _ = with_records(folder)
    done(instance, "backup", folder / "backup")
    with chain_of(instance):
        anchored(instance, 5, 7)
    return instance, folder / "backup"


def killed(instance: Instance, point: str, *arguments: str | Path) -> None:
    command = [sys.executable, str(LAUNCHER), point, "--data", str(instance.data), *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, timeout=120, env=environment() | PASSWORD)
    assert ended.returncode == -signal.SIGKILL, ended


@pytest.mark.long
@pytest.mark.parametrize("point", BACKING_UP)
def test_a_backup_that_was_killed_is_none_and_is_made_again(
    kept: tuple[Instance, Path], tmp_path: Path, point: str
) -> None:
    instance, _ = kept
    killed(instance, point, "backup", tmp_path / "backup")
    assert not (tmp_path / "backup").exists()
    assert done(instance, "backup", tmp_path / "backup")["records"] >= 5
    assert [path.name for path in tmp_path.iterdir()] == ["backup"]
    assert not list(instance.data.glob(".backing-up"))


@pytest.mark.long
@pytest.mark.parametrize("point", RESTORING)
def test_a_restore_that_was_killed_leaves_the_old_state_or_a_refusal_and_goes_on(
    kept: tuple[Instance, Path], point: str
) -> None:
    instance, backup = kept
    before = instance.run("--json", "key", "list")
    killed(instance, point, "restore", backup, "--replace")
    told = instance.run("--json", "key", "list")
    if point == "unpacked, nothing touched":
        assert told == before
    else:
        assert (told.code, told.json["error"]["code"]) == (1, "restore_unfinished")
    assert done(instance, "restore", backup, "--replace")["records"] == 5
    with chain_of(instance):
        report = instance.done("audit")
    assert (report["ok"], report["logs"][0]["records"]) == (True, 5)
    assert not list(instance.data.glob(".restoring"))
