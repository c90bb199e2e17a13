"""Sealed documents, whole ones and one for each way of being broken, with what has to be said of them.

The code is that of the first failed check, or else of the first indeterminate one, when the document is judged without
a chain at `NOW` for the issuer `ISSUER`; `valid` if there is none, `no_signature` if nothing is signed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from support.cms import signed_data_samples
from support.documents import altered_samples, archives, distrusted_samples, field_samples, whole_samples, zip_forms
from support.documents.city import city, sealed
from support.documents.recipes import RECIPES, Sample

__all__ = ["Sample", "names", "sample", "samples"]

DAMAGED = ("checksum_differs", "not_zip", "size_differs")
"""What a reader of archives says of bytes that are not what was written."""
FROM = (whole_samples, altered_samples, distrusted_samples, field_samples, signed_data_samples)
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
    forms = (*zip_forms.HONEST, *zip_forms.IRREGULAR, *zip_forms.AMBIGUOUS)
    return [*RECIPES, *archives.FROM_FILES, *archives.FROM_ARCHIVE, *(f"archive: {name}" for name in forms)]


def _broken_archives() -> Iterator[Sample]:
    whole = sealed()
    for name, (from_files, _) in archives.FROM_FILES.items():
        yield Sample(name, from_files(whole.files), "signature_unsupported")
    for name, (from_archive, problem) in archives.FROM_ARCHIVE.items():
        yield Sample(name, from_archive(whole.bytes()), "unreadable" if problem in DAMAGED else "signature_unsupported")
    for name, form in zip_forms.HONEST.items():
        yield Sample(f"archive: {name}", form.write(whole.files), "valid")
    for name, (form, warned) in zip_forms.IRREGULAR.items():
        yield Sample(f"archive: {name}", form.write(whole.files), "valid", (warned,))
    for name, ambiguous in zip_forms.AMBIGUOUS.items():
        yield Sample(f"archive: {name}", ambiguous(whole.files), "signature_unsupported")
