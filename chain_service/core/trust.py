"""The trust file: everything that has to be known beforehand to verify a receipt, signed, versioned and small.

COSE_Sign (RFC 9052 §4.1) over canonical JSON (RFC 8785). A person compares the first one's fingerprint; each successor
is signed by enough of its predecessor's root keys, and by enough of its own. Versions only rise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from chain_service.core.chain_trust import ChainTrust
from chain_service.core.cose import Signer
from chain_service.core.verdicts import Warning

MEDIA_TYPE: Final = "application/cose"
MAX_TRUST_BYTES: Final = 256 * 1024
MAX_ROOT_KEYS: Final = 64


@dataclass(frozen=True, slots=True)
class TrustTerms:
    """What a trust file states. Times are unix seconds."""

    version: int
    chain: ChainTrust
    age_limit: int
    """Seconds after which a status is out of date."""
    trusting_period: int
    """Seconds after which the validators' seals alone should no longer be relied on: their keys may have got out."""
    issued: int
    expires: int
    root_keys: tuple[bytes, ...]
    """Ed25519 public keys, ascending."""
    threshold: int
    """How many root keys have to sign this file, and its successor."""

    def to_payload(self) -> bytes:
        """The canonical JSON that is signed. Raises MalformedDocument if the terms contradict themselves."""
        raise NotImplementedError

    @classmethod
    def from_payload(cls, payload: bytes) -> TrustTerms:
        """What `to_payload` wrote. Raises MalformedDocument."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class TrustFile:
    """A trust file whose own root keys signed it; made by `parse`. Whether they are the right ones is `accept_first`'s
    or `update`'s to say."""

    terms: TrustTerms
    payload: bytes
    signed_by: frozenset[bytes]
    """Public keys of its own root keys that signed it."""

    @property
    def chain(self) -> ChainTrust:
        """What evidence is verified against."""
        return self.terms.chain

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the payload in hex: what a person compares."""
        raise NotImplementedError

    def warnings(self, now: int) -> tuple[Warning, ...]:
        """What to say of the file's age at this moment (unix seconds); empty while it is fresh."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """The payload's members, with `fingerprint` and `signedBy`, for reading."""
        raise NotImplementedError


def sign(terms: TrustTerms, signers: Sequence[Signer]) -> bytes:
    """A trust file with these terms, signed by every signer. Raises BadRequest if fewer than the threshold sign."""
    raise NotImplementedError


def parse(data: bytes) -> TrustFile:
    """The trust file in these bytes; at least the threshold of its own root keys signed it.

    Raises MalformedDocument, InvalidProof for a signature that does not verify or too few of them.
    """
    raise NotImplementedError


def accept_first(data: bytes, fingerprint: str) -> TrustFile:
    """The first trust file, whose fingerprint a person has compared: hex in either case, spaces and colons ignored.

    Raises as `parse`, InvalidProof (code `wrong_fingerprint`) if it is another file.
    """
    raise NotImplementedError


def update(old: TrustFile, data: bytes) -> TrustFile:
    """The successor in these bytes, to be used instead of `old` from now on.

    Raises as `parse`; InvalidProof (code `foreign_trust`) if it is about another chain or too few of the old root keys
    signed it; Conflict (code `trust_rollback`) unless its version is higher.
    """
    raise NotImplementedError
