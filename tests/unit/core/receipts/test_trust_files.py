"""Trust files: what they state, who has to sign them, and that they never go back."""

from dataclasses import replace

import cbor2
import orjson
import pytest

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.trust import FORM_COMETBFT, ContractEnd, PinnedContract, Until, ValidatorRange
from chain_service.core.encoding import cose
from chain_service.core.receipts import trust_file as trust
from chain_service.core.receipts.trust_file import MAX_TRUST_BYTES, TrustTerms, accept_first, parse, sign, update
from chain_service.errors import BadRequest, Conflict, InvalidProof, MalformedDocument
from support.worlds.receipt_world import DAY, NOW, ROOTS, STRANGER, TIME, Issued, terms, trust_file

ISSUED = Issued("qbft")
CHAIN = ISSUED.chain
FIRST = trust_file(CHAIN)
DATA = sign(terms(CHAIN), ROOTS[:3])


def public(*signers):
    return tuple(sorted(signer.public_key for signer in signers))


def payload_with(**changes):
    value = orjson.loads(FIRST.payload) | changes
    return orjson.dumps(
        {name: member for name, member in value.items() if member is not None}, option=orjson.OPT_SORT_KEYS
    )


def one_range(**changes):
    """A range as JSON; None leaves a member out."""
    value = {"fromBlock": 0, "form": "evm-qbft/1", "fields": 20, "validators": ["0x" + "11" * 20]} | changes
    return {name: member for name, member in value.items() if member is not None or name == "until"}


def end(block, time=TIME):
    return {"block": block, "hash": "0x" + "00" * 32, "time": time}


def one_contract(**changes):
    value = orjson.loads(FIRST.payload)["contracts"]["RecordLog"] | changes
    return {"RecordLog": {name: member for name, member in value.items() if member is not None or name == "until"}}


def signed(payload, signers=ROOTS[:2]):
    """A trust file around any payload."""
    body = cose.encode({3: "application/json"})
    signatures = []
    for signer in signers:
        protected = cose.encode({1: -8, 4: cose.key_id(signer.public_key)})
        signatures.append([protected, {}, signer.sign(cose.signed_bytes_of_many(body, protected, payload))])
    return b"\xd8\x62" + cose.encode([body, {}, payload, signatures])


# What is written is read.


@pytest.mark.parametrize("consensus", ["clique", "qbft"])
def test_a_trust_file_reads_back(consensus):
    chain = Issued(consensus).chain
    if consensus == "clique":
        chain = replace(chain, epoch=30_000)
    made = terms(chain)
    read = parse(sign(made, ROOTS[:2]))
    assert (read.terms, read.chain) == (made, chain)
    assert read.signed_by == frozenset(public(*ROOTS[:2]))
    assert TrustTerms.from_payload(made.to_payload()) == made
    value = read.to_json()
    assert value["fingerprint"] == read.fingerprint and len(value["signedBy"]) == 2
    assert value["contracts"]["RecordLog"]["slots"] == {"_sizeOf": 0, "_rootAt": 1}
    assert value["form"] == "chain-service/trust/2" and value["curve"] == "secp256k1"
    assert value["ranges"][0]["form"] == f"evm-{consensus}/1" and value["contracts"]["RecordLog"]["version"] == "1.0.0"


def test_it_is_a_cose_sign_message_over_canonical_json():
    message = cbor2.loads(DATA)
    body, unprotected, payload, signatures = message.value
    assert message.tag == 98 and unprotected == {} and len(signatures) == 3
    assert cbor2.loads(body) == {3: "application/json"}
    assert payload == FIRST.payload == orjson.dumps(orjson.loads(payload), option=orjson.OPT_SORT_KEYS)
    assert len(DATA) < 3000


def test_the_first_ones_fingerprint_is_compared_by_a_person():
    printed = FIRST.fingerprint.upper()
    spaced = " ".join(printed[at : at + 4] for at in range(0, 64, 4))
    for text in (FIRST.fingerprint, printed, spaced, printed.replace("A", "A:")):
        assert accept_first(DATA, text) == FIRST
    for wrong in ("", FIRST.fingerprint[:-1], "0" * 64):
        with pytest.raises(InvalidProof) as refusal:
            accept_first(DATA, wrong)
        assert refusal.value.code == "wrong_fingerprint"


# Signatures.


def test_too_few_root_keys_sign_nothing():
    with pytest.raises(BadRequest) as refusal:
        sign(terms(CHAIN), [ROOTS[0], STRANGER])
    assert refusal.value.code == "too_few_signers"
    for signers in (ROOTS[:1], [ROOTS[0], STRANGER], [STRANGER]):
        with pytest.raises(InvalidProof, match="too few"):
            parse(signed(FIRST.payload, signers))


def test_a_key_counts_once_and_a_stranger_not_at_all():
    with pytest.raises(MalformedDocument, match="twice"):
        parse(signed(FIRST.payload, [ROOTS[0], ROOTS[0]]))
    assert parse(signed(FIRST.payload, [*ROOTS[:2], STRANGER])).signed_by == frozenset(public(*ROOTS[:2]))


def test_one_changed_bit_anywhere_is_refused():
    data = sign(terms(CHAIN), ROOTS[:2])
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises((MalformedDocument, InvalidProof)):
            parse(bytes(flipped))


def test_other_messages_are_refused():
    body, _, payload, signatures = cbor2.loads(DATA[2:])
    for wrong in (
        b"",
        DATA[2:],
        b"\xd2" + DATA[2:],
        DATA + b"\0",
        bytes(MAX_TRUST_BYTES + 1),
        b"\xd8\x62" + cose.encode([]),
        b"\xd8\x62" + cose.encode([b"", {}, payload, signatures]),
        b"\xd8\x62" + cose.encode([body, {1: 1}, payload, signatures]),
        b"\xd8\x62" + cose.encode([body, {}, None, signatures]),
        b"\xd8\x62" + cose.encode([body, {}, payload, []]),
        b"\xd8\x62" + cose.encode([body, {}, payload, signatures * 50]),
        b"\xd8\x62" + cose.encode([body, {}, payload, [b"x"]]),
        b"\xd8\x62" + cose.encode([body, {}, payload, [[b"x", {1: 1}, b"y"]]]),
        b"\xd8\x62" + cose.encode([body, {}, payload, [["x", {}, b"y"]]]),
    ):
        with pytest.raises(MalformedDocument):
            parse(wrong)


# Terms.


@pytest.mark.parametrize(
    "change",
    [
        {"version": 0},
        {"version": -1},
        {"version": True},
        {"version": None},
        {"chainId": "1"},
        {"form": "chain-service/trust/1"},
        {"form": "chain-service/trust/3"},
        {"form": None},
        {"curve": "secp256r1"},
        {"curve": None},
        {"ranges": None},
        {"ranges": []},
        {"ranges": [one_range(fields=18)]},
        {"ranges": [one_range(fields=None)]},
        {"ranges": [one_range(fromBlock=2)]},
        {"ranges": [one_range(), one_range()]},
        {"ranges": [one_range(form="evm-raft/1")]},
        {"ranges": [one_range(form="evm-cometbft/1")]},
        {"ranges": [one_range(base=1)]},
        {"ranges": [one_range(validators=["0x" + "11" * 20] * 2)]},
        {"ranges": [one_range(validators=["0x" + "22" * 20, "0x" + "11" * 20])]},
        {"ranges": [one_range(validators=["0x" + "AB" * 20])]},
        {"ranges": [one_range(validators=[])]},
        {"ranges": [one_range(validators=None)]},
        {"ranges": [one_range(until=end(9))]},
        {"ranges": [one_range(until=end(8)), one_range(fromBlock=10)]},
        {"ranges": [one_range(until=end(10)), one_range(fromBlock=10)]},
        {"ranges": [one_range(until=None), one_range(fromBlock=10)]},
        {"ranges": [one_range(until=end(9) | {"hash": "0x00"}), one_range(fromBlock=10)]},
        {"ranges": [one_range(until=end(9) | {"time": 2**50}), one_range(fromBlock=10)]},
        {
            "ranges": [
                one_range(until=end(9, TIME)),
                one_range(fromBlock=10, until=end(19, TIME - 1)),
                one_range(fromBlock=20),
            ]
        },
        {"contracts": {}},
        {"contracts": {"RecordLog": {"address": "0x" + "11" * 20, "codeHash": "0x" + "11" * 32}}},
        {"contracts": {"Unknown": {"address": "0x" + "11" * 20, "codeHash": "0x" + "11" * 32, "slots": {"_a": 1}}}},
        {"contracts": one_contract(version="1.0.1")},
        {"contracts": one_contract(version=None)},
        {"contracts": one_contract(until=None)},
        {"contracts": one_contract(until={"block": 7})},
        {"ageLimitSeconds": 0},
        {"trustingPeriodSeconds": 0},
        {"trustingPeriodSeconds": None},
        {"issued": TIME + 400 * DAY},
        {"expires": 2**50},
        {"rootKeys": []},
        {"rootKeys": ["00"]},
        {"rootKeys": [key.hex() for key in public(*ROOTS[:3])][::-1]},
        {"rootKeys": [key.hex() for key in public(*ROOTS[:2])] + ["zz" * 32]},
        {"rootKeys": [key.hex().upper() for key in public(*ROOTS[:3])]},
        {"threshold": 0},
        {"threshold": 4},
        {"unknown": 1},
        {"epoch": 0},
    ],
    ids=str,
)
def test_terms_that_make_no_sense_are_refused(change):
    with pytest.raises(MalformedDocument):
        TrustTerms.from_payload(payload_with(**change))


def test_other_slots_than_ours_are_refused():
    contracts = orjson.loads(FIRST.payload)["contracts"]
    assert TrustTerms.from_payload(payload_with(contracts=contracts)).to_payload() == FIRST.payload
    for slots in ({"_sizeOf": 1, "_rootAt": 0}, {"_rootAt": 1}, {"_sizeOf": 0, "_rootAt": 1, "_more": 2}):
        changed = contracts | {"RecordLog": contracts["RecordLog"] | {"slots": slots}}
        with pytest.raises(MalformedDocument, match="slots"):
            TrustTerms.from_payload(payload_with(contracts=changed))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        FIRST.payload + b"\n",
        FIRST.payload.replace(b",", b", ", 1),
        b'{"a":1,"a":1}',
        b"\xff",
    ],
)
def test_payloads_have_one_form(payload):
    with pytest.raises(MalformedDocument):
        TrustTerms.from_payload(payload)


def test_terms_that_could_not_be_read_are_not_signed():
    same = PinnedContract(bytes(20), bytes(32))
    for wrong in (
        replace(CHAIN, contracts={storage_layout.RECORD_LOG: same, storage_layout.RECORD_STATUS: same}),
        replace(CHAIN, contracts={storage_layout.RECORD_STATUS: same}),
        replace(CHAIN, ranges=()),
        replace(CHAIN, ranges=(replace(CHAIN.open, fields=19),)),
        replace(CHAIN, ranges=(replace(CHAIN.open, fields=None),)),
        replace(CHAIN, ranges=(replace(CHAIN.open, validators=()),)),
        replace(CHAIN, ranges=(replace(CHAIN.open, until=Until(9, bytes(32), TIME)),)),
    ):
        with pytest.raises(MalformedDocument):
            sign(terms(wrong), ROOTS)


# Successors.


def successor(signers=ROOTS[:3], **changes):
    return sign(terms(CHAIN, **{"version": 2} | changes), signers)


def test_a_successor_is_signed_by_enough_of_its_predecessors_keys():
    assert update(FIRST, successor(ROOTS[:2])).terms.version == 2
    assert update(FIRST, successor(ROOTS[:2], version=9)).terms.version == 9
    fresh = public(ROOTS[2], ROOTS[3])
    for signers in (ROOTS[2:], [*ROOTS[2:], STRANGER]):
        with pytest.raises(InvalidProof) as refusal:
            update(FIRST, successor(signers, root_keys=fresh))
        assert refusal.value.code == "foreign_trust"
    changed = update(FIRST, successor(ROOTS, root_keys=fresh))
    assert changed.terms.root_keys == fresh
    with pytest.raises(InvalidProof):
        update(changed, successor(ROOTS[:2], version=3))
    assert update(changed, successor(ROOTS[2:], version=3, root_keys=fresh)).terms.version == 3


def test_a_successor_cannot_lower_the_bar_for_itself():
    alone = public(ROOTS[3])
    with pytest.raises(InvalidProof, match="predecessor"):
        update(FIRST, successor([ROOTS[3], ROOTS[0]], root_keys=alone, threshold=1))


@pytest.mark.parametrize("version", [1, 2])
def test_versions_only_rise(version):
    in_use = update(FIRST, successor())
    with pytest.raises(Conflict) as refusal:
        update(in_use, successor(version=version))
    assert refusal.value.code == "trust_rollback"


def test_a_successor_is_about_the_same_chain():
    for other in (replace(CHAIN, chain_id=1), replace(CHAIN, genesis_hash=bytes(32))):
        with pytest.raises(InvalidProof) as refusal:
            update(FIRST, sign(terms(other, version=2), ROOTS[:3]))
        assert refusal.value.code == "foreign_trust"


def test_a_successor_brings_a_new_range_of_validators():
    ended = replace(CHAIN.open, until=Until(99, bytes(32), TIME))
    more = (ended, replace(CHAIN.open, from_block=100, validators=CHAIN.open.validators[:3]))
    made = update(FIRST, sign(terms(replace(CHAIN, ranges=more), version=2), ROOTS[:3]))
    assert len(made.chain.validators_at(99)) == 4 and len(made.chain.validators_at(100)) == 3
    assert made.chain.ranges[0].until == (99, bytes(32), TIME) and made.chain.open.until is None


def test_a_range_of_another_consensus_is_kept_as_it_is_stated():
    """A chain may go on under CometBFT; its first block there is the last one that the old validators sealed."""
    keys = (b"\x02" * 32, b"\x01" * 32)
    ended = replace(CHAIN.open, until=Until(100, bytes(32), TIME))
    comet = ValidatorRange(100, keys, FORM_COMETBFT, 20, powers=(10, 10), chain_id_text="city-1", base=100)
    made = parse(sign(terms(replace(CHAIN, ranges=(ended, comet))), ROOTS[:2]))
    assert made.chain.ranges == (ended, comet)
    (_, shown) = made.to_json()["ranges"]
    assert shown == {
        "fromBlock": 100,
        "form": "evm-cometbft/1",
        "fields": 20,
        "validators": [{"key": "0x" + "02" * 32, "power": 10}, {"key": "0x" + "01" * 32, "power": 10}],
        "chainIdText": "city-1",
        "base": 100,
    }
    for wrong in ({"powers": (10, 0)}, {"chain_id_text": ""}, {"base": None}, {"validators": (keys[0], keys[0])}):
        with pytest.raises(MalformedDocument):
            sign(terms(replace(CHAIN, ranges=(ended, replace(comet, **wrong)))), ROOTS[:2])


def test_contracts_say_where_they_ended():
    pin = CHAIN.contracts[storage_layout.RECORD_LOG]._replace(until=ContractEnd(100, bytes(32)))
    made = parse(sign(terms(replace(CHAIN, contracts={**CHAIN.contracts, storage_layout.RECORD_LOG: pin})), ROOTS[:2]))
    assert made.chain.contracts[storage_layout.RECORD_LOG] == pin
    assert made.to_json()["contracts"]["RecordLog"]["until"] == {"block": 100, "hash": "0x" + "00" * 32}


# The form before.


def first_form(**changes):
    """A payload as it was written before files stated a form."""
    value = orjson.loads(FIRST.payload)
    address = "0x" + "11" * 20
    value |= {
        "consensus": "qbft",
        "validators": [{"fromBlock": 0, "addresses": [address]}, {"fromBlock": 50, "addresses": ["0x" + "22" * 20]}],
        "headers": [{"fromBlock": 0, "fields": 16}, {"fromBlock": 70, "fields": 17}],
    }
    del value["form"], value["ranges"]
    for contract in value["contracts"].values():
        del contract["version"]
    return orjson.dumps(value | changes, option=orjson.OPT_SORT_KEYS)


def test_a_file_of_the_first_form_is_read_and_its_closed_ranges_have_no_known_end():
    made = parse(signed(first_form()))
    assert made.terms.form == "chain-service/trust/1"
    assert made.chain.ranges == (
        ValidatorRange(0, (b"\x11" * 20,), "evm-qbft/1", 16),
        ValidatorRange(50, (b"\x22" * 20,), "evm-qbft/1", 16),
        ValidatorRange(70, (b"\x22" * 20,), "evm-qbft/1", 17),
    )
    assert made.chain.contracts == CHAIN.contracts
    assert parse(sign(replace(made.terms, form=trust.FORM), ROOTS[:2])).terms == replace(made.terms, form=trust.FORM)


def test_a_file_of_the_first_form_has_the_members_of_that_form():
    for wrong in (
        first_form(unknown=1),
        first_form(consensus="raft"),
        first_form(validators=[]),
        first_form(headers=[]),
        first_form(headers=[{"fromBlock": 0, "fields": 16, "more": 1}]),
        first_form(validators=[{"fromBlock": 2, "addresses": ["0x" + "11" * 20]}]),
        first_form(contracts=orjson.loads(FIRST.payload)["contracts"]),
        first_form(ranges=[]),
        first_form().replace(b",", b", ", 1),
    ):
        with pytest.raises(MalformedDocument):
            parse(signed(wrong))


# Age.


def test_a_file_from_the_future_warns():
    assert FIRST.warnings(NOW) == ()
    (early,) = FIRST.warnings(FIRST.terms.issued - 1)
    assert early.code == "trust_not_yet_issued"
    assert trust.MEDIA_TYPE == "application/cose"
