"""Seals and catalog entries as tests of the jobs register them: each call makes one that nobody else has."""

from __future__ import annotations

import itertools
from typing import Any

from chain_service.core.encoding.digests import file_digests
from chain_service.jobs import workers
from chain_service.jobs.anchoring import publish_catalogs, register_seals
from support.worlds.jobs_city import WAIT, City, Org

_catalog_numbers = itertools.count(1)
_seal_codes = itertools.count(43_990_000_061_230)


def catalog_entry(org: Org, code: str | None = None, **other: Any) -> dict[str, Any]:
    """A first version of an entry of the organisation, not yet published; `other` members replace its own."""
    value = {
        "catalogCode": code or f"307001/{next(_catalog_numbers):06d}",
        "layer": "duty",
        "title": "食品经营许可",
        "providerCode": org.code,
        "summary": "依法负责食品经营许可。",
        "action": "publish",
    }
    return value | other


def publish(city: City, org: Org, *entries: dict[str, Any]) -> list[str]:
    """The codes of the entries, final on chain."""
    codes = [answer.catalog_code for answer in publish_catalogs.publish(city.app, org.caller, list(entries))]
    for code in codes:
        workers.wait_final(city.app, "catalog", code, timeout=WAIT)
    return codes


def seal_entry(org: Org, **other: Any) -> dict[str, Any]:
    """A seal of the organisation under a code of its own, not yet registered; `other` members replace its own."""
    code = str(next(_seal_codes))
    value = {
        "sealCode": code,
        "sealName": "临澜市市场监督管理局",
        "ownerCode": org.code,
        "sealType": "01",
        "digests": file_digests(code.encode()),
        "signerCertificates": [f"sha-256:{file_digests(b'signer' + code.encode())['sha-256']}"],
        "validFrom": "2020-01-01",
        "validUntil": "2035-12-31",
    }
    return value | other


def registered_seal(city: City, org: Org, **other: Any) -> str:
    """The code of a new seal, final on chain."""
    told = register_seals.register_seal(city.app, org.caller, seal_entry(org, **other))
    workers.wait_final(city.app, "seal", told.seal_code, timeout=WAIT)
    return told.seal_code


def set_seal_state(city: City, org: Org, code: str, to: str) -> None:
    """The seal has this state on chain, final."""
    register_seals.set_seal_state(city.app, org.caller, code, to)
    workers.wait_final(city.app, "seal", code, timeout=WAIT)
