"""Clique headers: their form, their seals, and how many make a majority (EIP-225)."""

import pytest

from chain_service.core.chainproof.clique import majority_size, parse_header, recover_signer, verify_seal
from chain_service.core.chainproof.headers import header_rlp_from_json
from chain_service.core.encoding import rlp
from chain_service.core.encoding.digests import keccak256
from chain_service.errors import InvalidProof
from support.chains.clique_simulator import (
    Validator,
    block_json,
    chain,
    header_fields,
    prove_headers,
    validators,
)

ROOT = keccak256(b"state")
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
STRANGER = Validator.from_number(999)


def addresses(among):
    return [validator.address for validator in among]


def sealed(sealer=STRANGER, number=7, **changes):
    """One header, well-formed but for the changes."""
    return rlp.encode(sealer.seal(header_fields(number, bytes(32), ROOT, **({"extraData": bytes(32)} | changes))))


def majority(raws, among, epoch=None):
    return prove_headers(raws, addresses(among), epoch)


def in_turn(among, number, count):
    return [among[(number + place) % len(among)] for place in range(count)]


# What a majority is.


@pytest.mark.parametrize("count", range(1, 23))
def test_more_than_half_of_the_validators_prove_a_block_and_one_fewer_does_not(count):
    among = validators(count)
    needed = count // 2 + 1
    assert majority_size(count) == needed and 2 * needed > count >= 2 * (needed - 1)
    raws = chain(7, in_turn(among, 7, needed), among, ROOT)
    proven = majority(raws, among)
    assert (proven.block, proven.block_hash, proven.state_root) == (7, keccak256(raws[0]), ROOT)
    assert (proven.validators, proven.signers) == (count, needed)
    assert proven.assurance == ("trial" if count == 1 else "majority")
    with pytest.raises(InvalidProof):
        prove_headers(raws[:-1], addresses(among), fields=15)
    longer = chain(7, in_turn(among, 7, needed + 1), among, ROOT)
    with pytest.raises(InvalidProof):
        majority(longer, among)


def test_validators_out_of_turn_count_as_well():
    among = validators(5)
    assert majority(chain(7, [among[4], among[0], among[1]], among, ROOT), among).signers == 3


@pytest.mark.parametrize("places", [(0, 0, 1), (0, 1, 0), (0, 1, 1), (2, 2, 2)])
def test_a_validator_counts_once(places):
    among = validators(4)
    with pytest.raises(InvalidProof, match="same validator"):
        majority(chain(7, [among[place] for place in places], among, ROOT), among)


@pytest.mark.parametrize("place", range(3))
def test_a_stranger_does_not_count(place):
    among = validators(4)
    sealers = in_turn(among, 7, 3)
    sealers[place] = STRANGER
    with pytest.raises(InvalidProof, match="trusted validator"):
        majority(chain(7, sealers, among, ROOT), among)


def test_headers_with_a_gap_or_a_foreign_parent_or_in_another_order_prove_nothing():
    among = validators(4)
    raws = chain(7, in_turn(among, 7, 4), among, ROOT)
    other = chain(7, in_turn(among, 7, 4), among, keccak256(b"another state"))
    for broken in (
        [raws[0], raws[2], raws[3]],
        [raws[0], other[1], other[2]],
        [raws[0], raws[1], other[2]],
        [raws[1], raws[0], raws[2]],
        raws[2::-1],
        [raws[0]] * 3,
    ):
        with pytest.raises(InvalidProof, match="does not follow"):
            majority(broken, among)


def test_the_trusted_set_must_be_ascending_and_not_empty():
    among = validators(3)
    headers = chain(7, in_turn(among, 7, 2), among, ROOT)
    for wrong in ([], addresses(among)[::-1], addresses(among)[:1] * 3):
        with pytest.raises(InvalidProof, match="ascending"):
            prove_headers(headers, wrong)


def test_difficulty_must_tell_whose_turn_it_was():
    among = validators(2)
    for number, wrong in ((8, 1), (9, 2)):
        raw = sealed(among[0], number, difficulty=wrong)
        with pytest.raises(InvalidProof, match="turn"):
            verify_seal(parse_header(raw), addresses(among))


# Epochs and genesis.


def test_an_epoch_block_names_exactly_the_trusted_signers():
    among = validators(4)
    raws = chain(9, in_turn(among, 9, 3), among, ROOT, epoch=10)
    assert list(parse_header(raws[1]).signers) == addresses(among)
    assert majority(raws, among, epoch=10).block == 9
    with pytest.raises(InvalidProof, match="other signers"):
        majority(raws[1:2], [*among, STRANGER][:1])


def test_signers_stand_at_multiples_of_a_known_epoch_and_nowhere_else():
    among = validators(1)
    with_list = chain(10, among, among, ROOT, epoch=10)
    without = chain(10, among, among, ROOT)
    assert majority(with_list, among, epoch=10) and majority(with_list, among) and majority(without, among)
    for raws, epoch in ((with_list, 3), (without, 10)):
        with pytest.raises(InvalidProof, match="epoch"):
            majority(raws, among, epoch)


def test_an_epoch_block_carries_no_vote():
    among = validators(1)
    extra = bytes(32) + among[0].address
    for vote in ({"miner": STRANGER.address}, {"nonce": b"\xff" * 8}):
        with pytest.raises(InvalidProof, match="no vote"):
            parse_header(sealed(among[0], 10, extraData=extra, **vote))


def test_genesis_is_read_and_proves_nothing():
    among = validators(1)
    extra = bytes(32) + among[0].address + bytes(65)
    fields = header_fields(0, bytes(32), ROOT, extraData=extra, difficulty=1, nonce=b"\x01" * 8, mixHash=b"\x01" * 32)
    genesis = parse_header(rlp.encode(fields))
    assert list(genesis.signers) == addresses(among) and genesis.number == 0
    with pytest.raises(InvalidProof, match="genesis"):
        recover_signer(genesis)
    with pytest.raises(InvalidProof, match="genesis"):
        prove_headers([genesis.raw], addresses(among))


# Form.


def test_a_vote_and_a_base_fee_are_allowed():
    vote = parse_header(sealed(miner=STRANGER.address, nonce=b"\xff" * 8))
    assert vote.coinbase == STRANGER.address and recover_signer(vote) == STRANGER.address
    fields = [*header_fields(7, bytes(32), ROOT), rlp.integer_bytes(7)]
    assert recover_signer(parse_header(rlp.encode(STRANGER.seal(fields)))) == STRANGER.address


@pytest.mark.parametrize(
    "changes",
    [
        {"sha3Uncles": bytes(32)},
        {"mixHash": b"\x01" + bytes(31)},
        {"nonce": bytes(7) + b"\x01"},
        {"nonce": bytes(7)},
        {"difficulty": 0},
        {"difficulty": 3},
        {"difficulty": b"\x00\x02"},
        {"miner": bytes(19)},
        {"miner": bytes(21)},
        {"parentHash": bytes(31)},
        {"stateRoot": bytes(33)},
        {"logsBloom": bytes(255)},
        {"timestamp": b"\x00\x01"},
        {"timestamp": 2**64},
        {"gasLimit": 2**64},
        {"gasUsed": b"\x00"},
        {"extraData": bytes(31)},
        {"extraData": bytes(33)},
        {"extraData": bytes(32) + bytes(19)},
        {"extraData": bytes(32) + b"\x02" * 20 + b"\x01" * 20},
        {"extraData": bytes(32) + b"\x01" * 40},
        {"extraData": bytes(5000)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_field_against_the_form_is_refused(changes):
    with pytest.raises(InvalidProof):
        parse_header(sealed(**changes))


def test_other_field_counts_and_lists_as_fields_are_refused():
    fields = header_fields(7, bytes(32), ROOT, extraData=bytes(97))
    for wrong in (fields[:14], [*fields, b"\x07", bytes(32)], [[], *fields[1:]], []):
        with pytest.raises(InvalidProof):
            parse_header(rlp.encode(wrong))
    with pytest.raises(InvalidProof):
        parse_header(rlp.encode(fields) + b"\x00")
    with pytest.raises(InvalidProof):
        parse_header(b"")


# Seals.


def with_seal(raw, seal):
    fields = rlp.decode_list(raw)
    fields[12] = fields[12][:-65] + seal
    return rlp.encode(fields)


def test_a_seal_that_is_no_signature_is_refused():
    raw = sealed()
    seal = rlp.decode_list(raw)[12][-65:]
    r, s, v = seal[:32], seal[32:64], seal[64:]
    order = CURVE_ORDER.to_bytes(32, "big")
    for wrong in (
        bytes(65),
        bytes(32) + s + v,
        r + bytes(32) + v,
        order + s + v,
        r + order + v,
        b"\xff" * 64 + v,
        *(r + s + bytes([other]) for other in (2, 3, 4, 27, 28, 255)),
    ):
        with pytest.raises(InvalidProof):
            recover_signer(parse_header(with_seal(raw, wrong)))


def test_a_mirrored_seal_names_the_same_signer_and_never_counts_twice():
    among = validators(2)
    raws = chain(7, in_turn(among, 7, 1), among, ROOT)
    seal = rlp.decode_list(raws[0])[12][-65:]
    mirrored_s = (CURVE_ORDER - int.from_bytes(seal[32:64], "big")).to_bytes(32, "big")
    mirrored = with_seal(raws[0], seal[:32] + mirrored_s + bytes([1 - seal[64]]))
    assert recover_signer(parse_header(mirrored)) == recover_signer(parse_header(raws[0])) == among[1].address
    with pytest.raises(InvalidProof):
        majority([raws[0], mirrored], among)


def test_every_single_bit_of_a_header_matters():
    among = validators(1)
    raw = chain(7, among, among, ROOT)[0]
    for bit in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(InvalidProof):
            majority([bytes(flipped)], among)


# As a node shows them.


def test_a_header_is_rebuilt_from_json_and_must_have_the_hash_it_claims():
    raw = chain(7, [STRANGER], [STRANGER], ROOT)[0]
    block = block_json(raw)
    assert header_rlp_from_json(block) == raw
    with_fee = rlp.encode(STRANGER.seal([*header_fields(7, bytes(32), ROOT), b"\x07"]))
    assert header_rlp_from_json(block_json(with_fee)) == with_fee
    for change in ({"gasUsed": "0x1"}, {"extraData": "0x"}, {"hash": "0x" + bytes(32).hex()}, {"baseFeePerGas": "0x7"}):
        with pytest.raises(InvalidProof, match="hash"):
            header_rlp_from_json(block | change)


@pytest.mark.parametrize(
    "name", ["parentHash", "miner", "number", "extraData", "nonce", "hash", "logsBloom", "timestamp"]
)
@pytest.mark.parametrize("value", [None, 7, "", "0x", "0xzz", "7", "0x-1", "0x 1", [], {}, "0x" + "00" * 300, "0x0"])
def test_malformed_json_is_refused_as_a_proof_and_nothing_else(name, value):
    block = block_json(sealed()) | {name: value}
    with pytest.raises(InvalidProof):
        header_rlp_from_json(block)
    del block[name]
    with pytest.raises(InvalidProof):
        header_rlp_from_json(block)
