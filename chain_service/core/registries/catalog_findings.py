"""What catalogs tell when read together: differences between versions, findings across layers, figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chain_service.core.encoding.text import Text
from chain_service.core.registries.catalogs import LAYER_ABOVE, CatalogVersion

_DAY = 86_400
OVERDUE_AFTER: Mapping[str, int] = {
    "1": 1 * _DAY,
    "2": 2 * _DAY,
    "3": 8 * _DAY,
    "4": 32 * _DAY,
    "5": 93 * _DAY,
    "6": 367 * _DAY,
}
"""Seconds without an update after which an entry of this cycle is overdue: the longest such period and a day."""

_PLACE = frozenset({"sequence", "previous", "action"})


@dataclass(frozen=True)
class Difference:
    """One field that differs; items are matched by name and appear as `items.<name>`. None: not there."""

    field: str
    before: Any
    after: Any

    @property
    def change(self) -> str:
        """`added`, `removed`, `reordered` (the same in another order) or `changed`."""
        if self.before is None or self.after is None:
            return "added" if self.before is None else "removed"
        lists = isinstance(self.before, list) and isinstance(self.after, list)
        return "reordered" if lists and sorted(map(str, self.before)) == sorted(map(str, self.after)) else "changed"


def diff(older: CatalogVersion, newer: CatalogVersion) -> tuple[Difference, ...]:
    """Every field whose content differs between two versions, by field name, then items in their new order.

    Where the items that stand in both have another order, `items` has their names in either. Sequence, predecessor and
    action differ by nature and are left out.
    """
    differences = _differences(_fields(older), _fields(newer))
    before, after = _items(older), _items(newer)
    return differences + _order(before, after) + _differences(before, after)


def _order(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Difference, ...]:
    """The order of the items that stand in both, where it is another one."""
    older = [item["name"] for name, item in before.items() if name in after]
    newer = [item["name"] for name, item in after.items() if name in before]
    return (Difference("items", older, newer),) if older != newer else ()


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Difference, ...]:
    names = dict.fromkeys((*after, *before))
    return tuple(
        Difference(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)
    )


def _fields(version: CatalogVersion) -> dict[str, Any]:
    return {name: version.body[name] for name in sorted(version.body) if name not in _PLACE and name != "items"}


def _items(version: CatalogVersion) -> dict[str, Any]:
    return {f"items.{item['name']}": item for item in version.body.get("items", ())}


@dataclass(frozen=True)
class ListedVersion:
    """The newest version of an entry; `updated_at` is when its data or the entry last changed, unix seconds."""

    version: CatalogVersion
    updated_at: int


FINDINGS: Mapping[str, Text] = {
    "duty_without_data": Text("职责没有对应的数据目录", "no data entry serves this duty"),
    "data_without_table": Text("数据目录未挂接库表", "no table is mounted on this data entry"),
    "link_unknown": Text("关联的目录不存在", "links to an entry that does not exist"),
    "link_withdrawn": Text("关联的目录已撤销", "links to a withdrawn entry"),
    "link_wrong_layer": Text("关联层级不符", "links to an entry of the wrong layer"),
    "update_overdue": Text("超过更新周期未更新", "not updated within its cycle"),
}


@dataclass(frozen=True)
class Finding:
    """Something that an auditor should ask about; `about` is the other entry it concerns, if any."""

    code: str
    catalog: str
    about: str | None = None


def findings(entries: Iterable[ListedVersion], at: int) -> tuple[Finding, ...]:
    """Gaps between the layers as of `at`, over the newest version of every entry, ordered by catalog code.

    A duty without data, data without a table, a link to something withdrawn, unknown or in the wrong layer, an
    update that is overdue against its cycle.
    """
    known: dict[str, ListedVersion] = {entry.version.code: entry for entry in entries}
    linked = _linked(known)
    noted: list[Finding] = []
    for code in sorted(known):
        version = known[code].version
        if not version.live:
            continue
        if version.layer in _WITHOUT and code not in linked:
            noted.append(Finding(_WITHOUT[version.layer], code))
        for link in version.links:
            fault = _link_fault(version, known.get(link))
            if fault is not None:
                noted.append(Finding(fault, code, link))
        if is_overdue(known[code], at):
            noted.append(Finding("update_overdue", code))
    return tuple(noted)


_WITHOUT = {"duty": "duty_without_data", "data": "data_without_table"}


def _link_fault(version: CatalogVersion, target: ListedVersion | None) -> str | None:
    if target is None:
        return "link_unknown"
    if not target.version.live:
        return "link_withdrawn"
    return "link_wrong_layer" if target.version.layer != LAYER_ABOVE[version.layer] else None


def _linked(known: Mapping[str, ListedVersion]) -> set[str]:
    """Codes of entries that a live entry of the layer below links to."""
    return {
        link
        for entry in known.values()
        if entry.version.live
        for link in entry.version.links
        if link in known and known[link].version.layer == LAYER_ABOVE[entry.version.layer]
    }


def is_overdue(entry: ListedVersion, at: int) -> bool:
    """True when a live entry's cycle has passed at `at` since its last update."""
    cycle = entry.version.update_cycle
    return entry.version.live and cycle is not None and at - entry.updated_at > OVERDUE_AFTER[cycle]


@dataclass(frozen=True)
class CatalogMetrics:
    """Figures over the newest versions; withdrawn entries count nowhere but in `withdrawn`."""

    providers: int
    """Departments with at least one live entry."""
    duties: int
    duties_covered: int
    data: int
    data_mounted: int
    tables: int
    withdrawn: int
    overdue: int

    @property
    def duty_coverage(self) -> float | None:
        """Share of duties that a live data entry serves; None without duties."""
        return self.duties_covered / self.duties if self.duties else None

    @property
    def mount_rate(self) -> float | None:
        """挂接率: share of published data entries that have a table; None without data entries."""
        return self.data_mounted / self.data if self.data else None


def metrics(entries: Iterable[ListedVersion], at: int) -> CatalogMetrics:
    """The figures as of `at`, over the newest version of every entry."""
    known: dict[str, ListedVersion] = {entry.version.code: entry for entry in entries}
    linked = _linked(known)
    live = [entry for entry in known.values() if entry.version.live]
    layers = {layer: [e.version.code for e in live if e.version.layer == layer] for layer in LAYER_ABOVE}
    return CatalogMetrics(
        providers=len({entry.version.provider for entry in live}),
        duties=len(layers["duty"]),
        duties_covered=sum(code in linked for code in layers["duty"]),
        data=len(layers["data"]),
        data_mounted=sum(code in linked for code in layers["data"]),
        tables=len(layers["table"]),
        withdrawn=len(known) - len(live),
        overdue=sum(is_overdue(entry, at) for entry in live),
    )
