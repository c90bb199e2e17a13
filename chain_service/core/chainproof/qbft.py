"""QBFT block headers (Besu) and what two thirds of their validators' committed seals prove.

extraData = RLP [vanity, [validator], vote, round, [seal]]. The seals sign the header with its round and no seals; the
block hash is that of the header with round 0 and no seals. Keys are secp256k1. Validators in a contract: not supported.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from chain_service.core.chainproof.headers import (
    NO_OMMERS,
    ZERO_NONCE,
    SealedHeader,
    decode_fields,
    recover_address,
    require_field_count,
    require_validators,
)
from chain_service.core.chainproof.trust import FORM_QBFT, ChainTrust, UnknownSealers
from chain_service.core.encoding import rlp
from chain_service.core.encoding.digests import keccak256
from chain_service.errors import InvalidProof

BFT_MIX_HASH: Final = bytes.fromhex("63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365")

_ONE: Final = b"\x01"
_VOTES: Final = (b"\xff", b"")


@dataclass(frozen=True, slots=True)
class QbftExtra:
    """What extraData holds."""

    vanity: bytes
    validators: tuple[bytes, ...]
    vote: tuple[bytes, bool] | None
    """The address voted on, and whether to add it."""
    round: int
    seals: tuple[bytes, ...]
    """r ‖ s ‖ v each, in any order."""

    def encode(self, *, round_: int, seals: Sequence[bytes] = ()) -> bytes:
        """extraData with this round and these seals."""
        vote = () if self.vote is None else (self.vote[0], _VOTES[0] if self.vote[1] else _VOTES[1])
        return rlp.encode((self.vanity, self.validators, vote, rlp.integer_bytes(round_), seals))


@dataclass(frozen=True, slots=True)
class QbftHeader:
    """A well-formed header; nothing is said yet about who sealed it."""

    raw: bytes
    """The header's RLP."""
    fields: int
    """How many fields it has."""
    block_hash: bytes
    parent_hash: bytes
    coinbase: bytes
    """The proposer."""
    bloom: bytes
    state_root: bytes
    number: int
    time: int
    """Unix seconds, set by the proposer."""
    extra: QbftExtra
    seal_digest: bytes
    """What the seals sign."""


def quorum_size(validators: int) -> int:
    """ceil(2N/3): how many seals prove a block (Besu, BftHelpers.calculateRequiredValidatorQuorum)."""
    return (2 * validators + 2) // 3


def parse_extra(data: bytes) -> QbftExtra:
    """What this extraData holds, exactly five items in their only encoding (Besu, QbftExtraDataCodec).

    Raises InvalidProof.
    """
    items = rlp.decode_list(data)
    if len(items) != 5:
        raise InvalidProof("QBFT extraData has 5 items", items=len(items))
    vanity, validators, vote, round_, seals = items
    if not isinstance(vanity, bytes) or len(vanity) != 32:
        raise InvalidProof("the vanity in extraData has 32 bytes")
    return QbftExtra(
        vanity=vanity,
        validators=_each(validators, 20, "validator"),
        vote=_vote(vote),
        round=rlp.integer(round_, 32),
        seals=_each(seals, 65, "seal"),
    )


def _each(items: rlp.Item, size: int, what: str) -> tuple[bytes, ...]:
    """The list's byte strings, all of this size."""
    if isinstance(items, bytes):
        raise InvalidProof(f"extraData holds bytes where the list of {what}s belongs")
    sized = tuple(item for item in items if isinstance(item, bytes) and len(item) == size)
    if len(sized) != len(items):
        raise InvalidProof(f"a {what} in extraData has {size} bytes")
    return sized


def _vote(item: rlp.Item) -> tuple[bytes, bool] | None:
    if item == []:
        return None
    if not isinstance(item, list) or len(item) != 2:
        raise InvalidProof("a vote in extraData is empty or an address and a choice")
    address, choice = item
    if not isinstance(address, bytes) or len(address) != 20 or choice not in _VOTES:
        raise InvalidProof("a vote in extraData names no address or neither adds nor drops it")
    return address, choice == _VOTES[0]


def parse_header(raw: bytes) -> QbftHeader:
    """The header these bytes encode, its form checked. Raises InvalidProof, also for genesis, which nobody sealed."""
    # 1. strict RLP, strict extraData, number above 0
    flat = decode_fields(raw)
    number = int.from_bytes(flat[8], "big")
    if not number:
        raise InvalidProof("genesis carries no seals")
    # 2. what every QBFT block has in common
    if flat[1] != NO_OMMERS or flat[7] != _ONE or flat[13] != BFT_MIX_HASH or flat[14] != ZERO_NONCE:
        raise InvalidProof("a QBFT block has no ommers, difficulty 1, the BFT mixHash and a zero nonce")
    extra = parse_extra(flat[12])
    # 3. the seals sign the header with its round, the block's hash is that with round 0
    hashed, sealed = _hashes(flat, extra)
    return QbftHeader(
        raw=raw,
        fields=len(flat),
        block_hash=hashed,
        parent_hash=flat[0],
        coinbase=flat[2],
        bloom=flat[6],
        state_root=flat[3],
        number=number,
        time=int.from_bytes(flat[11], "big"),
        extra=extra,
        seal_digest=sealed,
    )


def _hashes(fields: list[bytes], extra: QbftExtra) -> tuple[bytes, bytes]:
    """Block hash and seal digest; `fields` is changed."""
    fields[12] = extra.encode(round_=0)
    hashed = sealed = keccak256(rlp.encode(fields))
    if extra.round:
        fields[12] = extra.encode(round_=extra.round)
        sealed = keccak256(rlp.encode(fields))
    return hashed, sealed


def verify_seals(header: QbftHeader, validators: Sequence[bytes]) -> set[bytes]:
    """Those of `validators`, ascending addresses, who sealed the header: a quorum at least.

    Raises InvalidProof, UnknownSealers if it names others.
    """
    count = len(validators)
    require_validators(validators)
    listed = header.extra.validators
    # 4. the header names the trusted validators, ascending, and one of them proposed it
    if any(left >= right for left, right in pairwise(listed)):
        raise InvalidProof("the validators in extraData are not ascending", block=header.number)
    if listed != tuple(validators):
        raise UnknownSealers("a header names other validators than the trusted ones", block=header.number)
    if header.coinbase not in listed:
        raise InvalidProof("a header was not proposed by a trusted validator", block=header.number)
    # 5. every seal is by another one of them
    if len(header.extra.seals) > count:
        raise InvalidProof("a header has more seals than there are validators", seals=len(header.extra.seals))
    signers: set[bytes] = set()
    for seal in header.extra.seals:
        signer = recover_address(seal, header.seal_digest)
        if signer not in listed:
            sealer = "0x" + signer.hex()
            raise InvalidProof("a header is not sealed by a trusted validator", block=header.number, signer=sealer)
        if signer in signers:
            raise InvalidProof("a header is sealed twice by the same validator", block=header.number)
        signers.add(signer)
    # 6. there are enough of them
    needed = quorum_size(count)
    if len(signers) < needed:
        raise InvalidProof("a quorum needs more seals", needed=needed, given=len(signers))
    return signers


def _require_fields(header: QbftHeader, trust: ChainTrust) -> None:
    within = trust.range_at(header.number, FORM_QBFT)
    if within.fields is None:
        raise InvalidProof("the trust does not state how many fields a header has", block=header.number)
    require_field_count(header.fields, header.number, within)


class Qbft:
    """The QBFT consensus, which answers as `core.chainproof.consensus.Consensus` asks."""

    form: Final = FORM_QBFT
    assurance: Final = "quorum"
    counts_validators: Final = False
    second_block_is_equivocation: Final = True
    has_single_header: Final = True
    needs_field_count: Final = True

    def block_hash(self, raw: bytes) -> bytes:
        """The hash of the block with this header; genesis is hashed as it is. Raises InvalidProof."""
        flat = decode_fields(raw)
        return _hashes(flat, parse_extra(flat[12]))[0] if flat[8] else keccak256(raw)

    def read_headers(self, raws: Sequence[bytes]) -> list[QbftHeader]:
        """The headers, each linked to the one before it. Raises InvalidProof."""
        headers = [parse_header(raw) for raw in raws]
        for parent, child in pairwise(headers):
            if child.number != parent.number + 1 or child.parent_hash != parent.block_hash:
                raise InvalidProof("a header does not follow the one before it", block=child.number)
        return headers

    def sealed_by(self, headers: Sequence[QbftHeader], trust: ChainTrust) -> frozenset[bytes]:
        """The trusted validators who sealed the one header, a quorum at least. Raises InvalidProof, UnknownSealers."""
        if len(headers) != 1:
            raise InvalidProof("QBFT evidence has one header", headers=len(headers))
        _require_fields(headers[0], trust)
        return frozenset(verify_seals(headers[0], trust.range_at(headers[0].number, FORM_QBFT).validators))

    def seals_in(self, headers: Sequence[QbftHeader]) -> frozenset[bytes]:
        """Whoever sealed the first of these headers, as far as that can be told."""
        signers = set()
        for seal in headers[0].extra.seals:
            with suppress(InvalidProof):
                signers.add(recover_address(seal, headers[0].seal_digest))
        return frozenset(signers)

    def genesis_validators(self, raw: bytes) -> tuple[bytes, ...]:
        """The validators that this genesis names, ascending. Raises InvalidProof if it is no QBFT genesis."""
        flat = decode_fields(raw)
        if flat[8] or flat[13] != BFT_MIX_HASH:
            raise InvalidProof("block 0 is not a QBFT genesis", code="unknown_consensus")
        validators = parse_extra(flat[12]).validators
        if not validators or any(left >= right for left, right in pairwise(validators)):
            raise InvalidProof("a QBFT genesis names its validators, ascending", code="unknown_consensus")
        return validators

    def sealed_header(self, raw: bytes, validators: Sequence[bytes], trust: ChainTrust) -> SealedHeader:
        """The header, sealed by a quorum of `validators`, the ascending addresses that may seal it.

        Raises InvalidProof (code `other_validators` if it names others).
        """
        header = parse_header(raw)
        _require_fields(header, trust)
        if header.extra.validators != tuple(validators):
            raise InvalidProof(
                "a header names other validators than the trusted ones",
                code="other_validators",
                block=header.number,
                named=["0x" + address.hex() for address in header.extra.validators],
            )
        return SealedHeader(
            raw=raw,
            number=header.number,
            block_hash=header.block_hash,
            parent_hash=header.parent_hash,
            time=header.time,
            bloom=header.bloom,
            validators=tuple(validators),
            signers=tuple(sorted(verify_seals(header, validators))),
            vote=header.extra.vote,
        )

    def enough(self, validators: int) -> int:
        """How many of so many validators prove a block."""
        return quorum_size(validators)

    def proof_length(self, validators: int) -> int:  # noqa: ARG002 - one header, however many validators
        """How many headers prove a block: its own."""
        return 1

    def newest_final(self, headers: Sequence[SealedHeader]) -> int | None:
        """The place of the newest of these linked headers that is final, which the last one is by its own quorum."""
        return len(headers) - 1 if headers else None

    def headers_on_top(self, validators: int) -> int:  # noqa: ARG002 - the newest one is final, however many there are
        """How many headers below the newest one it may take to find a final one."""
        return 0

    def require_turn(self, header: SealedHeader, before: Sequence[SealedHeader]) -> None:
        """Who seals is not bound by the blocks before: a quorum seals each of them."""
