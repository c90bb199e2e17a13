"""What is stored, taken for what it may have become: altered rows raise `Corrupt`, nothing else."""

from __future__ import annotations

from chain_service.core.records.disclosure import Disclosure, parse_disclosure
from chain_service.core.records.states import State
from chain_service.errors import (
    BadRequest,
    Corrupt,
    MalformedRecord,
    NotFound,
)
from chain_service.store.records import StoredRecord
from chain_service.store.rows import json_object
from chain_service.store.statuses import StoredStatusChange

_NUMBERS = ("generation", "leaf_index", "size", "final_block", "final_time")
_HASHES = ("root", "final_hash", "final_tx")
_FINAL = ("final_block", "final_hash", "final_time", "final_tx")
_PLACE = ("generation", "leaf_index", "size", "root")
_LARGEST = 2**53


def require_intact(record: StoredRecord) -> None:
    """Place, head and finality of the record are numbers and hashes, whole or not there. Raises `Corrupt`."""
    values = {name: getattr(record, name) for name in (*_NUMBERS, *_HASHES)}
    numbers = [values[name] for name in _NUMBERS if values[name] is not None]
    hashes = [values[name] for name in _HASHES if values[name] is not None]
    sound = all(type(number) is int and 0 <= number < _LARGEST for number in numbers)
    sound = sound and all(len(value) == 32 for value in hashes)
    sound = sound and len({values[name] is None for name in _FINAL}) == 1
    if record.state in ("batched", "anchored"):
        sound = sound and all(values[name] is not None for name in _PLACE)
    if not sound or not isinstance(record.created_at, int | float):
        raise Corrupt("the record's stored place or final block is damaged", record=record.id)


def log_position(record: StoredRecord) -> tuple[int, int, int]:
    """Generation, index and the size of the log that a batched record has. Raises `Corrupt`."""
    require_intact(record)
    if record.generation is None or record.leaf_index is None or record.size is None:
        raise Corrupt("the stored record has no place in the log any more", record=record.id)
    return record.generation, record.leaf_index, record.size


def stored_state(number: int) -> State:
    """The state of this number. Raises `Corrupt` if it is none."""
    try:
        return State(number)
    except ValueError:
        raise Corrupt("a stored change of state has a state that does not exist") from None


def told_successor(change: StoredStatusChange) -> str | None:
    """The successor that our record of the change names. Raises `Corrupt` where the record is damaged."""
    if change.body is None:
        return None
    successor = json_object(change.body, "a stored change of state", change=change.id).get("successor")
    if not isinstance(successor, str | None):
        raise Corrupt("a stored change of state is damaged: its successor is no record's id", change=change.id)
    return successor


def disclosure_of(record: StoredRecord) -> Disclosure:
    """What is stored, as a disclosure. Raises `Corrupt` if it is no record any more."""
    if record.body is None or record.salt is None:
        raise NotFound("the record has no content", code="record_unknown", id=record.id)
    try:
        disclosure = stored_disclosure(record.body, record.salt)
    except BadRequest as error:
        raise Corrupt("the stored record is no longer a valid record", code="record_altered", id=record.id) from error
    return disclosure


def stored_disclosure(body: bytes, salt: bytes) -> Disclosure:
    """The disclosure of stored bytes. Raises `MalformedRecord` or `MalformedDocument` if they were altered badly."""
    disclosure = parse_disclosure(b'{"record":' + body + b',"salt":"' + salt.hex().encode() + b'"}')
    if not isinstance(disclosure, Disclosure):
        raise MalformedRecord("the stored record is incomplete")
    return disclosure
