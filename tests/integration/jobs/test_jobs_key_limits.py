"""Limits of API keys: rate and daily look-ups over all processes, expiry, rotation, scope, misses, readings."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from chain_service.core.verdicts.verdict import Verdict
from chain_service.errors import BadRequest, Conflict, RateLimited, Unauthorised, Unavailable
from chain_service.jobs.alerts import LOOKUP_MISSES
from chain_service.jobs.asker import KeyHolder, Operator
from chain_service.jobs.auditing.readings import list_readings
from chain_service.jobs.context import App
from chain_service.jobs.instance import api_keys
from chain_service.jobs.key_limits import DAY, SHARES, KeyLimits
from chain_service.jobs.verifying.missed_lookups import MISSED_WITHIN, watch_misses
from chain_service.jobs.verifying.request import VerificationRequest
from chain_service.store.database import Database
from support.worlds.jobs_city import FOOD, TRADE, City, Org, verify


def process(city: City) -> App:
    """Another process of the same instance: the same database, nothing in memory."""
    return replace(city.app)


def admitted(app: App, key: str, most: int) -> int:
    """How many requests get in before one is refused, of at most `most`."""
    for number in range(most):
        try:
            api_keys.admit(app, key)
        except RateLimited:
            return number
    return most


def beginning(city: City, seconds: int) -> None:
    """The clock stands at the beginning of a window of so many seconds."""
    now = city.app.clock()
    city.clock.ahead += seconds - now % seconds + 1


def looked_up(body: dict[str, Any]) -> VerificationRequest:
    return VerificationRequest(identifier=body["certificateIdentifier"], use_cause="窗口核对")


def told(verdict: Verdict, body: dict[str, Any]) -> str:
    """All that a verdict says, but for what was asked and when."""
    value = {name: member for name, member in verdict.to_json().items() if name not in ("at", "chain", "statusAsOf")}
    return json.dumps(value).replace(body["certificateIdentifier"], "")


def mistaken(org: Org) -> VerificationRequest:
    return looked_up(org.certificate())


def test_all_processes_together_grant_a_key_its_rate_and_no_more(city: City) -> None:
    org = city.organisation()
    made = api_keys.create_key(city.app, org.code, ["verify"], rate="100/hour")
    beginning(city, 3_600)
    counts: dict[int, int] = {}
    threads = [
        Thread(target=lambda place=place: counts.update({place: admitted(process(city), made.key, 200)}))
        for place in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts.values()) == 100
    with pytest.raises(RateLimited) as refused:
        api_keys.admit(process(city), made.key)
    assert refused.value.code == "rate_limited" and 0 < refused.value.details["retryAfter"] <= 3_600
    city.clock.ahead += 3_600
    assert admitted(process(city), made.key, 30) == 30


def test_a_key_of_its_own_rate_does_not_spend_another_s(city: City) -> None:
    org = city.organisation()
    few, many = (api_keys.create_key(city.app, org.code, ["audit"], rate=rate) for rate in ("2/day", "50/day"))
    assert (admitted(city.app, few.key, 10), admitted(city.app, many.key, 10)) == (2, 10)


def test_the_last_use_is_written_with_each_share_and_not_with_each_request(city: City) -> None:
    org = city.organisation()
    made = api_keys.create_key(city.app, org.code, ["anchor"], rate="100/hour")
    assert api_keys.show_key(city.app, made.id).last_used_at is None
    beginning(city, 3_600)
    app = process(city)
    api_keys.admit(app, made.key)
    first = api_keys.show_key(city.app, made.id).last_used_at
    city.clock.ahead += 60
    assert admitted(app, made.key, 100 // SHARES - 1) == 100 // SHARES - 1
    assert api_keys.show_key(city.app, made.id).last_used_at == first
    api_keys.admit(app, made.key)
    assert api_keys.show_key(city.app, made.id).last_used_at > first


def test_a_database_that_takes_no_writes_stops_no_reading_and_every_look_up(city: City, tmp_path: Path) -> None:
    org = city.organisation()
    holder = api_keys.admit(city.app, api_keys.create_key(city.app, org.code, ["verify"]).key)
    limits = KeyLimits(Database(f"sqlite:///{tmp_path}/nowhere/db"))
    limits.request(holder.key_id, api_keys.parse_rate("1/day"), city.app.clock())
    with pytest.raises(RateLimited):
        limits.request(holder.key_id, api_keys.parse_rate("1/day"), city.app.clock())
    with pytest.raises(Unavailable):
        limits.look_up(holder, 1, city.app.clock())


def test_look_ups_of_a_day_are_bounded_over_all_processes_and_one_body_of_too_many_spends_none(city: City) -> None:
    org = city.organisation()
    made = api_keys.create_key(city.app, org.code, ["verify"], daily_lookups=60)
    beginning(city, DAY)
    holder = api_keys.admit(city.app, made.key)
    one, other = process(city).key_limits, process(city).key_limits
    with pytest.raises(RateLimited) as refused:
        one.look_up(holder, 61, city.app.clock())
    assert refused.value.code == "lookups_spent" and refused.value.zh
    one.look_up(holder, 50, city.app.clock())
    one.look_up(holder, 10, city.app.clock())
    for limits in (one, other):
        with pytest.raises(RateLimited):
            limits.look_up(holder, 1, city.app.clock())
    assert api_keys.show_key(city.app, made.id).lookups_today == 60
    city.clock.ahead += DAY
    other.look_up(holder, 60, city.app.clock())
    one.look_up(Operator(), 1_000_000, city.app.clock())


def test_an_expired_key_says_so_and_opens_nothing(city: City) -> None:
    org = city.organisation()
    made = api_keys.create_key(city.app, org.code, ["verify"], expires_at=city.app.clock() + 60)
    api_keys.admit(city.app, made.key)
    city.clock.ahead += 61
    with pytest.raises(Unauthorised) as refused:
        api_keys.admit(city.app, made.key)
    assert refused.value.code == "key_expired"
    assert api_keys.show_key(city.app, made.id).state == "expired"


def test_a_rotated_key_works_until_the_overlap_ends_and_its_successor_may_the_same(city: City) -> None:
    org = city.organisation()
    old = api_keys.create_key(
        city.app, org.code, ["verify", "audit"], "窗口三", rate="7/minute", daily_lookups=9, types=[FOOD]
    )
    new = api_keys.rotate_key(city.app, old.id, 100)
    assert new.replaces == old.id and new.expires_at is None
    both = [api_keys.admit(city.app, key) for key in (old.key, new.key)]
    assert replace(both[0], key_id="") == replace(both[1], key_id="")
    assert (new.label, new.rate) == (old.label, old.rate)
    with pytest.raises(Conflict) as again:
        api_keys.rotate_key(city.app, old.id)
    assert (again.value.code, again.value.details["successor"]) == ("key_ended", new.id)
    assert api_keys.show_key(city.app, old.id).replaced_by == new.id
    city.clock.ahead += 101
    api_keys.admit(city.app, new.key)
    with pytest.raises(Unauthorised):
        api_keys.admit(city.app, old.key)


def test_a_key_that_expires_is_followed_by_one_that_lives_as_long(city: City) -> None:
    org = city.organisation()
    old = api_keys.create_key(city.app, org.code, ["anchor"], expires_at=city.app.clock() + 50)
    city.clock.ahead += 20
    new = api_keys.rotate_key(city.app, old.id, 100)
    city.clock.ahead += 40
    with pytest.raises(Unauthorised):
        api_keys.admit(city.app, old.key)
    api_keys.admit(city.app, new.key)
    for ended in (old.id, new.id):
        if ended == new.id:
            api_keys.revoke_key(city.app, new.id)
        with pytest.raises(Conflict):
            api_keys.rotate_key(city.app, ended)


def test_keys_are_found_by_organisation_role_state_and_last_use_page_by_page(city: City) -> None:
    org = city.organisation()
    past = city.app.clock() + 30
    keys = [
        api_keys.create_key(city.app, org.code, roles, expires_at=ends)
        for roles, ends in ((["verify"], None), (["seal", "verify"], past), (["seal"], None))
    ]
    api_keys.revoke_key(city.app, keys[2].id)
    api_keys.admit(city.app, keys[0].key)
    city.clock.ahead += 60

    def ids(**filters: Any) -> list[str]:
        return [key.id for key in api_keys.list_keys(city.app, org.code, **filters).keys]

    assert ids() == [key.id for key in keys]
    assert ids(role="verify") == [keys[0].id, keys[1].id]
    assert (ids(state="standing"), ids(state="expired"), ids(state="revoked")) == tuple([key.id] for key in keys)
    assert ids(unused_since=past - 60 * 60) == [keys[1].id, keys[2].id]
    first = api_keys.list_keys(city.app, org.code, limit=2)
    assert [key.id for key in first.keys] == ids()[:2]
    assert ids(cursor=first.next) == ids()[2:]
    with pytest.raises(BadRequest):
        ids(state="asleep")


def test_what_bounds_a_key_has_to_make_sense(city: City) -> None:
    org = city.organisation()
    for wrong in (
        {"rate": "often"},
        {"rate": "0/minute"},
        {"rate": "5/year"},
        {"rate": "10/minute;100/day"},
        {"daily_lookups": -1},
        {"expires_at": city.app.clock() - 1},
        {"types": ["001"]},
    ):
        with pytest.raises(BadRequest):
            api_keys.create_key(city.app, org.code, ["verify"], **wrong)


def test_a_key_limited_to_types_is_told_of_no_other_whatever_it_presents(city: City) -> None:
    issuer, counter = city.organisation(), city.organisation()
    bodies, unknown = [issuer.certificate(), issuer.certificate(type_code=TRADE)], issuer.certificate()
    ids = city.anchor(issuer, *bodies)
    made = api_keys.create_key(city.app, counter.code, ["verify"], types=[FOOD])
    holder = api_keys.admit(city.app, made.key)
    food, trade, none = (verify(city.app, looked_up(body), holder) for body in (*bodies, unknown))
    assert (food.code, trade.code, none.code) == ("in_force_not_compared", "not_anchored", "not_anchored")
    assert food.to_json()["record"]["members"]
    assert told(trade, bodies[1]) == told(none, unknown)
    beside = verify(city.app, replace(looked_up(bodies[1]), receipt=city.proof(ids[1])), holder)
    assert not beside.to_json().get("record", {}).get("members")


def test_who_looked_up_a_record_is_told_to_its_owner(city: City) -> None:
    issuer, counter = city.organisation(), city.organisation()
    body = issuer.certificate()
    (id,) = city.anchor(issuer, body)
    holder = api_keys.admit(city.app, api_keys.create_key(city.app, counter.code, ["verify"]).key)
    verify(city.app, looked_up(body), holder)
    auditor = KeyHolder(issuer.code, frozenset({"audit"}), "the owner's")
    (reading,) = list_readings(city.app, auditor, action="verify").readings
    assert (reading.record, reading.org, reading.key_id, reading.cause) == (id, counter.code, holder.key_id, "窗口核对")


def test_many_look_ups_that_find_nothing_raise_an_alert_that_clears_itself(city: City) -> None:
    issuer, counter = city.organisation(), city.organisation()
    body = issuer.certificate()
    city.anchor(issuer, body)
    app = replace(city.app, settings=city.app.settings.model_copy(update={"missed_lookups": 3}))
    guesser, clerk = (api_keys.admit(app, api_keys.create_key(app, counter.code, ["verify"]).key) for _ in range(2))
    for asked in (looked_up(body), looked_up(body), mistaken(issuer), mistaken(issuer)):
        verify(app, asked, clerk)
    verify(app, mistaken(issuer), guesser)
    verify(app, mistaken(issuer), guesser)
    assert (LOOKUP_MISSES, guesser.key_id) not in city.alerts()
    verify(app, mistaken(issuer), guesser)
    assert city.alerts()[LOOKUP_MISSES, guesser.key_id] == {"org": counter.code, "missedAtLeast": 3}
    assert (LOOKUP_MISSES, clerk.key_id) not in city.alerts()
    watch_misses(app)
    assert (LOOKUP_MISSES, guesser.key_id) in city.alerts()
    assert api_keys.show_key(app, guesser.key_id).missed_lookups == 3
    city.clock.ahead += MISSED_WITHIN + 1
    watch_misses(app)
    assert (LOOKUP_MISSES, guesser.key_id) not in city.alerts()
