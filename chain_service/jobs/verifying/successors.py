"""What a superseded record's successor is called, and who is told.

Its number is personal, so it is told to the holder of a key with role `verify` or `audit` or of the organisation that
issued the superseded record, to the operator at the instance's own command line, and to whoever presents the whole
disclosure of the very record that was superseded, which nobody has by guessing. Everybody else is told to ask the
issuer.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from chain_service.core.records.disclosure import Disclosure
from chain_service.core.verdicts.inputs import Content, Successor
from chain_service.errors import Corrupt, NotFound
from chain_service.jobs.asker import Asker
from chain_service.jobs.verifying.candidates import recalled
from chain_service.store import records, types

log = structlog.get_logger("verify")


@dataclass(frozen=True)
class Viewer:
    """Who asks, and what of the record they present."""

    asker: Asker
    presented: Content | None = None

    def may_see(self, org: str, body_digest: bytes | None) -> bool:
        """Whether the successor of this organisation's record may be told; `body_digest` is that record's, if known."""
        if self.asker.org == org or self.asker.roles & {"verify", "audit"}:
            return True
        return isinstance(self.presented, Disclosure) and self.presented.body_digest == body_digest


def named_successor(connection: Connection, id: str) -> Successor | None:
    """The record by its number, and its type by the registered name or else its own; None where it is not kept."""
    try:
        content = recalled(records.get(connection, id))
    except (Corrupt, NotFound) as error:
        log.warning("the successor of a record cannot be named", error=type(error).__name__)
        return None
    if not isinstance(content, Disclosure):
        return None
    own = content.members.get("certificateTypeName") or content.members.get("title")
    registered = types.names(connection, [content.type_code]) if content.kind == "certificate" else {}
    name = registered[content.type_code][-1][1] if registered else own
    return Successor(content.record.number, name if isinstance(name, str) else None)
