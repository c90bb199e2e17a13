"""A fresh state of the contracts for every test."""

from __future__ import annotations

import pytest

from support.contracts.contract_evm import ContractEvm


@pytest.fixture(scope="session")
def deployed() -> ContractEvm:
    return ContractEvm.deployed().mark()


@pytest.fixture
def evm(deployed: ContractEvm) -> ContractEvm:
    return deployed.branch()
