"""For all tries and all damage: proofs agree with a reference trie, and nothing but InvalidProof comes out."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
import rlp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trie import HexaryTrie

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.clique import parse_header
from chain_service.core.chainproof.evidence import Evidence, evidence_from_rpc, verify_evidence
from chain_service.core.chainproof.headers import header_rlp_from_json
from chain_service.core.chainproof.storage_layout import PermitEntry
from chain_service.core.chainproof.tries import EMPTY_TRIE_ROOT, NodePool, _branch, verify_listed_proof
from chain_service.core.chainproof.trust import FORM_CLIQUE, ChainTrust
from chain_service.core.encoding import rlp as strict_rlp
from chain_service.core.encoding.digests import keccak256
from chain_service.core.registries.permits import decide_permit, permitted_on
from chain_service.errors import InvalidProof
from support.chains.clique_simulator import World, block_json, chain, listed_nodes, validators

# Keys from few prefixes and few endings: deep tries with extensions and embedded nodes.
keys = st.builds(
    lambda start, end: start + bytes(32 - len(start) - len(end)) + end,
    st.binary(max_size=2).map(lambda data: bytes(byte & 0x13 for byte in data)),
    st.binary(max_size=2).map(lambda data: bytes(byte & 0x31 for byte in data)),
)
values = st.binary(min_size=1, max_size=40)
items = st.recursive(st.binary(max_size=70), lambda inner: st.lists(inner, max_size=5), max_leaves=12)
AMONG = validators(2)
WORLD = World({"RecordLog": {keccak256(b"%d" % n): n + 1 for n in range(40)}, "RecordStatus": {}})
TRUST = WORLD.trust(*(validator.address for validator in AMONG))
EVIDENCE = WORLD.evidence(
    {"RecordLog": [keccak256(b"3"), keccak256(b"4"), keccak256(b"none")], "RecordStatus": [bytes(32)]}, AMONG
)


def only_invalid_proof(check):
    """What `check` returns, or None if it refused; any other exception fails the test."""
    try:
        return check()
    except InvalidProof:
        return None


@given(st.dictionaries(keys, values, max_size=25), st.lists(keys, max_size=5))
def test_proofs_agree_with_a_reference_trie(pairs, others):
    trie = HexaryTrie({})
    for key, value in pairs.items():
        trie[key] = value
    pool_nodes: dict[bytes, None] = {}
    asked = [*pairs, *others]
    for key in asked:
        nodes = [] if trie.root_hash == EMPTY_TRIE_ROOT else listed_nodes(trie, key)
        pool_nodes |= dict.fromkeys(nodes)
        assert verify_listed_proof(trie.root_hash, key, nodes) == pairs.get(key)
        for length in range(len(nodes)):
            with pytest.raises(InvalidProof):
                verify_listed_proof(trie.root_hash, key, nodes[:length])
    pool = NodePool(list(pool_nodes))
    for key in asked:
        assert pool.value_at(trie.root_hash, key) == pairs.get(key)
    pool.require_all_used()


children = st.lists(st.binary(min_size=32, max_size=32) | st.just(b""), min_size=17, max_size=17)


@given(children, st.integers(0, 600), st.binary(max_size=3))
def test_branches_read_at_once_are_read_as_strictly(parts, at, piece):
    raw = strict_rlp.encode(parts)
    damaged = raw[:at] + piece + raw[at + len(piece) :]
    for node in (raw, damaged, damaged + piece, raw[:at]):
        found = _branch(node) if len(node) >= 32 else None
        assert found is None or found == strict_rlp.decode_list(node)
    assert _branch(raw) == parts or len(raw) < 58  # shorter lists have another prefix


@given(items)
def test_rlp_has_one_encoding(item):
    data = strict_rlp.encode(item)
    assert data == rlp.encode(item) and strict_rlp.decode(data) == item


rlp_like = st.lists(
    st.sampled_from([b"\x00", b"\x7f", b"\x80", b"\x81", b"\xa0", b"\xb8", b"\xb9", b"\xc0", b"\xc2", b"\xf8", b"\xf9"])
    | st.binary(max_size=60),
    max_size=6,
).map(b"".join)


@given(rlp_like)
def test_whatever_decodes_encodes_to_the_same_bytes_and_the_library_agrees(data):
    item = only_invalid_proof(lambda: strict_rlp.decode(data))
    assert item is None or strict_rlp.encode(item) == data
    try:
        assert rlp.decode(data) == item
    except rlp.DecodingError:
        assert item is None


@given(items.map(strict_rlp.encode), st.binary(min_size=32, max_size=32))
def test_any_item_as_a_node_is_walked_or_refused(node, key):
    only_invalid_proof(lambda: verify_listed_proof(keccak256(node), key, [node]))


@given(st.lists(st.binary(max_size=40) | st.sampled_from([b"", bytes(32)]), min_size=2, max_size=17))
def test_any_two_or_seventeen_items_are_walked_or_refused(parts):
    node = strict_rlp.encode(parts)
    only_invalid_proof(lambda: verify_listed_proof(keccak256(node), bytes(32), [node]))


@given(st.binary(max_size=700) | items.map(strict_rlp.encode))
def test_any_bytes_as_a_header_or_as_evidence_are_refused(data):
    for read in (parse_header, Evidence.from_bytes):
        with pytest.raises(InvalidProof):
            read(data)


@given(st.lists(st.binary(max_size=40) | st.sampled_from([bytes(n) for n in (8, 20, 32, 97, 117, 256)]), max_size=17))
def test_any_fields_as_a_header_are_refused_or_keep_their_bytes(fields):
    raw = strict_rlp.encode(fields)
    header = only_invalid_proof(lambda: parse_header(raw))
    assert header is None or header.raw == raw


def tells_the_truth_or_is_refused(raw):
    """A slot of an empty storage may be exchanged for another: that one is absent, too."""
    state = only_invalid_proof(lambda: verify_evidence(Evidence.from_bytes(raw), TRUST))
    if state is not None:
        assert state.block == 7
        assert state.words == {(name, slot): WORLD.storage[name].get(slot, 0) for name, slot in state.words}


@settings(max_examples=400)
@given(st.data())
def test_damaged_evidence_is_refused_or_tells_the_truth(data):
    raw = bytearray(EVIDENCE.to_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "insert", "repeat"])):
            case "flip":
                raw[at] ^= 1 << data.draw(st.integers(0, 7))
            case "cut":
                del raw[at : at + data.draw(st.integers(1, 40))]
            case "insert":
                raw[at:at] = data.draw(st.binary(min_size=1, max_size=4))
            case _:
                raw[at:at] = raw[at : at + 33]
        if not raw:
            return
    tells_the_truth_or_is_refused(bytes(raw))


def test_no_single_bit_of_evidence_makes_it_lie():
    raw = EVIDENCE.to_bytes()
    for bit in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        tells_the_truth_or_is_refused(bytes(flipped))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["0x", "0x1", "0x00", "0x-1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
BLOCK = block_json(chain(7, AMONG[1:], AMONG, WORLD.root)[0])
PROOF = WORLD.proof_json("RecordLog", [keccak256(b"3")])


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(BLOCK)), st.sampled_from(sorted(PROOF)), json_values)
def test_any_json_from_a_node_is_read_or_refused(field, member, value):
    only_invalid_proof(lambda: header_rlp_from_json(BLOCK | {field: value}))
    made = only_invalid_proof(lambda: evidence_from_rpc(1, bytes(32), [BLOCK], [PROOF | {member: value}], FORM_CLIQUE))
    if made is not None:
        only_invalid_proof(lambda: verify_evidence(replace(made, chain_id=TRUST.chain_id), TRUST))
    part = PROOF["storageProof"][0] | {"key": value}
    only_invalid_proof(lambda: evidence_from_rpc(1, bytes(32), [], [PROOF | {"storageProof": [part]}], FORM_CLIQUE))


@given(st.sampled_from(sorted(TRUST.to_json())), json_values)
def test_any_json_as_trust_is_read_or_refused(member, value):
    trust = only_invalid_proof(lambda: ChainTrust.from_json(TRUST.to_json() | {member: value}))
    if trust is not None:
        assert ChainTrust.from_json(trust.to_json()) == trust
        only_invalid_proof(lambda: verify_evidence(EVIDENCE, trust))
    only_invalid_proof(lambda: ChainTrust.from_json(value))


@given(st.integers(0, 2**256 - 1))
def test_any_word_unpacks_to_what_packs_to_it_or_is_refused(word):
    kinds = (
        storage_layout.Standing,
        PermitEntry,
        storage_layout.SealState,
        storage_layout.SealPeriod,
        storage_layout.CatalogStanding,
    )
    for kind in kinds:
        for value in (word, word >> 112, word >> 120, word >> 180, word >> 216):
            unpacked = only_invalid_proof(lambda kind=kind, value=value: kind.from_word(value))
            assert unpacked is None or unpacked.to_word() == value


small_days = st.integers(0, 30)
entries = st.lists(
    st.builds(PermitEntry, st.just(storage_layout.PERMIT_GRANT), small_days, small_days, st.integers(0, 9))
    | st.builds(PermitEntry, st.just(storage_layout.PERMIT_END), st.just(0), small_days, st.integers(0, 9)),
    max_size=8,
)


@given(entries, small_days)
def test_a_day_is_permitted_if_a_grant_covers_it_and_no_later_end_lies_before_it(history, number):
    covered = any(
        grant.action == storage_layout.PERMIT_GRANT
        and grant.from_day <= number <= grant.until_day
        and all(end.action == storage_layout.PERMIT_GRANT or end.until_day >= number for end in history[place + 1 :])
        for place, grant in enumerate(history)
    )
    day = date(1970, 1, 1) + timedelta(days=number)
    assert permitted_on(history, day) == covered
    decision = decide_permit(history, day)
    if decision.decided_by is not None:
        assert history[decision.decided_by].action == (
            storage_layout.PERMIT_GRANT if covered else storage_layout.PERMIT_END
        )
