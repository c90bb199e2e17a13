"""Whoever only verifies changes nothing in a database that an older program works with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import inspect, text

from chain_service.cli.main import run
from chain_service.config import Settings
from chain_service.store.database import MIGRATIONS, Database, _versions

PAPER = {"record": {"kind": "document"}, "salt": "AA"}


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """DIR whose database has the schema of the version before."""
    (tmp_path / "config.toml").touch()
    (tmp_path / "password").write_text("a password")
    database = Database(Settings(data=tmp_path).database)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.transaction() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, _versions()[1])
    database.close()
    return tmp_path


def schema(data: Path) -> tuple[str, set[str]]:
    database = Database(Settings(data=data).database)
    with database.reading() as connection:
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        tables = set(inspect(connection).get_table_names())
    database.close()
    return version, tables


def test_verify_never_migrates_and_accuses_nothing(older: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paper = older / "paper.json"
    paper.write_text(json.dumps(PAPER))
    before = schema(older)
    assert run(["--data", str(older), "--json", "verify", str(paper)]) == 4
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "database_older"
    assert schema(older) == before


def test_a_command_that_works_with_the_instance_migrates(older: Path) -> None:
    assert run(["--data", str(older), "--quiet", "key", "list"]) == 0
    assert schema(older)[0] == _versions()[0]
