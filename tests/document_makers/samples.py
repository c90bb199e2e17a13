"""Sealed documents, whole ones and one for each way of being broken, with what has to be said of them.

The code is that of the first failed check, or else of the first indeterminate one, when the document is judged without
a chain at `NOW` for the issuer `ISSUER`; `valid` if there is none, `no_signature` if nothing is signed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from document_makers import altered_samples, archives, distrusted_samples, whole_samples
from document_makers.city import city, sealed
from document_makers.recipes import RECIPES, Sample

__all__ = ["Sample", "names", "sample", "samples"]

UNABLE = {"encrypted_entry", "split_archive", "too_many_entries", "unknown_compression", "zip64", "zip_bomb"}
"""What is no damage to a file but more than the reader does."""
FROM = (whole_samples, altered_samples, distrusted_samples)
"""Importing them has filled RECIPES."""


@cache
def samples() -> tuple[Sample, ...]:
    """All of them; ask for `city().store` only afterwards, since some revoke certificates."""
    return (*(make(city()) for make in RECIPES.values()), *_broken_archives())


def sample(name: str) -> Sample:
    """One of them by its name."""
    return next(one for one in samples() if one.name == name)


def names() -> list[str]:
    """The names of all."""
    return [*RECIPES, *archives.FROM_FILES, *archives.FROM_ARCHIVE]


def _broken_archives() -> Iterator[Sample]:
    whole = sealed()
    for name, (from_files, problem) in archives.FROM_FILES.items():
        yield Sample(name, from_files(whole.files), "signature_unsupported" if problem in UNABLE else "unreadable")
    for name, (from_archive, problem) in archives.FROM_ARCHIVE.items():
        code = "signature_unsupported" if problem in UNABLE else "unreadable"
        yield Sample(name, from_archive(whole.bytes()), "no_signature" if name == "bytes prepended" else code)
