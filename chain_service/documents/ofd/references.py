"""What one OFD signature names: files with their digests, and what of the package it leaves out (GB/T 33190 §18)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.hazmat.primitives import hashes

from chain_service.documents.facts import MAX_NAMES, MAX_TEXT, CoverageFacts, ReferenceFacts
from chain_service.documents.ofd.archive import Archive
from chain_service.documents.ofd.package import Displayed, Package, folder_of
from chain_service.documents.ofd.xml import Element
from chain_service.errors import MalformedDocument

__all__ = ["Digests", "SignedReference", "coverage", "named", "references"]

MAX_REFERENCES: Final = 8_192
"""Of one signature."""


class _Sm3:
    """SM3 with the methods of hashlib's digests."""

    def __init__(self) -> None:
        self.hasher = hashes.Hash(hashes.SM3())
        self.update = self.hasher.update

    def digest(self) -> bytes:
        return self.hasher.finalize()


@dataclass(frozen=True, slots=True)
class CheckMethod:
    """A digest algorithm that References may name."""

    name: str
    make: Callable[[], Any]
    weak: bool = False


_SM3: Final = CheckMethod("sm3", _Sm3)
_SHA256: Final = CheckMethod("sha-256", hashlib.sha256)
_SHA384: Final = CheckMethod("sha-384", hashlib.sha384)
_SHA512: Final = CheckMethod("sha-512", hashlib.sha512)
_SHA1: Final = CheckMethod("sha-1", lambda: hashlib.sha1(usedforsecurity=False), weak=True)
_MD5: Final = CheckMethod("md5", lambda: hashlib.md5(usedforsecurity=False), weak=True)
CHECK_METHODS: Final = {
    "sm3": _SM3,
    "1.2.156.10197.1.401": _SM3,
    "1.2.156.10197.1.401.1": _SM3,
    "sha256": _SHA256,
    "2.16.840.1.101.3.4.2.1": _SHA256,
    "sha384": _SHA384,
    "2.16.840.1.101.3.4.2.2": _SHA384,
    "sha512": _SHA512,
    "2.16.840.1.101.3.4.2.3": _SHA512,
    "sha1": _SHA1,
    "1.3.14.3.2.26": _SHA1,
    "md5": _MD5,
    "1.2.840.113549.2.5": _MD5,
}
"""By name in lower case without hyphens, or by OID."""


@dataclass(slots=True)
class Digests:
    """Digests of the files of an archive, each made once however many signatures name it."""

    archive: Archive
    made: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def of(self, name: str, method: CheckMethod) -> bytes:
        """The digest of a file."""
        key = (name, method.name)
        if key not in self.made:
            hasher = method.make()
            for chunk in self.archive.chunks(name):
                hasher.update(chunk)
            self.made[key] = hasher.digest()
        return self.made[key]


@dataclass(frozen=True, slots=True)
class SignedReference:
    """What a signature's References say."""

    location: str
    """FileRef as it stands there."""
    file: str | None
    """The file it leads to; None if the package has no such file."""
    digest: bytes | None
    """CheckValue; None if it is no base64."""


def named(package: Package, listed: Element, place: str) -> tuple[str, tuple[SignedReference, ...]]:
    """The check method as written (absent: MD5) and the files named by the References of the Signature.xml at `place`.

    Raises MalformedDocument: too many of them, or one without FileRef or CheckValue.
    """
    rows = list(listed.all("Reference"))
    if len(rows) > MAX_REFERENCES:
        raise MalformedDocument(f"{len(rows)} references; {MAX_REFERENCES} are allowed", code="too_complex")
    found = []
    for row in rows:
        location, value = row.attributes.get("FileRef"), row.value("CheckValue")
        if not location or value is None:
            raise MalformedDocument("a Reference lacks FileRef or CheckValue", code="malformed")
        found.append(SignedReference(location, package.find(location, folder_of(place)), _base64(value)))
    return listed.attributes.get("CheckMethod") or "MD5", tuple(found)


def references(digests: Digests, method: str, files: Iterable[SignedReference]) -> Iterator[ReferenceFacts]:
    """Each file with whether its digest is the one that was signed."""
    known = CHECK_METHODS.get(method.strip().lower().replace("-", ""))
    algorithm, weak = (known.name, known.weak) if known else (method[:MAX_TEXT], False)
    for file in files:
        name = (file.file or file.location)[:MAX_TEXT]
        if file.file is None:
            yield ReferenceFacts(name, algorithm, holds=False, weak=weak, missing=True)
        elif known is None:
            yield ReferenceFacts(name, algorithm, holds=None, weak=False)
        else:
            yield ReferenceFacts(name, algorithm, digests.of(file.file, known) == file.digest, weak)


@dataclass(frozen=True, slots=True)
class Reach:
    """What one signature reaches, and the files it consists of."""

    place: str
    covered: frozenset[str]
    own: frozenset[str]
    """Its Signature.xml, SignedValue and Seal.esl: no signature covers itself."""


def coverage(one: Reach, others: Iterable[Reach], package: Package, shown: Displayed) -> CoverageFacts:
    """What a signature leaves out, by what is known of each file: displayed, of later signatures, and so on."""
    others = tuple(others)
    theirs = frozenset().union(*(other.own for other in others))
    covered_later = frozenset().union(*(other.covered for other in others if one.own & other.covered))
    outside = [name for name in package.archive.entries if name not in one.covered and name not in one.own]
    displayed = [name for name in outside if name in shown.files and name != package.root_file]
    left_out = [name for name in displayed if shown.templates.get(name) in one.covered]
    if package.root_file in outside and not package.only_points(one.covered, shown.documents):
        left_out.append(package.root_file)
    left_out += [name for name in sorted(shown.entities) if name not in {*displayed, *left_out}]
    added = [name for name in outside if name in theirs or name in covered_later]
    rest = [name for name in outside if name not in {*displayed, *left_out, *added}]
    told = {*displayed, *theirs, *shown.lists, package.root_file}
    groups = {
        "displayed": [name for name in displayed if name not in left_out],
        "left_out": left_out,
        "unclear": [] if shown.whole else [name for name in outside if name not in told],
        "other": rest,
        "added": added,
    }
    return CoverageFacts(
        whole=not any(groups[name] for name in ("displayed", "left_out", "unclear", "added")),
        **{name: tuple(names[:MAX_NAMES]) for name, names in groups.items()},
        more_names=sum(max(0, len(names) - MAX_NAMES) for names in groups.values()),
        covers_signatures=tuple(other.place for other in others if other.place in one.covered),
    )


def _base64(text: str) -> bytes | None:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
