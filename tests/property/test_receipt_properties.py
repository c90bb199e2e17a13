"""Damaged receipts and foreign bytes: invalid or provably harmless, and nothing but our own errors comes out."""

import random
from dataclasses import replace

import cbor2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chain_service.core.chainproof.evidence import verify_evidence
from chain_service.core.chainproof.storage_layout import SEAL_REGISTRY
from chain_service.core.encoding import cose, rlp
from chain_service.core.receipts import trust_file
from chain_service.core.receipts.receipt import encode, parse, refreshed
from chain_service.core.receipts.verify_offline import present, verify_offline
from chain_service.errors import BadRequest
from support.cost import costs_at_most
from support.offline.offline_seals import SEALED, sealed_receipt
from support.worlds.receipt_world import NOW, ROOTS, Issued, findings, terms

SAMPLE = [Issued("clique"), Issued("qbft")]
RECEIPTS = [encode(issued.receipt()) for issued in SAMPLE]
REFRESHED = [encode(refreshed(issued.receipt(), issued.newer())) for issued in SAMPLE]
WITH_SEALS = encode(sealed_receipt())
KINDS = {
    "clique": (SAMPLE[0], RECEIPTS[0]),
    "qbft": (SAMPLE[1], RECEIPTS[1]),
    "clique refreshed": (SAMPLE[0], REFRESHED[0]),
    "qbft refreshed": (SAMPLE[1], REFRESHED[1]),
    "with seals": (SEALED, WITH_SEALS),
}
TRUST = trust_file.sign(terms(SAMPLE[1].chain), ROOTS[:2])


def judged(issued, presented, data):
    return verify_offline(data, presented, issued.trust, now=NOW)


def refused(issued, presented, data, genuine):
    """Whether a damaged receipt is no longer believed: invalid, or for a reason that shows nothing wrong.

    There are two such reasons. Another name of the chain or of its contract makes it the receipt of another chain,
    which may well be genuine. And of who sealed a block nothing but the seal and, on QBFT, the header tells: a changed
    bit in the newest header of an evidence, whose hash no other header names, is one of validators voted in since the
    trust file was issued, as far as is told. A changed bit anywhere else has to be shown to be wrong.
    """
    verdict = judged(issued, presented, data)
    if verdict.code == "issuer_unknown":
        damaged, whole = parse(data), parse(genuine)
        return (damaged.chain_id, damaged.contract) != (whole.chain_id, whole.contract)
    if verdict.code == "trust_stale":
        return seems_sealed_by_others(issued, parse(data), parse(genuine))
    return verdict.answer.value == "invalid"


def seems_sealed_by_others(issued, damaged, whole):
    """Whether one header alone differs, the newest of its evidence, and on QBFT in the validators that it names."""
    headers = [
        (one.evidence.headers, other.evidence.headers) for one, other in zip(damaged.blocks, whole.blocks, strict=True)
    ]
    changed = [pair for pair in headers if pair[0] != pair[1]]
    ((now, before),) = changed
    named = (
        [rlp.decode(rlp.decode_list(one[-1])[12])[1] for one in (now, before)] if issued.consensus == "qbft" else [0, 1]
    )
    return now[:-1] == before[:-1] and named[0] != named[1]


def essence(issued, data):
    """All that a receipt says but what is provably harmless: which seals it shows, and what outsiders attested.

    A seal that a receipt leaves out is unproven where a signature is judged, and says nothing of the record.
    """
    receipt = parse(data)
    states = [verify_evidence(block.evidence, issued.chain) for block in receipt.blocks]
    words = [{slot: word for slot, word in state.words.items() if slot[0] != SEAL_REGISTRY} for state in states]
    return replace(receipt, blocks=()), [state.block_hash for state in states], words


GOOD = [essence(issued, data) for issued, data in KINDS.values()]


def flipped(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_of_changed_bits_leaves_no_receipt_believed(kind):
    issued, data = KINDS[kind]
    presented = present(issued.disclosed)
    bits = random.Random(kind).sample(range(len(data) * 8), 1000)
    for bit in bits:
        damaged = flipped(data, bit)
        assert refused(issued, presented, damaged, data) or essence(issued, damaged) in GOOD, bit


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", KINDS)
def test_every_changed_bit_leaves_no_receipt_believed(kind):
    issued, data = KINDS[kind]
    presented = present(issued.disclosed)
    for bit in range(len(data) * 8):
        damaged = flipped(data, bit)
        assert refused(issued, presented, damaged, data) or essence(issued, damaged) in GOOD, bit


@pytest.mark.parametrize("place", range(2), ids=["clique", "qbft"])
def test_a_changed_bit_in_a_private_extra_is_harmless(place):
    issued = SAMPLE[place]
    protected, unprotected, payload, signature = cbor2.loads(RECEIPTS[place][1:])
    extra = b"somebody's note"
    data = b"\xd2" + cose.encode([protected, unprotected | {-70000: extra}, payload, signature])
    assert judged(issued, present(issued.disclosed), data).code == "in_force"
    start = data.index(extra)
    for bit in range(start * 8, (start + len(extra)) * 8):
        assert judged(issued, present(issued.disclosed), flipped(data, bit)).code == "in_force"
        assert parse(flipped(data, bit)) == parse(RECEIPTS[place])


def test_a_receipt_cut_off_anywhere_is_invalid():
    presented = present(SAMPLE[0].disclosed)
    for length in range(0, len(RECEIPTS[0]), 7):
        assert judged(SAMPLE[0], presented, RECEIPTS[0][:length]).answer.value == "invalid"


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=40)
    | st.binary(max_size=80),
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.dictionaries(st.integers(-70000, 400) | st.text(max_size=3), inner, max_size=6)
        | st.builds(cbor2.CBORTag, st.integers(0, 70000), inner)
    ),
    max_leaves=20,
)
NASTY = [b"\x9f", b"\xff", b"\x5f", b"\xd8\x1c", b"\xbb" + b"\xff" * 8, b"\x9b" + b"\xff" * 8, b"\x5a\xff\xff\xff\xff"]
LABELS = st.sampled_from([1, 2, 3, 4, 5, 6, 7, 8, -1, 15, 395, 396, -65601, -65602, -65537])


@st.composite
def damaged(draw):
    """A good receipt with bytes changed, taken out, doubled or put in at a few places."""
    data = bytearray(draw(st.sampled_from([data for _, data in KINDS.values()])))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        piece = draw(
            st.binary(max_size=8) | st.sampled_from([b"\x9f", b"\xff", b"\x5f", b"\xd8\x1c", b"\xbb" + b"\xff" * 8])
        )
        end = at + draw(st.sampled_from([0, len(piece), draw(st.integers(0, 200))]))
        data[at:end] = piece
    return bytes(data)


@st.composite
def rebuilt(draw):
    """A good receipt with one member anywhere in it replaced by any value."""
    message = cbor2.loads(draw(st.sampled_from(RECEIPTS))[1:])
    protected = cbor2.loads(message[0])
    value = draw(values)
    match draw(st.integers(0, 4)):
        case 0:
            message[draw(st.integers(0, 3))] = value
        case 1:
            protected[draw(LABELS)] = value
        case 2:
            message[1][draw(LABELS)] = value
        case 3:
            message[1][-65601][0][draw(LABELS)] = value
        case 4:
            message[1][396] = {-1: [cbor2.dumps(value)]}
    if isinstance(message[0], bytes):
        message[0] = cbor2.dumps(protected, canonical=True)
    return b"\xd2" + cbor2.dumps(message, canonical=True)


anything = st.binary(max_size=400) | values.map(cbor2.dumps).map(lambda data: b"\xd2" + data) | damaged() | rebuilt()


PRESENTED = [(issued, present(issued.disclosed)) for issued in (*SAMPLE, SEALED)]


def never_raises(data):
    for read, write in ((parse, encode), (trust_file.parse, None)):
        try:
            value = read(data)
        except BadRequest:
            continue
        if write is not None:
            assert parse(write(value)) == value
    for issued, presented in PRESENTED:
        if judged(issued, presented, data).answer.value == "valid":
            assert essence(issued, data) in GOOD


@settings(max_examples=200, deadline=None)
@given(anything)
def test_foreign_bytes_never_raise(data):
    never_raises(data)


@pytest.mark.long
@pytest.mark.timeout(7200)
@settings(max_examples=100_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(anything)
def test_a_hundred_thousand_foreign_inputs_never_raise(data):
    with costs_at_most(2):
        never_raises(data)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(TRUST) * 8 - 1), st.binary(max_size=5))
def test_a_damaged_trust_file_is_refused(bit, more):
    for data in (flipped(TRUST, bit), TRUST[: bit // 8] + more, TRUST + more[:1] if more else b""):
        with pytest.raises(BadRequest):
            trust_file.parse(data)


def test_the_sample_is_good():
    for issued, data in KINDS.values():
        verdict = judged(issued, present(issued.disclosed), data)
        assert (verdict.answer.value, findings(verdict)["log_signature"]) == ("valid", "signed")
