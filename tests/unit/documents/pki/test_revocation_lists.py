"""What revocation lists say of a certificate, and every reason for which they say nothing."""

from __future__ import annotations

import pytest

from chain_service.documents.facts import RevocationFacts
from chain_service.documents.pki.trust import Trust
from chain_service.documents.pki.trust_store import RootCertificate, TrustStore
from document_makers.certificates import Family, Holder, extension, issue, new_key, revocation_list
from document_makers.encoding import element, explicit, generalized_time, integer, sequence

DAY = 86_400
START = 1_700_000_000
END = START + 1_000 * DAY
MADE = START + 100 * DAY
FAMILIES: tuple[Family, ...] = ("sm2", "ecdsa", "rsa")
PLACE = element(0x86, b"http://lists.test/one.crl")


def points(place: bytes) -> bytes:
    return explicit(0, explicit(0, place))


def scope(*members: bytes) -> bytes:
    return extension("2.5.29.28", sequence(*members), critical=True)


def authority(family: Family = "sm2", **more: object) -> Holder:
    return issue(None, {"CN": "根"}, START, END, authority=True, family=family, **more)  # type: ignore[arg-type]


def leaf_of(issuer: Holder, until: int = END, **more: object) -> Holder:
    return issue(issuer, {"CN": "某"}, START, until, family=issuer.key.family, **more)  # type: ignore[arg-type]


def found(leaf: Holder, root: Holder, *lists: bytes) -> RevocationFacts:
    read = Trust(TrustStore((RootCertificate("here", root.certificate),), crls=lists))
    assert read.problems == ()
    facts = read.certificate(leaf.certificate)
    assert facts.path.outcome == "trusted"
    (only,) = facts.path.revocations
    assert only.certificate == facts.sha256
    return only


@pytest.mark.parametrize("family", FAMILIES)
def test_a_certificate_that_no_entry_names_is_good_as_of_the_list(family: Family) -> None:
    root = authority(family)
    leaf = leaf_of(root)
    told = found(leaf, root, revocation_list(root, MADE, MADE + DAY, {leaf.serial + 1: (MADE, None)}))
    assert (told.outcome, told.source, told.as_of, told.next_update) == ("good", "crl", MADE, MADE + DAY)
    assert not told.after_end


@pytest.mark.parametrize("family", FAMILIES)
def test_a_revoked_certificate_has_its_date_and_reason(family: Family) -> None:
    root = authority(family)
    leaf = leaf_of(root)
    told = found(leaf, root, revocation_list(root, MADE, None, {leaf.serial: (MADE - DAY, "keyCompromise")}))
    assert (told.outcome, told.revoked_at, told.reason) == ("revoked", MADE - DAY, "keyCompromise")
    assert told.next_update is None


def test_without_a_list_nothing_is_known() -> None:
    root = authority()
    told = found(leaf_of(root), root)
    assert (told.outcome, told.source) == ("unknown", "none")
    assert "no revocation list" in told.detail


def test_a_list_in_the_issuers_name_by_another_key_says_nothing() -> None:
    root = authority()
    forger = Holder(new_key("sm2"), root.certificate, root.name, root.serial)
    told = found(leaf_of(root), root, revocation_list(forger, MADE, MADE + DAY))
    assert told.outcome == "unknown" and "does not verify" in told.detail


def test_an_authority_that_may_not_sign_lists_has_none() -> None:
    root = authority(uses=("certSign",))
    told = found(leaf_of(root), root, revocation_list(root, MADE, MADE + DAY))
    assert told.outcome == "unknown" and "may not sign lists" in told.detail


UNUSABLE = {
    "delta": extension("2.5.29.27", integer(1), critical=True),
    "indirect": scope(element(0x84, b"\xff")),
    "some reasons": scope(element(0x83, b"\x06\x40")),
    "attribute certificates": scope(element(0x85, b"\xff")),
    "authorities only": scope(element(0x82, b"\xff")),
    "another place": scope(points(PLACE)),
    "unknown critical": extension("1.2.3.4.5", sequence(), critical=True),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_a_list_about_something_else_says_nothing(what: str) -> None:
    root = authority()
    told = found(leaf_of(root), root, revocation_list(root, MADE, MADE + DAY, extensions=UNUSABLE[what]))
    assert told.outcome == "unknown" and "cannot be used" in told.detail


def test_a_list_for_users_or_for_the_place_that_the_certificate_names_is_one_about_it() -> None:
    root = authority()
    users = scope(element(0x81, b"\xff"))
    assert found(leaf_of(root), root, revocation_list(root, MADE, MADE + DAY, extensions=users)).outcome == "good"
    named = leaf_of(root, extensions=extension("2.5.29.31", sequence(sequence(points(PLACE)))))
    here = scope(points(PLACE))
    assert found(named, root, revocation_list(root, MADE, MADE + DAY, extensions=here)).outcome == "good"


def test_the_newest_list_answers_and_any_older_one_that_revokes_counts() -> None:
    root = authority()
    leaf = leaf_of(root)
    old = revocation_list(root, MADE, MADE + DAY, {leaf.serial: (MADE - DAY, "cessationOfOperation")})
    new = revocation_list(root, MADE + 9 * DAY, MADE + 10 * DAY)
    assert found(leaf, root, old, new).outcome == "revoked"
    assert found(leaf_of(root), root, old, new).as_of == MADE + 9 * DAY


def test_a_hold_that_was_lifted_does_not_count() -> None:
    root = authority()
    leaf = leaf_of(root)
    held = revocation_list(root, MADE, MADE + DAY, {leaf.serial: (MADE - DAY, "certificateHold")})
    later = revocation_list(root, MADE + 9 * DAY, MADE + 10 * DAY)
    assert found(leaf, root, held).outcome == "revoked"
    assert found(leaf, root, held, later).outcome == "good"


def test_lists_made_after_a_certificate_ended_may_have_dropped_it() -> None:
    root = authority()
    ended = leaf_of(root, until=MADE - DAY)
    list_ = revocation_list(root, MADE, MADE + DAY)
    assert found(ended, root, list_).after_end
    before = revocation_list(root, MADE - 2 * DAY, MADE - DAY)
    told = found(ended, root, list_, before)
    assert (told.after_end, told.as_of) == (False, MADE - 2 * DAY)
    keeps = extension("2.5.29.60", generalized_time(START))
    assert not found(ended, root, revocation_list(root, MADE, MADE + DAY, extensions=keeps)).after_end


def test_every_certificate_below_the_anchor_is_looked_up() -> None:
    root = authority()
    link = issue(root, {"CN": "中间"}, START, END, authority=True)
    leaf = leaf_of(link)
    lists = (
        revocation_list(root, MADE, MADE + DAY, {link.serial: (MADE - DAY, None)}),
        revocation_list(link, MADE, MADE + DAY),
    )
    read = Trust(TrustStore((RootCertificate("here", root.certificate),), (link.certificate,), lists))
    outcomes = [one.outcome for one in read.certificate(leaf.certificate).path.revocations]
    assert outcomes == ["good", "revoked"]


def test_lists_that_come_with_a_document_count_for_it_alone() -> None:
    root = authority()
    leaf = leaf_of(root)
    read = Trust(TrustStore((RootCertificate("here", root.certificate),)))
    list_ = revocation_list(root, MADE, MADE + DAY)
    assert read.certificate(leaf.certificate).path.revocations[0].outcome == "unknown"
    assert read.with_evidence((b"junk", list_)).certificate(leaf.certificate).path.revocations[0].outcome == "good"
    assert read.certificate(leaf.certificate).path.revocations[0].outcome == "unknown"
