"""Catalog entries: what they must say, how versions follow one another, what they tell together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_service.core.registries.catalog_findings import ListedVersion, diff, findings, is_overdue, metrics
from chain_service.core.registries.catalogs import CatalogVersion, check_history, digest, next_version, parse_catalog
from chain_service.errors import Conflict, MalformedRecord

ORG = "11430000006122244L"
DAY = 86_400


def entry(code: str = "301002/000001", layer: str = "data", **changes: Any) -> dict[str, Any]:
    return {
        "catalogCode": code,
        "layer": layer,
        "title": "市场主体登记信息",
        "providerCode": ORG,
        "items": [{"name": "名称", "dataType": "C", "length": 200}, {"name": "编号", "dataType": "C", "length": 18}],
        "sharingType": "1",
        "format": "3",
        "updateCycle": "4",
        "action": "publish",
        **changes,
    }


def parsed(*arguments: str, **changes: Any) -> CatalogVersion:
    return parse_catalog(entry(*arguments, **changes))


def history(*actions: str) -> list[CatalogVersion]:
    versions: list[CatalogVersion] = []
    for place, action in enumerate(actions):
        submitted = parsed(action=action, summary=f"version {place}")
        versions.append(next_version(versions[-1] if versions else None, submitted))
    return versions


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"catalogCode": "1"}, "catalogCode"),
        ({"layer": "view"}, "layer"),
        ({"title": None}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"providerCode": "x"}, "providerCode"),
        ({"format": "8"}, "format"),
        ({"sharingMethod": "4"}, "sharingMethod"),
        ({"updateCycle": 4}, "updateCycle"),
        ({"sharingType": "4"}, "sharingType"),
        ({"sharingType": "2"}, "legalBasis"),
        ({"sharingType": "3"}, "legalBasis"),
        ({"items": [{"name": "名称"}, {"name": "名称"}]}, "items.1.name"),
        ({"items": [{"name": "名称", "length": -1}]}, "items.0.length"),
        ({"items": [{"name": "名称", "length": True}]}, "items.0.length"),
        ({"items": [{"name": "名称", "colour": "x"}]}, "colour"),
        ({"items": "名称"}, "items"),
        ({"open": "yes"}, "open"),
        ({"links": ["x"]}, "links.0"),
        ({"links": ["301001/000001", "301001/000001"]}, "links"),
        ({"links": ["301002/000001"]}, "links"),
        ({"layer": "duty", "links": ["301001/000001"]}, "links"),
        ({"action": "delete"}, "action"),
        ({"sequence": 0}, "sequence"),
        ({"sequence": True}, "sequence"),
        ({"previous": "sm3:" + "0" * 64}, "previous"),
        ({"extension": ["x"]}, "extension"),
        ({"owner": "x"}, "owner"),
    ],
)
def test_a_malformed_entry_is_refused_by_its_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(MalformedRecord) as refused:
        parse_catalog(entry(**change))
    assert refused.value.details["field"] == field


@pytest.mark.parametrize("sharing", ["2", "3"])
def test_conditional_sharing_and_refusing_to_share_cite_a_legal_basis(sharing: str) -> None:
    assert parsed(sharingType=sharing, legalBasis="政务数据共享条例").body["legalBasis"] == "政务数据共享条例"


def test_a_version_can_be_stored_and_read_back_without_changing_its_digest() -> None:
    for version in history("publish", "change", "withdraw", "publish"):
        again = parse_catalog(dict(version.body))
        assert (again, digest(again)) == (version, digest(version))


def test_a_version_without_its_place_has_no_digest() -> None:
    with pytest.raises(MalformedRecord):
        digest(parsed())


def test_sequence_and_predecessor_are_filled_in_and_part_of_the_digest() -> None:
    first, second = history("publish", "change")
    assert (first.sequence, first.previous, "previous" in first.body) == (1, None, False)
    assert (second.sequence, second.previous) == (2, digest(first))
    assert second.body["previous"] == f"sha-256:{digest(first).hex()}"


def test_what_is_given_and_fits_is_accepted() -> None:
    (first,) = history("publish")
    given_place = parsed(action="change", sequence=2, previous=f"sha-256:{digest(first).hex()}")
    assert next_version(first, given_place).sequence == 2


@pytest.mark.parametrize(
    "change",
    [
        {"sequence": 1},
        {"sequence": 3},
        {"previous": "sha-256:" + "0" * 64},
        {"action": "publish"},
        {"providerCode": "91350100M0001TGQXM"},
        {"layer": "table"},
        {"catalogCode": "301002/000002"},
    ],
)
def test_a_version_that_does_not_follow_is_a_catalog_conflict(change: dict[str, Any]) -> None:
    (first,) = history("publish")
    with pytest.raises(Conflict) as refused:
        next_version(first, parse_catalog(entry(**{"action": "change", **change})))
    assert refused.value.code == "catalog_conflict"


@pytest.mark.parametrize("action", ["change", "withdraw"])
def test_only_what_is_live_can_be_changed_or_withdrawn(action: str) -> None:
    for versions in ([], history("publish", "withdraw")):
        with pytest.raises(Conflict):
            next_version(versions[-1] if versions else None, parsed(action=action))


def test_a_first_version_that_names_a_predecessor_is_a_conflict() -> None:
    with pytest.raises(Conflict):
        next_version(None, parsed(previous="sha-256:" + "0" * 64))


def test_a_whole_history_holds_against_the_head_on_chain() -> None:
    versions = history("publish", "change", "withdraw", "publish")
    assert check_history(versions, digest(versions[-1]), 4) == ()
    assert check_history([], None) == ()


def test_each_kind_of_break_in_a_history_is_named() -> None:
    versions = history("publish", "change", "change")
    head = digest(versions[-1])
    assert [b.code for b in check_history([versions[0], versions[2]], head, 3)] == [
        "gap",
        "wrong_predecessor",
        "head_differs",
    ]
    altered = parse_catalog({**versions[1].body, "title": "改过的名称"})
    breaks = check_history([versions[0], altered, versions[2]], head)
    assert [(b.code, b.sequence) for b in breaks] == [("wrong_predecessor", 3)]
    assert [b.code for b in check_history(versions[:2], head)] == ["head_differs"]
    assert [b.code for b in check_history(versions, None)] == ["head_differs"]
    assert [b.code for b in check_history([], head)] == ["head_differs"]


def test_a_difference_is_by_field_with_items_matched_by_name() -> None:
    older = parsed(summary="旧")
    newer = parsed(
        summary=None,
        title="市场主体信息",
        items=[{"name": "编号", "dataType": "C", "length": 32}, {"name": "地址", "dataType": "C"}],
        sharingCondition="依法",
        action="change",
    )
    found = {difference.field: difference.change for difference in diff(older, newer)}
    assert found == {
        "summary": "removed",
        "title": "changed",
        "sharingCondition": "added",
        "items.编号": "changed",
        "items.地址": "added",
        "items.名称": "removed",
    }


def test_another_order_of_items_or_links_is_named() -> None:
    items = entry()["items"]
    names = [item["name"] for item in items]
    (found,) = diff(parsed(), parsed(items=items[::-1]))
    assert (found.field, found.change, found.before, found.after) == ("items", "reordered", names, names[::-1])
    more = diff(parsed(), parsed(items=[*items[::-1], {"name": "地址"}]))
    assert [(one.field, one.change) for one in more] == [("items", "reordered"), ("items.地址", "added")]
    links = ["301001/000001", "301001/000002"]
    (found,) = diff(parsed(links=links), parsed(links=links[::-1]))
    assert (found.field, found.change) == ("links", "reordered")


def test_a_change_that_changes_nothing_is_refused() -> None:
    first = next_version(None, parsed())
    with pytest.raises(Conflict) as refused:
        next_version(first, parsed(action="change"))
    assert refused.value.code == "catalog_unchanged"
    reordered = next_version(first, parsed(action="change", items=entry()["items"][::-1]))
    withdrawn = next_version(reordered, parsed(action="withdraw", items=entry()["items"][::-1]))
    assert next_version(withdrawn, parsed()).sequence == 4


names = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 3), max_size=6)


@given(names, names)
def test_a_difference_applied_to_the_older_items_gives_the_newer(old: dict[str, int], new: dict[str, int]) -> None:
    older, newer = (
        parsed(items=[{"name": name, "length": length} for name, length in items.items()]) for items in (old, new)
    )
    result = dict(old)
    for difference in diff(older, newer):
        name = difference.field.removeprefix("items.")
        if difference.change == "reordered":
            continue
        if difference.after is None:
            del result[name]
        else:
            result[name] = difference.after["length"]
    assert result == new


def listed(code: str, layer: str, *links: str, live: bool = True, at: int = 0) -> ListedVersion:
    version = parsed(code, layer, links=list(links))
    return ListedVersion(version if live else replace(version, action="withdraw"), at)


DUTY, DATA, TABLE = "301001/000001", "301002/000001", "301003/000001"


def test_three_linked_layers_have_no_findings_and_full_figures() -> None:
    entries = [listed(DUTY, "duty"), listed(DATA, "data", DUTY), listed(TABLE, "table", DATA)]
    assert findings(entries, DAY) == ()
    figures = metrics(entries, DAY)
    assert (figures.duty_coverage, figures.mount_rate, figures.providers) == (1.0, 1.0, 1)


def test_gaps_between_layers_are_found() -> None:
    entries = [
        listed(DUTY, "duty"),
        listed("301002/000002", "data", "301001/000009"),
        listed("301002/000003", "data", live=False),
        listed("301003/000002", "table", "301002/000003"),
        listed("301003/000003", "table", DUTY),
    ]
    assert [(f.code, f.catalog, f.about) for f in findings(entries, DAY)] == [
        ("duty_without_data", DUTY, None),
        ("data_without_table", "301002/000002", None),
        ("link_unknown", "301002/000002", "301001/000009"),
        ("link_withdrawn", "301003/000002", "301002/000003"),
        ("link_wrong_layer", "301003/000003", DUTY),
    ]
    figures = metrics(entries, DAY)
    assert (figures.withdrawn, figures.mount_rate, figures.duty_coverage) == (1, 0.0, 0.0)


def test_a_withdrawn_table_mounts_nothing() -> None:
    entries = [listed(DATA, "data"), listed(TABLE, "table", DATA, live=False)]
    assert [finding.code for finding in findings(entries, 0)] == ["data_without_table"]
    assert metrics(entries, 0).mount_rate == 0.0


def test_shares_of_nothing_are_unknown() -> None:
    assert (metrics([], 0).mount_rate, metrics([], 0).duty_coverage) == (None, None)


def test_an_entry_is_overdue_when_its_longest_cycle_and_a_day_have_passed() -> None:
    monthly = listed(DATA, "data", at=1_000)
    assert not is_overdue(monthly, 1_000 + 32 * DAY)
    assert is_overdue(monthly, 1_001 + 32 * DAY)
    assert not is_overdue(replace(monthly, version=parsed(updateCycle=None)), 10**9)
