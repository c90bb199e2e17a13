"""An OFD document (GB/T 33190) as facts."""

from __future__ import annotations

from typing import Any, Final

from chain_service.documents.facts import MAX_NAMES, MAX_TEXT, Problem, SignatureFacts
from chain_service.documents.ofd.archive import open_archive
from chain_service.documents.ofd.package import metadata, open_package
from chain_service.documents.ofd.signatures import read_signatures
from chain_service.documents.pki.trust import Trust

__all__ = ["read_ofd"]

COMMENT: Final = "(ZIP comment)"
"""Stands among the uncovered files for comments in the archive."""
AROUND: Final = "(bytes around the ZIP entries)"
"""The same for what a maker or a gateway put before, between or behind them."""


def read_ofd(data: bytes, trust: Trust) -> dict[str, Any]:
    """What DocumentFacts says of an OFD file beyond its digests. Raises MalformedDocument: it cannot be read."""
    # 1. the archive: limits, paths, agreement of its headers
    archive = open_archive(data)
    # 2. the package: OFD.xml
    package = open_package(archive)
    # 3. every signature and what it covers of what a reader shows
    signatures, uncovered = read_signatures(package, package.displayed(), trust)
    outside = [name for name, held in ((COMMENT, archive.commented), (AROUND, archive.surrounded)) if held]
    names = (*outside, *uncovered)
    irregular = Problem("irregular", "names in the archive separate folders by backslashes")
    return {
        "signatures": signatures,
        "uncovered": tuple(name[:MAX_TEXT] for name in names[:MAX_NAMES]),
        # 4. metadata, if a signature vouches for them: what anybody may change is not believed
        "metadata": metadata(package) if not signatures or _vouched(package.root_file, signatures) else (),
        "problems": (irregular,) if archive.backslashes else (),
    }


def _vouched(root: str, signatures: tuple[SignatureFacts, ...]) -> bool:
    """Whether OFD.xml is what a signature that verifies was made over."""
    return any(
        signature.signature_holds
        and signature.data_digest_holds
        and any(reference.holds and reference.name == root for reference in signature.references)
        for signature in signatures
    )
