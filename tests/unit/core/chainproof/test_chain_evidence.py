"""Evidence: what a node answered, checked link by link against what is trusted."""

from dataclasses import replace

import pytest

from chain_service.core.chainproof.evidence import (
    MAX_ACCOUNTS,
    MAX_EVIDENCE_BYTES,
    Evidence,
    evidence_from_rpc,
    verify_evidence,
)
from chain_service.core.chainproof.trust import FORM_CLIQUE, ChainTrust, PinnedContract, ValidatorRange
from chain_service.core.encoding import rlp
from chain_service.core.encoding.digests import keccak256
from chain_service.errors import InvalidProof
from support.chains.clique_simulator import CHAIN_ID, GENESIS_HASH, Validator, World, block_json, chain, validators

AMONG = validators(4)
ADDRESSES = tuple(validator.address for validator in AMONG)
SLOTS = [keccak256(b"slot %d" % n) for n in range(200)]
ABSENT = keccak256(b"no such slot")


@pytest.fixture(scope="module")
def world():
    words = {slot: (n * 7919) ** 5 + 1 for n, slot in enumerate(SLOTS)}
    return World({"RecordLog": words, "RecordStatus": {SLOTS[0]: 0x2000}, "SealRegistry": {}})


@pytest.fixture(scope="module")
def trust(world):
    return world.trust(*ADDRESSES)


@pytest.fixture(scope="module")
def evidence(world):
    wanted = {"RecordLog": [*SLOTS[:3], ABSENT], "RecordStatus": [SLOTS[0], SLOTS[1]], "SealRegistry": [SLOTS[0]]}
    return world.evidence(wanted, AMONG)


def refused(evidence, trust, match):
    with pytest.raises(InvalidProof, match=match):
        verify_evidence(evidence, trust)


def test_words_are_proven_present_or_absent_at_one_block(world, trust, evidence):
    state = verify_evidence(evidence, trust)
    assert (state.chain_id, state.block, state.block_hash) == (CHAIN_ID, 7, keccak256(evidence.headers[0]))
    assert (state.assurance, state.validators, state.signers) == ("majority", 4, 3)
    assert state.time == 1_790_000_007
    for slot in SLOTS[:3]:
        assert state.word("RecordLog", slot) == world.storage["RecordLog"][slot]
    assert state.word("RecordLog", ABSENT) == 0
    assert state.word("RecordStatus", SLOTS[0]) == 0x2000 and state.word("RecordStatus", SLOTS[1]) == 0
    assert state.word("SealRegistry", SLOTS[0]) == 0


def test_one_validator_is_called_a_trial(world):
    among = validators(1)
    state = verify_evidence(world.evidence({"RecordLog": SLOTS[:1]}, among), world.trust(among[0].address))
    assert (state.assurance, state.validators, state.signers) == ("trial", 1, 1)


def test_a_word_that_was_not_proven_is_an_error_and_not_zero(trust, evidence):
    state = verify_evidence(evidence, trust)
    for contract, slot in (("RecordLog", SLOTS[9]), ("Organisations", SLOTS[0])):
        with pytest.raises(InvalidProof, match="does not cover"):
            state.word(contract, slot)


# The chain and its validators.


def test_evidence_about_another_chain_is_refused(trust, evidence):
    refused(replace(evidence, chain_id=1), trust, "another chain")
    refused(replace(evidence, genesis_hash=bytes(32)), trust, "another chain")
    refused(evidence, replace(trust, chain_id=1), "another chain")
    refused(replace(evidence, form="evm-qbft/1"), trust, "QBFT")


def test_headers_must_be_a_majority_of_those_trusted_at_that_height(world, trust, evidence):
    refused(replace(evidence, headers=()), trust, "header")
    refused(replace(evidence, headers=evidence.headers[:2]), trust, "majority")
    refused(replace(evidence, headers=evidence.headers * 6), trust, "header")
    strangers = sorted(Validator.from_number(n).address for n in range(50, 54))
    refused(evidence, world.trust(*strangers), "trusted validator")
    refused(evidence, replace(trust, ranges=(ValidatorRange(8, ADDRESSES),)), "no validators")


def test_each_height_has_its_own_validators(world, evidence):
    others = tuple(sorted(Validator.from_number(n).address for n in range(50, 54)))
    before, after = ValidatorRange(0, others), ValidatorRange(10, others)
    for ranges in ((before, ValidatorRange(7, ADDRESSES)), (ValidatorRange(7, ADDRESSES), after)):
        assert verify_evidence(evidence, world.trust(ranges=ranges)).block == 7
    refused(evidence, world.trust(ranges=(before, ValidatorRange(8, ADDRESSES))), "later block")
    refused(evidence, world.trust(ranges=(ValidatorRange(0, ADDRESSES), ValidatorRange(9, others))), "later block")


def test_a_known_epoch_is_enforced(world, evidence, trust):
    assert verify_evidence(evidence, replace(trust, epoch=10)).block == 7
    refused(evidence, replace(trust, epoch=8), "epoch")


# Contracts and nodes.


def test_only_trusted_contracts_with_the_pinned_code_count(world, trust, evidence):
    fewer = {name: pin for name, pin in trust.contracts.items() if name != "SealRegistry"}
    refused(evidence, replace(trust, contracts=fewer), "untrusted")
    other_code = dict(trust.contracts) | {"RecordLog": PinnedContract(world.address("RecordLog"), bytes(32))}
    refused(evidence, replace(trust, contracts=other_code), "other code")


def test_a_contract_that_does_not_exist_yet_is_refused(world):
    later = World({"RecordLog": {}, "RecordStatus": {}})
    del later.state[keccak256(later.address("RecordStatus"))]
    evidence = later.evidence({"RecordStatus": [ABSENT]}, AMONG)
    refused(evidence, later.trust(*ADDRESSES), "absent")


def test_every_node_is_needed_and_needed_once(trust, evidence):
    for place in range(len(evidence.nodes)):
        refused(replace(evidence, nodes=evidence.nodes[:place] + evidence.nodes[place + 1 :]), trust, "missing")
    refused(replace(evidence, nodes=(*evidence.nodes, bytes(40))), trust, "no proof")
    refused(replace(evidence, nodes=(*evidence.nodes, evidence.nodes[0])), trust, "twice")
    refused(replace(evidence, nodes=()), trust, "missing")


def test_the_order_of_pooled_nodes_and_accounts_is_free(trust, evidence):
    other = replace(evidence, nodes=evidence.nodes[::-1], accounts=evidence.accounts[::-1])
    assert verify_evidence(other, trust) == verify_evidence(evidence, trust)


def test_nodes_of_another_block_do_not_fit(world, trust, evidence):
    changed = World(world.storage | {"RecordStatus": {SLOTS[0]: 0x2001}})
    later = changed.evidence({"RecordLog": SLOTS[:1], "RecordStatus": [SLOTS[0]], "SealRegistry": []}, AMONG)
    refused(replace(later, headers=evidence.headers), trust, "missing")


def test_slots_and_accounts_are_bounded_well_formed_and_named_once(trust, evidence):
    address, slots = evidence.accounts[0]
    rest = evidence.accounts[1:]
    refused(replace(evidence, accounts=((address, (*slots, slots[0])), *rest)), trust, "twice")
    refused(replace(evidence, accounts=((address, slots[:1]), (address, slots[1:]), *rest)), trust, "twice")
    refused(replace(evidence, accounts=((address, (*slots, bytes(31))), *rest)), trust, "32")
    refused(replace(evidence, accounts=((address[:19], slots), *rest)), trust, "20 bytes")
    many = tuple((n.to_bytes(20, "big"), ()) for n in range(MAX_ACCOUNTS + 1))
    refused(replace(evidence, accounts=many), trust, "too many")
    refused(
        replace(evidence, accounts=((address, tuple(n.to_bytes(32, "big") for n in range(20_000))),)), trust, "many"
    )
    with pytest.raises(InvalidProof, match="too many"):
        verify_evidence(evidence, trust, max_nodes=len(evidence.nodes) - 1)


# From a node's answers.


def test_answers_about_one_account_may_come_in_parts(world, trust):
    headers = [block_json(raw) for raw in chain(7, [AMONG[3], AMONG[0], AMONG[1]], AMONG, world.root)]
    parts = [world.proof_json("RecordLog", SLOTS[:2]), world.proof_json("RecordLog", SLOTS[1:4])]
    whole = [world.proof_json("RecordLog", SLOTS[:4])]
    made = evidence_from_rpc(CHAIN_ID, GENESIS_HASH, headers, parts, FORM_CLIQUE)
    assert made.accounts == evidence_from_rpc(CHAIN_ID, GENESIS_HASH, headers, whole, FORM_CLIQUE).accounts
    assert len(verify_evidence(made, trust).words) == 4


@pytest.mark.parametrize("short", ["0x347", "0x0347", "0x" + "0347".rjust(64, "0"), "347"])
def test_short_storage_keys_are_padded(world, short):
    proof = world.proof_json("SealRegistry", [])
    proof["storageProof"] = [{"key": short, "value": "0x0", "proof": []}]
    made = evidence_from_rpc(CHAIN_ID, GENESIS_HASH, [], [proof], FORM_CLIQUE)
    assert made.accounts[0][1] == ((0x347).to_bytes(32, "big"),)


def test_the_empty_tries_node_makes_no_difference(world, trust):
    headers = [block_json(raw) for raw in chain(7, [AMONG[3], AMONG[0], AMONG[1]], AMONG, world.root)]
    proof = world.proof_json("SealRegistry", SLOTS[:1])
    plain = evidence_from_rpc(CHAIN_ID, GENESIS_HASH, headers, [proof], FORM_CLIQUE)
    proof["storageProof"][0]["proof"] = ["0x80"]
    assert evidence_from_rpc(CHAIN_ID, GENESIS_HASH, headers, [proof], FORM_CLIQUE) == plain
    assert verify_evidence(plain, trust).word("SealRegistry", SLOTS[0]) == 0
    assert verify_evidence(replace(plain, nodes=(*plain.nodes, b"\x80")), trust)


@pytest.mark.parametrize(
    "change",
    [
        {"address": None},
        {"address": "0x00"},
        {"accountProof": None},
        {"accountProof": [7]},
        {"accountProof": ["0xz"]},
        {"accountProof": ["0x0"]},
        {"storageProof": None},
        {"storageProof": {}},
        {"storageProof": [7]},
        {"storageProof": [{"key": 7, "proof": []}]},
        {"storageProof": [{"key": "0x" + "0" * 65, "proof": []}]},
        {"storageProof": [{"key": "0xg", "proof": []}]},
        {"storageProof": [{"key": "0x1", "proof": None}]},
        {"storageProof": [{"key": "0x1", "proof": [None]}]},
    ],
)
def test_a_malformed_answer_is_refused(world, change):
    with pytest.raises(InvalidProof):
        evidence_from_rpc(CHAIN_ID, GENESIS_HASH, [], [world.proof_json("RecordLog", SLOTS[:1]) | change], FORM_CLIQUE)


# As stored.


def test_stored_evidence_reads_back_and_has_one_encoding(trust, evidence):
    data = evidence.to_bytes()
    assert Evidence.from_bytes(data) == evidence and Evidence.from_bytes(data).to_bytes() == data
    assert verify_evidence(Evidence.from_bytes(data), trust) == verify_evidence(evidence, trust)


def test_other_bytes_are_no_evidence(evidence):
    parts = rlp.decode_list(evidence.to_bytes())
    for wrong in (
        b"",
        b"\x80",
        rlp.encode([]),
        rlp.encode(parts[:5]),
        rlp.encode([*parts, b""]),
        rlp.encode([b"evm-raft/1", *parts[1:]]),
        rlp.encode([[], *parts[1:]]),
        rlp.encode([parts[0], [], *parts[2:]]),
        rlp.encode([parts[0], b"\x00\x01", *parts[2:]]),
        rlp.encode([*parts[:2], [], *parts[3:]]),
        rlp.encode([*parts[:3], b"", *parts[4:]]),
        rlp.encode([*parts[:3], [[]], *parts[4:]]),
        rlp.encode([*parts[:5], [b""]]),
        rlp.encode([*parts[:5], [[b""]]]),
        rlp.encode([*parts[:5], [[[], []]]]),
        rlp.encode([*parts[:5], [[b"", b""]]]),
        evidence.to_bytes() + b"\x00",
        evidence.to_bytes()[:-1],
        bytes(MAX_EVIDENCE_BYTES + 1),
    ):
        with pytest.raises(InvalidProof):
            Evidence.from_bytes(wrong)


# The trusted facts themselves.


def test_trust_reads_back_from_json(trust):
    assert ChainTrust.from_json(trust.to_json()) == trust
    with_epoch = replace(trust, epoch=30_000)
    assert ChainTrust.from_json(with_epoch.to_json()) == with_epoch
    unsorted = trust.to_json()
    unsorted["ranges"][0]["validators"].reverse()
    assert ChainTrust.from_json(unsorted) == trust


@pytest.mark.parametrize(
    "change",
    [
        {"chainId": None},
        {"chainId": True},
        {"chainId": -1},
        {"genesisHash": "0x00"},
        {"genesisHash": 7},
        {"ranges": []},
        {"ranges": [7]},
        {"ranges": [{"fromBlock": 0, "form": "evm-clique/1", "validators": ["0x00"]}]},
        {"ranges": [{"fromBlock": -1, "form": "evm-clique/1", "validators": []}]},
        {"ranges": [{"fromBlock": 5, "form": "evm-clique/1", "validators": []}] * 2},
        {"contracts": []},
        {"contracts": {"RecordLog": None}},
        {"contracts": {"RecordLog": {"address": "0x00", "codeHash": "0x00"}}},
        {"epoch": "10"},
        {"epoch": -1},
    ],
)
def test_malformed_trust_is_refused(trust, change):
    with pytest.raises(InvalidProof):
        ChainTrust.from_json(trust.to_json() | change)
    with pytest.raises(InvalidProof):
        ChainTrust.from_json(None)
