"""The names that the registries here give to what verdicts speak of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog
from sqlalchemy import Connection

from chain_service.core.encoding.text import Text
from chain_service.core.records.certificate_types import imitates_member, parse_labels
from chain_service.core.verdicts.inputs import Content, Names, RegisteredName
from chain_service.errors import Corrupt, MalformedRecord
from chain_service.jobs.verifying.lookup import Lookup
from chain_service.store import types
from chain_service.store.registries import organisations

log = structlog.get_logger("names")


def registered_names(connection: Connection, lookups: Sequence[Lookup]) -> Names:
    """Every name of the types and organisations that the lookups' records speak of, as far as known here."""
    contents = [content for lookup in lookups for content in _contents(lookup)]
    if not contents:
        return Names()
    try:
        by_org = organisations.names(connection, {content.org for content in contents})
    except Corrupt as error:
        log.error("the stored name of an organisation is damaged", error=error.message)
        by_org = {}
    codes = {content.type_code for content in contents if content.kind == "certificate"}
    by_type = types.names(connection, codes)
    return Names(_histories(by_type), _histories(by_org), _labels(connection, codes))


def _labels(connection: Connection, codes: set[str]) -> dict[str, Mapping[str, Text]]:
    by_code: dict[str, Mapping[str, Text]] = {}
    for code in codes:
        try:
            entry = types.find(connection, code)
            if entry is not None:
                labels = parse_labels(entry.body.get("labels"))
                by_code[code] = {name: label for name, label in labels.items() if not imitates_member(label)}
        except (Corrupt, MalformedRecord) as error:
            log.error("a stored certificate type is damaged", error=error.message)
    return by_code


def _contents(lookup: Lookup) -> list[Content]:
    """Those of the record meant and of the records beside it."""
    known = (lookup.presented.disclosure, lookup.recalled, *(one.recalled for one, _ in lookup.beside.found))
    return [content for content in known if content is not None]


def _histories(by_code: dict[str, list[tuple[int, str]]]) -> dict[str, tuple[RegisteredName, ...]]:
    return {code: tuple(RegisteredName(name, since) for since, name in listed) for code, listed in by_code.items()}
