"""Whose request it is where proxies stand before us; what a client claims to be is never believed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from starlette.requests import Request

from chain_service.config import Settings
from chain_service.web.http.auth import client_address
from chain_service.web.http.proxies import TrustedProxies

ONE = Settings(behind_proxy=True)
TWO = Settings(behind_proxy=True, proxy_hops=2)
NAMED = Settings(behind_proxy=True, proxy_networks=["10.0.0.0/8", "2001:db8:1::/48"])


def seen(settings: Settings, peer: str, *forwarded: str) -> str:
    """As whom a request counts that comes from this peer with these headers."""
    counted: list[str] = []

    async def note(scope: Any, _receive: Any, _send: Any) -> None:
        counted.append(client_address(Request(scope)))

    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    scope: dict[str, Any] = {"type": "http", "client": (peer, 5), "headers": headers}
    asyncio.run(TrustedProxies(note, settings)(scope, None, None))  # type: ignore[arg-type]
    assert scope["client"] == (peer, 5)
    return counted[0]


@pytest.mark.parametrize(
    ("settings", "peer", "forwarded", "client"),
    [
        (Settings(), "192.0.2.1", ["198.51.100.7"], "192.0.2.1"),
        (Settings(proxy_hops=2, proxy_networks=["192.0.2.0/24"]), "192.0.2.1", ["198.51.100.7"], "192.0.2.1"),
        (ONE, "10.0.0.1", ["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
        (ONE, "10.0.0.1", ["203.0.113.9", "198.51.100.8"], "198.51.100.8"),
        (ONE, "10.0.0.1", [], "10.0.0.1"),
        (ONE, "10.0.0.1", ["198.51.100.7:51234"], "198.51.100.7"),
        (ONE, "10.0.0.1", ["[2001:db8:7::1]:51234"], "2001:db8:7::/64"),
        (ONE, "10.0.0.1", ["::ffff:198.51.100.7"], "198.51.100.7"),
        (ONE, "10.0.0.1", ["whoever"], "unknown"),
        (TWO, "10.0.0.1", ["203.0.113.9, 198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        (TWO, "10.0.0.1", ["203.0.113.9", "198.51.100.7", "10.0.0.2"], "198.51.100.7"),
        (TWO, "10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        (NAMED, "10.0.0.1", ["203.0.113.9, 198.51.100.7, 10.0.0.2, 10.9.9.9"], "198.51.100.7"),
        (NAMED, "2001:db8:1::5", ["198.51.100.7, 2001:db8:1::6"], "198.51.100.7"),
        (NAMED, "192.0.2.1", ["198.51.100.7"], "192.0.2.1"),
        (NAMED, "10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (NAMED, "::ffff:10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        (NAMED, "10.0.0.1", ["198.51.100.7, whoever, 10.0.0.2"], "unknown"),
    ],
)
def test_the_client_is_whom_the_outermost_proxy_of_ours_saw(
    settings: Settings, peer: str, forwarded: list[str], client: str
) -> None:
    assert seen(settings, peer, *forwarded) == client


@given(st.lists(st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), max_size=20), max_size=4))
def test_no_header_that_a_client_sends_makes_it_another_client(claimed: list[str]) -> None:
    for settings, added in ((ONE, ["198.51.100.7"]), (TWO, ["198.51.100.7", "10.0.0.2"]), (NAMED, ["198.51.100.7"])):
        assert seen(settings, "10.0.0.1", ", ".join([*claimed, *added])) == "198.51.100.7"


def test_a_network_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(ValidationError, match="proxy_networks"):
        Settings(proxy_networks=["10.0.0.1/8"])
    with pytest.raises(ValidationError, match="proxy_hops"):
        Settings(proxy_hops=0)
