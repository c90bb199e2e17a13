"""Copies of a database, taken and put back behind the service's back, as an operator's own tools do."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from chain_service.store.database import Database


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
