"""A trial chain that has a directory and a user of its own is in the backup with the instance."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from chain_service.app import open_app
from chain_service.config import Settings
from chain_service.jobs.backups.back_up import back_up
from chain_service.jobs.backups.manifest import Manifest, read_manifest
from chain_service.jobs.backups.unpacking import unpack
from chain_service.jobs.context import silent
from chain_service.jobs.instance.initialise import init
from chain_service.nodes.embedded.blocks import genesis

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
