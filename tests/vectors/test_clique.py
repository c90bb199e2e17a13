"""Blocks of go-ethereum 1.13.15 and Rinkeby: hashes, sealers, majorities, and proofs under their state roots."""

import json
from dataclasses import replace

import pytest

from chain_service.core.chainproof.clique import parse_header, recover_signer, verify_seal
from chain_service.core.chainproof.evidence import Evidence, evidence_from_rpc, verify_evidence
from chain_service.core.chainproof.headers import header_rlp_from_json
from chain_service.core.chainproof.tries import NodePool, account_at, slot_at
from chain_service.core.chainproof.trust import FORM_CLIQUE, ChainTrust, PinnedContract, ValidatorRange
from chain_service.core.encoding.digests import keccak256
from chain_service.errors import InvalidProof
from support.chains.clique_simulator import block_json, prove_headers


def unhex(text):
    return bytes.fromhex(text.removeprefix("0x"))


@pytest.fixture(scope="module")
def geth(vectors):
    return json.loads((vectors / "clique-geth/four_signers_then_five.json").read_text())


@pytest.fixture(scope="module")
def headers(geth):
    return [parse_header(unhex(entry["rlp"])) for entry in geth["headers"]]


def signers_before(geth, number):
    """Who may seal this block: the set after its parent."""
    return sorted(unhex(address) for address in geth["headers"][number - 1]["signers"])


def test_every_hash_and_every_sealer_comes_out(geth, headers):
    for entry, header in zip(geth["headers"], headers, strict=True):
        assert header.number == entry["number"] and header.block_hash == unhex(entry["hash"])
        if entry["number"]:
            assert recover_signer(header) == unhex(entry["sealer"])
            assert verify_seal(header, signers_before(geth, header.number), geth["epoch"]) == unhex(entry["sealer"])
    with pytest.raises(InvalidProof):
        recover_signer(headers[0])


def test_signers_stand_in_genesis_and_at_epochs(geth, headers):
    for entry, header in zip(geth["headers"], headers, strict=True):
        listed = sorted(map(unhex, entry["signers"])) if entry["number"] % geth["epoch"] == 0 else []
        assert list(header.signers) == listed


def test_headers_are_rebuilt_from_json(geth):
    for entry in geth["headers"]:
        assert header_rlp_from_json(block_json(unhex(entry["rlp"]))) == unhex(entry["rlp"])


def test_any_three_consecutive_headers_are_a_majority_of_four_and_then_of_five(geth, headers):
    for first in range(1, len(headers) - 2):
        before, after = (signers_before(geth, number) for number in (first, first + 2))
        three = headers[first : first + 3]
        if before == after:
            proven = prove_headers([header.raw for header in three], after, geth["epoch"])
            assert (proven.block, proven.signers, proven.validators) == (first, 3, len(after))
            assert proven.assurance == "majority"
            for too_few in (three[:2], three[1:], [*three[:2], three[1]]):
                with pytest.raises(InvalidProof):
                    prove_headers([header.raw for header in too_few], after)


def test_a_missing_or_foreign_validator_breaks_every_majority(geth, headers):
    among = signers_before(geth, 1)
    for place in range(4):
        replaced = sorted([*among[:place], *among[place + 1 :], b"\x11" * 20])
        for first in range(1, 15):
            sealers = {recover_signer(header) for header in headers[first : first + 3]}
            if among[place] in sealers:
                with pytest.raises(InvalidProof):
                    prove_headers([header.raw for header in headers[first : first + 3]], replaced)


def test_one_changed_bit_anywhere_breaks_the_majority(geth, headers):
    among = signers_before(geth, 1)
    raws = [header.raw for header in headers[9:12]]
    for place, raw in enumerate(raws):
        for bit in range(0, len(raw) * 8, 3):
            flipped = bytearray(raw)
            flipped[bit // 8] ^= 1 << bit % 8
            with pytest.raises(InvalidProof):
                prove_headers([*raws[:place], bytes(flipped), *raws[place + 1 :]], among)


def trust_in(geth, code_hash):
    ranges = []
    for number in range(1, len(geth["headers"])):
        addresses = tuple(signers_before(geth, number))
        if not ranges or ranges[-1].validators != addresses:
            ranges.append(ValidatorRange(number, addresses))
    return ChainTrust(
        chain_id=geth["chainId"],
        genesis_hash=unhex(geth["headers"][0]["hash"]),
        ranges=tuple(ranges),
        contracts={"Store": PinnedContract(unhex(geth["contract"]), code_hash)},
        epoch=geth["epoch"],
    )


def evidence_for(geth, case):
    above = geth["headers"][case["block"] : case["block"] + 3]
    blocks = [block_json(unhex(entry["rlp"])) for entry in above]
    return evidence_from_rpc(geth["chainId"], unhex(geth["headers"][0]["hash"]), blocks, [case["proof"]], FORM_CLIQUE)


def value_of(case):
    return int(case["value"], 16) if case["value"] else 0


def test_every_proof_of_a_real_node_gives_its_value_under_its_headers_root(geth, headers):
    assert len(geth["proofs"]) == 9
    for case in geth["proofs"]:
        made = evidence_from_rpc(geth["chainId"], bytes(32), [], [case["proof"]], FORM_CLIQUE)
        pool = NodePool(made.nodes)
        account = account_at(pool, headers[case["block"]].state_root, unhex(geth["contract"]))
        assert account.storage_root == unhex(case["proof"]["storageHash"])
        assert account.code_hash == unhex(case["proof"]["codeHash"])
        assert slot_at(pool, account.storage_root, unhex(case["slot"])) == value_of(case)
        pool.require_all_used()


def test_such_proofs_are_evidence_once_a_majority_lies_on_top(geth, headers):
    for case in geth["proofs"]:
        evidence = evidence_for(geth, case)
        trust = trust_in(geth, unhex(case["proof"]["codeHash"]))
        if case["block"] == headers[-1].number:
            with pytest.raises(InvalidProof, match="majority"):
                verify_evidence(evidence, trust)
            continue
        state = verify_evidence(Evidence.from_bytes(evidence.to_bytes()), trust)
        assert state.word("Store", unhex(case["slot"])) == value_of(case)
        assert state.block == case["block"] and state.assurance == "majority"
        for place in range(len(evidence.nodes)):
            fewer = evidence.nodes[:place] + evidence.nodes[place + 1 :]
            with pytest.raises(InvalidProof):
                verify_evidence(replace(evidence, nodes=fewer), trust)


def test_a_change_of_signers_is_proven_from_a_later_block(geth):
    """The vote of block 17 lets a fifth validator in: 15 needs 17 on top, 16 would need 18, which is the five's."""
    trust = trust_in(geth, bytes(32))
    genesis_hash = unhex(geth["headers"][0]["hash"])
    for first, expected in ((15, 4), (16, None), (17, None), (18, 5)):
        blocks = [block_json(unhex(entry["rlp"])) for entry in geth["headers"][first : first + 3]]
        evidence = evidence_from_rpc(geth["chainId"], genesis_hash, blocks, [], FORM_CLIQUE)
        if expected:
            assert verify_evidence(evidence, trust).validators == expected
        else:
            with pytest.raises(InvalidProof, match="later block"):
                verify_evidence(evidence, trust)


def test_other_code_than_the_pinned_one_is_refused(geth):
    case = geth["proofs"][0]
    with pytest.raises(InvalidProof, match="code"):
        verify_evidence(evidence_for(geth, case), trust_in(geth, bytes(32)))


def test_rinkebys_block_30000_is_an_epoch_block_of_its_three_signers(vectors):
    case = json.loads((vectors / "qbft-besu/header_unit_vectors.json").read_text())["clique_rinkeby_30000"]
    header = parse_header(unhex(case["headerRlp"]))
    signers = [unhex(address) for address in case["signers"]]
    assert header.block_hash == keccak256(header.raw) == unhex(case["blockHash"])
    assert header.seal_digest == unhex(case["sealHash"])
    assert header.number == 30_000 and list(header.signers) == signers
    assert verify_seal(header, signers, 30_000) == unhex(case["signer"])
    with pytest.raises(InvalidProof):
        prove_headers([header.raw], signers)


def test_headers_of_other_consensus_forms_are_refused(vectors):
    vectors = json.loads((vectors / "qbft-besu/cosmos_ibc_contracts_qbft.json").read_text())
    for update in ("updateHeight11", "updateHeight12"):
        with pytest.raises(InvalidProof):
            parse_header(unhex(vectors[update]["headerRlp"]))
