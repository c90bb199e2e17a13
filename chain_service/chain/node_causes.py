"""Why a node gave no usable answer: a code and a sentence, the same in log, alert, `/readyz` and at the terminal."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import responses

import urllib3

from chain_service.errors import ChainServiceError, InvalidProof, Unavailable

NODE_CAUSES = {
    "node_unavailable": "nothing answers there",
    "node_failing": "the node or a proxy before it fails",
    "node_refuses_login": "it wants another user, password or token than the URL holds",
    "node_refuses_size": "it takes no request of this size",
    "node_limits_rate": "it takes fewer requests a second than are needed",
    "node_not_rpc": "what answers there is no JSON-RPC node: a portal page or another service",
    "node_refuses": "it refuses the request",
    "node_unproven": "what it says does not hold",
    "node_behind": "it has fewer blocks than were read before",
    "node_differs": "it has another block than the one that was read",
    "wrong_chain": "it serves another chain",
    "node_certificate": "its TLS certificate does not hold",
}
"""What each code says of a node."""
_BY_STATUS = {
    401: "node_refuses_login",
    403: "node_refuses_login",
    407: "node_refuses_login",
    413: "node_refuses_size",
    429: "node_limits_rate",
}


@dataclass(frozen=True)
class NodeCause:
    """Why one node gave no usable answer."""

    code: str
    said: str
    """What was seen: a status, a system's error."""

    @property
    def sentence(self) -> str:
        """What that means, with what was seen."""
        return f"{NODE_CAUSES[self.code]} ({self.said})"


class UnusableAnswer(Exception):
    """A node answered with something that is no JSON-RPC answer to what was asked."""

    def __init__(self, said: str, code: str = "node_not_rpc") -> None:
        super().__init__(said)
        self.cause = NodeCause(code, said)


def refuse_status(status: int) -> None:
    """Raises UnusableAnswer for an HTTP status that no answer of a node has."""
    if status in _BY_STATUS or status >= 500:
        said = f"HTTP status {status} {responses.get(status, '')}".rstrip()
        raise UnusableAnswer(said, _BY_STATUS.get(status, "node_failing"))


def cause_of(error: Exception) -> NodeCause:
    """The cause that an exchange with a node failed for."""
    if isinstance(error, UnusableAnswer):
        return error.cause
    if isinstance(error, InvalidProof):
        return NodeCause("node_unproven", error.message)
    if isinstance(error, ChainServiceError):
        return NodeCause("node_refuses", error.message)
    certificate = _certificate(error)
    if certificate is not None:
        return NodeCause("node_certificate", certificate)
    refused = isinstance(error, urllib3.exceptions.NewConnectionError)  # which is a kind of time-out there
    if not refused and isinstance(error, urllib3.exceptions.TimeoutError | TimeoutError):
        return NodeCause("node_unavailable", "no answer in time")
    reason = getattr(error, "strerror", None) or str(error).rpartition(": ")[2] or type(error).__name__
    return NodeCause("node_unavailable", reason[:200])


def _certificate(error: BaseException) -> str | None:
    for inner in (error, *error.args, error.__cause__, error.__context__):
        if isinstance(inner, ssl.SSLCertVerificationError):
            return inner.verify_message
    return None


class NoNodeAnswered(Unavailable):
    """No node gave a usable answer; the message names each with its cause."""

    default_code = "node_unavailable"

    def __init__(self, causes: Mapping[str, NodeCause]) -> None:
        told = "; ".join(f"{name}: {cause.sentence}" for name, cause in causes.items())
        super().__init__(
            f"no node answered: {told}",
            nodes={name: cause.sentence for name, cause in causes.items()},
            causes={name: cause.code for name, cause in causes.items()},
        )
        self.by_node = dict(causes)

    @property
    def without_names(self) -> str:
        """What the nodes answered, for whoever is not to know their addresses."""
        return "; ".join(sorted({cause.sentence for cause in self.by_node.values()}))


def joined_causes(failures: Mapping[str, ChainServiceError]) -> NoNodeAnswered:
    """One error of what asking each node by itself ended with, by its name."""
    return NoNodeAnswered({name: _alone(name, error) for name, error in failures.items()})


def _alone(name: str, error: ChainServiceError) -> NodeCause:
    told = error.by_node.get(name) if isinstance(error, NoNodeAnswered) else None
    return told or cause_of(error)
