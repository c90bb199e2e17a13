"""Receipts: what they consist of, and everything that makes one be refused, by name."""

from dataclasses import replace

import cbor2
import pytest

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.evidence_cbor import MAX_NODES, BlockProof, select
from chain_service.core.chainproof.trust import PinnedContract
from chain_service.core.encoding import cose
from chain_service.core.receipts.receipt import MAX_RECEIPT_BYTES, encode, parse
from chain_service.errors import InvalidProof
from support.chains.clique_simulator import CHAIN_ID, chain
from support.chains.qbft_simulator import qbft_header
from support.worlds.receipt_parts import CLIQUE, QBFT, invalid, joined, malformed, parts_of, with_evidence
from support.worlds.receipt_world import (
    BLOCK,
    LOG_KEY,
    NOW,
    RECORD_ID,
    STRANGER,
    TIME,
    Issued,
    details,
    findings,
    trust_file,
)

# What a receipt is.


def test_a_receipt_is_a_cose_receipt_of_rfc_9942(issued):
    receipt = issued.receipt()
    message = cbor2.loads(encode(receipt))
    assert message.tag == 18
    protected, unprotected, payload, signature = message.value
    contract = issued.chain.contracts[storage_layout.RECORD_LOG].address
    assert cbor2.loads(protected) == {
        1: -8,
        4: cose.key_id(LOG_KEY.public_key),
        395: 1,
        15: {1: f"eip155:{CHAIN_ID}:0x{contract.hex()}", 2: RECORD_ID, 6: NOW},
        -65602: [receipt.log, receipt.proof.size, receipt.proof.index],
    }
    assert payload is None and len(signature) == 64
    assert sorted(unprotected) == [-65601, 396]
    proof = [receipt.proof.size, receipt.proof.index, list(receipt.proof.path)]
    assert cbor2.loads(unprotected[396][-1][0]) == proof
    (evidence,) = unprotected[-65601]
    assert set(evidence) == {1, 2, 3, 4, 5, 6}
    assert isinstance(evidence[4], bytes) is (issued is QBFT)


def test_what_is_parsed_is_what_was_encoded(issued):
    receipt = issued.receipt()
    assert parse(encode(receipt)) == receipt
    attested = BlockProof(issued.first, checkpoint="log\n11\n", time_tokens=(b"token",))
    with_more = replace(receipt, blocks=(attested, BlockProof(issued.newer())))
    assert parse(encode(with_more)) == with_more


def test_private_unprotected_labels_are_tolerated_and_others_are_not():
    receipt = CLIQUE.receipt()
    protected, unprotected, payload, signature = parts_of(receipt)
    for label in (-65537, -65603, -(2**40)):
        for value in (b"x", 7, "text", [b"x", [1]], {1: 2}):
            assert parse(joined(protected, unprotected | {label: value}, payload, signature)) == receipt
    for label in (0, 1, 394, 397, -1, -65536, "x"):
        malformed(joined(protected, unprotected | {label: b""}, payload, signature))
    for value in (1.5, True, {"x": 1}, cbor2.CBORTag(1, 0), [{1: cbor2.CBORTag(99, b"")}]):
        malformed(joined(protected, unprotected | {-65603: value}, payload, signature))


def test_a_receipt_reads_as_json(issued):
    value = issued.receipt().to_json()
    assert (value["recordId"], value["size"], value["index"]) == (RECORD_ID, 11, 5)
    assert value["evidence"][0]["form"] == issued.chain.form
    assert value["organisation"] == issued.content.disclosure.org


# Encoding.


@pytest.mark.parametrize(
    ("place", "value", "saying"),
    [
        (0, {}, "label"),
        (0, b"", "not CBOR"),
        (0, {1: -7}, "label"),
        (1, {}, "label"),
        (1, [], "map"),
        (2, b"root", "payload"),
        (3, bytes(63), "64 bytes"),
        (3, None, "64 bytes"),
    ],
)
def test_a_part_of_another_shape_is_refused(place, value, saying):
    parts = parts_of(CLIQUE.receipt())
    parts[place] = value
    malformed(joined(*parts), saying)


@pytest.mark.parametrize(
    ("label", "value"),
    [
        (1, -7),
        (1, -8.0),
        (1, [-8]),
        (4, bytes(7)),
        (4, "key"),
        (395, 2),
        (395, True),
        (395, 1.0),
        (15, {1: "eip155:1:0x" + "00" * 20, 2: "id"}),
        (15, {1: "eip155:01:0x" + "00" * 20, 2: "id", 6: 1}),
        (15, {1: "eip155:1:0x" + "AA" * 20, 2: "id", 6: 1}),
        (15, {1: "eip155:1:0x" + "00" * 20 + "\n", 2: "id", 6: 1}),
        (15, {1: b"", 2: "id", 6: 1}),
        (15, {1: "eip155:1:0x" + "00" * 20, 2: "", 6: 1}),
        (15, {1: "eip155:1:0x" + "00" * 20, 2: "x" * 101, 6: 1}),
        (15, {1: "eip155:1:0x" + "00" * 20, 2: "id", 6: -1}),
        (15, {1: "eip155:1:0x" + "00" * 20, 2: "id", 6: 2**60}),
        (15, {1: "eip155:1:0x" + "00" * 20, 2: "id", 6: 1, 7: 1}),
        (-65602, []),
        (-65602, [bytes(32), 11, 5]),
        (-65602, [b"", 11, 5]),
        (-65602, ["log", 11, 5]),
        (-65602, [CLIQUE.content.log, 2**53, 5]),
        (-65602, [CLIQUE.content.log, -11, 5]),
        (-65602, [CLIQUE.content.log, 11, 5.0]),
        (16, 1),
    ],
)
def test_a_protected_header_with_another_value_is_refused(label, value):
    protected, *others = parts_of(CLIQUE.receipt())
    malformed(joined(protected | {label: value}, *others))


def test_encodings_that_are_not_deterministic_are_refused():
    data = encode(CLIQUE.receipt())
    message = cbor2.loads(data[1:])
    reordered = dict(reversed(message[1].items()))
    for wrong in (
        data[1:],
        b"\xd8\x12" + data[1:],
        b"\xd2" + data,
        data + b"\0",
        data[:-1],
        b"\xd2\x98\x04" + data[2:],
        b"\xd2\x9f" + data[2:] + b"\xff",
        b"\xd2" + cbor2.dumps([message[0], reordered, *message[2:]]),
        b"",
    ):
        malformed(wrong)


def test_bounds_hold_before_anything_is_parsed():
    malformed(b"\xd2" + bytes(MAX_RECEIPT_BYTES), "at most")
    receipt = CLIQUE.receipt()
    protected, unprotected, payload, signature = parts_of(receipt)
    evidence = unprotected[-65601][0]
    for label, value in (
        (1, "evm-raft/1"),
        (1, []),
        (2, -1),
        (3, bytes(31)),
        (4, [b""] * 17),
        (4, []),
        (4, b"header"),
        (4, [bytes(4097)]),
        (5, [b"%d" % n for n in range(MAX_NODES + 1)]),
        (5, [bytes(1025)]),
        (5, []),
        (5, [[]]),
        (6, []),
        (6, [[bytes(20)]]),
        (6, [[bytes(19), []]]),
        (6, [[bytes(20), [bytes(31)]]]),
        (6, [[bytes(20), [bytes(32), bytes(32)]]]),
        (6, [[bytes(20), []], [bytes(20), []]]),
        (6, [[b"\1" * 20, []], [bytes(20), []]]),
        (6, [[bytes(20), [n.to_bytes(32, "big") for n in range(1025)]]]),
        (7, b"text"),
        (7, "x" * 20_000),
        (8, []),
        (8, [b"x"] * 5),
        (8, [bytes(17_000)]),
        (9, 1),
    ):
        wrong = unprotected | {-65601: [evidence | {label: value}]}
        malformed(joined(protected, wrong, payload, signature), "evidence")
    for blocks in ([], [evidence] * 3, evidence, [1]):
        malformed(joined(protected, unprotected | {-65601: blocks}, payload, signature), "evidence")
    for proofs in ({}, {-1: []}, {-1: [b""]}, {-1: [[]]}, {-2: []}, {-1: [cose.encode([11, 5, [bytes(32)] * 65])]}):
        malformed(joined(protected, unprotected | {396: proofs}, payload, signature))


def test_a_receipt_too_large_to_be_read_is_not_written():
    receipt = CLIQUE.receipt()
    nodes = tuple(n.to_bytes(1000, "big") for n in range(300))
    with pytest.raises(InvalidProof, match="larger"):
        encode(with_evidence(receipt, replace(CLIQUE.first, nodes=nodes)))


# Each way of not being true, by name.


def test_evidence_of_another_chain_than_the_receipt_says_is_refused(issued):
    invalid(issued, with_evidence(issued.receipt(), replace(issued.first, chain_id=1)), "about another chain")
    invalid(issued, with_evidence(issued.receipt(), replace(issued.first, genesis_hash=bytes(32))), "another chain")


@pytest.mark.parametrize("stated", [{"chain_id": 1}, {"contract": bytes(20)}])
def test_a_receipt_that_says_it_is_of_another_chain_is_not_accused(issued, stated):
    verdict = issued.verify(issued.receipt(**stated))
    assert (verdict.answer.value, verdict.code) == ("indeterminate", "issuer_unknown")
    assert "another" in details(verdict)


def test_a_receipt_of_another_contract_or_code_is_refused(issued):
    pins = dict(issued.chain.contracts)
    moved = pins | {
        storage_layout.RECORD_STATUS: PinnedContract(bytes(20), pins[storage_layout.RECORD_STATUS].code_hash)
    }
    invalid(issued, issued.receipt(), "untrusted contract", trusted=trust_file(replace(issued.chain, contracts=moved)))
    changed = pins | {storage_layout.RECORD_LOG: PinnedContract(pins[storage_layout.RECORD_LOG].address, bytes(32))}
    invalid(issued, issued.receipt(), "other code", trusted=trust_file(replace(issued.chain, contracts=changed)))


def test_another_size_or_index_than_was_signed_is_refused(issued):
    receipt = issued.receipt()
    protected, unprotected, payload, signature = parts_of(receipt)
    for size, index in ((12, 5), (11, 4), (13, 9)):
        swapped = cose.encode([size, index, list(receipt.proof.path)])
        data = joined(protected, unprotected | {396: {-1: [swapped]}}, payload, signature)
        with pytest.raises(InvalidProof, match="another size or index"):
            parse(data)
        invalid(issued, data, "another size or index")


def test_an_index_signed_by_the_log_itself_still_has_to_be_the_entrys(issued):
    claim = issued.content.claim()
    borrowed = replace(claim.proof, index=4)
    verdict = issued.verify(issued.receipt(proof=borrowed))
    assert verdict.code == "record_mismatch" and findings(verdict)["anchor"] == "record_mismatch"


def test_a_size_that_the_chain_does_not_know_is_refused(issued):
    claim = issued.content.claim()
    verdict = issued.verify(issued.receipt(proof=replace(claim.proof, size=12)))
    assert verdict.answer.value != "valid"


def test_another_records_disclosure_is_refused(issued):
    other = replace(
        issued, content=issued.content.holding(issued.content.disclosure.record.body | {"certificateNumber": "2"})
    )
    verdict = other.verify(issued.receipt(), trusted=issued.trust)
    assert (verdict.answer.value, verdict.code) == ("invalid", "record_mismatch")


def test_a_path_that_was_changed_is_refused(issued):
    receipt = issued.receipt()
    path = receipt.proof.path
    changes = {
        "record_mismatch": (
            (bytes(32), *path[1:]),
            path[::-1],
        ),  # or the disclosure was changed
        "proof_invalid": (path[:-1], (*path, bytes(32))),
    }
    for code, paths in changes.items():
        for wrong in paths:
            verdict = issued.verify(replace(receipt, proof=replace(receipt.proof, path=wrong)))
            assert (verdict.answer.value, verdict.code) == ("invalid", code)


def test_a_signature_by_another_key_or_none_is_refused(issued):
    verdict = issued.verify(issued.receipt(signed_by=STRANGER))
    assert verdict.code == findings(verdict)["log_signature"] == "proof_invalid"
    assert "no log key" in details(verdict)
    verdict = issued.verify(replace(issued.receipt(), signature=bytes(64)))
    assert verdict.code == findings(verdict)["log_signature"] == "proof_invalid"
    assert "does not verify" in details(verdict)


def test_a_signed_member_that_was_changed_is_refused(issued):
    for change in ({"record_id": "another"}, {"issued_at": NOW + 1}):
        assert findings(issued.verify(replace(issued.receipt(), **change)))["log_signature"] == "proof_invalid"
    invalid(issued, replace(issued.receipt(), key_id=bytes(8)), "does not cover")


def test_trie_nodes_left_over_missing_or_damaged_are_refused(issued):
    receipt, nodes = issued.receipt(), issued.first.nodes

    def with_nodes(*given):
        return with_evidence(receipt, replace(issued.first, nodes=given))

    invalid(issued, with_nodes(*nodes, b"\xc0" * 40), "belong to no proof")
    invalid(issued, with_nodes(*nodes, nodes[0]), "listed twice")
    invalid(issued, with_nodes(*nodes[:3], nodes[3] + b"\0", *nodes[4:]), "missing")
    invalid(issued, with_nodes(b"x"), "too small")
    for place in range(len(nodes)):
        invalid(issued, with_nodes(*nodes[:place], *nodes[place + 1 :]), "missing")


def test_an_absence_proof_cut_short_is_no_absence(issued):
    claim = issued.content.claim()
    slot = storage_layout.status_slot(claim.log, claim.proof.index)[0]
    assert issued.world().storage[storage_layout.RECORD_STATUS].get(slot, 0) == 0
    only = select(issued.pooled(), issued.chain, [(storage_layout.RECORD_STATUS, slot)])
    invalid(issued, with_evidence(issued.receipt(), replace(only, nodes=only.nodes[:-1])), "missing")


LATER = trust_file(CLIQUE.chain, issued=TIME + BLOCK + 3)
"""Made after the block in question: it knows who could seal it."""


def test_headers_that_do_not_prove_the_block_are_refused_by_name():
    receipt, among, root = CLIQUE.receipt(), CLIQUE.sealers, CLIQUE.world().root
    sealers = [among[(BLOCK + place) % 4] for place in range(3)]
    good = chain(BLOCK, sealers, among, root)

    def with_headers(*given):
        return with_evidence(receipt, replace(CLIQUE.first, headers=given))

    assert CLIQUE.verify(with_headers(*good)).code == "in_force"
    invalid(CLIQUE, with_headers(*good[:2]), "a majority needs", trusted=LATER)
    invalid(CLIQUE, with_headers(*good, good[0]), "does not follow")
    longer = chain(BLOCK, [among[(BLOCK + place) % 4] for place in range(4)], among, root)
    invalid(CLIQUE, with_headers(*longer), "a majority needs", trusted=LATER)
    invalid(CLIQUE, with_headers(good[0], good[2], good[1]), "does not follow")
    invalid(CLIQUE, with_headers(good[0], good[0], good[1]), "does not follow")
    invalid(CLIQUE, with_headers(*chain(BLOCK, [sealers[0], sealers[0], sealers[1]], among, root)), "same validator")
    invalid(CLIQUE, with_headers(*chain(BLOCK, sealers, among[::-1], root)), "turn", trusted=LATER)
    invalid(CLIQUE, with_headers(*chain(BLOCK, sealers, among, bytes(32))), "missing")
    invalid(CLIQUE, with_headers(good[0] + b"\0", *good[1:]), "trailing")
    invalid(CLIQUE, with_headers(b"\xfa\0" + good[0][1:], *good[1:]), "not minimal")


def test_a_quorums_header_that_proves_nothing_is_refused_by_name():
    receipt, among, root = QBFT.receipt(), QBFT.sealers, QBFT.world().root
    stranger = Issued("qbft", 9).sealers
    foreign = next(validator for validator in stranger if validator not in among)

    def header(*sealers, number=BLOCK, state_root=root, **changes):
        raw = qbft_header(number, sealers, among, state_root, **changes)
        return with_evidence(receipt, replace(QBFT.first, headers=(raw,)))

    assert QBFT.verify(header(*among)).code == "in_force"
    invalid(QBFT, header(*among[:2]), "more seals")
    invalid(QBFT, header(*among[:2], among[0]), "sealed twice")
    invalid(QBFT, header(*among[:2], foreign), "not sealed by a trusted validator")
    invalid(QBFT, header(*among, foreign), "more seals than there are validators")
    invalid(QBFT, header(*among, state_root=bytes(32)), "missing")
    later = trust_file(QBFT.chain, issued=TIME + BLOCK)
    invalid(QBFT, header(*among, fields=16), "another number of fields", trusted=later)


# Evidence for one record.
