"""Keys apart: who runs the service has no access to the keys that say who may do what.

`serve` and `worker` need the organisations' accounts and log keys, which lie in `DIR/keys` under one password. The
registrar's key, the root keys that sign trust files, and the trial chain's sealing key get places and passwords of
their own: the first two in the operator's directory, which appears whole, the third where the chain's files are.
"""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from chain_service.chain.keystore import Keystore, registrar_address, registrar_sealed_anew
from chain_service.config import Settings
from chain_service.core.encoding.answers import answer
from chain_service.errors import Conflict, Unauthorised
from chain_service.files import move, replace_file, sync_directory, write_new
from chain_service.nodes.embedded.blocks import genesis


@answer
class SeparatedKeys:
    """Where the keys lie that the service has no use for."""

    operator: str
    """Directory of the registrar's key and the root keys."""
    operator_password_file: str | None
    """The file with the password that was made up for it; null where one was given."""
    node_password_file: str | None
    """The same of the sealing key; null where this instance has none."""
    removed: tuple[str, ...]
    """Files under the old password that are gone."""


def separate(settings: Settings) -> SeparatedKeys:
    """Registrar's, root and sealing keys open with passwords of their own, and no longer with the instance's.

    What an interrupted run left is finished. Raises `Conflict` (code `already_separated`) where nothing is left to do,
    `Conflict` (`keystore_exists`) where the operator's directory holds something else, `Forbidden` (`wrong_password`),
    `NotFound` (`no_password`).
    """
    old = settings.keystore_password()
    home = settings.operator_directory or settings.data / "operator"
    kept = Keystore(settings.data / "keys", old)
    kept.unlock()
    made = not home.exists() or not any(home.iterdir())
    if made:
        _make(settings, home, kept, old)
    _require_kept(settings, home, kept)
    removed = [settings.data / "registrar.json", *_root_files(settings)]
    removed = [file for file in removed if file.exists()]
    for file in removed:
        file.unlink()
        sync_directory(file.parent)
    node_changed = _separate_node(settings, old)
    if not (made or removed or node_changed):
        raise Conflict("the keys are separated already", code="already_separated")
    own_file = settings.stated_operator_password() is None
    return SeparatedKeys(
        operator=str(home),
        operator_password_file=str(home / "password") if own_file else None,
        node_password_file=str(settings.node_password_path) if settings.node_password_path.exists() else None,
        removed=tuple(str(file) for file in removed),
    )


def _make(settings: Settings, home: Path, kept: Keystore, old: str) -> None:
    """The operator's directory stands, whole: until then the keys are where they were."""
    aside = home.with_name(f"{home.name}.new")
    shutil.rmtree(aside, ignore_errors=True)  # of a run that was interrupted; nothing relied on it
    aside.mkdir(parents=True, mode=0o700)
    password = settings.stated_operator_password()
    if password is None:
        password = secrets.token_urlsafe(32)
        write_new(aside / "password", f"{password}\n".encode(), code="keystore_exists")
    kept.copy_root_keys(Keystore.create(aside / "keys", password))
    registrar = settings.data / "registrar.json"
    if registrar.exists():
        write_new(aside / "registrar.json", registrar_sealed_anew(registrar, old, password), code="keystore_exists")
    move(aside, home)


def _require_kept(settings: Settings, home: Path, kept: Keystore) -> None:
    """What is about to be removed stands in the operator's directory. Raises `Conflict` (code `keystore_exists`)."""
    registrar = settings.data / "registrar.json"
    roots = Keystore(home / "keys", "").root_keys().values()  # public halves, which need no password
    lost = not set(kept.root_keys().values()) <= set(roots)
    if registrar.exists():
        apart = home / "registrar.json"
        lost = lost or not apart.exists() or registrar_address(apart) != registrar_address(registrar)
    if lost:
        raise Conflict(
            f"{home} holds other keys than this instance; nothing was removed",
            code="keystore_exists",
            directory=str(home),
        )


def _root_files(settings: Settings) -> list[Path]:
    return sorted((settings.data / "keys" / "roots").glob("*.pem"))


def _separate_node(settings: Settings, old: str) -> bool:
    """The sealing key opens with a password of its own; False where it did, or there is none.

    The password stands in a file of another name before the key is written anew, so that no moment loses it.
    """
    directory, file = settings.node_directory, settings.node_password_path
    if file.exists() or not any((directory / name).exists() for name in (genesis.KEY_FILE, genesis.RETIRED_KEY_FILE)):
        return False
    coming = file.with_name(f"{file.name}.new")
    if not coming.exists():
        write_new(coming, f"{secrets.token_urlsafe(32)}\n".encode(), code="keystore_exists")
    new = coming.read_text(encoding="utf-8").strip()
    try:
        genesis.sealed_anew(directory, new, new)
    except Unauthorised:
        for key_file, content in genesis.sealed_anew(directory, old, new).items():
            replace_file(key_file, content)
    move(coming, file)
    return True
