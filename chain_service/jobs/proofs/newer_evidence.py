"""Receipts with what the chain holds today: a second evidence beside the first one.

It shows the head again, the status word, and the states of the record's seals, so that one frozen since is seen. Where
the first evidence does not do by itself, the second one shows the rest as well: all that judging the record needs where
validators of a closed range sealed the first, who may not count any more; a seal's owner and digest where its batch had
more seals than one proof holds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from chain_service.chain.reader import HistoryRequest
from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.evidence import ProvenState, Slot
from chain_service.core.chainproof.evidence_cbor import BlockProof, Selector
from chain_service.core.chainproof.headers import decode_fields
from chain_service.core.chainproof.storage_layout import ORGANISATIONS, RECORD_LOG, SEAL_REGISTRY
from chain_service.core.chainproof.trust import ChainTrust
from chain_service.core.receipts import receipt as receipts
from chain_service.core.receipts.receipt import Receipt
from chain_service.core.records.hashing import parse_log_id
from chain_service.core.registries.histories import place_slots, seal_slots, slots_of_record
from chain_service.errors import ChainServiceError, Corrupt, InvalidProof
from chain_service.jobs.context import App
from chain_service.jobs.proofs.batch_proof import MAX_SEALS
from chain_service.store.records import StoredRecord
from chain_service.store.registries import seals
from chain_service.store.rows import json_object

MAX_UNNAMED = 4096
"""Words of seals that nobody registered in one read of the chain; no receipt has more than 1,024 slots."""
_FACTS = (storage_layout.SEAL_OWNER, storage_layout.SEAL_SHA256)


@dataclass(frozen=True)
class _Refreshing:
    """A receipt and what its second evidence has to show of seals."""

    receipt: Receipt
    type_code: str | None
    is_closed: bool
    seals: tuple[str, ...]
    """Codes of the seals that the record names, as far as that is known."""
    unshown: frozenset[str]
    """Those of them whose owner and digest the first evidence does not show."""
    unnamed: tuple[Slot, ...]
    """Words of the registry that the first evidence shows of no seal that is known here: absent ones, as a rule."""


def with_newer_evidence(
    app: App, old: Sequence[Receipt], known: Mapping[str, StoredRecord]
) -> list[Receipt | ChainServiceError]:
    """Each with its state at the newest final block, or why it cannot be; `known` are their records by id.

    Receipts share a read of the chain, as long as their seals are few enough for one. Raises `Unavailable`,
    `InvalidProof`.
    """
    return [fresh for group in _groups(_refreshing(app, old, known)) for fresh in _together(app, group)]


def is_closed(trust: ChainTrust, one: Receipt) -> bool:
    """Whether its first evidence is about a block whose validators have been followed by others."""
    block = one.blocks[0]
    return trust.range_at(_block_number(block), block.evidence.form) is not trust.open


def lacks_a_seal(trust: ChainTrust, one: Receipt, record: StoredRecord) -> bool:
    """Whether its first evidence leaves out a seal that the record names."""
    codes = seal_codes(record)
    if not codes:
        return False
    shown = _shown(trust, one)
    return any(storage_layout.seal_state_slot(code, 0) not in shown for code in codes)


def type_code_of(record: StoredRecord | None) -> str | None:
    """The type whose permits count for a record; None for a document, and for a record that is not known here."""
    return record.type_code if record is not None and record.kind == "certificate" else None


def seal_codes(record: StoredRecord | None) -> list[str] | None:
    """The seals that the record names; None where its content was erased or is not known here."""
    if record is None or record.body is None:
        return None
    if b'"sealCodes"' not in record.body:
        return []
    try:
        codes = json_object(record.body, "a stored record").get("sealCodes", ())
    except Corrupt:
        return []
    return [code for code in codes if isinstance(code, str)] if isinstance(codes, list) else []


def _refreshing(app: App, old: Sequence[Receipt], known: Mapping[str, StoredRecord]) -> list[_Refreshing]:
    """What each has to show. Of a record whose content is not known here, the seals are those of its first evidence."""
    trust = app.require_chain().reader.trust
    named = {receipt.record_id: seal_codes(known.get(receipt.record_id)) for receipt in old}
    registered: dict[bytes, str] = {}
    if None in named.values():
        with app.database.reading() as connection:
            codes_known = [seal.code for seal in seals.of_owner(connection)]
        registered = {storage_layout.seal_state_slot(code, 0): code for code in codes_known}
    wanted = []
    for receipt in old:
        shown = _shown(trust, receipt)
        codes = named[receipt.record_id]
        unnamed: Collection[bytes] = ()
        if codes is None:
            codes = [registered[slot] for slot in sorted(shown) if slot in registered]
            unnamed = shown - {slot for code in codes for slot in _slots_of_seal(code, len(shown))}
        wanted.append(
            _Refreshing(
                receipt=receipt,
                type_code=type_code_of(known.get(receipt.record_id)),
                is_closed=is_closed(trust, receipt),
                seals=tuple(dict.fromkeys(codes)),
                unshown=frozenset(code for code in codes if storage_layout.seal_fact_slot(code, 0) not in shown),
                unnamed=tuple((SEAL_REGISTRY, slot) for slot in sorted(unnamed)),
            )
        )
    return wanted


def _shown(trust: ChainTrust, one: Receipt) -> set[bytes]:
    """The slots of the seal registry that the first evidence shows."""
    address = trust.contracts[SEAL_REGISTRY].address
    return {slot for of, slots in one.blocks[0].evidence.accounts if of == address for slot in slots}


def _slots_of_seal(code: str, most: int) -> Iterator[bytes]:
    for n in range(most):
        yield storage_layout.seal_fact_slot(code, n)
        yield storage_layout.seal_state_slot(code, n)


def _groups(wanted: Sequence[_Refreshing]) -> Iterator[list[_Refreshing]]:
    """Neighbours whose seals are few enough for one read of the chain; one that has more stands alone."""
    group: list[_Refreshing] = []
    codes: set[str] = set()
    unnamed: set[Slot] = set()
    for refreshable in wanted:
        more_codes, more_unnamed = codes | set(refreshable.seals), unnamed | set(refreshable.unnamed)
        if group and (len(more_codes) > MAX_SEALS or len(more_unnamed) > MAX_UNNAMED):
            yield group
            group, more_codes, more_unnamed = [], set(refreshable.seals), set(refreshable.unnamed)
        group.append(refreshable)
        codes, unnamed = more_codes, more_unnamed
    if group:
        yield group


def _together(app: App, group: Sequence[_Refreshing]) -> list[Receipt | ChainServiceError]:
    reader = app.require_chain().reader
    wants = [
        slot
        for refreshable in group
        for slot in (*place_slots(refreshable.receipt.log, refreshable.receipt.proof), *refreshable.unnamed)
    ]
    facts = {
        code for refreshable in group for code in (refreshable.seals if refreshable.is_closed else refreshable.unshown)
    }
    wants += [(SEAL_REGISTRY, storage_layout.seal_fact_slot(code, n)) for code in sorted(facts) for n in _FACTS]
    evidence, state, _ = reader.prove_histories(reader.final_head(), wants, list(_histories(group)))
    selector = Selector(evidence, reader.trust)
    done: list[Receipt | ChainServiceError] = []
    for refreshable in group:
        try:
            done.append(_with_newer(refreshable, state, selector))
        except InvalidProof as error:
            done.append(error)
    return done


def _histories(group: Sequence[_Refreshing]) -> Iterator[HistoryRequest]:
    """The seals' states, and the log keys and permits that judging records of a closed range needs, each once."""
    for code in dict.fromkeys(code for refreshable in group for code in refreshable.seals):
        yield HistoryRequest(SEAL_REGISTRY, partial(storage_layout.seal_state_slot, code), 2)
    closed = [
        (parse_log_id(refreshable.receipt.log)[0], refreshable.type_code)
        for refreshable in group
        if refreshable.is_closed
    ]
    for org in dict.fromkeys(org for org, _ in closed):
        yield HistoryRequest(ORGANISATIONS, partial(storage_layout.log_key_slot, org), 1)
    for org, type_code in dict.fromkeys(closed):
        if type_code is not None:
            yield HistoryRequest(ORGANISATIONS, partial(storage_layout.permit_slot, org, type_code), 1)


def _with_newer(one: _Refreshing, state: ProvenState, selector: Selector) -> Receipt:
    """With as many of its seals as fit. Raises InvalidProof."""
    old = one.receipt
    if state.block <= _block_number(old.blocks[0]):
        return old  # also from nodes that are behind, which may not know the head yet
    if state.word(RECORD_LOG, storage_layout.head_slot(old.log, old.proof.size)) == 0:
        raise InvalidProof("the chain holds no log head of this receipt's size", code="head_not_on_chain")
    if one.is_closed:
        slots = slots_of_record(state, old.log, old.proof, old.key_id, one.type_code)
    else:
        slots = place_slots(old.log, old.proof)
    of_seals = [seal_slots(state, code, facts=one.is_closed or code in one.unshown) for code in one.seals]
    of_seals += [[slot] for slot in one.unnamed]
    room = receipts.room_for_newer(old) if of_seals else receipts.MAX_RECEIPT_BYTES
    return receipts.refreshed(old, selector.select_fitting(slots, of_seals, room))


def _block_number(block: BlockProof) -> int:
    return int.from_bytes(decode_fields(block.evidence.headers[0])[8], "big")
