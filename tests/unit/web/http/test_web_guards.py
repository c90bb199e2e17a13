"""Whom the public rate counts, and whom it stops."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from chain_service.errors import RateLimited
from chain_service.web.http.auth import PublicRate, client_address


def request_from(address: str) -> Request:
    return Request({"type": "http", "client": (address, 5), "headers": []})


def test_a_client_is_stopped_at_the_rate_and_told_how_long() -> None:
    rate = PublicRate("3/minute")
    for _ in range(3):
        rate.spend("192.0.2.1")
    with pytest.raises(RateLimited) as caught:
        rate.spend("192.0.2.1")
    assert 1 <= caught.value.details["retryAfter"] <= 61
    rate.spend("192.0.2.2")


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("testclient", "unknown"),
    ],
)
def test_an_ipv6_network_counts_as_one_client(address: str, counted: str) -> None:
    assert client_address(request_from(address)) == counted
