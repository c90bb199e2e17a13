"""The catalog of certificate types that this instance knows by name."""

from __future__ import annotations

from typing import Any

from chain_service.core.encoding.visible_text import require_visible
from chain_service.core.records.certificate_types import parse_type
from chain_service.jobs.context import App
from chain_service.store import types
from chain_service.store.types import CertificateType


def add_type(app: App, entry: object) -> dict[str, Any]:
    """The type is listed with this entry, in place of an earlier one. Raises `MalformedRecord`."""
    parsed = parse_type(entry)
    require_visible(parsed.to_json())
    body = {name: value for name, value in parsed.to_json().items() if value is not None}
    with app.database.transaction() as connection:
        types.put(connection, CertificateType(parsed.code, body, app.clock()))
    return body


def list_types(app: App) -> list[dict[str, Any]]:
    """All types by code."""
    with app.database.reading() as connection:
        return [dict(one.body) for one in types.listed(connection)]
