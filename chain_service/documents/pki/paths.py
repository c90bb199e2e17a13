"""Certificate paths: from a certificate to a root certificate of the trust store (RFC 5280 §6), all of it offline.

Building and the rules that need no algorithm are the same for every key. RSA and ECDSA paths as the web has them must
please the verifier of `cryptography` besides; SM2, which no maintained validator knows, and what else that verifier
does not take rest on the rules here alone. Whether a path is valid at some moment is not judged here: its period is a
fact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final, Literal

from cryptography import x509
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError

from chain_service.documents.asn1 import der
from chain_service.documents.pki import algorithms
from chain_service.documents.pki.certificates import Certificate

Purpose = Literal["sign", "seal", "timestamp"]
"""`seal`: made or used for a national seal, for which keyUsage alone decides (GM/T 0031 §6.1.2)."""

MAX_PATH: Final = 8
"""Certificates of a path, leaf and root included."""
MAX_TRIES: Final = 20
"""Signatures looked at while building the paths of one certificate."""
MAX_PATHS: Final = 6

SERVER_AUTH: Final = "1.3.6.1.5.5.7.3.1"
TIME_STAMPING: Final = "1.3.6.1.5.5.7.3.8"
OCSP_SIGNING: Final = "1.3.6.1.5.5.7.3.9"
_FOREIGN_TO_SIGNING: Final = frozenset({SERVER_AUTH, TIME_STAMPING, OCSP_SIGNING})
_WEB_KEYS: Final = ("rsa-", "ecdsa-secp256r1", "ecdsa-secp384r1", "ecdsa-secp521r1")
_WEB_FAMILIES: Final = frozenset({"rsa", "rsa-pss", "ecdsa"})
_WEB_DIGESTS: Final = frozenset({"sha-256", "sha-384", "sha-512"})


@dataclass(frozen=True, slots=True)
class CertificatePool:
    """What a path may be built of, by the name that its holder bears."""

    roots: dict[str, list[Certificate]]
    """Key of the subject's name to roots."""
    root_labels: dict[bytes, str]
    """SHA-256 of a root certificate to its label."""
    intermediates: dict[str, list[Certificate]]

    def issuers(self, name: str, others: tuple[Certificate, ...]) -> list[Certificate]:
        """Certificates of that subject, roots first; each once."""
        found = {root.sha256: root for root in self.roots.get(name, [])}
        for issuer in (*self.intermediates.get(name, []), *(other for other in others if other.subject.key == name)):
            found.setdefault(issuer.sha256, issuer)
        return list(found.values())


@dataclass(frozen=True, slots=True)
class Path:
    """The best path found, or why there is none."""

    outcome: Literal["trusted", "untrusted", "broken"]
    certificates: tuple[Certificate, ...] = ()
    """Leaf first, root last; empty when no root certificate was reached."""
    detail: str = ""

    @property
    def period(self) -> tuple[int, int] | None:
        """When all of them are valid, Unix seconds, both included; from > until if that is never."""
        if not self.certificates:
            return None
        return max(certificate.not_before for certificate in self.certificates), min(
            certificate.not_after for certificate in self.certificates
        )


@dataclass(slots=True)
class _Search:
    """One search: what is left to try and what stood in the way."""

    pool: CertificatePool
    others: tuple[Certificate, ...]
    user_id: bytes
    tries: int = MAX_TRIES
    broken: str = ""
    missing: str = ""
    found: list[tuple[Certificate, ...]] = field(default_factory=list)


def find(
    leaf: Certificate, others: tuple[Certificate, ...], pool: CertificatePool, purpose: Purpose, user_id: bytes
) -> Path:
    """The path of `leaf` that is trusted for longest; otherwise the reason why there is none. Never raises.

    others: certificates that came with the document; they are links, never roots.
    """
    search = _Search(pool, others, user_id)
    for complete in _complete(search, (leaf,)):
        search.found.append(complete)
        if len(search.found) >= MAX_PATHS:
            break
    judged = [_judged(path, purpose) for path in search.found]
    trusted = [path for path in judged if path.outcome == "trusted"]
    if trusted:
        return max(trusted, key=lambda path: (path.period or (0, 0))[1])
    if judged:
        return min(judged, key=lambda path: path.outcome)
    if search.broken:
        return Path("broken", detail=search.broken)
    return Path("untrusted", detail=search.missing or "no path was found within the limits of the search")


def _complete(search: _Search, chain: tuple[Certificate, ...]) -> Iterator[tuple[Certificate, ...]]:
    """Every chain of good signatures from `chain` to a root certificate."""
    last = chain[-1]
    if last.sha256 in search.pool.root_labels:
        yield chain
        return
    candidates = search.pool.issuers(last.issuer.key, search.others)
    if not candidates:
        search.missing = f"no certificate of the issuer {last.issuer.text} is available"
    if len(chain) == MAX_PATH:
        return
    for issuer in candidates:
        if issuer in chain or _other_key(last, issuer):
            continue
        if search.tries == 0:
            return
        search.tries -= 1
        holds = algorithms.verify(issuer.key, last.signature_algorithm, last.signature, last.tbs, search.user_id)
        if holds:
            yield from _complete(search, (*chain, issuer))
        elif holds is None:
            key = algorithms.public_key(issuer.key).name
            search.missing = f"a signature {last.signature_algorithm.name} by the key {key} is not trusted here"
        elif issuer.sha256 in search.pool.root_labels:
            search.broken = (
                f"the signature of {last.subject.text} does not verify with the key of {issuer.subject.text}"
            )
    if not search.missing:
        search.missing = f"no available certificate issued {last.subject.text}"


def _other_key(certificate: Certificate, issuer: Certificate) -> bool:
    """Whether the two key identifiers say that another key of the same name issued it."""
    named, own = certificate.authority_key, issuer.subject_key
    return named is not None and own is not None and named != own


def _judged(path: tuple[Certificate, ...], purpose: Purpose) -> Path:
    """RFC 5280 §6.1 over a path whose names and signatures fit; certificates as the outcome needs them."""
    # 1. nothing in it is beyond what is understood here: that is not wrong, but it cannot be judged
    for certificate in path:
        if certificate.not_understood:
            return Path(
                "untrusted",
                path,
                f"{certificate.subject.text} has the critical extension {certificate.not_understood[0]}",
            )
        if certificate.name_constraints and certificate.authority:
            return Path("untrusted", path, f"{certificate.subject.text} constrains names, which is not judged here")
    # 2. every issuer may issue, and for so many below it
    flaw = next((flaw for place, one in enumerate(path) if (flaw := _flaw(path, place, one))), None)
    # 3. the leaf may do what it did
    if flaw is None and purpose != "seal":
        flaw = _timestamp_flaw(path[0]) if purpose == "timestamp" else _signing_flaw(path[0])
    # 4. there is a moment at which all are valid
    if flaw is None and max(certificate.not_before for certificate in path) > min(
        certificate.not_after for certificate in path
    ):
        flaw = "its certificates were never valid at the same time"
    # 5. the maintained validator agrees, for the algorithms that it knows
    if flaw is not None:
        return Path("broken", path, flaw)
    return _validated(path) if len(path) > 1 and _known_to_the_library(path) else Path("trusted", path)


def _flaw(path: tuple[Certificate, ...], place: int, one: Certificate) -> str | None:
    """What is wrong with the certificate at `place`, 0 being the leaf."""
    if one.flaw is not None:
        return f"{one.subject.text}: {one.flaw}"
    if place + 1 < len(path) and one.signature_algorithm.weak:
        return f"{one.subject.text} is signed with {one.signature_algorithm.name}, which is open to collisions"
    if place == 0:
        return None
    if not one.authority:
        return f"{one.subject.text} is not a certification authority (basicConstraints)"
    if not one.allows("key_cert_sign"):
        return f"{one.subject.text} may not sign certificates (keyUsage)"
    below = sum(not lower.self_issued for lower in path[1:place])
    if one.path_length is not None and below > one.path_length:
        return f"{one.subject.text} allows {one.path_length} authorities below it, there are {below}"
    return None


def _timestamp_flaw(leaf: Certificate) -> str | None:
    """RFC 3161 §2.3: the extended key usage is critical and timeStamping alone."""
    if leaf.purposes != frozenset({TIME_STAMPING}) or not leaf.purposes_critical:
        return f"{leaf.subject.text} is not for timestamps alone (extended key usage)"
    return None


def _signing_flaw(leaf: Certificate) -> str | None:
    """RFC 5280 §4.2.1.12: one that is for servers, timestamps or OCSP answers alone vouches for no document."""
    if leaf.purposes is not None and leaf.purposes <= _FOREIGN_TO_SIGNING:
        return f"{leaf.subject.text} is for something else than documents alone (extended key usage)"
    return None


def may_sign(certificate: Certificate) -> bool | None:
    """Whether its keyUsage allows its key to sign content; None without the extension."""
    if certificate.key_usage is None:
        return None
    return bool(certificate.key_usage & {"digital_signature", "non_repudiation"})


def _known_to_the_library(path: tuple[Certificate, ...]) -> bool:
    """Whether the verifier of `cryptography` has a say: it takes the algorithms of the web and names byte for byte.

    Serial numbers that are not positive, which some authorities gave, it will not even read (RFC 5280 §4.1.2.2 asks to
    handle them gracefully).
    """
    keys = all(algorithms.public_key(certificate.key).name.startswith(_WEB_KEYS) for certificate in path)
    signed = all(certificate.signature_algorithm.family in _WEB_FAMILIES for certificate in path[:-1])
    digests = all(certificate.signature_algorithm.digest in _WEB_DIGESTS for certificate in path[:-1])
    spelt = all(lower.issuer.der == upper.subject.der for lower, upper in pairwise(path))
    return keys and signed and digests and spelt and all(certificate.serial > 0 for certificate in path)


def _validated(path: tuple[Certificate, ...]) -> Path:
    """What the verifier of `cryptography` says of exactly this path, at the last moment of its period."""
    moment = datetime.fromtimestamp(min(certificate.not_after for certificate in path), UTC).replace(tzinfo=None)
    try:
        leaf, *links, root = (x509.load_der_x509_certificate(certificate.der) for certificate in path)
        authorities = ExtensionPolicy.permit_all().require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
        anyone = ExtensionPolicy.permit_all()
        for kind in (x509.CertificatePolicies, x509.IssuerAlternativeName, x509.CRLDistributionPoints):
            authorities = authorities.may_be_present(kind, Criticality.AGNOSTIC, None)
            anyone = anyone.may_be_present(kind, Criticality.AGNOSTIC, None)
        policy = PolicyBuilder().store(Store([root])).time(moment).max_chain_depth(MAX_PATH)
        verifier = policy.extension_policies(ca_policy=authorities, ee_policy=anyone).build_client_verifier()
        verifier.verify(leaf, links)
    except VerificationError as error:
        return Path("broken", path, f"the path is refused: {der.clean(str(error))}")
    except algorithms.LIBRARY_ERRORS as error:
        return Path("untrusted", path, f"the path cannot be read by the validator ({type(error).__name__})")
    return Path("trusted", path)
