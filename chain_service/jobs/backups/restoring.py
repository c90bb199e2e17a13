"""Putting a backup back: first everything is unpacked and checked beside, then it takes the place of what stood.

A file `restoring.json` stands in DIR from the moment on that something of it is moved: every other command refuses
(`restore_unfinished`) until `restore` has come to its end, however often it has to be started.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from chain_service import files
from chain_service.chain.keystore import check_password
from chain_service.config import Settings
from chain_service.core.encoding.answers import answer
from chain_service.errors import BadRequest, Conflict, Unauthorised
from chain_service.jobs.backups.back_up import ASIDE, OPERATOR, PLAIN_DATABASE, RESTORING, passwords
from chain_service.jobs.backups.manifest import Manifest, read_manifest
from chain_service.jobs.backups.marker import MARKER
from chain_service.jobs.backups.unpacking import DUMP, Opened, settings_in, unpack
from chain_service.jobs.context import Progress, silent
from chain_service.jobs.leases import exclusive
from chain_service.jobs.proofs import trust_files
from chain_service.jobs.records.erasure_list import FILE as LIST
from chain_service.jobs.records.erasure_list import merged, of_instance
from chain_service.jobs.records.replay import replay
from chain_service.nodes.embedded.blocks import genesis
from chain_service.store.copies.postgresql import require_idle, restore_postgresql
from chain_service.store.rows import json_object

_STAY = {"password", "worker.lock", "backup.lock", RESTORING, MARKER, OPERATOR, f"{OPERATOR}.new"}
"""Of DIR: what is in no backup."""


@answer
class RestoredInstance:
    """An instance that a backup was put back into."""

    data: str
    made: str
    """When the backup was made."""
    records: int
    block: int | None
    aside: str | None
    """Where what stood before was moved to; null where nothing stood."""
    erased_later: int
    """Listed erasures of records that have to be anchored first; `serve` does them then."""


def restore(
    directory: Path,
    settings: Settings,
    opened: Opened,
    *,
    now: int,
    replace: bool = False,
    database_url: str | None = None,
    progress: Progress = silent,
) -> RestoredInstance:
    """DIR holds the instance of the backup; what was erased or revoked since, as far as a list here says so, is again.

    Nothing of the instance may run. What stands in DIR is moved aside if `replace`. Raises as `verify_backup`, and
    `Conflict` (`already_initialised`; `worker_running`).
    """
    read = read_manifest(directory, settings.password_of_backups())
    data = settings.data
    if (data / "config.toml").exists() and not replace and not (data / MARKER).exists():
        raise Conflict(f"{data} holds an instance: --replace moves it aside", code="already_initialised")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with exclusive(data):
            begun = _begun(data, read.body["made"]) or _begin_whole(
                directory, settings, read, now, database_url, progress
            )
            _put(data, begun)
            app = opened(_settings(data, settings, begun))
            try:
                left = replay(app)
            finally:
                app.close()
            (data / MARKER).unlink()
            shutil.rmtree(data / RESTORING, ignore_errors=True)
            files.sync_directory(data)
    except OSError as error:
        where = error.filename or data
        raise BadRequest(f"{where}: {error.strerror}", code="file_not_written", file=str(where)) from None
    block = read.body["database"]["block"]
    return RestoredInstance(
        data=str(data),
        made=read.body["made"],
        records=read.body["database"]["records"],
        block=None if block is None else block["number"],
        aside=begun["aside"] if (data / begun["aside"]).exists() else None,
        erased_later=left,
    )


def _begun(data: Path, made: str) -> dict[str, Any] | None:
    """What an interrupted restore of the same backup wrote down."""
    if not (data / MARKER).exists():
        return None
    begun: dict[str, Any] = json_object((data / MARKER).read_bytes(), MARKER)
    if begun["made"] != made:
        raise Conflict(
            f"a restore of the backup made at {begun['made']} has begun: finish it first", code="restore_unfinished"
        )
    return begun


def _begin_whole(
    directory: Path, settings: Settings, read: Manifest, now: int, database_url: str | None, progress: Progress
) -> dict[str, Any]:
    """As `_begin`; where it fails, nothing of what was unpacked lies open any longer."""
    try:
        return _begin(directory, settings, read, now, database_url, progress)
    except BaseException:
        if not (settings.data / MARKER).exists():
            shutil.rmtree(settings.data / RESTORING, ignore_errors=True)
        raise


def _begin(
    directory: Path, settings: Settings, read: Manifest, now: int, database_url: str | None, progress: Progress
) -> dict[str, Any]:
    """All is unpacked and checked, and the marker stands; until it does, nothing of what stood is touched."""
    data, fresh = settings.data, settings.data / RESTORING
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    unpack(directory, read, fresh, progress)
    check_password(fresh / "keys", settings.keystore_password())
    lists = [file for file in (fresh / LIST, *of_instance(settings)) if file.is_file()]
    if lists:
        files.replace_file(fresh / LIST, merged(lists))
    _keep_version(data, fresh, read.body, now)
    _keep_passwords(settings, fresh)
    kept = settings_in(fresh, settings)
    postgresql = (database_url or kept.database) if read.database == "postgresql" else None
    if postgresql is not None:
        require_idle(postgresql)
    begun = {
        "made": read.body["made"],
        "aside": f"{ASIDE}{now}",
        "old": sorted(path.name for path in data.iterdir() if path.name not in _STAY and not _is_aside(path)),
        "new": sorted(path.name for path in fresh.iterdir() if path.name != DUMP),
        "postgresql": postgresql,
        "sqlite": _elsewhere(kept.database_url, data),
        "placed": False,
    }
    files.make_private(fresh)
    files.replace_file(data / MARKER, orjson.dumps(begun))
    return begun


def _elsewhere(url: str, data: Path) -> str | None:
    """The SQLite file that the setting names, if it is another than DIR's own."""
    if not url.startswith("sqlite:///"):
        return None
    file = Path(url.removeprefix("sqlite:///")).resolve()
    return None if file == (data / PLAIN_DATABASE).resolve() else str(file)


def _is_aside(path: Path) -> bool:
    return path.name.startswith(ASIDE)


def _keep_passwords(settings: Settings, fresh: Path) -> None:
    """Files with passwords, which are in no backup, stay where they are below DIR.

    That of the sealing key does if this key opens with it: one from before `keystore separate` opens with the
    keystores'.
    """
    data = settings.data.resolve()
    for one in passwords(settings):
        if one.is_file() and data in one.resolve().parents and one.resolve().parent != data / "node":
            target = fresh / one.resolve().relative_to(data)
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            files.replace_file(target, one.read_bytes())
    file = settings.node_password_path
    if not file.is_file() or file.resolve().parent != data / "node":
        return
    password = file.read_text(encoding="utf-8").strip()
    with suppress(Unauthorised):
        if genesis.sealed_anew(fresh / "node", password, password):
            files.replace_file(fresh / "node" / file.name, file.read_bytes())


def _keep_version(data: Path, fresh: Path, body: Mapping[str, Any], now: int) -> None:
    """The next trust file has a version that nobody can have been given: one a second at most since the backup."""
    version = body["trustVersion"]
    if version is None and not (data / trust_files.FILE).is_file():
        return
    free = int(version or 0) + 1 + max(0, now - int(body["madeAt"]))
    with suppress(Exception):  # an unreadable one tells nothing, and the count above is then the answer
        free = trust_files.read(data / trust_files.FILE).terms.version + 1
    free = max(free, trust_files.first_free_version(data), trust_files.first_free_version(fresh))
    files.replace_file(fresh / trust_files.FREE_VERSION, str(free).encode())


def _put(data: Path, begun: dict[str, Any]) -> None:
    """Database and files of the backup are in place; repeating it goes on where it was interrupted."""
    if begun["placed"]:
        return
    fresh, aside = data / RESTORING, data / begun["aside"]
    if begun["postgresql"] is not None:
        restore_postgresql(begun["postgresql"], fresh / DUMP)
    aside.mkdir(mode=0o700, exist_ok=True)
    for name in begun["old"]:
        is_replaced = name in begun["new"]
        if (data / name).exists() and (not is_replaced or (fresh / name).exists()):
            files.move(data / name, aside / name)
    for name in begun["new"]:
        if (fresh / name).exists():
            files.move(fresh / name, data / name)
    _place_database(data, aside, begun)
    if not any(aside.iterdir()):
        aside.rmdir()
    begun["placed"] = True
    files.replace_file(data / MARKER, orjson.dumps(begun))


def _place_database(data: Path, aside: Path, begun: Mapping[str, Any]) -> None:
    """A SQLite file that `database_url` keeps outside DIR stands there; the one that stood is aside."""
    if begun["sqlite"] is None or not (data / PLAIN_DATABASE).exists():
        return
    target = Path(begun["sqlite"])
    for ending in ("", "-wal", "-shm"):
        old, kept = target.with_name(target.name + ending), aside / f"{PLAIN_DATABASE}{ending}"
        if kept.exists():  # by an interrupted restore, whole; it is never replaced by what that left here
            old.unlink(missing_ok=True)
        elif old.exists():
            _carry(old, kept)
    _carry(data / PLAIN_DATABASE, target)


def _carry(file: Path, target: Path) -> None:
    """The file stands at `target`, whole, maybe on another disk; until then it is where it was."""
    with file.open("rb") as source, files.replacing(target) as stream:
        shutil.copyfileobj(source, stream, 2**20)
    file.unlink()
    files.sync_directory(file.parent)


def _settings(data: Path, settings: Settings, begun: Mapping[str, Any]) -> Settings:
    url = begun["postgresql"] or f"sqlite:///{begun['sqlite'] or (data / PLAIN_DATABASE).resolve()}"
    return settings_in(data, settings).model_copy(update={"database_url": url})
