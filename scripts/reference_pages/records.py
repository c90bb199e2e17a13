"""What may be submitted: members of records, states and their reasons, seals, catalog entries, certificate types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from chain_service.core.records import states as statuses
from chain_service.core.records.member_names import MEMBERS
from chain_service.core.records.schema import HOLDER_REQUIRED, SHAPES, Shape
from chain_service.core.registries import catalogs, seals
from reference_pages import record_notes
from reference_pages.markdown import code, codes, table

Rows = Iterable[Sequence[str]]


def page() -> str:
    lines = ["# Records 记录", "", record_notes.INTRODUCTION, ""]
    for shape in SHAPES.values():
        lines += [f"## {record_notes.TITLES[shape.kind]}", "", *_members(shape), ""]
    lines += ["## Holders and files 持证主体与文件", "", *_parts(), "", record_notes.RULES, ""]
    lines += ["## States 状态", "", record_notes.STATES, "", *_states(), "", *_reasons(), ""]
    lines += ["## Seals 电子印章", "", record_notes.SEALS, "", *_named(record_notes.SEAL), ""]
    lines += [*_values("sealType", seals.SEAL_TYPES), "", *_values("state", _seal_states()), ""]
    lines += ["## Catalog entries 目录条目", "", record_notes.CATALOGS, "", *_named(record_notes.CATALOG), ""]
    lines += _catalog_values()
    lines += ["## Certificate types 证照类型", "", record_notes.TYPES, "", *_named(record_notes.TYPE)]
    return "\n".join(lines) + "\n"


def _members(shape: Shape) -> list[str]:
    return table(("member", "中文", "must", "open", "what"), (_member(shape, name) for name in shape.members))


def _member(shape: Shape, name: str) -> tuple[str, ...]:
    must = "yes" if name in shape.required else ""
    return code(name), _chinese(name), must, "yes" if name in shape.open else "", record_notes.expected(name)


def _chinese(name: str) -> str:
    return record_notes.CHINESE.get(name) or (MEMBERS[name].zh if name in MEMBERS else "")


def _parts() -> list[str]:
    rows: list[tuple[str, ...]] = []
    for name in record_notes.HOLDER:
        rows.append((code(f"holders.<i>.{name}"), _chinese(name), _yes(name in HOLDER_REQUIRED), _expected(name)))
    for name in ("mediaType", "digests"):
        rows.append((code(f"files.<i>.{name}"), _chinese(name), _yes(name == "digests"), _expected(name)))
    for name in ("sha-256", "sm3"):
        rows.append((code(f"files.<i>.digests.{name}"), "", "", _expected(name)))
    return table(("member", "中文", "must", "what"), rows)


def _expected(name: str) -> str:
    return record_notes.expected(name)


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


def _named(rows: Rows) -> list[str]:
    return table(("member", "must", "what"), ((code(name), must, what) for name, must, what in rows))
