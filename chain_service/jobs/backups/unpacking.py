"""What a backup holds, decrypted into a folder and held against its manifest; and proven against the chain."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, cast

from chain_service import files
from chain_service.config import Settings
from chain_service.core.encoding.answers import answer
from chain_service.errors import Corrupt, Unavailable
from chain_service.jobs.auditing.audit import AuditReport, audit
from chain_service.jobs.backups.back_up import PLAIN_DATABASE
from chain_service.jobs.backups.manifest import CHAIN, DATABASE, FILES, KEYS, Manifest, described, read_manifest
from chain_service.jobs.backups.sealing import OpeningStream
from chain_service.jobs.context import App, Progress, silent
from chain_service.nodes.embedded.blocks.database import FILE as CHAIN_FILE
from chain_service.nodes.embedded.blocks.genesis import RETIRED_KEY_FILE
from chain_service.nodes.embedded.node import Node
from chain_service.nodes.embedded.server import serve
from chain_service.store.copies.contents import contents_of
from chain_service.store.copies.postgresql import require_empty, restore_postgresql, scratch_postgresql

DUMP = "database.dump"
Opened = Callable[[Settings], App]


@answer
class VerifiedBackup:
    """A backup that was restored to a scratch place and audited there."""

    directory: str
    made: str
    records: int
    block: int | None
    audit: AuditReport | None
    """Null where nothing had been read from a chain yet."""


def verify_backup(
    directory: Path, settings: Settings, opened: Opened, *, scratch: str | None = None, progress: Progress = silent
) -> VerifiedBackup:
    """The backup opens, is what its manifest says, and holds an instance of which everything is proven.

    A trial chain is asked as it stands in the backup, another one through the nodes in its `config.toml` (or the
    environment's). PostgreSQL is restored to `scratch`, an empty database, or one made on its server for the moment.
    Raises `BadRequest` (`no_backup`), `Forbidden` (`backup_password_wrong`, `wrong_password`), `Corrupt`
    (`backup_damaged`), `Unavailable`.
    """
    read = read_manifest(directory, settings.password_of_backups())
    with ExitStack() as stack:
        folder = stack.enter_context(files.scratch("chain-service-verify-"))
        unpack(directory, read, folder, progress)
        url = f"sqlite:///{folder / PLAIN_DATABASE}"
        kept = settings_in(folder, settings)
        if read.database == "postgresql":
            if scratch is not None:
                require_empty(scratch)
            url = scratch or stack.enter_context(scratch_postgresql(kept.database))
            restore_postgresql(url, folder / DUMP)
        if {"kind": read.database, **described(contents_of(url))} != read.body["database"]:
            raise Corrupt("the restored database is not what the manifest says", code="backup_damaged", file=DATABASE)
        given = kept.model_copy(update={"database_url": url})
        if (folder / "node" / CHAIN_FILE).is_file() and not (folder / "node" / RETIRED_KEY_FILE).exists():
            node = Node.open(folder / "node", None)  # read as it stands: the password may be the node's alone
            stack.callback(node.close)
            given = given.model_copy(update={"rpc_urls": [stack.enter_context(serve(node, port=0)).url]})
        app = opened(given)
        stack.callback(app.close)
        app.keystore.unlock()
        report = None
        if read.body["database"]["block"] is not None:
            report = audit(app, progress=progress)
    block = read.body["database"]["block"]
    return VerifiedBackup(
        directory=str(directory),
        made=read.body["made"],
        records=read.body["database"]["records"],
        block=None if block is None else block["number"],
        audit=report,
    )


def settings_in(folder: Path, settings: Settings) -> Settings:
    """The settings that the unpacked instance has, with the passwords of whoever asks."""
    given: dict[str, Any] = {
        "password": settings.keystore_password(),
        "data": folder,
        "trust_store": None,
        "erasure_list": None,
        "chain_directory": None,
    }
    return Settings(**given)


def unpack(directory: Path, read: Manifest, folder: Path, progress: Progress) -> None:
    """`folder`, empty, holds the instance's files; a PostgreSQL database as a dump. All of it was checked.

    Raises `Corrupt` (`backup_damaged`), `Unavailable` where a file of the backup cannot be read.
    """
    total = sum(int(file["bytes"]) for file in read.files.values())
    done = 0
    for name, expected in read.files.items():
        _check_digest(directory / name, name, expected["sha256"])
        if name == DATABASE:
            plain = folder / (DUMP if read.database == "postgresql" else PLAIN_DATABASE)
            _open_file(directory, name, read, plain)
        elif name == CHAIN:
            (folder / "node").mkdir(mode=0o700, exist_ok=True)
            _open_file(directory, name, read, folder / "node" / CHAIN_FILE)
        elif name in (FILES, KEYS):
            _open_archive(directory, name, read, folder)
        done += int(expected["bytes"])
        progress("unpacked", done, total)
    files.make_private(folder)


def _check_digest(path: Path, name: str, expected: str) -> None:
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise Unavailable(f"{name}: {error.strerror}", code="backup_unreadable", file=name) from None
    if digest != expected:
        raise Corrupt(f"{name} in the backup is damaged", code="backup_damaged", file=name)


def _open_file(directory: Path, name: str, read: Manifest, target: Path) -> None:
    with (directory / name).open("rb") as source, files.replacing(target) as stream:
        shutil.copyfileobj(OpeningStream(source, read.secret, name), stream, 2**20)


def _open_archive(directory: Path, name: str, read: Manifest, folder: Path) -> None:
    with (directory / name).open("rb") as source:
        plain = cast(BinaryIO, OpeningStream(source, read.secret, name))
        try:
            with tarfile.open(fileobj=plain, mode="r|") as archive:
                archive.extractall(folder, filter="data")
        except tarfile.TarError:
            raise Corrupt(f"{name} in the backup is damaged", code="backup_damaged", file=name) from None
