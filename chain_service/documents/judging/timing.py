"""When something was signed, and what that means for the certificate behind it.

The time inside a signature is only a claim: whoever steals a key writes any time. What counts is by when the signature
is proven to have existed: the earlier of an outside timestamp that holds and the anchoring in a final block.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from chain_service.core.encoding.times import rfc3339
from chain_service.documents.facts import CertificateFacts, RevocationFacts, SignatureFacts, TimestampFacts

SIGNER_CLOCK_SKEW = 300
"""Seconds that two clocks may differ: a signer's runs before ours, or behind that of who certified it just then."""
ZONES = 14 * 3600
"""Seconds by which a time without a zone may miss, where it is not Chinese by its standard (ISO 32000-2 §7.9.4)."""


@dataclass(frozen=True)
class Timing:
    """What is known of the moment of signing, and the moment asked about; unix seconds."""

    at: int
    claimed: int | None = None
    proven: int | None = None
    """By when the signature existed; None where nothing proves it."""
    proven_by: str | None = None
    list_age: int = 0
    """How many seconds after its making a revocation list still speaks for the present."""
    slack: int = SIGNER_CLOCK_SKEW
    """Seconds by which the claimed time may miss a certificate's period without contradicting it."""

    @property
    def latest(self) -> int:
        """The latest moment at which it can have been signed."""
        return self.at if self.proven is None else self.proven

    @property
    def signed(self) -> int:
        """The moment of signing as claimed; the latest possible one where nothing is claimed, or a later one.

        A signer's clock may be wrong, and many write local time as UTC. What is proven to exist was not signed later.
        """
        late = self.claimed is not None and self.proven is not None and self.claimed > self.proven
        return self.latest if self.claimed is None or late else self.claimed

    def proven_before(self, moment: int) -> bool:
        """True when the signature is proven to be older than this moment."""
        return self.proven is not None and self.proven < moment


@dataclass(frozen=True)
class CertificateStanding:
    """How a certificate stood when something was signed with its key."""

    outside: bool
    """By the claimed time it, or one above it, was not valid yet or not any more."""
    revoked_before: RevocationFacts | None
    """By the claimed time it, or one above it, had been revoked."""
    unknown: RevocationFacts | None
    """What no usable revocation list speaks about."""
    ended_at: int | None
    """When its path ended, if that was before the moment asked about."""
    revoked_at: int | None
    """When it was revoked, if that was after the claimed time and not after the moment asked about."""
    unproven: bool
    """It has ended or been revoked since, and nothing proves that the signature is older."""


def certificate_standing(certificate: CertificateFacts, timing: Timing) -> CertificateStanding:
    """The time rule for one certificate and its path; the path's trust itself is not looked at.

    The signature counts though the certificate ended or was revoked at X only if it is proven older than X.
    """
    path, signed = certificate.path, timing.signed
    first = max(certificate.not_before, _or(path.valid_from, certificate.not_before))
    last = min(certificate.not_after, _or(path.valid_until, certificate.not_after))
    revoked = [
        revocation
        for revocation in path.revocations
        if revocation.outcome == "revoked" and _revoked_at(revocation) <= timing.at
    ]
    before = next((loss for loss in revoked if _revoked_at(loss) <= signed), None)
    since = min((_revoked_at(loss) for loss in revoked if _revoked_at(loss) > signed), default=None)
    ended = last if last < timing.at else None
    early, late = first - timing.slack, last + timing.slack
    unknown = next((revocation for revocation in path.revocations if not _known(revocation, timing, last)), None)
    ends = [moment for moment in (ended, since) if moment is not None]
    return CertificateStanding(
        outside=not early <= signed <= late or timing.latest < first - SIGNER_CLOCK_SKEW,
        revoked_before=before,
        unknown=unknown,
        ended_at=ended,
        revoked_at=since,
        unproven=not all(timing.proven_before(moment) for moment in ends),
    )


def _or(value: int | None, other: int) -> int:
    return other if value is None else value


def _revoked_at(found: RevocationFacts) -> int:
    """A revocation without a date counts from the beginning."""
    return _or(found.revoked_at, 0)


def _known(found: RevocationFacts, timing: Timing, last: int) -> bool:
    """Whether the list tells if the certificate was revoked when it counts: by the proven time, else by now."""
    if found.outcome == "revoked":
        return True
    if found.outcome != "good" or found.as_of is None or found.after_end:
        return False
    moment = min(timing.latest, last)
    promised = found.next_update is None or moment <= found.next_update
    return found.as_of >= moment or (promised and moment - found.as_of <= timing.list_age)


def timing_of(signature: SignatureFacts, *, at: int, anchored_by: int | None, list_age: int) -> Timing:
    """What is known of a signature's time; the earliest proof counts."""
    first = signature.claimed[0] if signature.claimed else None
    anywhere = first is not None and first.zoneless and first.source == "pdf"
    slack = SIGNER_CLOCK_SKEW + ZONES if anywhere else SIGNER_CLOCK_SKEW
    timing = Timing(at, None if first is None else first.at, list_age=list_age, slack=slack)
    if anchored_by is not None and anchored_by <= at:
        timing = replace(timing, proven=anchored_by, proven_by="anchoring in a final block")
    stamped = min(_stamps(signature.timestamps, timing), default=None)
    if stamped is not None and not timing.proven_before(stamped):
        timing = replace(timing, proven=stamped, proven_by="timestamp of an outside authority")
    return timing


def _stamps(timestamps: Iterable[TimestampFacts], timing: Timing) -> Iterable[int]:
    """The times of the tokens that hold: by an authority that is trusted, and was valid and not revoked then."""
    for timestamp in timestamps:
        if (
            timestamp.problem is not None
            or timestamp.at is None
            or timestamp.authority is None
            or timestamp.at > timing.at
        ):
            continue
        if (
            not (timestamp.imprint_matches and timestamp.signature_holds)
            or timestamp.authority.path.outcome != "trusted"
        ):
            continue
        standing = certificate_standing(timestamp.authority, replace(timing, claimed=timestamp.at))
        if not (standing.outside or standing.revoked_before or standing.unknown or standing.unproven):
            yield timestamp.at


def timing_evidence(signature: SignatureFacts, timing: Timing) -> dict[str, Any]:
    """Claimed and proven time, and by what."""
    first = signature.claimed[0] if signature.claimed else None
    found: dict[str, Any] = {
        "claimedTime": None if first is None else rfc3339(first.at),
        "provenTime": None if timing.proven is None else rfc3339(timing.proven),
        "provenBy": timing.proven_by,
    }
    if first is not None:
        found |= {"claimedIn": first.source}
        if first.zoneless:
            found["readAs"] = "UTC+8"
    if signature.timestamps:
        found["timestamps"] = [
            {
                "time": None if timestamp.at is None else rfc3339(timestamp.at),
                "problem": timestamp.problem and timestamp.problem.code,
            }
            for timestamp in signature.timestamps
        ]
    return found
