"""What several tests of the core ask for."""

import pytest

from support.worlds.receipt_parts import CLIQUE, QBFT


@pytest.fixture(params=[CLIQUE, QBFT], ids=["clique", "qbft"])
def issued(request):
    """A receipt's world on a chain of each consensus form."""
    return request.param
