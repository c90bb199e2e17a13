"""The table of codes, its texts and the shape of a verdict."""

from __future__ import annotations

import re

import pytest

from chain_service.core.encoding.text import Text
from chain_service.core.verdicts.check_rules import CHECKS, RECORD, CheckRule
from chain_service.core.verdicts.judge import judge
from chain_service.core.verdicts.verdict import Context, Group, check, codes_as_markdown, conclude, fill, fill_text
from chain_service.core.verdicts.verdict_codes import CODES
from chain_service.core.verdicts.warnings import WARNINGS
from support.worlds.judged_records import World


def test_a_verdict_has_exactly_the_members_of_the_interface() -> None:
    value = judge(World().facts()).to_json()
    assert list(value) == [
        "verdict",
        "code",
        "message",
        "nextStep",
        "at",
        "chain",
        "includedBy",
        "statusAsOf",
        "warnings",
        "groups",
        "record",
    ]
    assert list(value["chain"]) == ["id", "block", "hash", "time", "assurance"]
    assert list(value["record"]) == ["kind", "org", "type", "anchoredAt", "status", "members", "names"]
    assert list(value["groups"][0]) == ["name", "subject", "checks"]
    for result in value["groups"][0]["checks"]:
        assert list(result) == ["name", "outcome", "code", "message", "evidence"]
        assert all(result["message"][language] for language in ("zh", "en"))


def test_the_checks_stand_in_the_order_of_the_interface() -> None:
    names = {group: [rule.name for rule in CHECKS if rule.group == group] for group in ("record", "signature")}
    assert names["record"] == [
        "parse",
        "file_digest",
        "log_signature",
        "inclusion",
        "anchor",
        "validators",
        "issuer_permitted",
        "status",
        "validity_period",
    ]
    assert names["signature"] == [
        "parse",
        "reference_digests",
        "coverage",
        "signature",
        "seal_signature",
        "signer_certificate",
        "revocation",
        "signing_time",
        "seal_registered",
        "issuer_binding",
    ]


def test_every_code_is_ranked_after_all_worse_ones_and_raised_by_some_check() -> None:
    answers = [row.answer.value for row in CODES.values()]
    assert answers == sorted(answers, key=["invalid", "indeterminate", "valid"].index)
    raised = {code for rule in CHECKS for code in rule.raises}
    best = {note.best for rule in CHECKS for note in rule.notes}
    later = {"in_force_signer_expired"}
    assert raised | best | later == set(CODES)


@pytest.mark.parametrize("rule", CHECKS, ids=str)
def test_no_note_of_a_check_shares_its_code_with_something_it_raises(rule: CheckRule) -> None:
    notes = [note.code for note in rule.notes]
    assert not set(notes) & set(rule.raises)
    assert len(set(notes)) == len(notes)


def test_all_texts_are_there_in_both_languages_with_the_same_parameters() -> None:

    texts = [text for row in CODES.values() for text in (row.message, row.next_step)]
    texts += [note.text for rule in CHECKS for note in rule.notes] + list(WARNINGS.values())
    for text in texts:
        assert re.search("[\u4e00-\u9fff]", text.zh) and not re.search("[\u4e00-\u9fff]", text.en)
        assert set(re.findall(r"\{(\w+)\}", text.zh)) == set(re.findall(r"\{(\w+)\}", text.en))


def test_a_bracketed_part_is_left_out_when_its_value_is_missing() -> None:
    assert fill("a[ on {date}][: {why}]", {"date": "1"}) == "a on 1"
    assert fill("a[ on {date}]", {"date": ""}) == "a"
    with pytest.raises(KeyError):
        fill("a {date}", {})


def test_a_value_is_never_read_as_a_template() -> None:
    value = Text("[{date}]", "{x}")
    assert fill_text(Text("{why}", "{why}"), {"why": value}) == value


def test_a_check_may_only_raise_what_the_table_allows() -> None:
    with pytest.raises(KeyError):
        check(RECORD.PARSE, "withdrawn")


def test_without_any_finding_there_is_nothing_to_verify() -> None:
    skipped = Group("record", "x", (check(RECORD.PARSE, "not_compared"),))
    assert conclude([], Context("2025-01-01T00:00:00Z")).code == "nothing_to_verify"
    assert conclude([skipped], Context("2025-01-01T00:00:00Z")).code == "nothing_to_verify"


def test_the_markdown_has_a_row_for_every_code_and_check() -> None:
    text = codes_as_markdown()
    assert all(f"| `{code}` |" in text for code in CODES)
    assert all(f"| {rule.group} | `{rule.name}` |" in text for rule in CHECKS)
    assert "{" not in text and "[" not in text
