"""Backups of an instance whose trial chain or keys lie apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pydantic import SecretStr

from chain_service.app import open_app
from chain_service.config import Settings
from chain_service.jobs.backups.back_up import back_up
from chain_service.jobs.backups.manifest import FILES, Manifest, read_manifest
from chain_service.jobs.backups.unpacking import unpack, verify_backup
from chain_service.jobs.context import silent
from chain_service.jobs.instance import separation
from chain_service.jobs.instance.initialise import init
from chain_service.nodes.embedded.blocks import genesis
from chain_service.nodes.embedded.node import Node

PASSWORD = "the keystores' password"


def made(settings: Settings, backup: Path) -> Manifest:
    """The manifest of a backup of this instance."""
    app = open_app(settings)
    try:
        back_up(app, backup)
    finally:
        app.close()
    return read_manifest(backup, "another one")


def settings_of(folder: Path, chain: Path | None = None) -> Settings:
    passwords = {"password": SecretStr(PASSWORD), "backup_password": SecretStr("another one")}
    return Settings(data=folder / "data", chain_directory=chain, **passwords)


def test_a_chain_outside_the_instance_is_backed_up_with_its_key(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, tmp_path / "chain" / "node")
    init(settings)
    assert not (settings.data / "node").exists()
    read = made(settings, tmp_path / "backup")
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    unpack(tmp_path / "backup", read, unpacked, silent)
    names = {path.name for path in settings.node_directory.iterdir()}
    assert genesis.KEY_FILE in names
    assert {path.name for path in (unpacked / "node").iterdir()} == names
    genesis.unlock(unpacked / "node", PASSWORD, genesis.load(unpacked / "node"))


def test_a_backup_after_keys_were_set_apart_verifies_and_keeps_them_with_the_keys(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    init(settings)
    separation.separate(settings)
    with Node.open(settings.node_directory, settings.node_secret()):
        pass  # it has blocks now
    read = made(settings, tmp_path / "backup")
    assert verify_backup(tmp_path / "backup", settings, open_app).audit is None
    only = tmp_path / "only"
    only.mkdir()
    unpack(tmp_path / "backup", replace(read, body={**read.body, "files": {FILES: read.files[FILES]}}), only, silent)
    names = {path.name for path in only.rglob("*")}
    assert "config.toml" in names and not {"operator", "keys", "registrar.json", genesis.KEY_FILE} & names
