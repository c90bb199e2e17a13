"""What a verdict does not show of a record is named."""

from __future__ import annotations

from dataclasses import replace

from chain_service.core.encoding.times import rfc3339
from chain_service.core.records.disclosure import Disclosure, parse_disclosure, reveal
from chain_service.core.verdicts.shown_members import hidden_members, member_name, with_hidden
from chain_service.core.verdicts.verdict import Context, Verdict, conclude
from support.worlds.receipt_world import Issued


def disclosed(issued: Issued) -> Disclosure:
    found = parse_disclosure(issued.disclosed)
    assert isinstance(found, Disclosure)
    return found


def verdict(members: dict[str, object]) -> Verdict:
    return replace(conclude((), Context(rfc3339(0))), context=Context(rfc3339(0), record={"members": members}))


def test_a_partial_disclosure_says_how_many_members_it_hides_and_which(issued: Issued) -> None:
    whole = disclosed(issued)
    part = reveal(whole.record, whole.salt, ["certificateNumber"])
    told = with_hidden(verdict({**part.open, **part.members}), part).context
    assert told.record is not None and told.record["shown"] is False
    assert set(told.record["hidden"]) == whole.members.keys() - {"certificateNumber"}
    (warned,) = told.warnings
    assert warned.code == "members_hidden"
    assert str(len(told.record["hidden"])) in warned.message.zh and "持证主体" in warned.message.zh
    assert "holder" in warned.message.en


def test_a_whole_disclosure_hides_nothing_and_number_and_holder_are_enough_to_compare(issued: Issued) -> None:
    whole = disclosed(issued)
    told = with_hidden(verdict({**whole.open, **whole.members}), whole).context
    assert told.record is not None and (told.record["hidden"], told.record["shown"], told.warnings) == ([], True, ())
    face = reveal(whole.record, whole.salt, ["certificateNumber", "holders.0.certificateHolderName"])
    told = with_hidden(verdict({**face.open, **face.members}), face).context
    assert told.record is not None and told.record["shown"] is True and told.warnings


def test_of_a_record_that_nobody_presented_only_what_all_have_is_named(issued: Issued) -> None:
    whole = disclosed(issued)
    told = with_hidden(verdict({}), None, whole).context
    assert told.record is not None and told.record["shown"] is False and told.warnings == ()
    assert told.record["hidden"] == ["certificateIdentifier", "certificateNumber", "holders"]
    assert hidden_members(whole, {**whole.open, **whole.members}) == []


def test_members_are_named_in_both_languages() -> None:
    named = member_name("holders.1.certificateHolderName")
    assert (named.zh, named.en) == ("持证主体 2", "holder 2")
    assert member_name("extension.area").en == "sector field area"
