"""What the two kinds of consensus answer, and that each is the whole interface."""

from __future__ import annotations

import pytest

from chain_service.core.chainproof.consensus import CLIQUE, CONSENSUS_FORMS, QBFT, consensus_of
from chain_service.core.chainproof.headers import MAX_HEADERS
from chain_service.core.chainproof.trust import CONSENSUS, CONSENSUS_NAMES
from support.chains.clique_simulator import World


def test_every_consensus_that_a_deployment_may_name_can_be_verified() -> None:
    assert CONSENSUS_FORMS.keys() == set(CONSENSUS.values()) == CONSENSUS_NAMES.keys()
    assert {name: CONSENSUS_FORMS[form] for name, form in CONSENSUS.items()} == {"clique": CLIQUE, "qbft": QBFT}


@pytest.mark.parametrize("form", CONSENSUS_FORMS)
def test_the_chain_of_today_is_asked_by_its_form(form: str) -> None:
    assert consensus_of(World({}).trust(bytes(20), form=form)) is CONSENSUS_FORMS[form]


def test_clique_counts_its_validators_and_has_ordinary_branches() -> None:
    assert CLIQUE.counts_validators and not CLIQUE.second_block_is_equivocation
    assert CLIQUE.assurance == "majority" and not CLIQUE.has_single_header


def test_the_validators_of_qbft_are_stated_and_two_quorums_at_one_height_are_equivocation() -> None:
    assert not QBFT.counts_validators and QBFT.second_block_is_equivocation
    assert QBFT.assurance == "quorum" and QBFT.has_single_header


@pytest.mark.parametrize("count", range(1, 32))
def test_so_many_seals_and_headers_prove_a_block(count: int) -> None:
    assert CLIQUE.enough(count) == CLIQUE.proof_length(count) == count // 2 + 1 <= MAX_HEADERS
    assert 3 * QBFT.enough(count) >= 2 * count > 3 * (QBFT.enough(count) - 1)
    assert (QBFT.proof_length(count), QBFT.headers_on_top(count)) == (1, 0)
    assert CLIQUE.headers_on_top(count) >= (0 if count == 1 else count + CLIQUE.proof_length(count))
