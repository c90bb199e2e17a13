"""All that is wrong with a submission is told at once, the first thing as it always was."""

from __future__ import annotations

import re
from typing import Any

import pytest

from chain_service.core.encoding.refusals import Refusals
from chain_service.core.encoding.visible_text import require_visible
from chain_service.core.records.record import parse_record
from chain_service.core.records.schema import CERTIFICATE
from chain_service.errors import MOST_ERRORS, Corrupt, Forbidden, MalformedRecord
from chain_service.problem_details import problem_object
from support.submissions.submission_examples import HOLDER, PARSERS, SAMPLES


def refused(name: str, **change: Any) -> list[dict[str, Any]]:
    """The entries of the problem that a changed example gives; None removes a member."""
    with pytest.raises(MalformedRecord) as caught:
        PARSERS[name]({**SAMPLES[name], **change})
    problem = problem_object(caught.value)
    entries: list[dict[str, Any]] = problem["errors"]
    assert (problem["code"], problem["detail"]) == (entries[0]["code"], entries[0]["message"]["en"])
    for entry in entries:
        assert entry["message"]["en"] and re.search("[\u4e00-\u9fff]", entry["message"]["zh"])
    return entries


@pytest.mark.parametrize(
    ("name", "change", "fields"),
    [
        (
            "certificate",
            {
                "surprise": 1,
                "certificateNumber": " 1",
                "certificateTypeCode": None,
                "holders": [HOLDER, HOLDER | {"certificateHolderCode": ""}],
                "certificateEffectiveDate": "2023-02-30",
                "extension": {"x" * 129: 1},
            },
            {
                "surprise",
                "certificateNumber",
                "certificateTypeCode",
                "holders.1.certificateHolderCode",
                "certificateEffectiveDate",
                "extension",
            },
        ),
        (
            "certificate",
            {"files": 1.5, "certificateName": 7, "certificateIdentifier": "1", "certificateIssuedDate": "2029-01-01"},
            {"files", "certificateName", "certificateIdentifier", "certificateExpiringDate"},
        ),
        ("document", {"surprise": 1, "issuedDate": "2029-01-01", "expiringDate": "2028-02-30"},
         {"surprise", "expiringDate"}),
        ("document", {"documentNumber": None, "title": ["x"]}, {"documentNumber", "title"}),
        (
            "seal",
            {
                "sealCode": "a b",
                "digests": {"sha-256": "x", "md5": "y"},
                "signerCertificates": ["x", "sm3:" + "0" * 64],
                "validFrom": "2025-02-30",
            },
            {
                "sealCode",
                "digests.md5",
                "digests.sha-256",
                "digests.sm3",
                "signerCertificates.0",
                "signerCertificates.1",
                "validFrom",
            },
        ),
        ("seal", {"sealType": "05", "sealName": None}, {"sealType", "sealName"}),
        (
            "catalog-entry",
            {
                "layer": "view",
                "items": [{"length": -1}, {"name": "a"}, {"name": "a"}, 3, {"name": "b", "colour": 1}],
                "sharingType": ["2"],
                "links": ["x"],
            },
            {
                "layer",
                "items.0.name",
                "items.0.length",
                "items.2.name",
                "items.3",
                "items.4.colour",
                "sharingType",
                "links.0",
            },
        ),
        ("status-change", {"to": "withdrawn", "legalBasis": None, "reasonCode": 17, "text": 3},
         {"legalBasis", "reasonCode", "text", "successor"}),
        (
            "certificate-type",
            {"level": "村", "labels": {"a": {"en": "x"}, "b": {"zh": "面积", "fr": "x"}, "": {"zh": "y"}}},
            {"level", "labels.a.zh", "labels.b.fr", "labels"},
        ),
    ],
)  # fmt: skip
def test_everything_wrong_is_told_with_its_path_in_both_languages(
    name: str, change: dict[str, Any], fields: set[str]
) -> None:
    entries = refused(name, **change)
    assert {entry["field"] for entry in entries} == fields
    assert len(entries) == len(fields)


def test_one_fault_is_one_entry() -> None:
    (entry,) = refused("certificate", certificateNumber=None)
    assert entry == {
        "field": "certificateNumber",
        "code": "malformed_record",
        "message": {"zh": "缺少证照编号（certificateNumber）", "en": "certificateNumber is missing"},
    }


def test_the_number_and_the_size_of_what_is_told_are_bounded() -> None:
    entries = refused("certificate", **{f"{n}" + "x" * 1_000: 1 for n in range(5_000)})
    assert len(entries) == MOST_ERRORS
    assert max(len(entry["field"]) for entry in entries) == 256
    entries = refused("catalog-entry", items=[{"name": 1, "dataType": 2}] * 1_000)
    assert len(entries) == MOST_ERRORS


def test_a_refusal_keeps_no_frame_that_holds_what_was_refused() -> None:
    with pytest.raises(MalformedRecord) as caught:
        parse_record({**SAMPLES["certificate"], "certificateNumber": "", "certificateName": 1})
    others = caught.value.errors[1:]
    assert others
    assert all(one.__traceback__ is None and one.__context__ is None for one in others)


def test_every_hidden_character_is_told() -> None:
    with pytest.raises(MalformedRecord) as caught:
        require_visible({"a": "x\u202e", "b": ["y", "z\u200b"], "c\u2060": 1})
    found = {one.details["field"]: one.details["character"] for one in caught.value.errors}
    assert found == {"a": "U+202E", "b.1": "U+200B", "c⟨U+2060⟩": "U+2060"}


def test_what_the_sender_cannot_put_right_ends_the_reading_at_once() -> None:
    with pytest.raises(Corrupt), Refusals() as refusals:
        refusals.add(MalformedRecord("wrong"))
        raise Corrupt("our own data")


def test_a_refusal_is_told_once_however_often_it_is_handed_on() -> None:
    with pytest.raises(Forbidden) as caught, Refusals(CERTIFICATE.table) as outer:
        with Refusals() as inner:
            inner.add(Forbidden("not yours"))
            inner.add(MalformedRecord("wrong", field="title"))
            inner.raise_first()
        outer.raise_first()
    assert [one.message for one in caught.value.errors] == ["not yours", "wrong"]
