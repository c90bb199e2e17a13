"""Votes of QBFT validators stand in the blocks they propose: which of them still count."""

from __future__ import annotations

from chain_service.core.chainproof.qbft import QbftExtra, QbftHeader
from chain_service.nodes.network.engines.besu import standing_votes

A, B, C, D, NEW = (bytes([number]) * 20 for number in range(1, 6))
EPOCH = 100


def header(
    number: int,
    proposer: bytes,
    vote: tuple[bytes, bool] | None = None,
    validators: tuple[bytes, ...] = (A, B, C, D),
) -> QbftHeader:
    hashes = dict.fromkeys(("block_hash", "parent_hash", "state_root", "seal_digest"), bytes(32))
    extra = QbftExtra(bytes(32), validators, vote, 0, ())
    return QbftHeader(
        raw=b"", fields=16, coinbase=proposer, bloom=bytes(256), number=number, time=number, extra=extra, **hashes
    )


def test_a_vote_counts_once_its_validator_has_proposed_a_block_with_it() -> None:
    blocks = [header(1, A), header(2, B, (NEW, True)), header(3, C), header(4, D, (NEW, True))]
    assert standing_votes(blocks[:1], NEW, EPOCH) == {}
    assert standing_votes(blocks, NEW, EPOCH) == {B: True, D: True}


def test_votes_about_others_do_not_count() -> None:
    assert standing_votes([header(1, A, (D, False))], NEW, EPOCH) == {}


def test_a_validators_last_vote_counts() -> None:
    blocks = [header(1, A, (NEW, True)), header(2, B, (NEW, True)), header(3, A, (NEW, False))]
    assert standing_votes(blocks, NEW, EPOCH) == {A: False, B: True}


def test_votes_lapse_with_the_epoch() -> None:
    blocks = [header(99, A, (NEW, True)), header(100, B), header(101, C, (NEW, True))]
    assert standing_votes(blocks[:1], NEW, EPOCH) == {A: True}
    assert standing_votes(blocks[:2], NEW, EPOCH) == {}
    assert standing_votes(blocks, NEW, EPOCH) == {C: True}


def test_a_vote_in_the_block_that_ends_the_epoch_is_void() -> None:
    assert standing_votes([header(100, A, (NEW, True))], NEW, EPOCH) == {}


def test_votes_are_used_up_when_they_succeed() -> None:
    grown = (A, B, C, D, NEW)
    blocks = [header(number, voter, (NEW, True)) for number, voter in enumerate((A, B, C), 1)]
    blocks += [header(4, D, (NEW, True), grown)]
    assert standing_votes(blocks, NEW, EPOCH) == {D: True}
    blocks += [header(5, A, (NEW, False), grown)]
    assert standing_votes(blocks, NEW, EPOCH) == {D: True, A: False}


def test_the_vote_of_a_validator_that_was_removed_does_not_count() -> None:
    blocks = [header(1, A, (NEW, True)), header(2, B, (NEW, True)), header(3, C, None, (B, C, D))]
    assert standing_votes(blocks, NEW, EPOCH) == {B: True}
