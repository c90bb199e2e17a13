"""For all values, records and sizes: canonical form, disclosures and the log over tiles."""

import json
import random
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from chain_service.core.encoding.canonical import MAX_INTEGER, canonical, jcs, prune, read_json
from chain_service.core.log import tiles
from chain_service.core.log.merkle import (
    ConsistencyProof,
    InclusionProof,
    consistency_path_length,
    inclusion_path_length,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from chain_service.core.records.disclosure import parse_disclosure, reveal
from chain_service.core.records.hashing import Salt, body_digest
from chain_service.core.records.identifiers import CertificateIdentifier, OrgCode, TypeCode
from chain_service.core.records.record import parse_record
from chain_service.errors import InvalidProof, MalformedDocument, MalformedRecord

ORG = OrgCode("11430000006122244L")
TYPE = TypeCode("11100000000013338W011")

quick = settings(max_examples=150, deadline=None, derandomize=True, database=None)

names = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), min_size=1, max_size=12)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
scalars = st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4), max_leaves=12
)
objects = st.dictionaries(names, values, max_size=6)
plain_texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=20)
holders = st.fixed_dictionaries(
    {
        "certificateHolderName": plain_texts,
        "certificateHolderCode": plain_texts,
        "certificateHolderTypeCode": st.sampled_from(["001", "111"]),
    }
)
serials = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=7, max_size=32)
dates = st.dates().map(lambda day: day.isoformat())
salts = st.binary(min_size=32, max_size=32).map(Salt)


@st.composite
def certificates(draw: st.DrawFn) -> dict[str, Any]:
    issued, expiring = sorted((draw(dates), draw(dates)))
    return {
        "kind": "certificate",
        "certificateTypeCode": TYPE,
        "certificateNumber": draw(plain_texts),
        "certificateIdentifier": str(CertificateIdentifier(TYPE, ORG, draw(serials), "001")),
        "certificateIssuingAuthorityCode": ORG,
        "certificateIssuedDate": issued,
        "certificateExpiringDate": draw(st.none() | st.just(expiring)),
        "certificateName": draw(st.none() | plain_texts),
        "holders": draw(st.lists(holders, min_size=1, max_size=3)),
        "sealCodes": draw(st.lists(st.sampled_from(["4301", ""]), max_size=2)),
        "extension": draw(objects),
    }


@quick
@given(values)
def test_the_fast_canonical_form_is_that_of_an_independent_rfc_8785_implementation(value: Any) -> None:
    pruned = prune(value)
    assert jcs(pruned) == rfc8785.dumps(pruned)


@quick
@given(values)
def test_pruning_twice_is_pruning_once_and_leaves_nothing_empty(value: Any) -> None:
    pruned = prune(value)
    assert prune(pruned) == pruned
    assert json.loads(canonical(value)) == pruned

    def empties(part: Any) -> bool:
        inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        return any(item in (None, "", [], {}) or empties(item) for item in inner)

    assert not empties(pruned)


@quick
@given(objects, st.booleans(), st.sampled_from([None, 2]))
def test_json_text_is_read_back_however_it_is_written(value: Any, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    assert read_json(text, limit=100_000) == value


@quick
@given(objects.filter(bool))
def test_a_member_named_twice_is_always_seen(value: dict[str, Any]) -> None:
    text = json.dumps(value)
    again = json.dumps({next(iter(value)): 1})
    with pytest.raises(MalformedRecord):
        read_json((text[:-1] + "," + again[1:]).encode(), limit=100_000)


@quick
@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: data.decode("latin-1")))
def test_no_text_makes_the_reader_stumble(text: str) -> None:
    for parse in (parse_record, parse_disclosure):
        with pytest.raises((MalformedRecord, MalformedDocument)):
            parse(text.encode("utf-8", "surrogatepass"))


@quick
@given(certificates(), salts)
def test_a_disclosure_survives_its_text(value: dict[str, Any], salt: Salt) -> None:
    record = parse_record(value)
    assert parse_record(record.canonical) == record
    text = json.dumps({"record": value, "salt": salt.hex()}).encode()
    assert parse_disclosure(text).body_digest == body_digest(record, salt)


@quick
@given(certificates(), salts, st.randoms(use_true_random=False))
def test_every_partial_disclosure_leads_where_the_whole_one_does(
    value: dict[str, Any], salt: Salt, chance: random.Random
) -> None:
    record = parse_record(value)
    shown = [name for name in record.covered if chance.random() < 0.5]
    partial = parse_disclosure(json.dumps(reveal(record, salt, shown).to_json()).encode())
    assert partial.body_digest == body_digest(record, salt)
    assert partial.open == record.open
    assert partial.members == {name: record.covered[name] for name in shown}


@quick
@given(certificates(), salts, salts)
def test_another_salt_or_one_changed_member_is_another_body(value: dict[str, Any], salt: Salt, other: Salt) -> None:
    record = parse_record(value)
    changed = parse_record(value | {"certificateNumber": value["certificateNumber"] + "x"})
    assert body_digest(changed, salt) != body_digest(record, salt)
    assert (body_digest(record, other) == body_digest(record, salt)) is (other == salt)


class PlainTree:
    """RFC 9162 §2.1 by its recursive definition, over ranges of one list of leaf hashes."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.leaves = leaves
        self.known: dict[tuple[int, int], bytes] = {}

    def root(self, start: int, end: int) -> bytes:
        if end - start == 1:
            return self.leaves[start]
        if (start, end) not in self.known:
            middle = start + self.split(end - start)
            self.known[start, end] = node_hash(self.root(start, middle), self.root(middle, end))
        return self.known[start, end]

    def inclusion(self, index: int, start: int, end: int) -> list[bytes]:
        if end - start == 1:
            return []
        middle = start + self.split(end - start)
        if index < middle:
            return [*self.inclusion(index, start, middle), self.root(middle, end)]
        return [*self.inclusion(index, middle, end), self.root(start, middle)]

    def consistency(self, old: int, start: int, end: int, whole: bool = True) -> list[bytes]:
        if old == end:
            return [] if whole else [self.root(start, end)]
        middle = start + self.split(end - start)
        if old <= middle:
            return [*self.consistency(old, start, middle, whole), self.root(middle, end)]
        return [*self.consistency(old, middle, end, False), self.root(start, middle)]

    @staticmethod
    def split(size: int) -> int:
        return 1 << ((size - 1).bit_length() - 1)


def _log(size: int) -> tuple[PlainTree, tiles.ReadTile]:
    leaves = [leaf_hash(i.to_bytes(4, "big")) for i in range(size)]
    stored = tiles.append(0, lambda level, n: b"", leaves).tiles
    return PlainTree(leaves), lambda level, n: stored[level, n]


def _check_pair(tree: PlainTree, read: tiles.ReadTile, index: int, old: int, size: int) -> None:
    root = tree.root(0, size)
    inclusion = InclusionProof(index, size, tiles.inclusion_path(index, size, read))
    assert list(inclusion.path) == tree.inclusion(index, 0, size)
    assert len(inclusion.path) == inclusion_path_length(index, size)
    verify_inclusion(tree.leaves[index], inclusion, root)
    consistency = ConsistencyProof(old, size, tiles.consistency_path(old, size, read))
    assert list(consistency.path) == tree.consistency(old, 0, size)
    assert len(consistency.path) == consistency_path_length(old, size)
    verify_consistency(consistency, tree.root(0, old), root)


def test_all_proofs_up_to_65_leaves_are_those_of_the_definition() -> None:
    tree, read = _log(65)
    for size in range(1, 66):
        assert tiles.root(size, read) == tree.root(0, size) == root_of(tree.leaves[:size])
        for index in range(size):
            _check_pair(tree, read, index, index + 1, size)
        assert tiles.inclusion_paths(range(size), size, read) == [
            tuple(tree.inclusion(index, 0, size)) for index in range(size)
        ]


def _random_pairs(limit: int, count: int) -> None:
    chance = random.Random(limit)
    tree, read = _log(limit)
    for _ in range(count):
        size = chance.randrange(1, limit + 1)
        _check_pair(tree, read, chance.randrange(size), chance.randrange(1, size + 1), size)


def test_random_proofs_up_to_2_to_12_leaves_are_those_of_the_definition() -> None:
    _random_pairs(2**12, 300)


@pytest.mark.long
def test_random_proofs_up_to_2_to_20_leaves_are_those_of_the_definition() -> None:
    _random_pairs(2**20, 100)


@quick
@given(st.data())
def test_a_damaged_proof_is_refused(data: st.DataObject) -> None:
    tree, read = _log(130)
    size = data.draw(st.integers(2, 130))
    index = data.draw(st.integers(0, size - 1))
    path = tiles.inclusion_path(index, size, read)
    place, bit = data.draw(st.integers(0, len(path) - 1)), data.draw(st.integers(0, 255))
    damaged = bytearray(path[place])
    damaged[bit // 8] ^= 1 << bit % 8
    wrong = [
        InclusionProof(index, size, (*path[:place], bytes(damaged), *path[place + 1 :])),
        InclusionProof(index, size, path[:-1]),
        InclusionProof(index, size, (*path, path[0])),
        InclusionProof(index + 1, size, path),
    ]
    for proof in wrong:
        with pytest.raises(InvalidProof):
            verify_inclusion(tree.leaves[index], proof, tree.root(0, size))
