"""Another password for all keystores of an instance: everywhere or nowhere, whatever ends the program meanwhile.

The keystores are several files, which cannot change at one moment. So what each of them shall hold is made first and
written as one file, `DIR/password-change.json`: from the moment at which that stands the new password is in force.
Then each file takes its place; whichever command comes next after a crash goes on where it was ended. Example: killed
after `keys/keystore.json` was replaced and before `registrar.json` was, `serve` replaces the latter as it starts.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Collection
from pathlib import Path

import orjson

from chain_service.chain.keystore import keystore_sealed_anew, registrar_sealed_anew
from chain_service.config import Settings
from chain_service.core.encoding.answers import answer
from chain_service.core.encoding.canonical import read_json
from chain_service.errors import BadRequest, Corrupt, Forbidden, Unauthorised
from chain_service.files import replace_file, sync_directory, write_new
from chain_service.nodes.embedded.blocks import genesis

MOST_BYTES = 2**20
SHORTEST = 8
"""Characters of a password."""


@answer
class ChangedPassword:
    """The keystores whose password was changed, and where the new one stands."""

    files: tuple[str, ...]
    password_file: str | None
    """The file that the service reads it from; null where the environment gives it, which has to be changed there."""
    former_password_file: str | None
    """Where the former one is kept, as the registrar's or the sealing key may lie elsewhere and open with it still;
    null where both were changed or have passwords of their own."""


def change_password(settings: Settings, new: str, registrar: Path | None = None) -> ChangedPassword:
    """Every keystore of the instance, and the registrar's if it lies elsewhere, opens with `new` alone.

    Keys that were set apart keep theirs.

    What runs goes on: it has opened them already. Raises `Forbidden` (`wrong_password`) and changes nothing where one
    does not open with the password in force, `BadRequest` for a new one that is too short (`password_missing`) or a
    folder that cannot be written to (`file_not_written`).
    """
    if len(new) < SHORTEST or new != new.strip():
        raise BadRequest(
            f"a new password has at least {SHORTEST} characters and no blanks around it", code="password_missing"
        )
    finish_change(settings)
    old = settings.keystore_password()
    contents = dict([keystore_sealed_anew(settings.data / "keys", old, new)])
    file = registrar or settings.registrar_file
    if registrar is not None or (settings.operator_home is None and file.is_file()):
        contents[file] = registrar_sealed_anew(file, old, new)
    try:
        contents |= {} if settings.node_apart else genesis.sealed_anew(settings.node_directory, old, new)
    except Unauthorised as error:
        raise Forbidden(error.message, code="wrong_password") from error
    keystores = tuple(str(path) for path in contents)
    kept = None if settings.password is not None else settings.password_file or settings.data / "password"
    former = None
    if kept is not None:
        if not _has_all(settings, contents, file):
            former = kept.with_name(f"{kept.name}.former")
            contents[former] = f"{old}\n".encode()
        contents[kept] = f"{new}\n".encode()
    for path in contents:
        if not os.access(path.parent, os.W_OK):
            raise BadRequest(f"{path.parent} cannot be written to", code="file_not_written", file=str(path))
    told = {str(path.absolute()): content.decode() for path, content in contents.items()}
    write_new(settings.password_change_file, orjson.dumps(told), code="conflict")
    finish_change(settings)
    return ChangedPassword(
        keystores, None if kept is None else str(kept), former_password_file=None if former is None else str(former)
    )


def _has_all(settings: Settings, contents: Collection[Path], registrar: Path) -> bool:
    """Registrar's and sealing key are among what is changed, or have passwords of their own."""
    is_registrar_apart = settings.operator_home is not None
    is_node_in = settings.node_apart or settings.node_directory in (path.parent for path in contents)
    return (registrar in contents or is_registrar_apart) and is_node_in


def finish_change(settings: Settings) -> None:
    """A change that was decided is carried out; several processes may come to it at once. Raises `Corrupt`."""
    journal = settings.password_change_file
    try:
        descriptor = os.open(journal, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    with os.fdopen(descriptor, "rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        if os.fstat(stream.fileno()).st_nlink == 0:  # another process has done it
            return
        told = read_json(stream.read(MOST_BYTES), limit=MOST_BYTES, error=Corrupt, exact=True)
        if not isinstance(told, dict) or not all(isinstance(content, str) for content in told.values()):
            raise Corrupt("the change of the password cannot be read", code="damaged_key", file=str(journal))
        for path, content in told.items():
            replace_file(Path(path), str(content).encode())
        journal.unlink()
        sync_directory(journal.parent)
