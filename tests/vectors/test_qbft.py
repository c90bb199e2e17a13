"""Blocks and extraData of Besu, GoQuorum's encoding, and the older forms that are refused."""

import json

import pytest

from chain_service.core.chainproof.consensus import QBFT
from chain_service.core.chainproof.evidence import Evidence, verify_evidence
from chain_service.core.chainproof.headers import recover_address
from chain_service.core.chainproof.qbft import (
    BFT_MIX_HASH,
    parse_extra,
    parse_header,
    quorum_size,
    verify_seals,
)
from chain_service.core.chainproof.tries import NodePool, account_at, slot_at
from chain_service.core.chainproof.trust import FORM_QBFT, ChainTrust, PinnedContract, ValidatorRange
from chain_service.core.encoding import rlp
from chain_service.core.encoding.digests import keccak256
from chain_service.errors import InvalidProof
from support.chains.clique_simulator import prove_headers

HASHES = {
    34: "e8eb81a5cc7e4bc105561f792aed8d6ed967305e1460902b48544d9198519a65",
    35: "84d5dbd206ef4a465f66c8b14ce809687baa221677a986bc15ec5b99b8579e8d",
}


def unhex(text):
    return bytes.fromhex(text.removeprefix("0x"))


def nodes_of(text):
    """The nodes in an RLP list of nodes, each encoded by itself."""
    return [item if isinstance(item, bytes) else rlp.encode(item) for item in rlp.decode_list(unhex(text))]


@pytest.fixture(scope="module")
def besu(vectors):
    return json.loads((vectors / "qbft-besu/cosmos_ibc_contracts_qbft.json").read_text())


@pytest.fixture(scope="module")
def headers(besu):
    return {besu[name]["height"]: unhex(besu[name]["headerRlp"]) for name in ("updateHeight11", "updateHeight12")}


@pytest.fixture(scope="module")
def among(besu):
    return sorted(unhex(address) for address in besu["initialTrustedValidators"])


@pytest.fixture(scope="module")
def units(vectors):
    return json.loads((vectors / "qbft-besu/header_unit_vectors.json").read_text())


def slot_of(besu, path):
    return keccak256(keccak256(unhex(path)) + unhex(besu["ibcStoreSlot"]))


def trust_in(besu, among, code_hash):
    return ChainTrust(
        chain_id=1,
        genesis_hash=bytes(32),
        ranges=(ValidatorRange(0, tuple(among), FORM_QBFT, 20),),
        contracts={"Router": PinnedContract(unhex(besu["routerAddress"]), code_hash)},
    )


def test_two_real_blocks_are_sealed_by_three_of_four(headers, among):
    for number, raw in headers.items():
        header = parse_header(raw)
        assert (header.number, header.fields, header.extra.round, header.extra.vote) == (number, 20, 0, None)
        assert header.block_hash.hex() == header.seal_digest.hex() == HASHES[number] == QBFT.block_hash(raw).hex()
        proven = prove_headers([raw], among, form=FORM_QBFT)
        assert (proven.assurance, proven.signers, proven.validators) == ("quorum", 3, quorum_size(4) + 1)
    assert parse_header(headers[35]).parent_hash.hex() == HASHES[34]
    signers = [
        recover_address(seal, bytes.fromhex(HASHES[35])).hex()[:8] for seal in parse_header(headers[35]).extra.seals
    ]
    assert signers == ["0eb968de", "065f139d", "543d3796"] != sorted(signers)


def test_a_real_block_with_one_seal_fewer_or_one_changed_bit_is_refused(headers, among):
    fields = rlp.decode_list(headers[35])
    extra = rlp.decode_list(fields[12])
    fields[12] = rlp.encode([*extra[:4], extra[4][1:]])
    with pytest.raises(InvalidProof, match="more seals"):
        prove_headers([rlp.encode(fields)], among, form=FORM_QBFT)
    raw = headers[35]
    assert len(raw) * 8 == 7240
    for bit in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(InvalidProof):
            prove_headers([bytes(flipped)], among, form=FORM_QBFT)


def account_in(besu, headers, update):
    state_root = parse_header(headers[besu[update]["height"]]).state_root
    return account_at(NodePool(nodes_of(besu[update]["accountProof"])), state_root, unhex(besu["routerAddress"]))


def evidence_for(besu, headers, update, proofs):
    account = nodes_of(besu[update]["accountProof"])
    nodes = dict.fromkeys([*account, *(node for _, listed in proofs for node in listed)])
    slots = tuple(sorted(slot for slot, _ in proofs))
    raw = headers[besu[update]["height"]]
    return Evidence(FORM_QBFT, 1, bytes(32), (raw,), tuple(nodes), ((unhex(besu["routerAddress"]), slots),))


def test_account_membership_and_absence_hold_under_the_real_root(besu, headers, among):
    member, absent = besu["membership"], besu["nonMembership"]
    account = account_at(
        NodePool(nodes_of(besu["updateHeight12"]["accountProof"])),
        parse_header(headers[35]).state_root,
        unhex(besu["routerAddress"]),
    )
    assert account.storage_root.hex().startswith("4bbf8536") and account.code_hash.hex().startswith("7f79b8b3")
    trust = trust_in(besu, among, account.code_hash)
    proofs = [(slot_of(besu, part["path"]), nodes_of(part["proof"])) for part in (member, absent)]
    state = verify_evidence(evidence_for(besu, headers, "updateHeight12", proofs), trust)
    assert state.word("Router", proofs[0][0]) == int.from_bytes(unhex(member["value"]), "big")
    assert state.word("Router", proofs[1][0]) == 0
    assert state.assurance == "quorum" and state.block_hash.hex() == HASHES[35]


def test_storage_proofs_of_one_block_prove_nothing_under_the_other(besu, headers, among):
    account = account_in(besu, headers, "updateHeight11")
    assert account.storage_root.hex().startswith("2f39a2a5")
    for part in (besu["membership"], besu["nonMembership"]):
        with pytest.raises(InvalidProof):
            slot_at(NodePool(nodes_of(part["proof"])), account.storage_root, slot_of(besu, part["path"]))


def test_an_absence_proof_cut_short_or_with_a_node_too_many_is_refused(besu, headers, among):
    account = account_at(
        NodePool(nodes_of(besu["updateHeight12"]["accountProof"])),
        parse_header(headers[35]).state_root,
        unhex(besu["routerAddress"]),
    )
    trust = trust_in(besu, among, account.code_hash)
    part = besu["nonMembership"]
    slot, nodes = slot_of(besu, part["path"]), nodes_of(part["proof"])
    for wrong, saying in ((nodes[:-1], "missing"), ([*nodes, b"\xc0" * 40], "belong to no proof")):
        with pytest.raises(InvalidProof, match=saying):
            verify_evidence(evidence_for(besu, headers, "updateHeight12", [(slot, wrong)]), trust)


def test_a_round_above_zero_is_in_the_seals_and_not_in_the_hash(units):
    case = units["qbft_same_inputs"]
    header = parse_header(unhex(case["headerRlp"]))
    assert header.extra.round == case["round"] == 0xFEDCBA
    assert header.extra.vote == (unhex("0x" + "00" * 19 + "03"), True)
    assert header.seal_digest == unhex(case["commitSealHash"]) != header.block_hash == unhex(case["onChainHash"])
    assert [recover_address(seal, header.seal_digest) for seal in header.extra.seals] == list(
        map(unhex, case["committers"])
    )
    with pytest.raises(InvalidProof, match="not proposed by a trusted validator"):
        verify_seals(header, header.extra.validators)
    with pytest.raises(InvalidProof, match="other validators"):
        verify_seals(header, sorted(map(unhex, case["committers"])))


def test_ibft2_headers_are_refused(units):
    with pytest.raises(InvalidProof):
        parse_header(unhex(units["ibft2"]["headerRlp"]))


def test_raw_extra_data_of_besu_is_read_and_written_alike(units):
    raw = unhex(units["besu_raw_extra"]["qbft"])
    extra = parse_extra(raw)
    assert extra.vanity == bytes(range(1, 33)) and extra.round == 0xFEDCBA
    assert [address[-1] for address in extra.validators] == [1, 2]
    assert extra.vote == (bytes(19) + b"\1", True)
    assert [(seal[31], seal[63], seal[64]) for seal in extra.seals] == [(1, 10, 0), (10, 1, 0)]
    assert extra.encode(round_=extra.round, seals=extra.seals) == raw
    with pytest.raises(InvalidProof, match="integer"):
        parse_extra(unhex(units["besu_raw_extra"]["ibft2"]))


def test_extra_data_of_goquorum_is_the_same_format(shared):
    units = json.loads((shared / "proofs/qbft-besu/header_unit_vectors.json").read_text())
    raw = unhex(units["goquorum_qbft_extra_novote"])
    extra = parse_extra(raw)
    assert len(extra.validators) == 4 and list(extra.validators) != sorted(extra.validators)
    assert (extra.vote, extra.round, extra.seals) == (None, 0, ())
    assert extra.encode(round_=0) == raw


def test_a_genesis_that_keeps_its_validators_in_a_contract_lists_none(vectors):
    genesis = json.loads((vectors / "qbft-besu/qbft-emptyextradata.json").read_text())
    extra = parse_extra(unhex(genesis["extraData"]))
    assert (extra.vanity, extra.validators, extra.vote, extra.round, extra.seals) == (bytes(32), (), None, 0, ())
    assert unhex(genesis["mixHash"]) == BFT_MIX_HASH
