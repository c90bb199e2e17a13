"""What one signature of a document leaves out and a later one covers: who answers for it.

Offices seal one document in turn: the second adds an annotation or its stamp and seals the whole. That is no
tampering with what the first sealed. But only the organisation that answers for the document, or the one that signed
before, makes more of it: what another one added stands under that one's seal alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass, replace

from chain_service.documents.facts import CoverageFacts, SignatureFacts


@dataclass(frozen=True)
class ValidSignature:
    """A signature that passed every check of its own."""

    signature: SignatureFacts
    organisations: Set[str]
    """Who stands behind it."""

    @property
    def covered(self) -> frozenset[str]:
        """The files it vouches for."""
        return frozenset(reference.name for reference in self.signature.references if reference.holds)


@dataclass(frozen=True)
class SignedSince:
    """What became of the files that a signature leaves out."""

    coverage: CoverageFacts
    """Without the files for which a later signature answers as well."""
    signed: dict[str, str]
    """Those files, and the place of the signature that covers each."""


def signed_since(
    signature: SignatureFacts, organisations: Set[str], later: Iterable[ValidSignature], issuer: str | None
) -> SignedSince:
    """The coverage of a signature once the sound signatures `later`, which cover it too, are counted in."""
    found = signature.coverage
    mine: dict[str, str] = {}
    others: dict[str, str] = {}
    for later_signature in later:
        answers = later_signature.organisations == {issuer} or _same_signer(signature, organisations, later_signature)
        for name in later_signature.covered:
            (mine if answers else others).setdefault(name, later_signature.signature.place)
    if found.more_names:
        return SignedSince(found, {})  # not every name is known
    names = (*found.displayed, *found.left_out, *found.unclear)
    by_others = [name for name in (*found.displayed, *found.unclear) if name not in mine and name in others]
    left_out = [name for name in found.left_out if name not in mine]
    coverage = replace(
        found,
        displayed=tuple(name for name in found.displayed if name not in mine and name not in others),
        left_out=tuple(dict.fromkeys((*left_out, *by_others))),
        unclear=tuple(name for name in found.unclear if name not in mine and name not in others),
    )
    return SignedSince(coverage, {name: (mine | others)[name] for name in names if name in mine or name in others})


def _same_signer(signature: SignatureFacts, organisations: Set[str], other: ValidSignature) -> bool:
    """Whether one hand signed both: the same certificate, or the same organisation, if it is known to be one."""
    if len(organisations) == 1 and other.organisations == organisations:
        return True
    first, second = signature.signer, other.signature.signer
    return first is not None and second is not None and first.sha256 == second.sha256
