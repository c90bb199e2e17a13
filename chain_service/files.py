"""The only place where the package writes files: whole or not at all, private unless said otherwise, and durable.

A file is written beside its place under a name of its own, flushed to the disk, and only then takes its place; so a
crash leaves the former file or the new one, and a reader never sees a half. `mode` is subject to the umask. A rule in
tests/test_architecture.py keeps other modules from writing by themselves.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from chain_service.errors import Conflict

PRIVATE, SHARED = 0o600, 0o666
"""Modes: for the service alone, and for whomever the umask lets read."""
CLAIMS = 20
"""Times that a folder of one's own is made until it can be locked before others see it."""


def write_new(file: Path, content: bytes, *, code: str, as_folder: bool = False) -> None:
    """The private file holds `content`. Raises `Conflict` with `code` if it existed; never overwrites.

    With `as_folder` it is as private as its folder: where a group, and nobody else, may read that, the group may read
    it, and root makes it for the folder's owner.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _written(file, PRIVATE) as (stream, temporary):
        if as_folder:
            folder = file.parent.stat()
            _share_as(folder, stream.fileno(), 0 if folder.st_mode & stat.S_IROTH else stat.S_IRGRP)
        stream.write(content)
        _flush(stream)
        try:
            file.hardlink_to(temporary)  # unlike a rename, fails if the name is taken
        except FileExistsError as error:
            raise Conflict(f"{file.name} exists already and is never overwritten", code=code, file=str(file)) from error
    sync_directory(file.parent)


def replace_file(file: Path, content: bytes, *, mode: int = PRIVATE) -> None:
    """The file holds `content` instead of what it held, if it existed."""
    with replacing(file, mode=mode) as stream:
        stream.write(content)


def write_shared(file: Path, text: str) -> None:
    """The file, readable by whomever the umask lets, holds the text in UTF-8 instead of what it held."""
    replace_file(file, text.encode(), mode=SHARED)


@contextmanager
def replacing(file: Path, *, mode: int = PRIVATE) -> Iterator[BinaryIO]:
    """A stream whose bytes are the file's when the block ends; when it raises, the file is what it was."""
    with _written(file, mode) as (stream, temporary):
        yield stream
        _flush(stream)
        temporary.replace(file)
    sync_directory(file.parent)


def nameless(folder: Path) -> int:
    """The descriptor of a new private file in `folder` without a name: it goes with its process. Raises OSError."""
    descriptor, name = tempfile.mkstemp(dir=folder)
    Path(name).unlink()
    return descriptor


def move(made: Path, target: Path) -> None:
    """What was made at `made`, a file or a directory on the same disk, stands at `target`. Raises OSError."""
    made.replace(target)
    sync_directory(target.parent)


@contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """A private folder for the moment, gone at the end; so are those of this prefix that killed processes left.

    Who has one holds a lock on it, which ends with the process: one without a lock is nobody's any more.
    """
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        if (descriptor := _claimed(left)) is not None:
            shutil.rmtree(left, ignore_errors=True)
            os.close(descriptor)
    for _ in range(CLAIMS):
        folder = Path(tempfile.mkdtemp(prefix=prefix))
        if (descriptor := _claimed(folder)) is not None:
            break
        shutil.rmtree(folder, ignore_errors=True)  # another process saw it before it was locked
    else:  # nothing can be locked on this file system, so nobody clears anything there either
        folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if descriptor is not None:
            os.close(descriptor)


def _claimed(folder: Path) -> int | None:
    """The lock on this folder of ours; None where it is another's, another process has it, or it is gone."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with suppress(OSError):
            if os.fstat(descriptor).st_uid == os.geteuid():
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                folder.stat()
                return descriptor
        os.close(descriptor)
    return None


def append_line(file: Path, line: bytes) -> None:
    """The private file has one more line, durably; a half line that a crash left is ended first.

    A new one is as private as its folder: where a group may write there, as when service, worker and operator are
    users of their own, the group may write it, and root makes it for the folder's owner.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, PRIVATE)
    try:
        end = os.lseek(descriptor, 0, os.SEEK_END)
        if end == 0:
            folder = file.parent.stat()
            _share_as(folder, descriptor, stat.S_IRGRP | stat.S_IWGRP if folder.st_mode & stat.S_IWGRP else 0)
        broken = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
        os.write(descriptor, (b"\n" if broken else b"") + line + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_directory(file.parent)


def _share_as(folder: os.stat_result, descriptor: int, rights: int) -> None:
    """The folder's owner and, with those of `rights` that it has there itself, its group may use the private file."""
    if os.geteuid() == 0:
        os.fchown(descriptor, folder.st_uid, folder.st_gid)
    if os.fstat(descriptor).st_gid == folder.st_gid:
        os.fchmod(descriptor, PRIVATE | (rights & folder.st_mode))


def make_private(directory: Path) -> None:
    """The directory and all below it are the service's alone, and durable."""
    for folder, _, names in os.walk(directory):
        Path(folder).chmod(0o700)
        for path in (Path(folder) / name for name in names):
            if path.is_symlink():
                continue
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fchmod(descriptor, PRIVATE)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        sync_directory(Path(folder))


def sync_directory(directory: Path) -> None:
    """The directory's names are durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _written(file: Path, mode: int) -> Iterator[tuple[BinaryIO, Path]]:
    """A new file beside `file`, gone at the end unless it was moved."""
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(8)}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream, temporary
    finally:
        temporary.unlink(missing_ok=True)


def _flush(stream: BinaryIO) -> None:
    stream.flush()
    os.fsync(stream.fileno())
