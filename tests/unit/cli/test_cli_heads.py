"""Proven blocks are remembered in a file, two of one height with the evidence of both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chain_service.cli.commands.offline import OfflineVerifier, with_receipts
from chain_service.cli.invocation import read_input
from chain_service.cli.proven_heads import MOST_AT_ONE_HEIGHT, Heads
from chain_service.core.chainproof.consensus import prove_block
from chain_service.core.chainproof.evidence import Evidence, verify_evidence
from chain_service.core.chainproof.evidence_cbor import BlockProof, select
from chain_service.core.receipts.receipt import encode, refreshed
from chain_service.core.receipts.trust_file import parse
from chain_service.core.receipts.verify_offline import SeenBlock
from chain_service.core.verdicts.paper_kinds import take
from chain_service.errors import BadRequest
from support.offline.offline_questions import signed
from support.worlds.receipt_world import BLOCK, Issued

Papers = dict[str, Path]


def another_block(issued: Issued) -> Evidence:
    """As good as the receipt's own, at the same height, with the same words and another hash."""
    slots = list(verify_evidence(issued.first, issued.chain).words)
    if issued.consensus == "qbft":
        return select(issued.pooled(gasUsed=1), issued.chain, slots)
    return select(issued.pooled(state=1), issued.chain, slots)


@pytest.fixture(params=["clique", "qbft"])
def issued(request: Any) -> Issued:
    return Issued(request.param)


@pytest.fixture
def papers(issued: Issued, tmp_path: Path) -> Papers:
    whole = issued.receipt()
    made = {
        "one": whole,
        "other": issued.receipt(blocks=(BlockProof(another_block(issued)),)),
        "later": refreshed(whole, issued.newer()),
    }
    for name, receipt in made.items():
        (tmp_path / f"{name}.receipt").write_bytes(encode(receipt))
        (tmp_path / f"{name}.disclosure.json").write_bytes(issued.disclosed)
    (tmp_path / "broken.receipt").write_bytes(b"nonsense")
    (tmp_path / "broken.disclosure.json").write_bytes(issued.disclosed)
    return {name: tmp_path / f"{name}.disclosure.json" for name in (*made, "broken")}


def verify(issued: Issued, heads: Path, *files: Path) -> list[dict[str, Any]]:
    offline = OfflineVerifier(parse(signed(issued.trust)), None, Heads.load(heads), lambda _: None, judged=False)
    return list(offline.verdicts(with_receipts([take(str(file), read_input(file))]) for file in files))


def hashes(heads: Path) -> dict[str, list[str]]:
    return {height: [one["hash"] for one in of] for height, of in json.loads(heads.read_text()).items()}


def test_two_blocks_of_one_height_are_both_kept_and_reported(issued: Issued, papers: Papers, tmp_path: Path) -> None:
    heads = tmp_path / "heads.json"
    first = verify(issued, heads, papers["one"])[0]
    second = verify(issued, heads, papers["other"])[0]
    warned = [one["code"] for one in second["warnings"]]
    assert first["code"] != "proof_invalid" and "equivocation" in warned
    assert second["code"] == "proof_invalid"
    kept = Heads.load(heads).known[BLOCK]
    assert len(kept) == 2 and kept[0].block_hash != kept[1].block_hash
    for block in kept:
        shown = prove_block(block.headers, issued.chain, issued.chain.form)
        assert (shown.block, shown.block_hash) == (BLOCK, block.block_hash)
    again = verify(issued, heads, papers["one"], papers["other"])
    assert [one["code"] for one in again] == [first["code"], second["code"]]
    assert len(hashes(heads)[str(BLOCK)]) == 2


def test_what_proves_no_block_is_not_remembered_and_a_later_block_is(
    issued: Issued, papers: Papers, tmp_path: Path
) -> None:
    heads = tmp_path / "heads.json"
    verify(issued, heads, papers["broken"])
    assert hashes(heads) == {}
    verify(issued, heads, papers["later"])
    assert [*hashes(heads)] == [str(BLOCK), str(BLOCK + 100)]


def test_what_was_seen_stays_where_a_later_file_cannot_be_read(issued: Issued, papers: Papers, tmp_path: Path) -> None:
    heads = tmp_path / "heads.json"
    papers["other"].unlink()
    with pytest.raises(BadRequest):
        verify(issued, heads, papers["one"], papers["other"])
    assert [*hashes(heads)] == [str(BLOCK)]


@pytest.mark.parametrize("written", ["[]", "{", '{"7": "ab"}', '{"7": [{"hash": "zz", "headers": []}]}', '{"x": []}'])
def test_a_file_of_somebody_else_is_not_overwritten(written: str, tmp_path: Path) -> None:
    file = tmp_path / "heads.json"
    file.write_text(written, encoding="utf-8")
    with pytest.raises(BadRequest):
        Heads.load(file)
    assert file.read_text(encoding="utf-8") == written


def test_no_height_grows_without_bound() -> None:
    heads = Heads(None)
    for n in range(3 * MOST_AT_ONE_HEIGHT):
        heads.learn((SeenBlock(7, bytes([n]), (b"",)),))
    assert len(heads.known[7]) == MOST_AT_ONE_HEIGHT and heads.remembered == {7: bytes([0])}
