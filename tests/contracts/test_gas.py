"""What the contracts cost: no figure changes unnoticed, and none passes its limit."""

from __future__ import annotations

import json

import pytest
from gas_figures import FILE, measure

from support.contracts.contract_evm import ContractEvm

LIMITS = {
    "advance, first head, 1,000 leaves": 95_000,
    "advance, 1 to 2 leaves": 85_000,
    "advance, 1,000 to 1,100 leaves": 85_000,
    "advance, 2,047 to 2,048 leaves": 85_000,
    "advance, 3,967 to 4,000 leaves (dearest up to 4,000)": 85_000,
    "advance, 2^30 to 2^30 + 1,000 leaves": 112_000,
    "advance, 2^30 - 1 to 2^30 leaves (dearest there)": 112_000,
    "advance, 2^30 - 1 to 2^30 + 1 leaves": 112_000,
    "status, 100 neighbouring changes, each": 4_200,
    "catalog, 50 first publications, each": 55_000,
    "catalog, 50 changes, each": 20_000,
}


def recorded() -> dict[str, int]:
    return dict(json.loads(FILE.read_text(encoding="utf-8")))


def test_measuring_again_gives_the_recorded_figures(deployed: ContractEvm) -> None:
    assert measure(deployed) == recorded(), (
        "if the change is meant: PYTHONPATH=tests python tests/contracts/gas_figures.py"
    )


@pytest.mark.parametrize("name", LIMITS)
def test_a_recorded_figure_is_within_its_limit(name: str) -> None:
    assert recorded()[name] <= LIMITS[name]
