"""Seals: registered once, frozen, freed, cancelled, never personal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chain_service.chain.contracts import ChainEvent
from chain_service.core.chainproof.storage_layout import organisation_word
from chain_service.errors import BadRequest, Conflict, Forbidden, InvalidProof, MalformedRecord, NotFound
from chain_service.jobs import workers
from chain_service.jobs.anchoring import register_seals
from chain_service.jobs.auditing.audit import audit
from chain_service.jobs.indexing.confirm_state import confirm
from chain_service.jobs.registries import seals
from chain_service.store.registries.seals import NewUnstoredSeal, add_unstored
from support.worlds.jobs_city import WAIT, City
from support.worlds.registered import registered_seal, seal_entry, set_seal_state


def test_a_seal_is_pending_and_then_in_force(city: City) -> None:
    org = city.organisation()
    told = register_seals.register_seal(city.app, org.caller, seal_entry(org))
    assert (told.state, told.created) == ("pending", True)
    workers.wait_final(city.app, "seal", told.seal_code, timeout=WAIT)
    told = seals.seal(city.app, told.seal_code)
    assert (told.state, told.status, len(told.history)) == ("final", "in_force", 1)
    assert audit(city.app, org.code).seals == 1


def test_a_seal_is_frozen_freed_and_cancelled_with_its_history_kept(city: City) -> None:
    org = city.organisation()
    code = registered_seal(city, org)
    for to in ("frozen", "in_force", "frozen", "cancelled"):
        set_seal_state(city, org, code, to)
    told = seals.seal(city.app, code)
    assert told.status == "cancelled"
    assert [one.to for one in told.history] == ["in_force", "frozen", "in_force", "frozen", "cancelled"]
    assert [one.n for one in told.history] == [0, 1, 2, 3, 4]
    with pytest.raises(Conflict) as refused:
        register_seals.set_seal_state(city.app, org.caller, code, "in_force")
    assert refused.value.code == "illegal_transition"
    assert audit(city.app, org.code).ok


def test_a_personal_seal_is_never_registered(city: City) -> None:
    org = city.organisation()
    with pytest.raises(MalformedRecord) as refused:
        register_seals.register_seal(city.app, org.caller, seal_entry(org, sealType="05"))
    assert refused.value.code == "personal_seal"


def test_registering_again_is_safe_and_another_seal_under_the_code_is_refused(city: City) -> None:
    org = city.organisation()
    value = seal_entry(org)
    register_seals.register_seal(city.app, org.caller, value)
    assert register_seals.register_seal(city.app, org.caller, value).created is False
    with pytest.raises(Conflict) as refused:
        register_seals.register_seal(city.app, org.caller, value | {"sealName": "另一枚"})
    assert refused.value.code == "seal_exists"
    workers.wait_final(city.app, "seal", value["sealCode"], timeout=WAIT)


def test_a_state_is_changed_by_the_owner_one_at_a_time_and_only_once_registered(city: City) -> None:
    org, other = city.organisation(), city.organisation()
    value = seal_entry(org)
    register_seals.register_seal(city.app, org.caller, value)
    code = value["sealCode"]
    with pytest.raises(Conflict) as early:
        register_seals.set_seal_state(city.app, org.caller, code, "frozen")
    assert early.value.code == "not_registered"
    workers.wait_final(city.app, "seal", code, timeout=WAIT)
    with pytest.raises(Forbidden):
        register_seals.set_seal_state(city.app, other.caller, code, "frozen")
    assert register_seals.set_seal_state(city.app, org.caller, code, "frozen").created
    assert register_seals.set_seal_state(city.app, org.caller, code, "frozen").created is False
    with pytest.raises(Conflict) as second:
        register_seals.set_seal_state(city.app, org.caller, code, "cancelled")
    assert second.value.code == "change_pending"
    workers.wait_final(city.app, "seal", code, timeout=WAIT)


def test_a_code_that_another_account_took_on_chain_is_refused_with_the_reason(city: City) -> None:
    org, other = city.organisation(), city.organisation()
    value = seal_entry(other)
    code = registered_seal(city, org, sealCode=value["sealCode"])
    with pytest.raises(Conflict):
        register_seals.register_seal(city.app, other.caller, value | {"sealCode": code})


def test_a_seal_past_its_period_is_expired_without_any_change_on_chain(city: City) -> None:
    org = city.organisation()
    code = registered_seal(city, org, validUntil="2024-12-31")
    assert seals.seal(city.app, code).status == "expired"


def test_an_unknown_seal_is_not_found(city: City) -> None:
    with pytest.raises(NotFound) as missing:
        seals.seal(city.app, "00000000000000")
    assert missing.value.code == "seal_unknown"


def test_seals_are_listed_by_owner_and_state_page_by_page(city: City) -> None:
    org, other = city.organisation(), city.organisation()
    own = sorted(registered_seal(city, org) for _ in range(3))
    foreign = registered_seal(city, other)
    set_seal_state(city, org, own[1], "frozen")
    waiting = seal_entry(org)
    register_seals.register_seal(city.app, org.caller, waiting)
    listed = seals.list_seals(city.app, org=org.code)
    assert [row.seal_code for row in listed.seals] == sorted([*own, waiting["sealCode"]]) and listed.next is None
    shown = {row.seal_code: (row.state, row.status) for row in listed.seals}
    assert shown[own[1]] == ("final", "frozen") and shown[own[0]] == ("final", "in_force")
    assert shown[waiting["sealCode"]] == ("pending", "in_force")
    assert [row.seal_code for row in seals.list_seals(city.app, org=org.code, status="frozen").seals] == [own[1]]
    on_chain = seals.list_seals(city.app, org=org.code, status="in_force").seals
    assert [row.seal_code for row in on_chain] == [own[0], own[2]], "what waits is in no state on chain"
    met, cursor = [], None
    while True:
        page = seals.list_seals(city.app, cursor=cursor, limit=2)
        assert len(page.seals) <= 2
        met += [row.seal_code for row in page.seals]
        cursor = page.next
        if cursor is None:
            break
    assert met == sorted(met) and len(set(met)) == len(met) and {*own, foreign} <= set(met)
    with pytest.raises(BadRequest, match="status must be one of"):
        seals.list_seals(city.app, status="lost")


def test_a_lost_seal_that_the_program_of_the_release_before_stored_again_is_as_any_other(city: City) -> None:
    """That program, which serves beside this one in an upgrade, leaves what the index says of the loss."""
    org = city.organisation()
    code = registered_seal(city, org)
    registered = seals.seal(city.app, code)
    (event,) = _registration(city, registered.history[0].block, code)
    with city.app.database.transaction() as connection:
        add_unstored(connection, NewUnstoredSeal(event.block, event.position, code, org.code))
    try:
        assert seals.list_seals(city.app, org=org.code).missing == ()
        set_seal_state(city, org, code, "frozen")
        assert seals.seal(city.app, code).status == "frozen"
    finally:
        city.tamper("DELETE FROM unstored_seals WHERE code = ?", code)


def test_an_event_that_gives_a_seal_to_another_or_to_nobody_is_refused(city: City) -> None:
    org, other = city.organisation(), city.organisation()
    code = registered_seal(city, org)
    (event,) = _registration(city, seals.seal(city.app, code).history[0].block, code)
    (header,) = city.app.require_chain().reader.blocks(event.block, event.block)
    confirm(city.app, [event], header, ())
    for change in (
        {"owner": organisation_word(other.code)},
        {"sha256Digest": bytes(32)},
        {"code": "43990000999999", "sha256Digest": bytes(32)},
    ):
        with pytest.raises(InvalidProof):
            confirm(city.app, [replace(event, args={**event.args, **change})], header, ())


def _registration(city: City, block: int | None, code: str) -> list[ChainEvent]:
    assert block is not None
    told = city.app.require_chain().reader.events(block, block)
    return [event for event in told if event.name == "SealRegistered" and event.args["code"] == code]
