"""kill -9 at each step of a change of the keystores' password: afterwards one password opens all of them."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from chain_service.chain.keystore import Keystore, create_registrar, open_registrar
from chain_service.cli.main import run
from chain_service.config import Settings
from chain_service.errors import BadRequest, ChainServiceError, Corrupt, Forbidden
from chain_service.jobs.instance.keystore_password import change_password, finish_change
from chain_service.nodes.embedded.blocks import genesis

OLD, NEW = "the old password", "the new password"
ORG = "11439900000070017X"
KILLED = """
import os, pathlib, signal, sys
from chain_service.config import Settings
from chain_service.jobs.instance import keystore_password

step = int(sys.argv[2])
taken = 0

def counted(real):
    def wrapped(*arguments, **named):
        global taken
        if taken == step:
            os.kill(os.getpid(), signal.SIGKILL)
        taken += 1
        return real(*arguments, **named)
    return wrapped

for name in ("write_new", "replace_file", "sync_directory"):
    setattr(keystore_password, name, counted(getattr(keystore_password, name)))
keystore_password.change_password(Settings(data=pathlib.Path(sys.argv[1])), sys.argv[3])
"""
STEPS = 6
"""The decision written, three keystores and the password's file replaced, the decision gone."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("password") / "data"
    keystore = Keystore.create(data / "keys", OLD)
    keystore.create_account(ORG)
    keystore.create_log_key(ORG)
    create_registrar(data / "registrar.json", OLD)
    genesis.create(data / "node", funded=[], password=OLD)
    (data / "config.toml").touch()
    (data / "password").write_text(f"{OLD}\n")
    return data


@pytest.fixture
def settings(template: Path, tmp_path: Path) -> Settings:
    shutil.copytree(template, tmp_path / "data")
    return Settings(data=tmp_path / "data")


def opens(settings: Settings, password: str) -> list[bool]:
    """Whether the password opens keystore, registrar and trial chain, and is the one that the service reads."""
    found = []
    trial = genesis.load(settings.node_directory)
    for attempt in (
        lambda: Keystore(settings.data / "keys", password).account(ORG),
        lambda: open_registrar(settings.registrar_file, password),
        lambda: genesis.unlock(settings.node_directory, password, trial),
    ):
        try:
            attempt()
            found.append(True)
        except ChainServiceError:
            found.append(False)
    return [*found, settings.keystore_password() == password]


def test_the_new_password_opens_everything_and_the_old_one_nothing(settings: Settings) -> None:
    signed = Keystore(settings.data / "keys", OLD).sign_log(ORG, 0, b"message")
    before = {path: path.read_bytes() for path in settings.data.rglob("*") if path.is_file()}
    done = change_password(settings, NEW)
    assert opens(settings, NEW) == [True] * 4
    assert opens(settings, OLD) == [False] * 4
    assert Keystore(settings.data / "keys", NEW).sign_log(ORG, 0, b"message") == signed
    changed = {path for path in settings.data.rglob("*") if path.is_file() and path.read_bytes() != before.get(path)}
    assert {str(path) for path in changed} == {*done.files, done.password_file}
    assert {path.stat().st_mode & 0o777 for path in changed} == {0o600}


@pytest.mark.parametrize("step", [0, 2, *(pytest.param(step, marks=pytest.mark.long) for step in (1, 3, 4, 5, STEPS))])
def test_after_a_kill_one_password_opens_all_keystores(settings: Settings, step: int) -> None:
    ended = subprocess.run([sys.executable, "-c", KILLED, str(settings.data), str(step), NEW], timeout=300).returncode
    assert ended == (0 if step == STEPS else -signal.SIGKILL)
    finish_change(settings)
    in_force = OLD if step == 0 else NEW
    assert opens(settings, in_force) == [True] * 4
    assert not list(settings.data.rglob("*.new")) and not settings.password_change_file.exists()


def test_any_command_finishes_what_was_decided(settings: Settings) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(settings.data), "3", NEW], timeout=300)
    assert settings.password_change_file.exists()
    assert run(["--data", str(settings.data), "--quiet", "key", "list"]) == 0
    assert opens(settings, NEW) == [True] * 4


def test_nothing_changes_where_one_keystore_has_another_password(settings: Settings) -> None:
    settings.registrar_file.unlink()
    create_registrar(settings.registrar_file, "another password")
    with pytest.raises(Forbidden):
        change_password(settings, NEW)
    assert opens(settings, OLD) == [True, False, True, True]


@pytest.mark.parametrize("new", ["", "short", " blanks around it "])
def test_a_poor_password_is_refused(settings: Settings, new: str) -> None:
    with pytest.raises(BadRequest):
        change_password(settings, new)
    assert opens(settings, OLD) == [True] * 4


def test_the_environments_password_is_left_to_whoever_set_it(settings: Settings) -> None:
    given = Settings(data=settings.data, password=OLD)
    assert change_password(given, NEW).password_file is None
    assert settings.keystore_password() == OLD
    assert opens(settings, NEW)[:3] == [True] * 3


def test_a_registrar_that_lies_elsewhere_comes_along_when_it_is_named(settings: Settings, tmp_path: Path) -> None:
    elsewhere = settings.registrar_file.rename(tmp_path / "registrar.json")
    former = change_password(settings, NEW).former_password_file
    assert former is not None and Path(former).stat().st_mode & 0o777 == 0o600
    open_registrar(elsewhere, Path(former).read_text().strip())
    with pytest.raises(Forbidden):
        change_password(settings, "yet another one", elsewhere)
    assert opens(settings, NEW)[0]


@pytest.mark.parametrize("is_named", [True, False])
def test_a_trial_chain_that_lies_elsewhere_comes_along_or_the_former_password_is_kept(
    settings: Settings, tmp_path: Path, is_named: bool
) -> None:
    elsewhere = settings.node_directory.rename(tmp_path / "node")
    given = settings.model_copy(update={"chain_directory": elsewhere if is_named else None})
    former = change_password(given, NEW).former_password_file
    assert (former is None) == is_named
    genesis.unlock(elsewhere, NEW if former is None else Path(former).read_text().strip(), genesis.load(elsewhere))


def test_a_decision_that_cannot_be_read_is_told(settings: Settings) -> None:
    for damaged in (b'["nothing"]', b'{"file": 1}', b"{"):
        settings.password_change_file.write_bytes(damaged)
        with pytest.raises(Corrupt):
            finish_change(settings)


def test_the_command_takes_the_new_password_from_a_file(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--data", str(settings.data), "--json", "keystore", "password"]) == 2
    file = tmp_path / "new.txt"
    file.write_text(f"{NEW}\n")
    capsys.readouterr()
    words = ["--data", str(settings.data), "--json", "keystore", "password", "--new-password-file", str(file)]
    assert run(words) == 0
    assert len(orjson.loads(capsys.readouterr().out)["files"]) == 3
    assert opens(settings, NEW) == [True] * 4
