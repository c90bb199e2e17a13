"""QBFT headers: their form, their seals, and how many make a quorum (Besu's extraData and hashes)."""

from dataclasses import replace

import pytest

from chain_service.core.chainproof.consensus import QBFT, prove_block
from chain_service.core.chainproof.evidence import verify_evidence
from chain_service.core.chainproof.headers import FIELD_COUNTS, header_rlp_from_json
from chain_service.core.chainproof.qbft import parse_header, quorum_size, verify_seals
from chain_service.core.chainproof.trust import FORM_CLIQUE, FORM_QBFT, ValidatorRange
from chain_service.core.encoding import rlp
from chain_service.core.encoding.digests import keccak256
from chain_service.errors import InvalidProof
from support.chains.clique_simulator import NO_OMMERS, Validator, World, chain, prove_headers, validators
from support.chains.qbft_simulator import qbft_block_json, qbft_evidence, qbft_header, qbft_trust, with_extra

ROOT = keccak256(b"state")
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
STRANGER = Validator.from_number(999)
AMONG = validators(4)
SLOT = keccak256(b"3")
QUORUMS = [1, 2, 2, 3, 4, 4, 5, 6, 6, 7, 8, 8, 9, 10, 10, 11, 12, 12, 13, 14, 14, 15]


def addresses(among):
    return [validator.address for validator in among]


def proven(raw, among=AMONG):
    return prove_headers([raw], addresses(among), form=FORM_QBFT)


def refused(raw, saying, among=AMONG):
    with pytest.raises(InvalidProof, match=saying):
        proven(raw, among)


def good(**changes):
    return qbft_header(7, AMONG[1:], AMONG, ROOT, **changes)


# What a quorum is.


@pytest.mark.parametrize("count", range(1, 23))
def test_two_thirds_of_the_validators_prove_a_block_and_one_fewer_does_not(count):
    among = validators(count)
    needed = quorum_size(count)
    assert needed == QUORUMS[count - 1] and 3 * needed >= 2 * count > 3 * (needed - 1)
    for sealers in (among[:needed], among[-needed:][::-1]):
        found = proven(qbft_header(7, sealers, among, ROOT), among)
        assert (found.block, found.state_root, found.validators, found.signers) == (7, ROOT, count, needed)
        assert found.assurance == ("trial" if count == 1 else "quorum")
    refused(qbft_header(7, among[: needed - 1], among, ROOT), "more seals", among)
    assert proven(qbft_header(7, among, among, ROOT), among).signers == count


@pytest.mark.parametrize("count", range(2, 23))
def test_a_repeated_or_foreign_seal_never_helps_to_a_quorum(count):
    among = validators(count)
    few = among[: quorum_size(count) - 1]
    refused(qbft_header(7, [*few, few[0]], among, ROOT), "twice", among)
    refused(qbft_header(7, [*few, STRANGER], among, ROOT), "trusted validator", among)


def test_the_other_form_of_a_seal_counts_once():
    header = parse_header(good())
    seal = header.extra.seals[0]
    s = (ORDER - int.from_bytes(seal[32:64], "big")).to_bytes(32, "big")
    other = seal[:32] + s + bytes([seal[64] ^ 1])
    assert proven(with_extra(header.raw, [other, *header.extra.seals[1:]], at=4)).signers == 3
    refused(with_extra(header.raw, [seal, other, header.extra.seals[1]], at=4), "twice")


def test_more_seals_than_validators_are_refused_before_any_is_checked():
    seals = [bytes(65)] * 5
    refused(with_extra(good(), seals, at=4), "more seals than there are validators")


@pytest.mark.parametrize(
    "seal",
    [bytes(65), b"\xff" * 64 + b"\0", ORDER.to_bytes(32, "big") + bytes(31) + b"\1\0"],
    ids=["zero", "ff", "order"],
)
def test_a_seal_outside_the_curve_is_refused(seal):
    header = parse_header(good())
    refused(with_extra(header.raw, [*header.extra.seals, seal], at=4), "not a signature")


def test_the_last_byte_of_a_seal_is_zero_or_one():
    header = parse_header(good())
    for v in (2, 3, 27, 28, 255):
        refused(with_extra(header.raw, [header.extra.seals[0][:64] + bytes([v])], at=4), "0 or 1")


# Hashes.


def test_seals_sign_the_round_and_the_block_hash_does_not_know_it():
    first, later = (parse_header(good(round_=round_)) for round_ in (0, 5))
    assert first.block_hash == first.seal_digest == later.block_hash != later.seal_digest
    assert keccak256(later.raw) not in (later.block_hash, later.seal_digest)
    assert proven(later.raw).block_hash == first.block_hash == QBFT.block_hash(later.raw)
    refused(with_extra(first.raw, b"\x05", at=3), "trusted validator")


@pytest.mark.parametrize("fields", FIELD_COUNTS)
def test_headers_of_every_fork_are_proven_and_rebuilt_from_json(fields):
    raw = good(fields=fields)
    assert proven(raw).signers == 3
    assert header_rlp_from_json(qbft_block_json(raw), QBFT.block_hash) == raw
    with pytest.raises(InvalidProof):
        header_rlp_from_json(qbft_block_json(raw))


@pytest.mark.parametrize("count", [*range(15), 18, 19, 22])
def test_headers_with_another_number_of_fields_are_refused(count):
    fields = rlp.decode_list(good(fields=21))
    refused(rlp.encode([*fields, b""][:count]), "fields")


# Form.


@pytest.mark.parametrize("adds", [True, False])
def test_a_vote_is_read_and_signed(adds):
    raw = good(vote=(STRANGER.address, adds))
    assert parse_header(raw).extra.vote == (STRANGER.address, adds)
    assert proven(raw).signers == 3
    refused(with_extra(raw, [], at=2), "trusted validator")


@pytest.mark.parametrize(
    "change",
    [
        {"sha3Uncles": bytes(32)},
        {"difficulty": 2},
        {"difficulty": 0},
        {"mixHash": bytes(32)},
        {"nonce": b"\xff" * 8},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_every_block_has_in_common_is_demanded(change):
    assert NO_OMMERS
    refused(good(**change), "no ommers, difficulty 1")


def test_genesis_is_proven_by_nobody():
    refused(qbft_header(0, AMONG, AMONG, ROOT), "genesis")


@pytest.mark.parametrize(
    ("at", "items", "saying"),
    [
        (0, [b"short"], "vanity"),
        (0, [[]], "vanity"),
        (1, [b""], "list of validators"),
        (1, [[b"short"]], "20 bytes"),
        (1, [[[]]], "20 bytes"),
        (2, [b""], "vote"),
        (2, [[bytes(20)]], "vote"),
        (2, [[bytes(20), b"\x01"]], "vote"),
        (2, [[bytes(20), []]], "vote"),
        (2, [[bytes(19), b""]], "vote"),
        (3, [b"\0"], "integer"),
        (3, [b"\0\1"], "integer"),
        (3, [bytes([1] * 5)], "integer"),
        (3, [[]], "integer"),
        (4, [b""], "list of seals"),
        (4, [[bytes(64)]], "65 bytes"),
        (4, [[], b""], "5 items"),
    ],
)
def test_malformed_extra_data_is_refused_by_name(at, items, saying):
    refused(with_extra(good(), *items, at=at), saying)


def test_extra_data_of_four_items_or_with_trailing_bytes_is_refused():
    fields = rlp.decode_list(good())
    four = rlp.encode(rlp.decode_list(fields[12])[:4])
    for extra, saying in ((four, "5 items"), (fields[12] + b"\0", "trailing"), (fields[12][:-1], "truncated")):
        refused(rlp.encode([*fields[:12], extra, *fields[13:]]), saying)


def test_rlp_that_is_not_minimal_is_refused():
    raw = good()
    assert raw[:1] == b"\xf9"
    refused(b"\xfa\x00" + raw[1:], "not minimal")
    refused(raw + b"\0", "trailing")
    fields = rlp.decode_list(raw)
    refused(rlp.encode([*fields[:8], b"\0\7", *fields[9:]]), "not minimal")


# Who.


def test_the_listed_validators_are_the_trusted_ones_in_order():
    raw = good()
    listed = addresses(AMONG)
    refused(with_extra(raw, listed[::-1], at=1), "not ascending")
    refused(with_extra(raw, [*listed, listed[-1]], at=1), "not ascending")
    refused(with_extra(raw, listed[:3], at=1), "other validators")
    refused(with_extra(raw, [], at=1), "other validators")
    with pytest.raises(InvalidProof, match="ascending and not empty"):
        verify_seals(parse_header(raw), [])


def test_a_stranger_may_not_propose():
    refused(good(miner=STRANGER.address), "not proposed by a trusted validator")


def test_one_bit_anywhere_breaks_the_proof():
    for raw in (good(), good(round_=3, vote=(STRANGER.address, True), fields=16)):
        for bit in range(len(raw) * 8):
            flipped = bytearray(raw)
            flipped[bit // 8] ^= 1 << bit % 8
            with pytest.raises(InvalidProof):
                proven(bytes(flipped))


# With a trust.

WORLD = World({"RecordLog": {keccak256(b"%d" % n): n + 1 for n in range(20)}})


def test_evidence_of_a_quorum_proves_words_present_and_absent():
    evidence = qbft_evidence(WORLD, {"RecordLog": [SLOT, bytes(32)]}, AMONG)
    state = verify_evidence(evidence, qbft_trust(WORLD, AMONG))
    assert (state.word("RecordLog", SLOT), state.word("RecordLog", bytes(32))) == (4, 0)
    assert (state.assurance, state.validators, state.signers) == ("quorum", 4, 3)


def test_the_number_of_fields_is_the_one_trusted_at_that_height():
    raw = good(fields=16)
    trust = qbft_trust(WORLD, AMONG, 16)

    def proven_with(*fields):
        ranges = tuple(replace(trust.open, from_block=begin, fields=count) for begin, count in fields)
        return prove_block([raw], replace(trust, ranges=ranges), FORM_QBFT)

    assert prove_block([raw], trust, FORM_QBFT).block == 7
    for fields, saying in (
        ([(0, 15)], "another number of fields"),
        ([(0, 16), (7, 17)], "another number of fields"),
        ([(8, 16)], "no validators"),
        ([(0, None)], "does not state"),
    ):
        with pytest.raises(InvalidProof, match=saying):
            proven_with(*fields)
    assert proven_with((0, 15), (7, 16), (8, 17)).block == 7


def following(raw):
    return qbft_header(8, AMONG[:3], AMONG, ROOT, parent_hash=QBFT.block_hash(raw))


def test_evidence_has_one_header_and_the_form_of_its_chain():
    trust = qbft_trust(WORLD, AMONG)
    evidence = qbft_evidence(WORLD, {"RecordLog": [SLOT]}, AMONG)
    for wrong, saying in (
        (replace(evidence, headers=evidence.headers * 2), "does not follow"),
        (replace(evidence, headers=(*evidence.headers, following(evidence.headers[0]))), "one header"),
        (replace(evidence, form=FORM_CLIQUE), "Clique header"),
        (replace(evidence, form="evm-raft/1"), "unknown"),
        (replace(evidence, headers=(qbft_header(7, AMONG, AMONG, ROOT),)), "trie node is missing"),
    ):
        with pytest.raises(InvalidProof, match=saying):
            verify_evidence(wrong, trust)
    clique = chain(7, AMONG[:3], AMONG, WORLD.root)
    with pytest.raises(InvalidProof):
        verify_evidence(replace(evidence, headers=(clique[0],)), trust)
    with pytest.raises(InvalidProof, match="another form"):
        verify_evidence(evidence, replace(trust, ranges=(replace(trust.open, form=FORM_CLIQUE),)))


@pytest.mark.parametrize("change", ["one in", "one out", "all replaced"])
def test_the_set_of_a_height_decides_to_the_block(change):
    pool = validators(9)
    before = pool[:4]
    after = {"one in": pool[:5], "one out": pool[:3], "all replaced": pool[4:8]}[change]
    old, new = (tuple(addresses(among)) for among in (before, after))
    ranges = (ValidatorRange(0, old, FORM_QBFT, 20), ValidatorRange(10, new, FORM_QBFT, 20))
    trust = replace(qbft_trust(WORLD, before), ranges=ranges)
    for number, among, stranger in ((9, before, after), (10, after, before)):
        assert prove_block([qbft_header(number, among, among, ROOT)], trust, FORM_QBFT).block == number
        with pytest.raises(InvalidProof, match=r"other validators|ends its range"):
            prove_block([qbft_header(number, stranger, stranger, ROOT)], trust, FORM_QBFT)
