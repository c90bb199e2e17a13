"""An instance with records on a trial chain, as an operator backs it up, loses it and puts it back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
