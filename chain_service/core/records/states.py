"""The states of a record, how they follow one another, and what a change of state has to say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from chain_service.core.encoding.decoding import read_moment
from chain_service.core.encoding.json_fields import FieldReader
from chain_service.core.encoding.members import Member, NumberValue, ObjectValue, TextValue
from chain_service.core.encoding.refusals import Refusals
from chain_service.core.encoding.text import Text
from chain_service.errors import MalformedDocument, MalformedRecord

TEXT_LIMIT = 2_000
LEGAL_BASIS_LIMIT = 500
OFFICER_LIMIT = 200
_UUID_PATTERN = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_UUID = re.compile(_UUID_PATTERN)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class State(IntEnum):
    """State of a record; the number is the four bits on chain, for ever."""

    IN_FORCE = 0
    SUSPENDED = 1
    WITHDRAWN = 2
    CANCELLED = 3
    PENALISED = 4
    LAPSED = 5
    TRANSFERRED = 6
    SUPERSEDED = 7

    @property
    def code(self) -> str:
        """The name used outside, e.g. `in_force`."""
        return self.name.lower()

    @property
    def zh(self) -> str:
        """The state in Chinese."""
        return _STATE_TEXTS[self][0]

    @property
    def en(self) -> str:
        """The state in English."""
        return _STATE_TEXTS[self][1]

    @property
    def is_final(self) -> bool:
        """True when no other state can follow."""
        return not any(self in sources for sources in SOURCES.values())


_STATE_TEXTS: Mapping[State, tuple[str, str]] = {
    State.IN_FORCE: ("有效", "in force"),
    State.SUSPENDED: ("暂扣", "suspended"),
    State.WITHDRAWN: ("撤销", "withdrawn"),
    State.CANCELLED: ("注销", "cancelled"),
    State.PENALISED: ("吊销", "revoked as a penalty"),
    State.LAPSED: ("失效", "lapsed"),
    State.TRANSFERRED: ("办理转出", "transferred"),
    State.SUPERSEDED: ("已被新版取代", "superseded"),
}

SOURCES: Mapping[State, frozenset[State]] = {
    State.IN_FORCE: frozenset({State.SUSPENDED, State.TRANSFERRED}),
    State.SUSPENDED: frozenset({State.IN_FORCE}),
    State.WITHDRAWN: frozenset({State.IN_FORCE, State.SUSPENDED}),
    State.CANCELLED: frozenset({State.IN_FORCE, State.SUSPENDED}),
    State.PENALISED: frozenset({State.IN_FORCE, State.SUSPENDED}),
    State.LAPSED: frozenset({State.IN_FORCE, State.SUSPENDED}),
    State.TRANSFERRED: frozenset({State.IN_FORCE}),
    State.SUPERSEDED: frozenset({State.IN_FORCE, State.SUSPENDED, State.TRANSFERRED}),
}
"""For each state the states it may follow; everything else is refused, by the contract too."""

NEEDS_LEGAL_BASIS: frozenset[State] = frozenset({State.WITHDRAWN, State.CANCELLED, State.PENALISED, State.SUSPENDED})


@dataclass(frozen=True)
class Reason:
    """Why a state was changed; `number` stands on chain beside the state."""

    number: int
    zh: str
    en: str


REASONS: Mapping[int, Reason] = {
    reason.number: reason
    for reason in (
        Reason(1, "颁发有误", "issued in error"),
        Reason(2, "以欺骗手段取得", "obtained by fraud"),
        Reason(3, "持证人申请", "holder's request"),
        Reason(4, "持证主体终止", "holder ceased"),
        Reason(5, "行政处罚决定", "penalty decision"),
        Reason(6, "法院判决或复议决定", "court or review decision"),
        Reason(7, "未办理延续", "not renewed"),
        Reason(8, "变更", "changed"),
        Reason(9, "延续", "renewed"),
        Reason(10, "转出", "moved out"),
        Reason(11, "取消转出", "move cancelled"),
        Reason(12, "正在调查", "under investigation"),
        Reason(13, "发还", "returned"),
        Reason(99, "其他", "other"),
    )
}

HOUSING_STATES: Mapping[str, State | None] = {
    "01": State.IN_FORCE,
    "02": State.SUSPENDED,
    "03": State.WITHDRAWN,
    "04": State.CANCELLED,
    "05": State.LAPSED,
    "06": State.TRANSFERRED,
    "07": State.PENALISED,
    "99": None,
}
"""The housing ministry's list of states; 99 is 其他 (other) and names none of ours. `superseded` is not on it."""


@dataclass(frozen=True)
class HousingOperation:
    """One operation of the housing ministry's list: the state it leads to, and whether it makes a new record."""

    code: str
    zh: str
    to: State | None
    new_record: bool


HOUSING_OPERATIONS: Mapping[str, HousingOperation] = {
    operation.code: operation
    for operation in (
        HousingOperation("01", "新发", State.IN_FORCE, True),
        HousingOperation("02", "延续", State.IN_FORCE, True),
        HousingOperation("03", "暂扣", State.SUSPENDED, False),
        HousingOperation("04", "过期失效", State.LAPSED, False),
        HousingOperation("05", "注销", State.CANCELLED, False),
        HousingOperation("06", "暂扣发还", State.IN_FORCE, False),
        HousingOperation("07", "其他", None, False),
        HousingOperation("08", "转入", State.IN_FORCE, True),
        HousingOperation("09", "变更", State.IN_FORCE, True),
        HousingOperation("10", "取消转出", State.IN_FORCE, False),
    )
}


def parse_state(code: object) -> State:
    """The state named `code` (`in_force`, …).

    Raises MalformedRecord when there is none of that name.
    """
    for state in State:
        if state.code == code:
            return state
    known = ", ".join(state.code for state in State)
    raise MalformedRecord(f"to must be one of {known}", field="to")


def parse_reason(number: object) -> Reason:
    """The reason with this number (an int, or its decimal text as command lines give it).

    Raises MalformedRecord when it is missing or not in the table.
    """
    if isinstance(number, str) and number.isascii() and number.isdigit() and len(number) <= 5:
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int) or number not in REASONS:
        known = ", ".join(f"{reason.number} {reason.en}" for reason in REASONS.values())
        raise MalformedRecord(f"reasonCode must be one of: {known}", field="reasonCode")
    return REASONS[number]


def may_follow(source: State, target: State) -> bool:
    """True when a record in `source` may be set to `target`."""
    return source in SOURCES[target]


@dataclass(frozen=True)
class ChangeRequest:
    """What a caller asks for: `{to, reasonCode, text?, legalBasis?, successor?}`, checked, not yet allowed."""

    to: State
    reason: Reason
    text: str | None = None
    legal_basis: str | None = None
    successor: str | None = None


@dataclass(frozen=True)
class ChangeRecord:
    """The salted off-chain record behind a change on chain.

    `at` is RFC 3339 in UTC to the second; `to_json` is the value whose canonical form is hashed.
    """

    record_id: str
    request: ChangeRequest
    officer: str
    at: str

    def to_json(self) -> dict[str, Any]:
        """As histories of a record show the change, its reason in both languages."""
        request = self.request
        return {
            "recordId": self.record_id,
            "to": request.to.code,
            "reasonCode": request.reason.number,
            "text": request.text,
            "legalBasis": request.legal_basis,
            "officer": self.officer,
            "successor": request.successor,
            "at": self.at,
        }


def parse_change_request(value: object) -> ChangeRequest:
    """The change asked for in `value`, a JSON object with no other members than a request has.

    Raises MalformedRecord, which tells all of them, for an unknown member, state or reason, a text that is too long, a
    missing legal basis (withdrawn, cancelled, penalised, suspended) and a successor that is out of place or no UUID.
    """
    with Refusals(STATUS_CHANGE) as refusals:
        return _request(FieldReader(value, "a change of state", STATUS_CHANGE, refusals), refusals)


def parse_change_record(value: object) -> ChangeRecord:
    """The stored change record in `value`; raises MalformedRecord like `parse_change_request`, and for a bad time."""
    with Refusals(_CHANGE_RECORD) as refusals:
        form = FieldReader(value, "a change record", _CHANGE_RECORD, refusals)
        at = refusals.read(form.text, "at")
        if at is not None and not _is_time(at):
            refusals.add(MalformedRecord("at must be an RFC 3339 time in UTC, to the second", field="at"))
        record_id = refusals.read(_uuid, form, "recordId")
        request = _request(form, refusals)
        officer = refusals.read(form.text, "officer")
    return ChangeRecord(record_id, request, officer, at)


def _text(limit: int) -> Text:
    return Text(f"不超过 {limit} 个字符的文本", f"text of at most {limit} characters")


_ID = Text("记录编号，UUID", "the id (UUID) of a record")
STATUS_CHANGE = ObjectValue(
    (
        Member(
            "to",
            Text("目标状态", "state to set"),
            Text(
                "、".join(f"{state.code}（{state.zh}）" for state in State)
                + f"；其中{'、'.join(state.zh for state in State if state.is_final)}不可恢复，只能另发新记录",
                "one of "
                + ", ".join(state.code for state in State)
                + f"; of these {', '.join(state.code for state in State if state.is_final)} are final: only a new "
                "record can take the place of one that ended",
            ),
            TextValue(among=tuple(state.code for state in State)),
            required=True,
        ),
        Member(
            "reasonCode",
            Text("变更原因", "reason"),
            Text(
                "、".join(f"{reason.number} {reason.zh}" for reason in REASONS.values()),
                ", ".join(f"{reason.number} {reason.en}" for reason in REASONS.values()),
            ),
            NumberValue(among=tuple(REASONS), or_text=True),
            required=True,
        ),
        Member("text", Text("说明", "explanation"), _text(TEXT_LIMIT), TextValue(TEXT_LIMIT)),
        Member("legalBasis", Text("法律依据", "legal basis"), _text(LEGAL_BASIS_LIMIT), TextValue(LEGAL_BASIS_LIMIT)),
        Member("successor", Text("取代它的记录", "record that takes its place"), _ID, TextValue(36, _UUID_PATTERN)),
    )
)
"""What a change of a record's state is asked for with."""

_CHANGE_RECORD = ObjectValue(
    (
        *STATUS_CHANGE,
        Member("recordId", Text("记录编号", "record"), _ID, TextValue(36, _UUID_PATTERN), required=True),
        Member("officer", Text("经办人", "officer"), _text(OFFICER_LIMIT), TextValue(OFFICER_LIMIT), required=True),
        Member("at", Text("时间", "time"), Text("RFC 3339 UTC 时间", "a time in UTC"), TextValue(20), required=True),
    )
)


def _request(form: FieldReader, refusals: Refusals) -> ChangeRequest:
    state = refusals.read(parse_state, form.get("to"))
    reason = refusals.read(parse_reason, form.get("reasonCode"))
    text = refusals.read(form.optional_text, "text")
    legal_basis = refusals.read(form.optional_text, "legalBasis")
    successor = refusals.read(_uuid, form, "successor") if form.get("successor") is not None else None
    if state in NEEDS_LEGAL_BASIS and form.get("legalBasis") is None:
        refusals.add(
            MalformedRecord(
                f"legalBasis is required to set a record to {state.code}",
                zh=f"变更为{state.zh}须填写法律依据（legalBasis）",
                field="legalBasis",
            )
        )
    if form.get("successor") is not None and state is not None and state is not State.SUPERSEDED:
        refusals.add(
            MalformedRecord(
                "successor may only be named when a record becomes superseded",
                zh="仅变更为已被新版取代时可填写取代它的记录（successor）",
                field="successor",
            )
        )
    return ChangeRequest(state, reason, text, legal_basis, successor)


def _uuid(form: FieldReader, name: str) -> str:
    value = form.text(name)
    if not _UUID.fullmatch(value):
        raise MalformedRecord(f"{name} must be the id (UUID) of a record", field=name)
    return value.lower()


def _is_time(text: str) -> bool:
    if not _TIME.fullmatch(text):
        return False
    try:
        read_moment(text)
    except MalformedDocument:
        return False
    return True
