"""Clique block headers (EIP-225) and what a majority of their signers proves."""

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
from chain_service.core.chainproof.trust import FORM_CLIQUE, ChainTrust, UnknownSealers
from chain_service.core.encoding import rlp
from chain_service.core.encoding.digests import keccak256
from chain_service.errors import InvalidProof

_VANITY: Final = 32
_SEAL: Final = 65
_ZERO_ADDRESS: Final = bytes(20)
_NONCES: Final = (ZERO_NONCE, b"\xff" * 8)


@dataclass(frozen=True, slots=True)
class CliqueHeader:
    """A well-formed header; nothing is said yet about who sealed it."""

    raw: bytes
    """The header's RLP."""
    fields: int
    """How many fields it has."""
    block_hash: bytes
    parent_hash: bytes
    coinbase: bytes
    """The address voted on, or zero."""
    adds: bool
    """The vote is to add that address, not to drop it."""
    bloom: bytes
    state_root: bytes
    difficulty: int
    number: int
    time: int
    """Unix seconds, set by the proposer."""
    signers: tuple[bytes, ...]
    """The validators this header names, ascending; empty except at epoch blocks and in genesis."""
    seal: bytes
    """r ‖ s ‖ v; zero in genesis."""
    seal_digest: bytes
    """What the seal signs: keccak256 of the header without its seal."""


def majority_size(validators: int) -> int:
    """k = ⌊N/2⌋ + 1: how many consecutive headers prove the first of them (EIP-225, SIGNER_LIMIT)."""
    return validators // 2 + 1


def parse_header(raw: bytes) -> CliqueHeader:
    """The header these bytes encode, its form checked as EIP-225 asks (15 fields, or 16 with London's base fee).

    Raises InvalidProof. Genesis (number 0) is free in difficulty, coinbase, nonce and seal, as in go-ethereum.
    """
    flat = decode_fields(raw)
    if len(flat) not in (15, 16):
        raise InvalidProof("a Clique header has 15 or 16 fields", fields=len(flat))
    difficulty, number, time = (int.from_bytes(flat[place], "big") for place in (7, 8, 11))
    extra = flat[12]
    signers = _named_signers(extra)
    if number:
        _check_form(flat, difficulty, signers)
    flat[12] = extra[:-_SEAL]
    return CliqueHeader(
        raw=raw,
        fields=len(flat),
        block_hash=keccak256(raw),
        parent_hash=flat[0],
        coinbase=flat[2],
        adds=flat[14] != ZERO_NONCE,
        bloom=flat[6],
        state_root=flat[3],
        difficulty=difficulty,
        number=number,
        time=time,
        signers=signers,
        seal=extra[-_SEAL:],
        seal_digest=keccak256(rlp.encode(flat)),
    )


def _named_signers(extra: bytes) -> tuple[bytes, ...]:
    size = len(extra) - _VANITY - _SEAL
    if size < 0 or size % 20:
        raise InvalidProof("extraData is not vanity, signers and seal", bytes=len(extra))
    signers = tuple(extra[at : at + 20] for at in range(_VANITY, _VANITY + size, 20))
    if any(left >= right for left, right in pairwise(signers)):
        raise InvalidProof("the signers in extraData are not ascending")
    return signers


def _check_form(fields: Sequence[bytes], difficulty: int, signers: tuple[bytes, ...]) -> None:
    coinbase, nonce = fields[2], fields[14]
    if fields[1] != NO_OMMERS or any(fields[13]):
        raise InvalidProof("a Clique block has no ommers and a zero mixHash")
    if nonce not in _NONCES:
        raise InvalidProof("a Clique nonce is all zero or all ff", nonce=nonce.hex())
    if difficulty not in (1, 2):
        raise InvalidProof("a Clique difficulty is 1 or 2", difficulty=difficulty)
    if signers and (coinbase != _ZERO_ADDRESS or nonce != ZERO_NONCE):
        raise InvalidProof("a block that names the signers carries no vote")


def recover_signer(header: CliqueHeader) -> bytes:
    """The 20-byte address whose key sealed the header (any number but 0). Raises InvalidProof."""
    if not header.number:
        raise InvalidProof("genesis carries no seal")
    return recover_address(header.seal, header.seal_digest)


def verify_seal(header: CliqueHeader, validators: Sequence[bytes], epoch: int | None = None) -> bytes:
    """The validator that sealed this header, which keeps to what EIP-225 asks of a set of signers.

    `validators` are the ascending addresses that may seal it. Headers name their signers at multiples of `epoch` and
    nowhere else; None leaves open where. Raises InvalidProof, UnknownSealers where other validators would explain it.
    """
    if epoch and bool(header.signers) != (header.number % epoch == 0):
        raise InvalidProof("signers are named at epoch blocks and only there", block=header.number)
    if header.signers and header.signers != tuple(validators):
        raise UnknownSealers("a header names other signers than the trusted ones", block=header.number)
    signer = recover_signer(header)
    if signer not in validators:
        sealer = "0x" + signer.hex()
        raise UnknownSealers("a header is not sealed by a trusted validator", block=header.number, signer=sealer)
    in_turn = header.number % len(validators) == validators.index(signer)
    if header.difficulty != (2 if in_turn else 1):
        raise UnknownSealers("a header's difficulty contradicts its signer's turn", block=header.number)
    return signer


def verify_majority(
    headers: Sequence[CliqueHeader], validators: Sequence[bytes], epoch: int | None = None
) -> frozenset[bytes]:
    """The validators who sealed these headers: more than half of `validators`, who thereby built on the first one.

    `headers` are the block in question and the ⌊N/2⌋ after it, linked; `validators` the ascending addresses that may
    seal all of them. Raises InvalidProof, UnknownSealers.
    """
    require_validators(validators)
    # 1. each sealed by one who may
    signers = frozenset([verify_seal(header, validators, epoch) for header in headers])
    # 2. as many headers as a majority has members, each sealed by another one
    needed = majority_size(len(validators))
    if len(headers) != needed:
        # the end of a range, where it is known, makes do with other numbers
        raise UnknownSealers(f"a majority needs {needed} headers, got {len(headers)}")
    if len(signers) != needed:
        raise InvalidProof("two headers are sealed by the same validator", block=headers[0].number)
    return signers


class Clique:
    """The Clique consensus, which answers as `core.chainproof.consensus.Consensus` asks."""

    form: Final = FORM_CLIQUE
    assurance: Final = "majority"
    counts_validators: Final = True
    second_block_is_equivocation: Final = False
    has_single_header: Final = False
    needs_field_count: Final = False

    def block_hash(self, raw: bytes) -> bytes:
        """A block's hash, which is the hash of its header as it stands."""
        return keccak256(raw)

    def read_headers(self, raws: Sequence[bytes]) -> list[CliqueHeader]:
        """The headers, each linked to the one before it. Raises InvalidProof."""
        headers = [parse_header(raw) for raw in raws]
        for parent, child in pairwise(headers):
            if child.number != parent.number + 1 or child.parent_hash != parent.block_hash:
                raise InvalidProof("a header does not follow the one before it", block=child.number)
        return headers

    def sealed_by(self, headers: Sequence[CliqueHeader], trust: ChainTrust) -> frozenset[bytes]:
        """The trusted validators who sealed these linked headers, enough of them to prove the first one.

        Raises InvalidProof, UnknownSealers.
        """
        ranges = []
        for header in headers:
            ranges.append(trust.range_at(header.number, FORM_CLIQUE))
            require_field_count(header.fields, header.number, ranges[-1])
        validators = ranges[0].validators
        if ranges[-1].validators != validators:
            raise InvalidProof("the validators change within these headers; prove from a later block")
        return verify_majority(headers, validators, trust.epoch)

    def seals_in(self, headers: Sequence[CliqueHeader]) -> frozenset[bytes]:
        """Whoever sealed these headers, as far as that can be told."""
        found = set()
        for header in headers:
            with suppress(InvalidProof):
                found.add(recover_signer(header))
        return frozenset(found)

    def genesis_validators(self, raw: bytes) -> tuple[bytes, ...]:
        """The signers that this genesis names, ascending. Raises InvalidProof if it is no Clique genesis."""
        header = parse_header(raw)
        if header.number or not header.signers:
            raise InvalidProof("block 0 is not a Clique genesis: it lists no signers", code="unknown_consensus")
        return header.signers

    def sealed_header(self, raw: bytes, validators: Sequence[bytes], trust: ChainTrust) -> SealedHeader:
        """The header, sealed by one of `validators`, the ascending addresses that may seal it. Raises InvalidProof."""
        header = parse_header(raw)
        require_validators(validators)
        require_field_count(header.fields, header.number, trust.range_at(header.number, FORM_CLIQUE))
        signer = verify_seal(header, validators, trust.epoch)
        return SealedHeader(
            raw=raw,
            number=header.number,
            block_hash=header.block_hash,
            parent_hash=header.parent_hash,
            time=header.time,
            bloom=header.bloom,
            validators=tuple(validators),
            signers=(signer,),
            named=header.signers,
            vote=(header.coinbase, header.adds) if header.adds or header.coinbase != _ZERO_ADDRESS else None,
        )

    def enough(self, validators: int) -> int:
        """How many of so many validators prove a block."""
        return majority_size(validators)

    def proof_length(self, validators: int) -> int:
        """How many headers, the block's own and those after it, prove a block."""
        return majority_size(validators)

    def newest_final(self, headers: Sequence[SealedHeader]) -> int | None:
        """The place of the newest of these linked headers that is final; None if none is.

        One signer: the block itself. N signers: a majority from the block on, no change of signers within it, and N
        blocks on top, since Clique promises nothing more.
        """
        for place in range(len(headers) - 1, -1, -1):
            validators = headers[place].validators
            count = len(validators)
            if count > 1 and place + count >= len(headers):
                continue
            window = headers[place : place + majority_size(count)]
            signers = {signer for header in window for signer in header.signers}
            if len(signers) == majority_size(count) and all(header.validators == validators for header in window):
                return place
        return None

    def headers_on_top(self, validators: int) -> int:
        """How many headers below the newest one it may take to find a final one."""
        return 0 if validators == 1 else validators + 2 * majority_size(validators)

    def require_turn(self, header: SealedHeader, before: Sequence[SealedHeader]) -> None:
        """A signer seals one of any ⌊N/2⌋ + 1 blocks (EIP-225); `before` are the headers before it, the last one next.

        Raises InvalidProof.
        """
        others = majority_size(len(header.validators)) - 1
        if any(header.signers == recent.signers for recent in (before[-others:] if others else ())):
            raise InvalidProof("a header violates the Clique signer limit", block=header.number)
