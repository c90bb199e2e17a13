"""Who asks, where proxies stand before us: the client's address from `X-Forwarded-For`, counted from the right.

Each proxy appends the address that it saw to what it was sent, so that what stands furthest left is whatever a client
claims. Only as many entries count as there are proxies of ours, or as are addresses of theirs.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.types import ASGIApp, Receive, Scope, Send

from chain_service.config import Settings

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class TrustedProxies:
    """ASGI middleware: with `behind_proxy` the request's `client` is whoever asked the outermost proxy of ours."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.hops = settings.proxy_hops if settings.behind_proxy else 0
        self.networks = [ip_network(network) for network in settings.proxy_networks]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, as one of the client that our proxies name."""
        if scope["type"] == "http" and self.hops and scope.get("client"):
            values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
            forwarded = [entry.strip() for value in values for entry in value.split(",") if entry.strip()]
            peer, port = scope["client"]
            found = (
                by_networks(peer, forwarded, self.networks) if self.networks else by_hops(peer, forwarded, self.hops)
            )
            scope = {**scope, "client": (found, port)}
        await self.app(scope, receive, send)


def by_hops(peer: str, forwarded: list[str], hops: int) -> str:
    """The address that the outermost of `hops` proxies saw; the leftmost where there are fewer entries than proxies."""
    return ([peer, *reversed(forwarded)])[: hops + 1][-1]


def by_networks(peer: str, forwarded: list[str], networks: list[Network]) -> str:
    """The last address before those of proxies in `networks`; the peer where it is none of them."""
    found = peer
    for entry in [peer, *reversed(forwarded)]:
        found = entry
        address = parse_address(entry)
        if address is None or not any(address in network for network in networks):
            break
    return found


def parse_address(text: str) -> Address | None:
    """An IP address, also with brackets or a port as some proxies write it; one of IPv4 within IPv6 as that of IPv4."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
