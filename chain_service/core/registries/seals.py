"""Seal records: what the registry holds of an electronic seal (GB/T 38540), and its states."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone
from typing import Any

from chain_service.core.chainproof import storage_layout
from chain_service.core.encoding.decoding import read_moment
from chain_service.core.encoding.digests import HEX32, Digest, parse_hex32
from chain_service.core.encoding.json_fields import FieldReader
from chain_service.core.encoding.members import ListValue, Member, ObjectValue, TextValue
from chain_service.core.encoding.refusals import Refusals
from chain_service.core.encoding.text import Text
from chain_service.core.encoding.times import LAST_SECOND
from chain_service.core.records.identifiers import ORG_PATTERN, OrgCode, parse_org_code
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
SEAL_CODE_PATTERN = "[0-9A-Za-z][0-9A-Za-z._-]{0,63}"
_SEAL_CODE = re.compile(SEAL_CODE_PATTERN)

STATES = {
    "in_force": (storage_layout.SEAL_IN_FORCE, "有效", "in force"),
    "frozen": (storage_layout.SEAL_FROZEN, "冻结", "frozen"),
    "cancelled": (storage_layout.SEAL_CANCELLED, "注销", "cancelled"),
}
"""State name to number on chain and both languages; `expired` is computed from the period and never recorded."""

_HEX = Text("64 位十六进制数字", "64 hex digits")
_END = Text("日期或 RFC 3339 时间，含当日或当时，不早于有效期起", "a day, or a time in RFC 3339; included")
DIGESTS = ObjectValue(
    (
        Member("sha-256", Text("SHA-256 摘要", "SHA-256 digest"), _HEX, TextValue(pattern=HEX32), required=True),
        Member("sm3", Text("SM3 摘要", "SM3 digest"), _HEX, TextValue(pattern=HEX32), required=True),
    )
)
SEAL = ObjectValue(
    (
        Member(
            "sealCode",
            Text("印章编码", "seal code"),
            Text(
                "esID：1 至 64 个字母、数字、点、短横线或下划线",
                "esID: 1 to 64 letters, digits, dots, dashes, underscores",
            ),
            TextValue(pattern=SEAL_CODE_PATTERN),
            required=True,
        ),
        Member(
            "sealName",
            Text("印章名称", "seal name"),
            Text(f"不超过 {NAME_LIMIT} 个字符的文本", f"text of at most {NAME_LIMIT} characters"),
            TextValue(NAME_LIMIT),
            required=True,
        ),
        Member(
            "ownerCode",
            Text("所属机构代码", "owner"),
            Text("机构的统一社会信用代码", "unified social credit code of the organisation"),
            TextValue(pattern=ORG_PATTERN),
            required=True,
        ),
        Member(
            "sealType",
            Text("印章类型", "seal type"),
            Text(
                "、".join(f"{code} {zh}" for code, (zh, _) in SEAL_TYPES.items()),
                ", ".join(f"{code} {en}" for code, (_, en) in SEAL_TYPES.items()),
            ),
            TextValue(among=tuple(SEAL_TYPES)),
            required=True,
        ),
        Member(
            "digests",
            Text("摘要", "digests"),
            Text("印章 DER 的 sha-256 与 sm3，十六进制", "`sha-256` and `sm3` of the seal in DER, hex"),
            DIGESTS,
            required=True,
        ),
        Member(
            "signerCertificates",
            Text("签章证书", "signer certificates"),
            Text(
                f"可用此印章签章的 1 至 {MAX_SIGNER_CERTIFICATES} 个证书的摘要 sha-256:…，不得重复",
                f"1 to {MAX_SIGNER_CERTIFICATES} digests `sha-256:…` of certificates that may sign",
            ),
            ListValue(TextValue(pattern="sha-256:" + HEX32), MAX_SIGNER_CERTIFICATES),
            required=True,
        ),
        Member(
            "validFrom",
            Text("有效期起", "valid from"),
            Text("日期或 RFC 3339 时间", "a day, or a time in RFC 3339"),
            TextValue(35),
            required=True,
        ),
        Member("validUntil", Text("有效期止", "valid until"), _END, TextValue(35), required=True),
    )
)
"""What a seal's registry record is submitted as."""


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
        """As it was submitted: digests as hex, days as `YYYY-MM-DD`."""
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
    with Refusals(SEAL) as refusals:
        form = FieldReader(value, "a seal", SEAL, refusals)
        seal_type = form.get("sealType")
        if seal_type == PERSONAL:
            refusals.add(
                MalformedRecord("a personal seal (05) is never registered", code="personal_seal", field="sealType")
            )
        digests = refusals.read(FieldReader, form.get("digests"), "digests", DIGESTS, refusals, at="digests")
        code = refusals.read(parse_seal_code, form.get("sealCode"))
        name = refusals.read(form.text, "sealName")
        owner = refusals.read(parse_org_code, form.get("ownerCode"), field="ownerCode")
        if seal_type != PERSONAL:
            refusals.read(form.choice, "sealType")
        sha256 = refusals.read(_digest, digests, "sha-256")
        sm3 = refusals.read(_digest, digests, "sm3")
        certificates = _certificates(form, refusals)
        valid_from = refusals.read(_moment, form, "validFrom", time(0, 0, 0))
        valid_until = refusals.read(_moment, form, "validUntil", time(23, 59, 59))
        if None not in (valid_from, valid_until) and valid_until < valid_from:
            raise MalformedRecord(
                "validUntil must not be before validFrom", zh="有效期止（validUntil）早于有效期起", field="validUntil"
            )
    return Seal(code, name, owner, seal_type, sha256, sm3, certificates, valid_from, valid_until)


def seal_facts(seal: Seal) -> list[bytes]:
    """What the registry on chain holds of the seal, by n (`layout.SEAL_OWNER` …): all of it but its name."""
    period = storage_layout.SealPeriod(seal.valid_from, seal.valid_until, int(seal.seal_type)).to_word()
    owner = storage_layout.organisation_word(seal.owner)
    return [owner, seal.sha256, seal.sm3, period.to_bytes(32, "big"), *seal.signer_certificates]


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


def _digest(digests: FieldReader | None, name: str) -> bytes:
    """The digest; empty where the whole object was refused already."""
    return b"" if digests is None else parse_hex32(digests.get(name), field=f"digests.{name}")


def _certificates(form: FieldReader, refusals: Refusals) -> tuple[bytes, ...]:
    digests: list[bytes] = []
    listed = refusals.read(form.items, "signerCertificates")
    for number, text in enumerate(listed or ()):
        field = f"signerCertificates.{number}"
        digest = refusals.read(Digest.parse, text, field=field)
        if digest is None:
            continue
        if digest.algorithm != "sha-256" or digest.value in digests:
            refusals.add(MalformedRecord("signerCertificates must be different sha-256 digests", field=field))
        digests.append(digest.value)
    if listed == []:
        refusals.add(
            MalformedRecord("signerCertificates must name at least one certificate", field="signerCertificates")
        )
    return tuple(digests)


def _moment(form: FieldReader, name: str, of_day: time) -> int:
    """Unix seconds of a day's first or last second in UTC+8, or of the RFC 3339 time written instead of a day."""
    text = form.text(name)
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
