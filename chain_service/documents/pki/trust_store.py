"""What the reader of certificates is given to believe: roots, intermediates, revocation lists; bytes, no files.

It crosses to the process that parses as JSON; `trust` reads it there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter, ValidationError

from chain_service.documents.facts import Bytes
from chain_service.documents.pki.sm2 import DEFAULT_ID
from chain_service.errors import MalformedDocument

__all__ = ["RootCertificate", "TrustStore", "from_json", "to_json"]


@dataclass(frozen=True, slots=True)
class RootCertificate:
    """A root certificate that the operator trusts for everything, and the label findings name it by."""

    label: str
    certificate: Bytes
    """DER."""


@dataclass(frozen=True, slots=True)
class TrustStore:
    """All of it DER; who made it decided what belongs in it. Order is of no importance."""

    roots: tuple[RootCertificate, ...] = ()
    intermediates: tuple[Bytes, ...] = ()
    """Links of paths, and known signers: a signature that names no certificate is tried with their keys."""
    crls: tuple[Bytes, ...] = ()
    ocsp_responses: tuple[Bytes, ...] = ()
    """OCSP responses (RFC 6960) that were fetched for this document."""
    user_id: Bytes = DEFAULT_ID
    """The id of signers in SM2 digests (GM/T 0009), at most 8191 bytes."""


_STORE: Final = TypeAdapter(TrustStore)


def to_json(store: TrustStore) -> bytes:
    """The trust store as one JSON object."""
    return _STORE.dump_json(store)


def from_json(data: bytes) -> TrustStore:
    """The trust store that `to_json` wrote. Raises MalformedDocument."""
    try:
        return _STORE.validate_json(data)
    except ValidationError as error:
        raise MalformedDocument(f"this is not a trust store: {error.error_count()} errors") from error
