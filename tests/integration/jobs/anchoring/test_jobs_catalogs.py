"""Catalog entries: published, changed, withdrawn, traced against the chain, compared; forks and tampering."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chain_service.chain.contracts import encode_call
from chain_service.core.chainproof.storage_layout import CATALOG_PUBLISH, CATALOG_REGISTRY, code_key, organisation_word
from chain_service.errors import Conflict, Forbidden, MalformedRecord, NotFound
from chain_service.jobs import workers
from chain_service.jobs.anchoring import publish_catalogs
from chain_service.jobs.auditing.audit import audit
from chain_service.jobs.registries import catalogs
from chain_service.store.registries import catalogs as store
from support.worlds.jobs_city import WAIT, City, Org
from support.worlds.registered import catalog_entry, publish


def test_a_version_is_pending_until_its_block_is_final(city: City) -> None:
    org = city.organisation()
    (answer,) = publish_catalogs.publish(city.app, org.caller, catalog_entry(org))
    assert (answer.sequence, answer.previous, answer.created) == (1, None, True)
    code = answer.catalog_code
    assert catalogs.history(city.app, code).versions[0].state == "pending"
    workers.wait_final(city.app, "catalog", code, timeout=WAIT)
    told = catalogs.history(city.app, code)
    assert told.proof.outcome == "passed"
    version = told.versions[0]
    assert (version.state, version.by, version.digest) == ("final", org.code, answer.digest)


def test_each_version_names_its_predecessor_and_the_last_one_stands_on_chain(city: City) -> None:
    org = city.organisation()
    first = catalog_entry(org)
    (code,) = publish(city, org, first)
    publish(city, org, first | {"action": "change", "title": "食品经营许可和备案"})
    publish(city, org, first | {"action": "withdraw", "title": "食品经营许可和备案"})
    publish(city, org, first)
    told = catalogs.history(city.app, code)
    versions = told.versions
    assert [version.action for version in versions] == ["publish", "change", "withdraw", "publish"]
    assert [version.previous for version in versions[1:]] == [version.digest for version in versions[:-1]]
    assert (told.proof.outcome, told.proof.head.sequence) == ("passed", 4)
    assert told.proof.head.digest == versions[-1].digest
    assert audit(city.app, org.code).ok


def test_versions_may_wait_for_the_chain_in_order(city: City) -> None:
    org = city.organisation()
    first = catalog_entry(org)
    for title in ("一", "二", "三"):
        action = "publish" if title == "一" else "change"
        publish_catalogs.publish(city.app, org.caller, first | {"action": action, "title": title})
    workers.wait_final(city.app, "catalog", first["catalogCode"], timeout=WAIT)
    assert catalogs.history(city.app, first["catalogCode"]).proof.outcome == "passed"


def test_sending_the_same_version_again_changes_nothing(city: City) -> None:
    org = city.organisation()
    first = catalog_entry(org)
    (before,) = publish_catalogs.publish(city.app, org.caller, first)
    (again,) = publish_catalogs.publish(city.app, org.caller, first | {"sequence": 1})
    assert again == replace(before, created=False)
    workers.wait_final(city.app, "catalog", first["catalogCode"], timeout=WAIT)


@pytest.mark.parametrize(
    "wrong",
    [
        {"action": "publish", "title": "又一次"},
        {"action": "change", "title": "分叉", "sequence": 1},
        {"action": "change", "title": "跳号", "sequence": 3},
        {"action": "change", "title": "前版不符", "previous": "sha-256:" + "ab" * 32},
        {"action": "change", "title": "换层", "layer": "data"},
    ],
)
def test_what_does_not_follow_the_latest_version_is_a_conflict(city: City, wrong: dict[str, Any]) -> None:
    org = city.organisation()
    first = catalog_entry(org)
    publish_catalogs.publish(city.app, org.caller, first)
    with pytest.raises(Conflict) as refused:
        publish_catalogs.publish(city.app, org.caller, [catalog_entry(org), first | wrong])
    assert (refused.value.code, refused.value.details["entry"]) == ("catalog_conflict", 2)
    assert len(catalogs.list_catalogs(city.app, org=org.code).catalogs) == 1


def test_an_entry_belongs_to_its_first_publisher(city: City) -> None:
    org, other = city.organisation(), city.organisation()
    (code,) = publish(city, org, catalog_entry(org))
    with pytest.raises(Conflict) as refused:
        publish_catalogs.publish(city.app, other.caller, catalog_entry(other, code, action="change"))
    assert refused.value.code == "catalog_conflict"
    with pytest.raises(Forbidden):
        publish_catalogs.publish(city.app, other.caller, catalog_entry(org, code, action="change"))


def test_a_list_with_a_malformed_entry_stores_nothing(city: City) -> None:
    org = city.organisation()
    with pytest.raises(MalformedRecord) as refused:
        publish_catalogs.publish(city.app, org.caller, [catalog_entry(org), catalog_entry(org, layer="cellar")])
    assert refused.value.details["entry"] == 2
    assert catalogs.list_catalogs(city.app, org=org.code).catalogs == ()


def publish_by_hand(city: City, org: Org, code: str) -> None:
    """A first version of the entry that the service knows nothing of, sent with the organisation's account."""
    change = (code_key(code), 1 | CATALOG_PUBLISH << 64, bytes(32), bytes(31) + b"\1")
    call = encode_call(CATALOG_REGISTRY, "publish", organisation_word(org.code), [change])
    contract = city.trial.deployment.address(CATALOG_REGISTRY)
    city.trial.sender.transact(city.app.keystore.account(org.account), contract, call, timeout=WAIT)


def test_a_fork_on_chain_is_refused_by_name_and_takes_nothing_innocent_along(city: City) -> None:
    org = city.organisation()
    bad, good, late = catalog_entry(org), catalog_entry(org), catalog_entry(org)
    publish_catalogs.publish(city.app, org.caller, [bad, good])
    publish_catalogs.publish(city.app, org.caller, [bad | {"action": "change", "title": "续"}, late])
    publish_catalogs.publish(city.app, org.caller, good | {"action": "change", "title": "续"})
    publish_by_hand(city, org, bad["catalogCode"])
    for one in (good, late):
        workers.wait_final(city.app, "catalog", one["catalogCode"], timeout=WAIT)
        assert catalogs.history(city.app, one["catalogCode"]).proof.outcome == "passed"
    with pytest.raises(Conflict) as refused:
        workers.wait_final(city.app, "catalog", bad["catalogCode"], timeout=WAIT)
    assert refused.value.code == "refused_by_contract"
    assert len(catalogs.history(city.app, good["catalogCode"]).versions) == 2
    with city.app.database.reading() as connection:
        assert store.last_refusal(connection, bad["catalogCode"]) == "CatalogConflict"


def test_a_tampered_version_is_found_by_tracing_and_by_the_audit(city: City) -> None:
    org = city.organisation()
    first = catalog_entry(org)
    (code,) = publish(city, org, first)
    publish(city, org, first | {"action": "change", "title": "食品经营许可和备案"})
    with city.app.database.reading() as connection:
        body = store.history(connection, code)[0].body.replace("食品经营许可".encode(), "药品经营许可".encode())
    city.tamper("UPDATE catalog_versions SET body = ? WHERE code = ? AND sequence = 1", body, code)
    told = catalogs.history(city.app, code).proof
    assert told.outcome == "failed"
    assert {one.code for one in told.findings} >= {"wrong_predecessor"}
    assert code in {one.subject for one in audit(city.app, org.code).findings}


def test_differences_between_versions_are_told_by_field_and_item(city: City) -> None:
    org = city.organisation()
    (duty,) = publish(city, org, catalog_entry(org))
    items = [{"name": "名称", "dataType": "C", "length": 200}, {"name": "状态", "dataType": "C", "length": 2}]
    table = catalog_entry(org, layer="data", items=items[:1], links=[duty], format="3", sharingType="1")
    (code,) = publish(city, org, table)
    publish(city, org, table | {"action": "change", "title": "食品经营许可信息", "items": items})
    told = catalogs.diff(city.app, code, 1, 2)
    assert (told.from_, told.to) == (1, 2)
    assert {"title"} <= {one.field.split(".")[0] for one in told.differences}
    assert any("状态" in str(one) for one in told.differences)
    with pytest.raises(NotFound) as missing:
        catalogs.diff(city.app, code, 1, 3)
    assert missing.value.code == "no_version"


def test_an_unknown_entry_is_not_found(city: City) -> None:
    with pytest.raises(NotFound) as missing:
        catalogs.history(city.app, "307001/999999")
    assert missing.value.code == "catalog_unknown"
