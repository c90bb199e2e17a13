"""Making a backup: everything of the instance, encrypted, in one folder that appears whole or not at all."""

from __future__ import annotations

import fcntl
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chain_service import __version__, files
from chain_service.config import Settings
from chain_service.core.encoding.answers import answer
from chain_service.core.encoding.display import moment
from chain_service.errors import BadRequest, Conflict
from chain_service.jobs.backups import manifest
from chain_service.jobs.backups.manifest import CHAIN, DATABASE, FILES, KEYS, described, encoded
from chain_service.jobs.backups.sealing import SealingStream, Secret
from chain_service.jobs.context import App, Progress, silent
from chain_service.jobs.proofs import trust_files
from chain_service.jobs.records.erasure_list import FILE as ERASURES
from chain_service.jobs.records.erasure_list import merged, of_instance
from chain_service.nodes.embedded.blocks.database import FILE as CHAIN_FILE
from chain_service.nodes.embedded.blocks.genesis import KEY_FILE, RETIRED_KEY_FILE
from chain_service.store.copies.contents import CopiedContents, contents_of
from chain_service.store.copies.postgresql import dump_postgresql
from chain_service.store.copies.sqlite import copy_sqlite

WORK = ".backing-up"
LOCK = "backup.lock"
PLAIN_DATABASE = "chain_service.db"
RESTORING, ASIDE = ".restoring", "before-restore-"
OPERATOR = "operator"
_LEFT_OUT = {WORK, LOCK, "worker.lock", RESTORING, "restoring.json", OPERATOR, f"{OPERATOR}.new"}
"""Of DIR: locks, what backing up and restoring leave, and what `keystore separate` gave to the operator alone."""
_PASSWORDS = {"password", "password-change.json", "node/password", "node/password.new"}
"""What opens keys is kept apart from them."""
_BLOCKS = {"geth", "database"}
"""Below `network`: the blocks of its nodes come back from the other authorities."""
_SECRET = {"keys", "registrar.json", "network", f"node/{KEY_FILE}", f"node/{RETIRED_KEY_FILE}"}


@answer
class MadeBackup:
    """A backup that was just made."""

    directory: str
    records: int
    erased: int
    block: int | None
    """The newest block that the copied database has read."""
    logs: int
    bytes: int
    """Of all its encrypted files."""


def back_up(app: App, directory: Path, progress: Progress = silent) -> MadeBackup:
    """`directory` holds a backup of the instance as it is now, while it goes on serving.

    The database comes first, then the trial chain's and the files, so that nothing in it is newer than what it needs.
    Raises `Conflict` (`backup_exists`; `backup_running`), `BadRequest` (`file_not_written`), `NotFound`
    (`no_backup_password`), `Unavailable` (`tool_missing`, `tool_failed`, `database_unavailable`).
    """
    data, target = app.settings.data.resolve(), directory.resolve()
    if target == data or data in target.parents:
        raise BadRequest("a backup inside the instance's directory is lost with it", code="usage", field="DIR")
    if directory.is_dir() and any(directory.iterdir()):
        raise Conflict(f"{directory} exists and is not empty; nothing was changed", code="backup_exists")
    password = app.settings.password_of_backups()
    partial, work = target.with_name(f".{target.name}.partial"), data / WORK
    try:
        with _alone(data):
            for folder in (partial, work):
                shutil.rmtree(folder, ignore_errors=True)
            for folder in (partial, partial / "keys", work):
                folder.mkdir(mode=0o700, parents=True)
            try:
                made = _fill(app, partial, work, Secret.new(password), progress)
                files.make_private(partial)
                files.move(partial, target)
            finally:
                shutil.rmtree(work, ignore_errors=True)
                shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        where = error.filename or directory
        raise BadRequest(f"{where}: {error.strerror}", code="file_not_written", file=str(where)) from None
    return MadeBackup(
        directory=str(directory),
        records=made["database"]["records"],
        erased=made["database"]["erased"],
        block=(made["database"]["block"] or {}).get("number"),
        logs=len(made["database"]["heads"]),
        bytes=sum(file["bytes"] for file in made["files"].values()),
    )


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    descriptor = os.open(data / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Conflict("another backup of this instance is being made", code="backup_running") from None
        yield
    finally:
        os.close(descriptor)


def _fill(app: App, partial: Path, work: Path, secret: Secret, progress: Progress) -> dict[str, Any]:
    sealed: dict[str, dict[str, Any]] = {}

    def seal(name: str, write: Callable[[SealingStream], None]) -> None:
        with files.replacing(partial / name) as stream:
            sealing = SealingStream(stream, secret, name)
            write(sealing)
            sealed[name] = {"sha256": sealing.finish(), "bytes": sealing.size}

    held = _seal_database(app, work, seal, progress)
    chain = app.settings.node_directory / CHAIN_FILE
    if chain.is_file():
        copy_sqlite(chain, work / CHAIN_FILE, lambda done, total: progress("chain", done, total))
        seal(CHAIN, lambda sealing: _pour(work / CHAIN_FILE, sealing))
    listed = list(_listed(app))
    acts = of_instance(app.settings)
    if acts:
        files.replace_file(work / ERASURES, merged(acts))
        listed.append((work / ERASURES, ERASURES))
    seal(FILES, lambda sealing: _archive([one for one in listed if not _is_secret(one[1])], sealing))
    seal(KEYS, lambda sealing: _archive([one for one in listed if _is_secret(one[1])], sealing))
    progress("files", len(listed), len(listed))
    trust = app.settings.data / trust_files.FILE
    body: dict[str, Any] = {
        "program": __version__,
        "made": moment(app.now),
        "madeAt": app.now,
        "chainId": app.chain.deployment.chain_id if app.chain is not None else None,
        "trustVersion": trust_files.read(trust).terms.version if trust.is_file() else None,
        "database": {"kind": app.database.dialect, **described(held)},
        "files": sealed,
    }
    files.replace_file(partial / manifest.NAME, encoded(body, secret))
    return body


def _seal_database(
    app: App, work: Path, seal: Callable[[str, Callable[[SealingStream], None]], None], progress: Progress
) -> CopiedContents:
    def seen(done: int, total: int) -> None:
        progress("database", done, total)

    if app.database.dialect == "postgresql":
        held: list[CopiedContents] = []
        seal(DATABASE, lambda sealing: held.append(dump_postgresql(app.database, sealing.write, seen)))
        return held[0]
    copy = work / PLAIN_DATABASE
    copy_sqlite(Path(str(app.database.engine.url.database)), copy, seen)
    seal(DATABASE, lambda sealing: _pour(copy, sealing))
    return contents_of(f"sqlite:///{copy}")


def _pour(source: Path, sealing: SealingStream) -> None:
    with source.open("rb") as stream:
        shutil.copyfileobj(stream, sealing, 2**20)


def _listed(app: App) -> Iterator[tuple[Path, str]]:
    """Every file to keep and its name in the archive, below DIR but for what the settings keep elsewhere."""
    data = app.settings.data.resolve()
    database = Path(str(app.database.engine.url.database)).resolve() if app.database.dialect == "sqlite" else None
    settings = app.settings
    unlisted = (*passwords(settings), settings.operator_home, *of_instance(settings))
    apart = {path.resolve() for path in unlisted if path is not None}
    for folder, names, found in os.walk(data, onerror=_refuse):
        inside = Path(folder).relative_to(data)
        names[:] = sorted(
            name for name in names if not _is_left_out(inside / name, folder=True) and Path(folder) / name not in apart
        )
        for name in sorted(found):
            path, kept = Path(folder) / name, inside / name
            base = Path(folder) / name.removesuffix("-wal").removesuffix("-shm")
            if base == database or base == app.settings.node_directory.resolve() / CHAIN_FILE or path in apart:
                continue
            if not _is_left_out(kept, folder=False) and path.is_file() and not path.is_symlink():
                yield path, kept.as_posix()
    if app.settings.trust_directory.exists() and data not in app.settings.trust_directory.resolve().parents:
        yield app.settings.trust_directory, "trust-store"
    chain = app.settings.node_directory.resolve()
    if data not in chain.parents:
        for path in sorted(chain.glob("*")):
            name = path.name.removesuffix("-wal").removesuffix("-shm")
            left_out = name == CHAIN_FILE or path in apart or _is_left_out(Path("node", path.name), folder=False)
            if path.is_file() and not left_out:
                yield path, f"node/{path.name}"


def passwords(settings: Settings) -> list[Path]:
    """The files that the settings name for passwords; they may lie below DIR, and are in no backup."""
    named = (
        settings.password_file,
        settings.operator_password_file,
        settings.node_password_file,
        settings.backup_password_file,
    )
    return [file for file in named if file is not None]


def _refuse(error: OSError) -> None:
    """A folder that cannot be read is not left out in silence; one that is gone by now held nothing to keep."""
    if not isinstance(error, FileNotFoundError):
        raise error


def _is_left_out(path: Path, *, folder: bool) -> bool:
    first = path.parts[0]
    if first in _LEFT_OUT or first.startswith(ASIDE) or path.name == "lock" or path.name.endswith(".sock"):
        return True
    if path.as_posix() in _PASSWORDS or (path.name.startswith(".") and path.name.endswith(".new")):
        return True  # the latter is what a write that was killed left of any file
    return folder and first == "network" and path.name in _BLOCKS


def _is_secret(name: str) -> bool:
    return name in _SECRET or name.partition("/")[0] in _SECRET


def _archive(listed: list[tuple[Path, str]], sealing: SealingStream) -> None:
    with tarfile.open(fileobj=sealing, mode="w|") as archive:
        for path, name in listed:
            archive.add(path, arcname=name, recursive=True)
