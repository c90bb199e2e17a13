"""An instance with records on a trial chain, as an operator backs it up, loses it and puts it back; and copies of a
database alone, taken and put back behind the service's back, as an operator's own tools do."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from chain_service.store.database import Database
from support.worlds.running_instance import ISSUER, Instance, Process, Ran, make_instance

PASSWORD = {"CHAIN_SERVICE_BACKUP_PASSWORD": "another one than the keystores'"}


@contextmanager
def chain_of(instance: Instance) -> Iterator[None]:
    """Its trial chain runs."""
    chain = Process(instance.data, "chain", "run")
    try:
        yield
    finally:
        chain.stop()


def with_records(folder: Path, database_url: str | None = None) -> tuple[Instance, list[str]]:
    """An instance that does not run, and the ids of its five anchored records."""
    instance = make_instance(folder, certificates=60, database_url=database_url)
    with chain_of(instance):
        instance.done("deploy")
        instance.done("org", "add", ISSUER, "临澜市市场监督管理局")
        for type_code in sorted({record["certificateTypeCode"] for record in instance.records()}):
            instance.done("org", "permit", ISSUER, type_code, "--from", "2020-01-01")
        ids = anchored(instance, 0, 5)
        instance.done("trust", "export")
    return instance, ids


def anchored(instance: Instance, first: int, last: int) -> list[str]:
    """The ids of these sample records, anchored."""
    lines = "\n".join(json.dumps(record, ensure_ascii=False) for record in instance.records()[first:last])
    ran = instance.run("--json", "anchor", "-", "--org", ISSUER, "--wait", stdin=lines.encode())
    assert ran.code == 0, ran
    answer: Any = ran.json
    listed = answer["records"] if isinstance(answer, dict) else answer
    return [record["id"] for record in listed]


def ran(instance: Instance, *arguments: str | Path) -> Ran:
    """The command of backups with their password."""
    file = instance.data.with_name("backup-password")
    file.write_text(PASSWORD["CHAIN_SERVICE_BACKUP_PASSWORD"], encoding="utf-8")
    return instance.run("--json", *arguments, "--password-file", file)


def done(instance: Instance, *arguments: str | Path) -> Any:
    """The JSON answer of such a command, which has to succeed."""
    ended = ran(instance, *arguments)
    assert ended.code == 0, ended
    return ended.json


def _program(name: str) -> str:
    packaged = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    found = str(packaged[-1]) if packaged else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian's postgresql-client has it)")
    return found


def _address(database: Database) -> str:
    return database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def copy_database(database: Database, file: Path) -> None:
    """`file` holds what the database holds now, while others use it."""
    if database.dialect == "sqlite":
        with (
            closing(sqlite3.connect(str(database.engine.url.database))) as live,
            closing(sqlite3.connect(file)) as copy,
        ):
            live.backup(copy)
        return
    command = [_program("pg_dump"), "--format=custom", f"--file={file}", _address(database)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def put_back(database: Database, file: Path) -> None:
    """The database holds what `file` holds; nothing of it is in use."""
    database.close()
    if database.dialect == "sqlite":
        live = Path(str(database.engine.url.database))
        for ending in ("", "-wal", "-shm"):
            live.with_name(live.name + ending).unlink(missing_ok=True)
        shutil.copyfile(file, live)
        return
    options = ["--clean", "--if-exists", "--single-transaction"]
    command = [_program("pg_restore"), *options, f"--dbname={_address(database)}", str(file)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
