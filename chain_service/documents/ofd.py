"""An OFD document (GB/T 33190) as facts."""

from __future__ import annotations

from typing import Any, Final

from chain_service.documents.facts import MAX_NAMES, MAX_TEXT
from chain_service.documents.ofd_archive import open_archive
from chain_service.documents.ofd_package import metadata, open_package
from chain_service.documents.ofd_signatures import read_signatures
from chain_service.documents.trust import Trust

__all__ = ["read_ofd"]

COMMENT: Final = "(ZIP comment)"
"""Stands among the uncovered files for comments in the archive."""


def read_ofd(data: bytes, trust: Trust) -> dict[str, Any]:
    """What DocumentFacts says of an OFD file beyond its digests. Raises MalformedDocument: it cannot be read."""
    # 1. the archive: limits, paths, agreement of its headers
    archive = open_archive(data)
    # 2. the package: OFD.xml
    package = open_package(archive)
    # 3. what a reader shows
    displayed = package.displayed()
    # 4. every signature and what it covers
    signatures, uncovered = read_signatures(package, displayed, trust)
    names = (*((COMMENT,) if archive.commented else ()), *uncovered)
    return {
        "signatures": signatures,
        "uncovered": tuple(name[:MAX_TEXT] for name in names[:MAX_NAMES]),
        "metadata": metadata(package),
    }
