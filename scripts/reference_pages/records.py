"""What may be submitted: members of records, states and their reasons, seals, catalog entries, certificate types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chain_service.core.encoding.members import Member, ObjectValue
from chain_service.core.records import certificate_types
from chain_service.core.records import states as statuses
from chain_service.core.records.schema import FILE, HOLDER, SHAPES
from chain_service.core.registries import catalogs, seals
from reference_pages import record_notes
from reference_pages.markdown import code, codes, table


def page() -> str:
    lines = ["# Records 记录", "", record_notes.INTRODUCTION, ""]
    for shape in SHAPES.values():
        lines += [f"## {record_notes.TITLES[shape.kind]}", "", *_members(shape.table), ""]
    lines += ["## Holders and files 持证主体与文件", "", *_parts(), "", record_notes.RULES, ""]
    lines += [
        "## States 状态",
        "",
        record_notes.STATES,
        "",
        *_named(statuses.STATUS_CHANGE),
        "",
        *_states(),
        "",
        *_reasons(),
        "",
    ]
    lines += ["## Seals 电子印章", "", record_notes.SEALS, "", *_named(seals.SEAL), ""]
    lines += [*_values("sealType", seals.SEAL_TYPES), "", *_values("state", _seal_states()), ""]
    lines += ["## Catalog entries 目录条目", "", record_notes.CATALOGS, "", *_named(catalogs.CATALOG), ""]
    lines += _catalog_values()
    lines += ["## Certificate types 证照类型", "", record_notes.TYPES, "", *_named(certificate_types.TYPE)]
    return "\n".join(lines) + "\n"


def _members(table_of: ObjectValue) -> list[str]:
    rows = ((*_told(member), _yes(member.required), _yes(member.open), *_meaning(member)) for member in table_of)
    return table(("member", "中文", "must", "open", "what", "要求"), rows)


def _parts() -> list[str]:
    rows: list[tuple[str, ...]] = []
    for prefix, part in (("holders.<i>.", HOLDER), ("files.<i>.", FILE)):
        rows += [(*_told(member, prefix), _yes(member.required), *_meaning(member)) for member in part]
    return table(("member", "中文", "must", "what", "要求"), rows)


def _told(member: Member, prefix: str = "") -> tuple[str, str]:
    return code(prefix + member.name), member.label.zh


def _meaning(member: Member) -> tuple[str, str]:
    return member.meaning.en, member.meaning.zh


def _yes(condition: bool) -> str:
    return "yes" if condition else ""


def _states() -> list[str]:
    rows = [
        (str(int(state)), code(state.code), state.zh, state.en, _sources(state),
         _yes(state in statuses.NEEDS_LEGAL_BASIS), _yes(state.is_final))
        for state in statuses.State
    ]  # fmt: skip
    return table(("on chain", "state", "中文", "English", "may follow", "needs `legalBasis`", "final"), rows)


def _sources(state: statuses.State) -> str:
    return codes(source.code for source in sorted(statuses.SOURCES[state]))


def _reasons() -> list[str]:
    rows = ((str(reason.number), reason.zh, reason.en) for reason in statuses.REASONS.values())
    return table(("reasonCode", "中文", "English"), rows)


def _seal_states() -> Mapping[str, tuple[str, str]]:
    return {name: (zh, en) for name, (_, zh, en) in seals.STATES.items()}


def _values(name: str, values: Mapping[str, tuple[str, str]]) -> list[str]:
    return table((code(name), "中文", "English"), ((code(value), zh, en) for value, (zh, en) in values.items()))


def _catalog_values() -> Iterator[str]:
    for name, values in (
        ("layer", catalogs.LAYERS),
        ("sharingType", catalogs.SHARING_TYPES),
        ("sharingMethod", catalogs.SHARING_METHODS),
        ("format", catalogs.FORMATS),
        ("updateCycle", catalogs.UPDATE_CYCLES),
    ):
        yield from [*_values(name, values), ""]


def _named(table_of: ObjectValue) -> list[str]:
    rows = ((*_told(member), _yes(member.required), *_meaning(member)) for member in table_of)
    return table(("member", "中文", "must", "what", "要求"), rows)
