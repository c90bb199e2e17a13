"""Evidence and receipts tampered with in every way, asked of both offline verifiers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import cbor2

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.evidence import verify_evidence
from chain_service.core.chainproof.evidence_cbor import BlockProof, select
from chain_service.core.encoding import rlp
from chain_service.core.receipts import receipt as receipts
from chain_service.core.receipts.receipt import Receipt
from chain_service.core.records.hashing import log_id
from chain_service.core.records.states import State
from support.chains.clique_simulator import CHAIN_ID, Validator, chain, validators
from support.offline.offline_questions import ISSUED, QBFT, Question, ask, twice
from support.worlds import judged_records
from support.worlds.receipt_world import BLOCK, TIME, Issued


def _block(issued: Issued, **changes: Any) -> Receipt:
    return issued.receipt(blocks=(BlockProof(replace(issued.first, **changes)),))


def tampered_evidence() -> Iterator[Question]:
    for issued in (ISSUED, QBFT):
        first, kind = issued.first, issued.consensus
        other_kind = "evm-qbft/1" if kind == "clique" else "evm-clique/1"
        yield ask(f"{kind}: another chain id", issued, _block(issued, chain_id=CHAIN_ID + 1))
        yield ask(f"{kind}: another genesis", issued, _block(issued, genesis_hash=bytes(32)))
        yield ask(f"{kind}: another form", issued, _block(issued, form=other_kind, headers=first.headers[:1]))
        yield ask(f"{kind}: a node missing", issued, _block(issued, nodes=first.nodes[:-1]))
        yield ask(
            f"{kind}: a node too many",
            issued,
            _block(issued, nodes=(*first.nodes, rlp.encode([b"\x20" + bytes(40), b"x"]))),
        )
        yield ask(f"{kind}: a node twice", issued, _block(issued, nodes=(*first.nodes, first.nodes[0])))
        yield ask(f"{kind}: nodes in another order", issued, _block(issued, nodes=first.nodes[::-1]))
        for place, node in enumerate(first.nodes):
            changed = (*first.nodes[:place], node[:-1] + bytes([node[-1] ^ 1]), *first.nodes[place + 1 :])
            yield ask(f"{kind}: node {place} changed", issued, _block(issued, nodes=changed))
        for place, (address, slots) in enumerate(first.accounts):
            fewer = (*first.accounts[:place], (address, slots[:-1]), *first.accounts[place + 1 :])
            yield ask(f"{kind}: a slot of account {place} left out", issued, _block(issued, accounts=fewer))
            gone = (*first.accounts[:place], *first.accounts[place + 1 :])
            if gone:
                yield ask(f"{kind}: account {place} left out", issued, _block(issued, accounts=gone))
        stranger = ((bytes([255]) * 20, (bytes(32),)),)
        yield ask(f"{kind}: an untrusted contract", issued, _block(issued, accounts=(*first.accounts, *stranger)))
        pool = issued.pooled()
        yield ask(f"{kind}: the whole batch's pool", issued, issued.receipt(blocks=(BlockProof(pool),)))
        yield ask(f"{kind}: another height's header", issued, _block(issued, headers=issued.pooled(9, 1).headers))
    yield from _tampered_seals()


def _tampered_seals() -> Iterator[Question]:
    among, root = validators(4), ISSUED.world().root
    for name, sealers in {
        "two headers": among[:2],
        "four headers": [*among[3:], *among[:3]],
        "a repeated signer": [among[3], among[0], among[3]],
        "a stranger's seal": [among[3], Validator.from_number(99), among[1]],
    }.items():
        yield ask(f"clique: {name}", receipt=_block(ISSUED, headers=tuple(chain(7, sealers, among, root))))
    headers = ISSUED.first.headers
    longer = chain(7, [*among[3:], *among[:3]], among, root)
    yield ask("clique: a gap", receipt=_block(ISSUED, headers=(longer[0], longer[1], longer[3])))
    yield ask("clique: unlinked", receipt=_block(ISSUED, headers=(headers[0], *chain(8, among[:2], among, root))))
    yield ask("clique: out of order", receipt=_block(ISSUED, headers=headers[::-1]))
    yield ask(
        "clique: RLP not minimal",
        receipt=_block(
            ISSUED,
            headers=(b"\xf9" + (len(headers[0]) - 3).to_bytes(2, "big") + b"\x81" + headers[0][4:], *headers[1:]),
        ),
    )
    for issued in (ISSUED, QBFT):
        yield from _flipped_headers(issued)
    yield from _qbft_seals()


def _flipped_headers(issued: Issued) -> Iterator[Question]:
    header = issued.first.headers[0]
    for bit in range(0, len(header) * 8, 211):
        flipped = bytearray(header)
        flipped[bit // 8] ^= 1 << bit % 8
        yield ask(
            f"{issued.consensus}: header bit {bit}",
            issued,
            _block(issued, headers=(bytes(flipped), *issued.first.headers[1:])),
        )


def _qbft_seals() -> Iterator[Question]:
    fields = rlp.decode_list(QBFT.first.headers[0])
    assert isinstance(fields[12], bytes)
    extra = rlp.decode_list(fields[12])
    seals = extra[4]
    assert isinstance(seals, list)
    last = seals[-1]
    assert isinstance(last, bytes)
    for name, changed in {
        "one seal less": seals[:-1],
        "a seal twice": [*seals[:-1], seals[0]],
        "too many seals": [*seals, *seals],
        "no seals": [],
        "other order": seals[::-1],
        "a seal of zeros": [*seals[:-1], bytes(65)],
        "v of 27": [*seals[:-1], last[:64] + b"\x1b"],
        "s turned": [*seals[:-1], _turned(last)],
        "s turned and v too": [*seals[:-1], _turned(last, 1)],
    }.items():
        yield ask(f"qbft: {name}", QBFT, _block(QBFT, headers=(_with_extra(fields, [*extra[:4], changed]),)))
    yield ask("qbft: six items", QBFT, _block(QBFT, headers=(_with_extra(fields, [*extra, b""]),)))
    yield ask(
        "qbft: round nought as a byte", QBFT, _block(QBFT, headers=(_with_extra(fields, [*extra[:3], b"\0", seals]),))
    )
    yield ask("qbft: another round", QBFT, _block(QBFT, headers=(_with_extra(fields, [*extra[:3], b"\x05", seals]),)))


def _turned(seal: Any, flip: int = 0) -> bytes:
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    s = order - int.from_bytes(seal[32:64], "big")
    return bytes(seal[:32]) + s.to_bytes(32, "big") + bytes([seal[64] ^ flip])


def _with_extra(fields: list[Any], extra: list[Any]) -> bytes:
    return rlp.encode([*fields[:12], rlp.encode(extra), *fields[13:]])


def tampered_receipts() -> Iterator[Question]:
    receipt = ISSUED.receipt()
    yield ask("another signature", receipt=replace(receipt, signature=bytes(64)))
    yield ask("another record id", receipt=replace(receipt, record_id="x"))
    yield ask("another key id", receipt=replace(receipt, key_id=bytes(8)))
    yield ask("another RecordLog", receipt=replace(receipt, contract=bytes(20)))
    yield before_the_anchoring(ISSUED)
    yield before_the_anchoring(QBFT)
    for before in (State.IN_FORCE, State.SUSPENDED, State.WITHDRAWN):
        for after in (State.IN_FORCE, State.WITHDRAWN, State.SUPERSEDED):
            yield ask(f"{before.code}, then {after.code}", receipt=twice(ISSUED, before, after), now=TIME + 200)
    yield ask("another chain", receipt=replace(receipt, chain_id=1))
    yield ask("another generation", receipt=replace(receipt, log=log_id(judged_records.ORG, 1)))
    proof = receipt.proof
    for size, index, path in [
        (proof.size + 1, proof.index, proof.path),
        (proof.size, proof.index + 1, proof.path),
        (proof.size, 0, proof.path),
        (proof.size, proof.size, proof.path),
        (proof.size, proof.index, proof.path[:-1]),
        (proof.size, proof.index, (*proof.path, bytes(32))),
        (proof.size, proof.index, (bytes(32), *proof.path[1:])),
        (2**53 - 1, 2**52, proof.path),
    ]:
        changed = replace(receipt, proof=replace(proof, size=size, index=index, path=path))
        yield ask(f"size {size}, index {index}, {len(path)} hashes, {path[0][:1].hex()}", receipt=changed)
    message = cbor2.loads(receipts.encode(receipt)).value
    for name, change in _MESSAGE_CHANGES.items():
        yield ask(f"message: {name}", receipt=b"\xd2" + cbor2.dumps(_changed_message(message, change), canonical=True))
    data = receipts.encode(receipt)
    yield ask("message: untagged", receipt=data[1:])
    yield ask("message: trailing", receipt=data + b"\0")
    yield ask("message: indefinite", receipt=b"\xd2\x9f" + data[2:] + b"\xff")
    yield ask("message: too large", receipt=data + bytes(256 * 1024))
    yield ask("message: nested", receipt=b"\xd2" + b"\x81" * 5000 + b"\0")
    yield ask("message: a bomb", receipt=b"\xd2\x9b\xff\xff\xff\xff\xff\xff\xff\xff")
    yield ask(
        "outside attestations", receipt=ISSUED.receipt(blocks=(BlockProof(ISSUED.first, "checkpoint", (b"token",)),))
    )


def before_the_anchoring(issued: Issued) -> Question:
    """The first evidence is from before the record was anchored, so that a permit recorded since would count."""
    receipt = issued.receipt(issued_at=TIME + BLOCK)
    since = replace(
        issued.content, permits=tuple(replace(one, recorded_at=TIME + 90) for one in issued.content.permits)
    )
    later = replace(issued, content=since)
    slots = list(verify_evidence(later.first, later.chain).words)
    fresh = select(later.pooled(BLOCK + 100), later.chain, slots)
    head = storage_layout.head_slot(receipt.log, receipt.proof.size)
    early = later.pooled(BLOCK - 1, without=((storage_layout.RECORD_LOG, head),))
    first = select(early, later.chain, slots)
    return ask(
        f"{issued.consensus}, first evidence from before the anchoring",
        later,
        replace(receipt, blocks=(BlockProof(first), BlockProof(fresh))),
        now=TIME + 200,
    )


def _changed_message(message: list[Any], change: Callable[[list[Any]], Any]) -> list[Any]:
    made = cbor2.loads(cbor2.dumps(message))
    change(made)
    return list(made)


def _in_protected(change: Callable[[dict[Any, Any]], Any]) -> Callable[[list[Any]], Any]:
    def changed(message: list[Any]) -> None:
        header = cbor2.loads(message[0])
        change(header)
        message[0] = cbor2.dumps(header, canonical=True)

    return changed


_MESSAGE_CHANGES: dict[str, Callable[[list[Any]], Any]] = {
    "a payload": lambda m: m.__setitem__(2, b"root"),
    "five parts": lambda m: m.append(None),
    "a short signature": lambda m: m.__setitem__(3, bytes(63)),
    "a private label": lambda m: m[1].update({-70000: [1, {2: b"x"}, None, "text"]}),
    "a private label with a float": lambda m: m[1].update({-70000: 1.5}),
    "a private label with true": lambda m: m[1].update({-70000: True}),
    "a private label with a text key": lambda m: m[1].update({-70000: {"a": 1}}),
    "an unknown label": lambda m: m[1].update({7: 1}),
    "a text label": lambda m: m[1].update({"a": 1}),
    "no evidence": lambda m: m[1].pop(-65601),
    "empty evidence": lambda m: m[1].update({-65601: []}),
    "three evidences": lambda m: m[1].update({-65601: m[1][-65601] * 3}),
    "evidence that is a number": lambda m: m[1].update({-65601: [1]}),
    "no proof": lambda m: m[1].pop(396),
    "two proofs": lambda m: m[1][396].update({-1: m[1][396][-1] * 2}),
    "proofs that are a number": lambda m: m[1][396].update({-1: 1}),
    "proofs that are true": lambda m: m[1][396].update({-1: True}),
    "proofs that are text": lambda m: m[1][396].update({-1: "x"}),
    "a proof that is text": lambda m: m[1][396].update({-1: ["x"]}),
    "consistency": lambda m: m[1][396].update({-2: []}),
    "proof not wrapped": lambda m: m[1][396].update({-1: [cbor2.loads(m[1][396][-1][0])]}),
    "an unknown evidence label": lambda m: m[1][-65601][0].update({9: 1}),
    "a label of evidence less": lambda m: m[1][-65601][0].pop(3),
    "a text chain id": lambda m: m[1][-65601][0].update({2: "1"}),
    "a negative chain id": lambda m: m[1][-65601][0].update({2: -1}),
    "a huge chain id": lambda m: m[1][-65601][0].update({2: 2**64 - 1}),
    "one header not in a list": lambda m: m[1][-65601][0].update({4: m[1][-65601][0][4][0]}),
    "no nodes": lambda m: m[1][-65601][0].update({5: []}),
    "too many nodes": lambda m: m[1][-65601][0].update({5: [bytes([n]) * 33 for n in range(129)]}),
    "a large node": lambda m: m[1][-65601][0].update({5: [bytes(1025)]}),
    "a null checkpoint": lambda m: m[1][-65601][0].update({7: None}),
    "no tokens": lambda m: m[1][-65601][0].update({8: []}),
    "five tokens": lambda m: m[1][-65601][0].update({8: [b"x"] * 5}),
    "slots not ascending": lambda m: m[1][-65601][0][6][0][1].reverse(),
    "accounts not ascending": lambda m: m[1][-65601][0][6].reverse(),
    "signed: ES256": _in_protected(lambda h: h.update({1: -7})),
    "signed: true for one": _in_protected(lambda h: h.update({395: True})),
    "signed: another structure": _in_protected(lambda h: h.update({395: 2})),
    "signed: one label more": _in_protected(lambda h: h.update({3: 1})),
    "signed: one label less": _in_protected(lambda h: h.pop(4)),
    "signed: critical": _in_protected(lambda h: h.update({2: [-65602]})),
    "signed: no claims": _in_protected(lambda h: h.update({15: {}})),
    "signed: upper case issuer": _in_protected(lambda h: h[15].update({1: h[15][1].upper()})),
    "signed: a long record id": _in_protected(lambda h: h[15].update({2: "x" * 101})),
    "signed: a negative time": _in_protected(lambda h: h[15].update({6: -1})),
    "signed: a time too late": _in_protected(lambda h: h[15].update({6: 253_402_300_800})),
    "signed: a short log": _in_protected(lambda h: h[-65602].__setitem__(0, bytes(31))),
    "signed: a log of nobody": _in_protected(lambda h: h[-65602].__setitem__(0, bytes(32))),
    "signed: a number too large": _in_protected(lambda h: h[-65602].__setitem__(1, 2**53)),
}  # fmt: skip
