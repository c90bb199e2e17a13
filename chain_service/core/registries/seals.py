"""Seal records: what the registry holds of an electronic seal (GB/T 38540), and its states."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone
from typing import Any

from chain_service.core.chainproof import storage_layout
from chain_service.core.encoding.decoding import read_moment
from chain_service.core.encoding.digests import Digest, parse_hex32
from chain_service.core.encoding.json_fields import Form
from chain_service.core.encoding.times import LAST_SECOND
from chain_service.core.records.identifiers import OrgCode, parse_org_code
from chain_service.errors import MalformedRecord

SEAL_TYPES = {
    "01": ("法定名称章", "statutory name"),
    "02": ("专用章", "special purpose"),
    "03": ("财务专用章", "finance"),
    "04": ("合同专用章", "contract"),
}
"""Types that may be registered; 05, a personal seal, never is."""

PERSONAL = "05"
MAX_SIGNER_CERTIFICATES = 64
NAME_LIMIT = 200
_SEAL_CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")

STATES = {
    "in_force": (storage_layout.SEAL_IN_FORCE, "有效", "in force"),
    "frozen": (storage_layout.SEAL_FROZEN, "冻结", "frozen"),
    "cancelled": (storage_layout.SEAL_CANCELLED, "注销", "cancelled"),
}
"""State name to number on chain and both languages; `expired` is computed from the period and never recorded."""


@dataclass(frozen=True)
class Seal:
    """A seal's registry record; the period in unix seconds, first and last second included."""

    code: str
    name: str
    owner: OrgCode
    seal_type: str
    sha256: bytes
    sm3: bytes
    signer_certificates: tuple[bytes, ...]
    """SHA-256 of each certificate that may sign with the seal."""
    valid_from: int
    valid_until: int

    def to_json(self) -> dict[str, Any]:
        return {
            "sealCode": self.code,
            "sealName": self.name,
            "ownerCode": self.owner,
            "sealType": self.seal_type,
            "digests": {"sha-256": self.sha256.hex(), "sm3": self.sm3.hex()},
            "signerCertificates": [str(Digest("sha-256", value)) for value in self.signer_certificates],
            "validFrom": _written(self.valid_from),
            "validUntil": _written(self.valid_until),
        }

    def state_at(self, moment: int, recorded: str) -> str:
        """`recorded`, or `expired` when the seal would be in force but its period is over at `moment`."""
        return "expired" if recorded == "in_force" and moment > self.valid_until else recorded


def parse_seal_code(value: object) -> str:
    """A seal code (esID): 1 to 64 letters, digits, dots, dashes and underscores. Raises MalformedRecord."""
    if not isinstance(value, str) or not _SEAL_CODE.fullmatch(value):
        raise MalformedRecord("sealCode must be 1 to 64 letters, digits, '.', '-' or '_'", field="sealCode")
    return value


def parse_seal(value: object) -> Seal:
    """The seal record in `value`, a JSON object.

    Raises MalformedRecord with `field`; its code is `personal_seal` for type 05, which may never be registered.
    """
    form = Form(value, "a seal", _MEMBERS)
    seal_type = form.get("sealType")
    if seal_type == PERSONAL:
        raise MalformedRecord("a personal seal (05) is never registered", code="personal_seal", field="sealType")
    digests = Form(form.get("digests"), "digests", ("sha-256", "sm3"))
    seal = Seal(
        code=parse_seal_code(form.get("sealCode")),
        name=form.text("sealName", NAME_LIMIT),
        owner=parse_org_code(form.get("ownerCode"), field="ownerCode"),
        seal_type=form.choice("sealType", tuple(SEAL_TYPES)),
        sha256=parse_hex32(digests.get("sha-256"), field="digests.sha-256"),
        sm3=parse_hex32(digests.get("sm3"), field="digests.sm3"),
        signer_certificates=_certificates(form),
        valid_from=_moment(form, "validFrom", time(0, 0, 0)),
        valid_until=_moment(form, "validUntil", time(23, 59, 59)),
    )
    if seal.valid_until < seal.valid_from:
        raise MalformedRecord("validUntil must not be before validFrom", field="validUntil")
    return seal


def parse_seal_state(value: object) -> int:
    """The number on chain of the state named `value`. Raises MalformedRecord."""
    if not isinstance(value, str) or value not in STATES:
        raise MalformedRecord(f"to must be one of {', '.join(STATES)}", field="to")
    return STATES[value][0]


def seal_may_follow(source: int, target: int) -> bool:
    """True when a seal in state `source` may be set to `target`: in force ↔ frozen, either to cancelled for good."""
    return (
        source != target and source in (storage_layout.SEAL_IN_FORCE, storage_layout.SEAL_FROZEN) and target in _NUMBERS
    )


_NUMBERS = frozenset(number for number, _, _ in STATES.values())
_UTC8 = timezone(timedelta(hours=8))
_MEMBERS = frozenset(
    {
        "sealCode",
        "sealName",
        "ownerCode",
        "sealType",
        "digests",
        "signerCertificates",
        "validFrom",
        "validUntil",
    }
)


def _certificates(form: Form) -> tuple[bytes, ...]:
    found: list[bytes] = []
    for number, text in enumerate(form.items("signerCertificates", MAX_SIGNER_CERTIFICATES)):
        digest = Digest.parse(text, field=f"signerCertificates.{number}")
        if digest.algorithm != "sha-256" or digest.value in found:
            raise MalformedRecord(
                "signerCertificates must be different sha-256 digests", field=f"signerCertificates.{number}"
            )
        found.append(digest.value)
    if not found:
        raise MalformedRecord("signerCertificates must name at least one certificate", field="signerCertificates")
    return tuple(found)


def _moment(form: Form, name: str, of_day: time) -> int:
    """Unix seconds of a day's first or last second in UTC+8, or of the RFC 3339 time written instead of a day."""
    text = form.text(name, 35)
    if "T" not in text:
        moment = datetime.combine(form.date(name), of_day, _UTC8)
    else:
        why = f"{name} must be a date or an RFC 3339 time"
        moment = read_moment(text, refuse=lambda _: MalformedRecord(why, field=name))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=_UTC8)
    seconds = int(moment.timestamp())
    if not 0 <= seconds <= LAST_SECOND:
        raise MalformedRecord(f"{name} must lie in the years 1970 to 9999", field=name)
    return seconds


def _written(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
