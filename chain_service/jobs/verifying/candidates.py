"""Every record that a file or an identifier leads to, and which of them is meant as far as the store can tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from chain_service.core.encoding.comparison import folded, folded_name, spellings
from chain_service.core.records.hashing import log_id
from chain_service.core.records.identifiers import OrgCode
from chain_service.core.records.states import State
from chain_service.core.verdicts.inputs import Content
from chain_service.core.verdicts.judge import listed_files, same_file
from chain_service.errors import BadRequest, Corrupt
from chain_service.jobs.asker import Asker
from chain_service.jobs.integrity import stored_disclosure
from chain_service.jobs.verifying.request import MAX_IDENTIFIER, ParsedRequest, VerificationRequest
from chain_service.store import records
from chain_service.store.chain_index import states
from chain_service.store.records import ErasedFile, StoredRecord
from chain_service.store.rows import json_object

LOOKED_AT = 16
"""Anchored records that one file or identifier may lead to. Where there are more, only a disclosure, a receipt or a
seal that says which one is meant leads to anything valid, and only if no other one can have ended unseen."""
COUNTED = 1000
"""Records whose states are looked up in the index where there are more than LOOKED_AT."""


@dataclass(frozen=True)
class CandidateRecords:
    """The anchored records that a question leads to by file or identifier, the newest one first."""

    records: tuple[StoredRecord, ...] = ()
    crowded: bool = False
    """True where there are more than these."""
    counted: bool = False
    """As in JudgeInput."""
    inexact: frozenset[str] = frozenset()
    """Ids of those that name one digest of the file and another one that differs."""
    erased: tuple[StoredRecord, ...] = ()
    """Records whose content is gone and which named the file: they count only if they have ended."""

    def besides(self, chosen: StoredRecord | None) -> tuple[StoredRecord, ...]:
        """All but the one chosen."""
        return tuple(record for record in (*self.records, *self.erased) if chosen is None or record.id != chosen.id)

    def meant(self) -> tuple[StoredRecord | None, bool]:
        """The record that these lead to by themselves, and whether it cannot be told because several claim the file.

        Of one organisation's records the newest certificate is meant, or else the newest document.
        """
        exact = [record for record in self.records if record.id not in self.inexact] or list(self.records)
        if len({record.org for record in exact}) > 1:
            return None, True
        return next(iter(sorted(exact, key=lambda record: record.kind != "certificate")), None), False


Keyed = Callable[[str], bytes]
"""The keyed digest under which the digest of an erased record's file, `algorithm:hex`, is kept."""


def named_by(
    connection: Connection, question: VerificationRequest, read: ParsedRequest, asker: Asker, keyed: Keyed
) -> CandidateRecords:
    """The anchored records that the file, its digest or the identifier of a question leads to."""
    pairs = _digests(read)
    naming = records.naming_file(connection, pairs, LOOKED_AT + 1) if pairs else []
    inexact = {record.id for record in naming if not _names(record, read)}
    linked = _linked(pairs, [read.disclosure, *map(recalled, naming)])
    if linked:
        known = {record.id for record in naming}
        more = records.naming_file(connection, linked, LOOKED_AT + 1)
        naming += [record for record in more if record.id not in known and not _contradicts(record, pairs, linked)]
    if question.identifier is not None:
        known = {record.id for record in naming}
        naming += [record for record in _identified(connection, question, asker) if record.state == "anchored"]
        naming = [one for at, one in enumerate(naming) if one.id not in known or at < len(known)]
    crowded, counted = len(naming) > LOOKED_AT, False
    if crowded:
        before = {record.id for record in naming}
        naming, counted = _changed_first(connection, pairs, naming)
        inexact |= {record.id for record in naming if record.id not in before and not _names(record, read)}
    looked_at = sorted(naming[:LOOKED_AT], key=lambda record: -record.seq)
    erased, all_seen = _erased(connection, pairs, linked, keyed)
    crowded, counted = crowded or not all_seen, counted and all_seen
    return CandidateRecords(tuple(looked_at), crowded, counted, frozenset(inexact), erased)


def _erased(
    connection: Connection, pairs: Sequence[tuple[str, bytes]], linked: Sequence[tuple[str, bytes]], keyed: Keyed
) -> tuple[tuple[StoredRecord, ...], bool]:
    """The erased records that named a file presented, those first that ever changed their state, and whether none of
    these is left out.
    """
    if not pairs or not records.any_kept(connection):
        return (), True
    asked, more = ({keyed(f"{name}:{value.hex()}"): name for name, value in digests} for digests in (pairs, linked))
    by_file: dict[tuple[str, int], list[ErasedFile]] = {}
    for row in records.erased_naming(connection, [*asked, *more], COUNTED + 1):
        by_file.setdefault((row.record_id, row.n), []).append(row)
    places: dict[str, ErasedFile] = {}
    for stated in by_file.values():
        kept = {row.kept_digest for row in stated}
        denied = any(row.algorithm in asked.values() and row.kept_digest not in asked for row in stated)
        if not kept.isdisjoint(asked) or (not kept.isdisjoint(more) and not denied):
            places[stated[0].record_id] = stated[0]
    changed = _changed(connection, [(id, row.org, row.generation, row.leaf_index) for id, row in places.items()])
    first = sorted(places, key=lambda id: changed.get(id, State.IN_FORCE) == State.IN_FORCE)[:LOOKED_AT]
    erased = records.get_many(connection, first)
    return tuple(erased.values()), len(changed) <= LOOKED_AT and len(places) <= COUNTED


def _changed(connection: Connection, places: Sequence[tuple[str, str, int, int]]) -> dict[str, int]:
    """The state of those that ever changed, by id, of records at these places: id, organisation, generation, index."""
    by_log: dict[bytes, dict[int, str]] = {}
    for id, org, generation, index in places:
        by_log.setdefault(log_id(OrgCode(org), generation), {})[index] = id
    return {
        ids[index]: state for log, ids in by_log.items() for index, state in states(connection, log, list(ids)).items()
    }


def _changed_first(
    connection: Connection, pairs: Sequence[tuple[str, bytes]], naming: Sequence[StoredRecord]
) -> tuple[list[StoredRecord], bool]:
    """The records that ever changed their state before all others, and whether there is room for all of them.

    What ended must not hide behind the many that are anchored for this.
    """
    places = records.places_naming_file(connection, pairs, COUNTED + 1) if pairs else []
    known = {id for id, *_ in places}
    for record in naming:
        if record.id not in known and record.generation is not None and record.leaf_index is not None:
            places.append((record.id, record.org, record.generation, record.leaf_index))
    changed = _changed(connection, places)
    first = sorted(changed, key=lambda id: changed[id] == State.IN_FORCE)[:LOOKED_AT]
    rows = records.get_many(connection, first)
    others = [record for record in naming if record.id not in rows]
    return [*rows.values(), *others], len(changed) <= LOOKED_AT and len(places) <= COUNTED


def waiting_for(
    connection: Connection, question: VerificationRequest, read: ParsedRequest, asker: Asker
) -> StoredRecord | None:
    """The record under way that a question with nothing anchored leads to: certificates first, then the first one."""
    pairs = _digests(read)
    naming = records.naming_file(connection, pairs, LOOKED_AT, final=False) if pairs else []
    if question.identifier is not None:
        naming += _identified(connection, question, asker)
    under_way = [record for record in naming if record.state in ("pending", "batched")]
    return min(under_way, key=lambda record: (record.kind != "certificate", record.seq), default=None)


def _digests(read: ParsedRequest) -> list[tuple[str, bytes]]:
    """Every digest of every file presented, as it is and as it was before a receipt was attached."""
    files = (*read.files, read.before_attaching)
    return [(name, bytes.fromhex(value)) for digests in files for name, value in digests.items()]


def _linked(pairs: Sequence[tuple[str, bytes]], contents: Iterable[Content | None]) -> list[tuple[str, bytes]]:
    """The other digests of the files presented, as the disclosure or a record that names one of `pairs` states them.

    Whoever asks by one digest is told of what ended under another one.
    """
    asked = {(name, value.hex()) for name, value in pairs}
    linked: dict[tuple[str, str], None] = {}
    for content in contents:
        for digests in listed_files(content):
            stated = dict.fromkeys(digests.items())
            if not asked.isdisjoint(stated):
                linked |= {pair: None for pair in stated if pair not in asked}
    return [(name, bytes.fromhex(value)) for name, value in linked]


def _contradicts(record: StoredRecord, pairs: Sequence[tuple[str, bytes]], linked: Sequence[tuple[str, bytes]]) -> bool:
    """Whether the record states another value of what was asked: another's record may link two files."""
    asked, other = {(name, value.hex()) for name, value in pairs}, {(name, value.hex()) for name, value in linked}
    algorithms = {name for name, _ in asked}
    meant = [file for file in listed_files(recalled(record)) if not other.isdisjoint(file.items())]
    return bool(meant) and all(
        any(name in algorithms and (name, value) not in asked for name, value in digests_meant.items())
        for digests_meant in meant
    )


def recalled(record: StoredRecord) -> Content | None:
    """The stored record and salt; None where they are erased or no record any more."""
    if record.body is None or record.salt is None:
        return None
    try:
        return stored_disclosure(record.body, record.salt)
    except BadRequest:
        return None


def _names(record: StoredRecord, read: ParsedRequest) -> bool:
    """Whether the record names a file presented, no digest of which differs."""
    listed = listed_files(recalled(record))
    presented = [file for file in (*read.files, read.before_attaching) if file]
    return any(same_file(digests, stated) for digests in presented for stated in listed)


def _identified(connection: Connection, question: VerificationRequest, asker: Asker) -> list[StoredRecord]:
    """Without the role `verify`, only if number and a holder's name fit: otherwise as if there were none.

    A record under the very text that was asked for is the one: what ended under another spelling says nothing of it.
    A key that is limited to certificate types is answered the same for all others.
    """
    identifier = question.identifier
    if identifier is None or len(identifier) > MAX_IDENTIFIER or "\0" in identifier:
        return []
    forms = spellings(identifier)  # told by what was typed alone: a look-up takes as long for what does not exist
    if len(forms) == 1:
        identified = records.by_identity(connection, identifier)
    else:
        identified = records.by_identities(connection, forms)
    identified = [record for record in identified if asker.may_look_up(record.type_code)]
    if "verify" not in asker.roles:
        identified = [record for record in identified if _fits(record, question)]
    return [record for record in identified if record.identity == identifier] or identified


def _fits(record: StoredRecord, question: VerificationRequest) -> bool:
    body = _body(record)
    holders = body.get("holders", ())
    if not isinstance(holders, list):
        return False
    names = [str(holder.get("certificateHolderName")) for holder in holders if isinstance(holder, dict)]
    number, asked = body.get("certificateNumber"), question.number
    if number is None or asked is None or question.holder_name is None:
        return False
    if folded(str(number)) != folded(asked):
        return False
    return folded_name(question.holder_name) in map(folded_name, names)


def _body(record: StoredRecord) -> Mapping[str, object]:
    try:
        return json_object(record.body, "a stored record") if record.body is not None else {}
    except Corrupt:
        return {}


def newest(stored: Sequence[StoredRecord]) -> StoredRecord | None:
    """The newest anchored one, else the newest one that did not fail."""
    for wanted in ("anchored", "batched", "pending"):
        for record in stored:
            if record.state == wanted:
                return record
    return None
