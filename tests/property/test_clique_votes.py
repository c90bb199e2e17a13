"""Votes in Clique headers change the signers exactly as go-ethereum counts them."""

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain_service.core.chainproof.clique import majority_size
from chain_service.core.chainproof.clique_votes import Signers
from chain_service.core.chainproof.consensus import FollowedHeader, follow, headers_on_top, newest_final, provable_from
from chain_service.core.chainproof.headers import SealedHeader
from chain_service.core.chainproof.trust import ChainTrust, ValidatorRange
from chain_service.core.encoding import rlp
from chain_service.core.encoding.digests import keccak256
from chain_service.errors import InvalidProof
from support.chains.clique_simulator import Validator, World, header_fields, validators

EPOCH = 12
PEOPLE = [Validator.from_number(n) for n in range(7)]
BY_ADDRESS = {one.address: one for one in PEOPLE}
PARENT = keccak256(b"parent")


class ReferenceSnapshot:
    """go-ethereum 1.13.15, consensus/clique/snapshot.go, line by line."""

    def __init__(self, signers):
        self.signers, self.votes, self.tally = set(signers), [], {}

    def cast(self, address, authorize):
        if (address in self.signers) == authorize:
            return False
        if address in self.tally:
            self.tally[address][1] += 1
        else:
            self.tally[address] = [authorize, 1]
        return True

    def uncast(self, address, authorize):
        tally = self.tally.get(address)
        if tally is None or tally[0] != authorize:
            return
        if tally[1] > 1:
            tally[1] -= 1
        else:
            del self.tally[address]

    def apply(self, number, signer, coinbase, authorize):
        if number % EPOCH == 0:
            self.votes, self.tally = [], {}
        for place, vote in enumerate(self.votes):
            if vote[0] == signer and vote[1] == coinbase:
                self.uncast(vote[1], vote[2])
                del self.votes[place]
                break
        if self.cast(coinbase, authorize):
            self.votes.append((signer, coinbase, authorize))
        tally = self.tally.get(coinbase)
        if tally is not None and tally[1] > len(self.signers) // 2:
            if tally[0]:
                self.signers.add(coinbase)
            else:
                self.signers.discard(coinbase)
                for vote in [vote for vote in self.votes if vote[0] == coinbase]:
                    self.uncast(vote[1], vote[2])
                    self.votes.remove(vote)
            self.votes = [vote for vote in self.votes if vote[1] != coinbase]
            self.tally.pop(coinbase, None)


def sealed(number, signer, vote, named=()):
    return SealedHeader(b"", number, bytes(32), bytes(32), number, bytes(256), (), (signer,), named, vote)


@given(
    first=st.integers(1, 4),
    steps=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.booleans(), st.booleans()), max_size=60),
)
@settings(max_examples=400)
def test_the_signers_and_votes_are_those_of_go_ethereum(first, steps):
    addresses = sorted(one.address for one in PEOPLE[:first])
    reference, ours = ReferenceSnapshot(addresses), Signers(tuple(addresses))
    for number, (who, whom, adds, votes) in enumerate(steps, start=1):
        if not reference.signers:
            return
        signer = sorted(reference.signers)[who % len(reference.signers)]
        checkpoint = number % EPOCH == 0
        candidate = PEOPLE[whom].address if votes and whom and not checkpoint else bytes(20)
        authorize = adds and votes and not checkpoint
        named = tuple(sorted(reference.signers)) if checkpoint else ()
        vote = (candidate, authorize) if authorize or candidate != bytes(20) else None
        reference.apply(number, signer, candidate, authorize)
        ours = ours.after(sealed(number, signer, vote, named))
        assert ours.addresses == tuple(sorted(reference.signers))
        assert ours.votes == {(whom, who) for who, whom, _ in reference.votes}
        assert Counter(candidate for candidate, _ in ours.votes) == {a: n for a, (_, n) in reference.tally.items()}
        assert Signers.from_bytes(*ours.to_bytes()) == ours


def test_an_epoch_block_that_names_others_is_refused():
    one, other = (Signers((person.address,)) for person in PEOPLE[:2])
    with pytest.raises(InvalidProof):
        one.after(sealed(EPOCH, one.addresses[0], None, other.addresses))


def test_a_real_chain_of_four_votes_in_a_fifth(vectors):
    geth = json.loads((vectors / "clique-geth/four_signers_then_five.json").read_text())
    raws = [bytes.fromhex(entry["rlp"].removeprefix("0x")) for entry in geth["headers"]]
    told = [tuple(sorted(bytes.fromhex(one[2:]) for one in entry["signers"])) for entry in geth["headers"]]
    trust = ChainTrust(geth["chainId"], keccak256(raws[0]), (ValidatorRange(0, told[0]),), {}, epoch=geth["epoch"])
    followed = follow(raws[1:], trust, Signers(told[0]), keccak256(raws[0]))
    assert [block.signers.addresses for block in followed] == told[1:]
    assert len(told[0]) == 4 and len(told[-1]) == 5
    place = newest_final([block.header for block in followed], trust)
    assert place is not None and place == len(followed) - 1 - 5


# What is final.


def followed(sealers, among, first=1, votes=None, parent=PARENT):
    """Blocks from number `first`, one a sealer, that follow each other."""
    votes = votes or {}
    trust = World({}).trust(*(one.address for one in among))
    signers, raws = Signers(tuple(one.address for one in among)), []
    for number, sealer in enumerate(sealers, start=first):
        in_turn = number % len(signers.addresses) == signers.addresses.index(sealer.address)
        candidate, adds = votes.get(number, (bytes(20), False))
        fields = header_fields(
            number,
            keccak256(raws[-1]) if raws else parent,
            keccak256(b"state"),
            miner=candidate,
            nonce=b"\xff" * 8 if adds else bytes(8),
            difficulty=2 if in_turn else 1,
            extraData=bytes(32),
        )
        raws.append(rlp.encode(sealer.seal(fields)))
        signers = follow(raws[-1:], trust, signers, None)[0].signers
    return follow(raws, trust, Signers(tuple(one.address for one in among)), parent), trust


def place_of_newest(blocks: list[FollowedHeader], trust) -> int | None:
    return newest_final([block.header for block in blocks], trust)


@pytest.mark.parametrize("count", range(1, 10))
def test_a_block_is_final_with_its_majority_and_as_many_blocks_on_top_as_there_are_signers(count):
    among = validators(count)
    blocks, trust = followed([among[number % count] for number in range(1, 3 * count + 2)], among)
    on_top = 0 if count == 1 else count
    for length in range(1, len(blocks) + 1):
        expected = length - 1 - on_top
        assert place_of_newest(blocks[:length], trust) == (expected if expected >= 0 else None)


def test_blocks_that_fewer_than_a_majority_seal_in_turn_are_never_final():
    among = validators(4)
    blocks, trust = followed([among[number % 2] for number in range(1, 40)], among)
    assert place_of_newest(blocks, trust) is None
    assert len(blocks) == 2, "a signer that seals again too soon is not followed"
    one_more, trust = followed([among[number % 3] for number in range(1, 40)], among)
    assert place_of_newest(one_more, trust) == len(one_more) - 1 - 4


def test_across_a_change_of_signers_a_later_block_proves_the_earlier():
    among = validators(4)
    newcomer = Validator.from_number(77)
    sealers = [among[number % 4] for number in range(1, 5)]
    votes = dict.fromkeys((2, 3, 4), (newcomer.address, True))
    after = sorted([*among, newcomer], key=lambda one: one.address)
    for number in range(5, 25):
        sealers.append(next(one for one in after[number % 5 :] + after if one not in sealers[-2:]))
    blocks, trust = followed(sealers, among, votes=votes)
    assert [len(block.header.validators) for block in blocks] == [4] * 4 + [5] * 20
    headers = [block.header for block in blocks]
    known = World({}).trust(
        ranges=(
            ValidatorRange(0, tuple(one.address for one in among)),
            ValidatorRange(5, tuple(one.address for one in after)),
        )
    )
    assert provable_from(known, 2) == 2  # blocks 2, 3, 4
    assert [provable_from(known, number) for number in (3, 4, 5)] == [5, 5, 5]
    for length in range(1, len(headers) + 1):
        place = newest_final(headers[:length], trust)
        if place is not None:
            window = headers[place : place + majority_size(len(headers[place].validators))]
            assert len({header.validators for header in window}) == 1
            assert length - 1 - place >= len(headers[place].validators)
    assert newest_final(headers, trust) == len(headers) - 1 - 5
    assert headers_on_top(known, 20) >= 5 + 2


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30))
def test_whatever_is_called_final_can_be_proven(order):
    among = validators(4)
    blocks, trust = followed([among[who] for who in order], among)
    headers = [block.header for block in blocks]
    place = newest_final(headers, trust)
    for at in range(len(headers)):
        window = headers[at : at + 3]
        holds = len(window) == 3 and len({header.signers for header in window}) == 3 and at + 4 < len(headers)
        assert not holds or (place is not None and place >= at)
        assert place != at or holds


def test_a_header_in_the_wrong_place_ends_what_is_followed():
    among = validators(3)
    blocks, trust = followed([among[number % 3] for number in range(1, 10)], among)
    raws = [block.header.raw for block in blocks]
    signers = Signers(tuple(one.address for one in among))
    assert len(follow([*raws[:4], raws[5]], trust, signers, PARENT)) == 4
    for wrong in ([raws[1]], [raws[0], raws[1]][::-1]):
        with pytest.raises(InvalidProof):
            follow(wrong, trust, signers, PARENT)
    with pytest.raises(InvalidProof):
        follow(raws, trust, Signers((Validator.from_number(50).address,)), PARENT)
