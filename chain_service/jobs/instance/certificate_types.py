"""The catalog of certificate types that this instance knows by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY

from chain_service.core.encoding.answers import answer, left_out
from chain_service.core.encoding.visible_text import require_visible
from chain_service.core.records.certificate_types import CertificateType, parse_type
from chain_service.errors import Corrupt
from chain_service.jobs.context import App
from chain_service.store import types


@answer
class ListedType:
    """A certificate type (GB/T 36902) as the operator entered it, its members in the order of their names."""

    _: KW_ONLY
    certificate_type_code: str
    certificate_type_name: str
    defining_organ_code: str
    defining_organ_name: str | None = left_out()
    holder_category: str
    labels: Mapping[str, Mapping[str, str]] | None = left_out()
    """What to call the sector fields of such certificates, in both languages."""
    level: str
    """Level of the issuing authority."""
    validity: str | None = left_out()
    """Range of validity as the catalog words it."""


def add_type(app: App, entry: object) -> CertificateType:
    """The type is listed with this entry, in place of an earlier one. Raises `MalformedRecord`."""
    parsed = parse_type(entry)
    require_visible(parsed.to_json())
    body = {name: value for name, value in parsed.to_json().items() if value is not None}
    with app.database.transaction() as connection:
        types.put(connection, types.StoredCertificateType(parsed.code, body, app.clock()))
    return parsed


def list_types(app: App) -> list[ListedType]:
    """All types by code."""
    with app.database.reading() as connection:
        return [_listed(stored_type) for stored_type in types.listed(connection)]


def _listed(stored: types.StoredCertificateType) -> ListedType:
    body = stored.body
    try:
        return ListedType(
            certificate_type_code=body["certificateTypeCode"],
            certificate_type_name=body["certificateTypeName"],
            defining_organ_code=body["definingOrganCode"],
            defining_organ_name=body.get("definingOrganName"),
            holder_category=body["holderCategory"],
            labels=body.get("labels"),
            level=body["level"],
            validity=body.get("validity"),
        )
    except KeyError as missing:
        raise Corrupt("a stored certificate type lacks a member", type=stored.code, member=missing.args[0]) from None
