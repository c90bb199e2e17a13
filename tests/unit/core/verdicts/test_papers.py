"""Papers are told apart by their bytes, whatever they are called and however they arrive."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_service.core.verdicts.paper_kinds import (
    CUT_OFF,
    EMPTY,
    Paper,
    PaperKind,
    form,
    recognise,
    take,
    trouble,
)
from support.offline.offline_papers import saved

WHOLE = json.dumps({"record": {"certificateNumber": "JY1"}, "salt": "00"}).encode()
PARTIAL = json.dumps({"open": {}, "covered": {}, "key": "00", "revealed": {}}).encode()
PROOF = json.dumps({"entry": "00", "index": 1, "size": 2, "path": [], "anchor": {}}).encode()
BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (WHOLE, PaperKind.DISCLOSURE),
        (PARTIAL, PaperKind.DISCLOSURE),
        (BOM + b" \r\n" + WHOLE, PaperKind.DISCLOSURE),
        (WHOLE[:20], PaperKind.DISCLOSURE),
        (PARTIAL[:12], PaperKind.DISCLOSURE),
        (PROOF, PaperKind.PROOF),
        (BOM + PROOF, PaperKind.PROOF),
        (PROOF[:30], PaperKind.PROOF),
        (b"\xff\xfe" + WHOLE.decode().encode("utf-16-le"), PaperKind.DISCLOSURE),
        (b"\xfe\xff" + PROOF.decode().encode("utf-16-be"), PaperKind.PROOF),
        (b"\xff\xfe" + WHOLE.decode().encode("utf-16-le")[:41], PaperKind.DISCLOSURE),
        (b"\xff\xfe" + "备注".encode("utf-16-le"), PaperKind.FILE),
        (b"\xd2\x84", PaperKind.RECEIPT),
        (b"0oQ=\r\n", PaperKind.RECEIPT),
        (b" 0oR\nDoQ", PaperKind.RECEIPT),
        (BOM + b"2GKE", PaperKind.TRUST),
        (b"0oQ?", PaperKind.FILE),
        (b"0oRDo", PaperKind.FILE),
        (b"2026", PaperKind.FILE),
        (b"0" * 90, PaperKind.FILE),
        (b"\xd8\x62\x84", PaperKind.TRUST),
        (b"%PDF-1.7", PaperKind.FILE),
        (b"PK\x03\x04", PaperKind.FILE),
        (b"", PaperKind.FILE),
        (b"[]", PaperKind.FILE),
        (b'{"path": "somebody\'s own JSON"}', PaperKind.FILE),
        (b'{"path": "a list of files", "size": 2048}', PaperKind.FILE),
        (b'{"index": 4, "size": 10, "data": []}', PaperKind.FILE),
        (PROOF.replace(b'"entry": "00", ', b"").replace(b', "anchor": {}', b""), PaperKind.PROOF),
        (b'{"index": {"_id": "1"}}\n{"title": "lines of JSON"}\n', PaperKind.FILE),
        (b'{"anchor": {"log', PaperKind.PROOF),
        (b'{"record": "a word that others use, too"}', PaperKind.FILE),
        (b'{"name": "x", "version": "1"', PaperKind.FILE),
        (WHOLE + b" " * 2**20, PaperKind.FILE),
    ],
)
def test_each_kind_is_known_by_its_bytes(data: bytes, kind: PaperKind) -> None:
    assert recognise(data) is kind


@given(st.binary(max_size=200))
def test_no_bytes_are_too_strange(data: bytes) -> None:
    paper = take("any", data)
    assert paper.kind in PaperKind and form(paper) and trouble(data) in (None, EMPTY, CUT_OFF)


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda data: b"0oR" + data))
def test_a_paper_is_unwrapped_once_and_a_file_stays_as_it_is(data: bytes) -> None:
    paper = take("any", data)
    assert take("any", paper.data) == paper
    if paper.kind is PaperKind.FILE:
        assert paper.data == data


@pytest.mark.parametrize("data", [WHOLE, PARTIAL, PROOF, b"\xd2\x84\xff\x00", b"\xd8\x62\x84"])
def test_each_form_in_which_a_paper_comes_back_is_the_paper(data: bytes) -> None:
    forms = saved(data)
    assert len(forms) >= 4
    for name, form_of_it in forms.items():
        paper = take("any", form_of_it)
        assert (paper.kind, paper.data.strip()) == (recognise(data), data), name


@given(st.integers(min_value=1, max_value=len(WHOLE) - 1))
def test_what_was_cut_off_is_said_to_be(length: int) -> None:
    assert trouble(WHOLE[:length]) is CUT_OFF
    assert trouble(BOM + WHOLE[:length]) is CUT_OFF


def test_what_is_whole_has_no_such_trouble_and_what_is_empty_has_its_own() -> None:
    assert [trouble(data) for data in (WHOLE, PROOF, b"\xd2\x84", b"%PDF-1.7")] == [None] * 4
    assert trouble(b"") is trouble(b" \n") is EMPTY


def test_the_name_it_was_handed_in_by_counts_only_where_bytes_tell_nothing() -> None:
    assert take("x.receipt", WHOLE, PaperKind.RECEIPT) == Paper("x.receipt", PaperKind.DISCLOSURE, WHOLE)
    assert take("d.json", b"\x00\xff", PaperKind.DISCLOSURE).kind is PaperKind.DISCLOSURE
    assert take("licence.pdf", BOM + WHOLE).data == WHOLE


def test_files_are_called_by_their_form() -> None:
    seal = bytes.fromhex("30820100308200f0300b") + b"\x16\x02ES" + bytes(20)
    data = {"pdf": b"junk %PDF-1.4", "archive": b"PK\x03\x04", "seal": seal, "file": b"scan"}
    assert {name: form(take("", content)) for name, content in data.items()} == {name: name for name in data}
