"""A licence that an office of a running instance has sealed, and the trust store by which its seal is judged."""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime
from functools import cache
from typing import Any

from chain_service.core.records.identifiers import CertificateIdentifier, TypeCode
from support.documents import city as test_city
from support.documents.samples import samples
from support.worlds.offices import Office, write_trust_store
from support.worlds.running_instance import ISSUER, TYPE, Instance

LOOKED_AGAIN = 2.2
"""Seconds after which a changed trust store is in force."""
THEN = datetime.fromtimestamp(test_city.NOW, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
OFFICE = Office(ISSUER, "43990000081001")


def trust(instance: Instance, *, today: bool) -> None:
    """The test authorities are trusted, with their lists of today or of the day that the samples are judged on."""
    directory = instance.data / "trust-store"
    shutil.rmtree(directory, ignore_errors=True)
    if today:
        write_trust_store(directory)
    else:
        samples()
        test_city.write_store(test_city.city().store, directory)
    time.sleep(LOOKED_AGAIN)


@cache
def licence_file() -> bytes:
    """The sealed licence; signing it again would make it another document under the same identifier."""
    return OFFICE.sealed().bytes()


def licence(**changes: Any) -> dict[str, Any]:
    """A record that names its document by path."""
    identifier = CertificateIdentifier(TypeCode(TYPE), ISSUER, "20269900001", "001")
    return {
        "kind": "certificate",
        "certificateTypeCode": TYPE,
        "certificateNumber": "JY99001",
        "certificateIdentifier": str(identifier),
        "certificateIssuingAuthorityCode": ISSUER,
        "certificateIssuedDate": "2026-06-01",
        "holders": [
            {
                "certificateHolderName": "某某有限公司",
                "certificateHolderCode": "91439900MA0000QW0X",
                "certificateHolderTypeCode": "001",
            }
        ],
        "sealCodes": [OFFICE.seal_code],
        "files": [{"path": "licence.ofd"}],
    } | changes
