"""Backup, verify and restore as commands: everything comes back, nothing erased does, damage is told."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from chain_service import files
from support.worlds.backed_up import PASSWORD, anchored, chain_of, done, ran, with_records
from support.worlds.running_instance import ISSUER, PROGRAM, Instance, Process, environment

Backed = tuple[Instance, list[str], Path, str]


@pytest.fixture(scope="module")
def backed(new_database_url: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Backed:
    """An instance, its records, the backup that was made of it while it served, and a key that it had then."""
    folder = tmp_path_factory.mktemp("backed")
    instance, ids = with_records(folder, new_database_url())
    backup = folder / "backup"
    with chain_of(instance):
        key = instance.done("key", "create", "--org", ISSUER, "--role", "audit")
        service = Process(instance.data, "serve", "--port", "0")
        try:
            made = done(instance, "backup", backup)
        finally:
            service.stop()
    assert (made["records"], made["erased"], made["logs"]) == (5, 0, 1)
    return instance, ids, backup, key["id"]


def test_a_backup_is_private_and_shows_nothing(backed: Backed) -> None:
    instance, _, backup, _ = backed
    found = [path for path in backup.rglob("*") if path.is_file()]
    names = {path.relative_to(backup).as_posix() for path in found}
    assert names == {"manifest.json", "database.sealed", "chain.sealed", "files.sealed", "keys/keys.sealed"}
    assert {path.stat().st_mode & 0o777 for path in found} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in (backup, backup / "keys")} == {0o700}
    holder = instance.records()[0]["holders"][0]["certificateHolderName"].encode()
    assert not [path for path in found if holder in path.read_bytes()]
    assert not list(instance.data.glob(".backing-up"))


def test_a_backup_is_made_once_and_never_inside_the_instance(backed: Backed) -> None:
    instance, _, backup, _ = backed
    again = ran(instance, "backup", backup)
    assert (again.code, again.json["error"]["code"]) == (1, "backup_exists")
    assert ran(instance, "backup", instance.data / "backup").code == 2
    without = instance.run("--json", "backup", backup.with_name("other"))
    assert (without.code, without.json["error"]["code"]) == (2, "no_backup_password")


def test_a_backup_is_verified_by_restoring_and_auditing_it(backed: Backed) -> None:
    instance, _, backup, _ = backed
    told = done(instance, "backup", "verify", backup)
    assert told["audit"]["ok"]
    assert told["records"] == told["audit"]["logs"][0]["records"] == 5


@pytest.mark.parametrize("name", ["manifest.json", "database.sealed", "files.sealed", "keys/keys.sealed"])
def test_damage_is_told_and_nothing_is_touched(backed: Backed, tmp_path: Path, name: str) -> None:
    instance, _, backup, _ = backed
    copy = tmp_path / "copy"
    shutil.copytree(backup, copy)
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    before = {path.name for path in instance.data.iterdir()} - {"worker.lock"}
    told = ran(instance, "backup", "verify", copy)
    assert told.json["error"]["code"] in ("backup_damaged", "backup_password_wrong"), told
    assert told.code in (1, 2)
    assert ran(instance, "restore", copy, "--replace").json["error"]["code"] == told.json["error"]["code"]
    assert {path.name for path in instance.data.iterdir()} - {"worker.lock"} == before


def test_another_password_opens_nothing(backed: Backed) -> None:
    instance, _, backup, _ = backed
    wrong = backup.with_name("wrong-password")
    wrong.write_text("wrong", encoding="utf-8")
    told = instance.run("--json", "backup", "verify", backup, "--password-file", wrong)
    assert (told.code, told.json["error"]["code"]) == (2, "backup_password_wrong")
    nothing = ran(instance, "backup", "verify", backup.parent)
    assert (nothing.code, nothing.json["error"]["code"]) == (2, "no_backup")


def scratch_databases(url: str | None) -> set[str]:
    """Those that verifying makes on the server of this database, if it is on one."""
    if url is None or not url.startswith("postgresql"):
        return set()
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'chain_service_verify_%'")
        return {name for (name,) in found}


def used_databases(url: str | None) -> set[str]:
    """Those of them that somebody is connected to."""
    made = scratch_databases(url)
    if not made:
        return set()
    with psycopg.connect(str(url)) as connection:
        used = connection.execute("SELECT datname FROM pg_stat_activity WHERE datname IS NOT NULL").fetchall()
    return made & {name for (name,) in used}


def test_a_verification_that_was_killed_leaves_nothing_to_the_next_one(
    backed: Backed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance, _, backup, _ = backed
    url = tomllib.loads((instance.data / "config.toml").read_text("utf-8")).get("database_url")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    password = instance.data.with_name("backup-password")
    password.write_text(PASSWORD["CHAIN_SERVICE_BACKUP_PASSWORD"], "utf-8")
    command = ["--json", "backup", "verify", str(backup), "--password-file", str(password)]
    running = {"TMPDIR": str(tmp_path)}
    is_server = str(url).startswith("postgresql")
    while not list(tmp_path.glob("chain-service-verify-*")):  # again, where it was through before anybody looked
        verification = subprocess.Popen(
            [*PROGRAM, "--data", str(instance.data), *command], env=environment() | running, stdout=subprocess.DEVNULL
        )
        while verification.poll() is None:
            if list(tmp_path.glob("chain-service-verify-*/*")) and bool(scratch_databases(url)) == is_server:
                verification.kill()
                verification.wait()
            time.sleep(0.005)
    while used_databases(url):  # what it had started ends a moment later
        time.sleep(0.05)
    (left,) = tmp_path.glob("chain-service-verify-*")
    databases = scratch_databases(url)
    assert bool(databases) == is_server
    (tmp_path / "chain-service-verified").mkdir()  # another's, of another kind
    with files.scratch("chain-service-verify-") as used:
        assert not left.exists() and used.exists()
        left.mkdir()
        done(instance, "backup", "verify", backup)
        assert not left.exists() and used.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["chain-service-verified"]
    assert scratch_databases(url) == set()


def test_everything_comes_back_but_what_was_erased_revoked_and_given_out(backed: Backed) -> None:
    """Last in this file: it goes back to the backup."""
    instance, ids, backup, key = backed
    with chain_of(instance):
        instance.done("erase", ids[0], "--reason", "本人申请")
        instance.done("key", "revoke", key)
        anchored(instance, 5, 7)
        config = instance.data / "config.toml"
        config.write_text(config.read_text("utf-8") + "\noffline_age_limit = 4321\n", "utf-8")
        given_out = instance.done("trust", "export")["version"]
    refused = ran(instance, "restore", backup)
    assert (refused.code, refused.json["error"]["code"]) == (1, "already_initialised")
    told = done(instance, "restore", backup, "--replace")
    assert (told["records"], told["erasedLater"]) == (5, 0)
    assert Path(instance.data / told["aside"] / "config.toml").is_file()
    assert (instance.data.stat().st_mode & 0o777, (instance.data / "keys").stat().st_mode & 0o777) == (0o700, 0o700)
    with chain_of(instance):
        assert [one["revokedAt"] for one in instance.done("key", "list")["keys"] if one["id"] == key] != [None]
        report = instance.done("audit")
        assert (report["ok"], report["logs"][0]["records"], report["logs"][0]["erased"]) == (True, 5, 1)
        assert instance.done("trust", "export")["version"] > given_out
        assert len(anchored(instance, 5, 7)) == 2
        assert instance.done("audit")["ok"]
