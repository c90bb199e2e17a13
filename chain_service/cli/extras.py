"""The optional parts of an installation: which libraries each brings, and what to say where one is missing."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from chain_service.errors import NotFound

EXTRAS: Final[dict[str, frozenset[str]]] = {
    "documents": frozenset({"asn1crypto", "gmssl_pyx", "pyhanko"}),
    "server": frozenset(
        {
            "alembic", "eth_abi", "eth_account", "eth_utils", "fastapi", "h11", "limits", "prometheus_client",
            "psycopg", "python_multipart", "sqlalchemy", "starlette", "urllib3", "uvicorn",
        }
    ),
    "trial-chain": frozenset(
        {"eth", "eth_bloom", "eth_keys", "eth_typing", "lru", "requests", "rlp", "trie"}
    ),
}  # fmt: skip
"""Modules by the extra of pyproject.toml that brings them. All others of the package need nothing but its base."""


def require(extra: str) -> None:
    """The extra is installed. Raises `NotFound` (code `not_installed`) naming it and the remedy."""
    if any(find_spec(module) is None for module in EXTRAS[extra]):
        raise _missing(extra)


def not_installed(error: ModuleNotFoundError) -> NotFound | None:
    """What to say about a library that is not there; None for one that no extra brings."""
    module = (error.name or "").partition(".")[0]
    return next((_missing(extra) for extra, modules in EXTRAS.items() if module in modules), None)


def _missing(extra: str) -> NotFound:
    return NotFound(
        f"this needs chain-service[{extra}], which is not installed here: pip install 'chain-service[{extra}]'",
        code="not_installed",
        extra=extra,
    )
