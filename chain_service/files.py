"""Files that must exist whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from chain_service.errors import Conflict


def write_new(file: Path, content: bytes, *, code: str, mode: int = 0o600) -> None:
    """The file holds `content`, durably. Raises `Conflict` with `code` if it existed; never overwrites."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        file.hardlink_to(temporary)  # unlike a rename, fails if the name is taken
    except FileExistsError as error:
        raise Conflict(f"{file.name} exists already and is never overwritten", code=code, file=str(file)) from error
    finally:
        temporary.unlink()
    sync_directory(file.parent)


def sync_directory(directory: Path) -> None:
    """The directory's names are durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
