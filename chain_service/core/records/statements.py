"""Statements: documents that this program makes itself of what happened, with type codes that nobody else may use."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

JOURNAL_HEAD: Final = "CHAIN-SERVICE-JOURNAL-HEAD"
"""The head of an instance's journal: size and root, and nothing of what the journal tells."""
STATEMENTS: Final = frozenset({JOURNAL_HEAD})


def journal_head(org: str, size: int, root: bytes, day: date) -> dict[str, Any]:
    """The statement, in the organisation's name, that the journal had these entries on this day."""
    return {
        "kind": "document",
        "documentTypeCode": JOURNAL_HEAD,
        "documentNumber": f"{size}-{root.hex()[:16]}",
        "title": "实例日志头",
        "issuingOrganisationCode": org,
        "issuedDate": day.isoformat(),
        "extension": {"size": size, "root": root.hex()},
    }
