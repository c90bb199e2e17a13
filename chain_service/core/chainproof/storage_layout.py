"""Where the contracts keep what offline proofs read, and how their words are packed.

Slot of a mapping: keccak256(key padded to 32 bytes ‖ position padded to 32 bytes) [Solidity, layout of storage].
Positions and packings are for ever; tests compare them with the compiler's storage layout.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import IntFlag
from functools import lru_cache
from typing import Final

from chain_service.core.encoding.digests import keccak256
from chain_service.errors import InvalidProof

ORGANISATIONS: Final = "Organisations"
RECORD_LOG: Final = "RecordLog"
RECORD_STATUS: Final = "RecordStatus"
SEAL_REGISTRY: Final = "SealRegistry"
CATALOG_REGISTRY: Final = "CatalogRegistry"

POSITIONS: Final[dict[str, dict[str, int]]] = {
    ORGANISATIONS: {"_standingOf": 2, "_rightsOf": 3, "_logKeyAt": 4, "_permitAt": 5},
    RECORD_LOG: {"_sizeOf": 0, "_rootAt": 1},
    RECORD_STATUS: {"_statusWordAt": 0},
    SEAL_REGISTRY: {"_factAt": 0, "_stateAt": 1},
    CATALOG_REGISTRY: {"_digestOf": 0, "_standingOf": 1},
}
"""Position of every mapping that proofs read, by contract and by its name in the source."""

FIRST_VERSION: Final = "1.0.0"
LAYOUTS: Final = {FIRST_VERSION: POSITIONS}
"""The same by the version that the contracts themselves state."""

OPEN_END: Final = 2**32 - 1
"""Last day of a permit that has no end."""

PERMIT_GRANT: Final = 1
PERMIT_END: Final = 2
SEAL_IN_FORCE: Final = 1
SEAL_FROZEN: Final = 2
SEAL_CANCELLED: Final = 3
CATALOG_PUBLISH: Final = 1
CATALOG_CHANGE: Final = 2
CATALOG_WITHDRAW: Final = 3

SEAL_OWNER, SEAL_SHA256, SEAL_SM3, SEAL_PERIOD, SEAL_FIRST_CERTIFICATE = range(5)
"""What the facts of a seal hold, by n; signer certificates follow from the last one on without gap."""

_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()


class Right(IntFlag):
    """What an account may do for an organisation."""

    ANCHOR = 1
    STATUS = 2
    SEAL = 4
    CATALOG = 8


def _word(value: int) -> bytes:
    try:
        return value.to_bytes(32, "big")
    except OverflowError:
        raise InvalidProof("a mapping key must be an unsigned integer of at most 256 bits", key=value) from None


def _slot(key: bytes, position: bytes) -> bytes:
    return keccak256(key + position)


def _position(contract: str, name: str) -> bytes:
    return _word(POSITIONS[contract][name])


_STANDING = _position(ORGANISATIONS, "_standingOf")
_RIGHTS = _position(ORGANISATIONS, "_rightsOf")
_LOG_KEY = _position(ORGANISATIONS, "_logKeyAt")
_PERMIT = _position(ORGANISATIONS, "_permitAt")
_SIZE = _position(RECORD_LOG, "_sizeOf")
_ROOT = _position(RECORD_LOG, "_rootAt")
_STATUS = _position(RECORD_STATUS, "_statusWordAt")
_SEAL_FACT = _position(SEAL_REGISTRY, "_factAt")
_SEAL_STATE = _position(SEAL_REGISTRY, "_stateAt")
_CATALOG_DIGEST = _position(CATALOG_REGISTRY, "_digestOf")
_CATALOG_STANDING = _position(CATALOG_REGISTRY, "_standingOf")


def organisation_word(organisation: str) -> bytes:
    """The organisation's 18 ASCII characters, left-aligned in 32 bytes."""
    if len(organisation) != 18 or not organisation.isascii():
        raise InvalidProof("an organisation code has 18 ASCII characters", organisation=organisation)
    return organisation.encode("ascii").ljust(32, b"\0")


def code_key(code: str) -> bytes:
    """Key of a type code, catalog code or seal code on chain: keccak256 of its UTF-8."""
    try:
        return keccak256(code.encode())
    except UnicodeEncodeError:
        raise InvalidProof("a code must be encodable as UTF-8") from None


@lru_cache(maxsize=1024)
def permit_key(organisation: str, type_code: str) -> bytes:
    """Key of the permits of an organisation for a certificate type: keccak256(abi.encode(organisation, type))."""
    return keccak256(organisation_word(organisation) + code_key(type_code))


def _key(key: bytes) -> bytes:
    if len(key) != 32:
        raise InvalidProof("a log id or other bytes32 key has 32 bytes", key=key.hex())
    return key


def standing_slot(organisation: str) -> bytes:
    """Slot of Organisations._standingOf[organisation]."""
    return _slot(organisation_word(organisation), _STANDING)


def rights_slot(account: bytes, organisation: str) -> bytes:
    """Slot of Organisations._rightsOf[account][organisation]; account is a 20-byte address."""
    if len(account) != 20:
        raise InvalidProof("an account has 20 bytes", account=account.hex())
    return _slot(organisation_word(organisation), _slot(account.rjust(32, b"\0"), _RIGHTS))


def log_key_slot(organisation: str, n: int) -> bytes:
    """Slot of Organisations._logKeyAt[organisation][n]."""
    return _slot(_word(n), _slot(organisation_word(organisation), _LOG_KEY))


def permit_slot(organisation: str, type_code: str, n: int) -> bytes:
    """Slot of Organisations._permitAt[permit key][n]."""
    return _slot(_word(n), _slot(permit_key(organisation, type_code), _PERMIT))


def size_slot(log: bytes) -> bytes:
    """Slot of RecordLog._sizeOf[log]."""
    return _slot(_key(log), _SIZE)


def head_slot(log: bytes, size: int) -> bytes:
    """Slot of RecordLog._rootAt[log][size]."""
    return _slot(_word(size), _slot(_key(log), _ROOT))


def status_slot(log: bytes, index: int) -> tuple[bytes, int]:
    """Slot of RecordStatus._statusWordAt[log][index >> 6], and the shift of the record's four bits in that word."""
    if index < 0:
        raise InvalidProof("a leaf index cannot be negative", index=index)
    return _slot(_word(index >> 6), _slot(_key(log), _STATUS)), 4 * (index & 63)


def seal_fact_slot(code: str, n: int) -> bytes:
    """Slot of SealRegistry._factAt[keccak256(code)][n]."""
    return _slot(_word(n), _slot(code_key(code), _SEAL_FACT))


def seal_state_slot(code: str, n: int) -> bytes:
    """Slot of SealRegistry._stateAt[keccak256(code)][n]."""
    return _slot(_word(n), _slot(code_key(code), _SEAL_STATE))


def catalog_digest_slot(code: str) -> bytes:
    """Slot of CatalogRegistry._digestOf[keccak256(code)]."""
    return _slot(code_key(code), _CATALOG_DIGEST)


def catalog_digest_slot_of(catalog: bytes) -> bytes:
    """The same by the entry's key on chain, which is all that an event names."""
    return _slot(catalog, _CATALOG_DIGEST)


def catalog_standing_slot(code: str) -> bytes:
    """Slot of CatalogRegistry._standingOf[keccak256(code)]."""
    return _slot(code_key(code), _CATALOG_STANDING)


def day_number(day: date) -> int:
    """Days since 1970-01-01; negative before."""
    return day.toordinal() - _EPOCH_ORDINAL


def date_of_day(day: int) -> date | None:
    """The date of a day number, None for a day that the calendar does not reach (OPEN_END among them)."""
    try:
        return date.fromordinal(day + _EPOCH_ORDINAL)
    except (ValueError, OverflowError):
        return None


def status_in(word: int, shift: int) -> int:
    """The four status bits of one record in its word; 0 is in force."""
    return (word >> shift) & 0xF


def _refuse_bits_above(word: int, bits: int, what: str) -> None:
    if word < 0 or word >> bits:
        raise InvalidProof(f"the word of a {what} has bits above its fields", word=hex(word))


def _pack(*fields: tuple[int, int, int]) -> int:
    """Word of (value, offset, width) fields, in bits."""
    word = 0
    for value, offset, width in fields:
        if value < 0 or value >> width:
            raise InvalidProof(f"a value does not fit its {width} bits", value=value)
        word |= value << offset
    return word


@dataclass(frozen=True, slots=True)
class Standing:
    """An organisation's place in the network; all zero when it is unknown."""

    registered: bool
    suspended: bool
    generation: int

    @classmethod
    def from_word(cls, word: int) -> Standing:
        """The standing that a storage word holds. Raises InvalidProof if a bit is set that no contract sets."""
        _refuse_bits_above(word, 40, "standing")
        if word & 0xFC:
            raise InvalidProof("the word of a standing has unknown flags", word=hex(word))
        return cls(registered=bool(word & 1), suspended=bool(word & 2), generation=word >> 8)

    def to_word(self) -> int:
        """The storage word: bit 0 registered, bit 1 suspended, bits 8 to 39 generation."""
        return _pack((int(self.registered), 0, 1), (int(self.suspended), 1, 1), (self.generation, 8, 32))


@dataclass(frozen=True, slots=True)
class PermitEntry:
    """One entry of an organisation's permits for a type; days count from 1970-01-01, recorded_at is unix seconds."""

    action: int
    from_day: int
    until_day: int
    recorded_at: int

    @classmethod
    def from_word(cls, word: int) -> PermitEntry:
        """The entry that a storage word holds. Raises InvalidProof if a bit is set that no contract sets."""
        _refuse_bits_above(word, 136, "permit")
        action = word & 0xFF
        if action not in (PERMIT_GRANT, PERMIT_END):
            raise InvalidProof("a permit entry is neither grant nor end", action=action)
        return cls(action, (word >> 8) & 0xFFFFFFFF, (word >> 40) & 0xFFFFFFFF, word >> 72)

    def to_word(self) -> int:
        """The storage word: action, first and last day (days since 1970), moment of recording (unix seconds)."""
        return _pack((self.action, 0, 8), (self.from_day, 8, 32), (self.until_day, 40, 32), (self.recorded_at, 72, 64))


@dataclass(frozen=True, slots=True)
class SealState:
    """One state of a seal (SEAL_IN_FORCE, SEAL_FROZEN, SEAL_CANCELLED) and when it was recorded, unix seconds."""

    state: int
    recorded_at: int

    @classmethod
    def from_word(cls, word: int) -> SealState:
        """The state that a storage word holds. Raises InvalidProof if no contract writes such a word."""
        _refuse_bits_above(word, 72, "seal state")
        state = word & 0xFF
        if state not in (SEAL_IN_FORCE, SEAL_FROZEN, SEAL_CANCELLED):
            raise InvalidProof("a seal state is unknown", state=state)
        return cls(state, word >> 8)

    def to_word(self) -> int:
        """The storage word: state in bits 0 to 7, moment of recording (unix seconds) in bits 8 to 71."""
        return _pack((self.state, 0, 8), (self.recorded_at, 8, 64))


@dataclass(frozen=True, slots=True)
class SealPeriod:
    """A seal's period, unix seconds, and its type (GB/T 38540: 1 statutory name … 5 personal)."""

    valid_from: int
    valid_until: int
    seal_type: int

    @classmethod
    def from_word(cls, word: int) -> SealPeriod:
        """The period that a storage word holds. Raises InvalidProof if a bit is set that no contract sets."""
        _refuse_bits_above(word, 136, "seal period")
        return cls(word & (2**64 - 1), (word >> 64) & (2**64 - 1), word >> 128)

    def to_word(self) -> int:
        """The storage word: first and last moment (unix seconds) in 64 bits each, then the seal's type."""
        return _pack((self.valid_from, 0, 64), (self.valid_until, 64, 64), (self.seal_type, 128, 8))


@dataclass(frozen=True, slots=True)
class CatalogStanding:
    """Who owns a catalog entry, what was done last (CATALOG_PUBLISH, _CHANGE, _WITHDRAW), and its sequence number."""

    organisation: str
    action: int
    sequence: int

    @classmethod
    def from_word(cls, word: int) -> CatalogStanding:
        """Raises InvalidProof for a word that is zero (an absent entry has no standing) or malformed."""
        _refuse_bits_above(word, 256, "catalog standing")
        organisation = (word >> 112).to_bytes(18, "big")
        action = (word >> 64) & 0xFFFFFFFFFFFF
        if action not in (CATALOG_PUBLISH, CATALOG_CHANGE, CATALOG_WITHDRAW) or not organisation.isalnum():
            raise InvalidProof("a catalog standing is malformed", word=hex(word))
        return cls(organisation.decode("ascii"), action, word & (2**64 - 1))

    def to_word(self) -> int:
        """The storage word: sequence in 64 bits, action in 48, then the 18 characters of the organisation's code."""
        organisation = int.from_bytes(organisation_word(self.organisation)[:18], "big")
        return _pack((self.sequence, 0, 64), (self.action, 64, 48), (organisation, 112, 144))
