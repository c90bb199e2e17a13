"""What a chain's consensus says of its blocks: one interface, a module for each form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any, Final, NamedTuple

from chain_service.core.chainproof import clique, qbft
from chain_service.core.chainproof.clique_votes import Signers
from chain_service.core.chainproof.headers import Assurance, ProvenHeader, SealedHeader, decode_fields
from chain_service.core.chainproof.trust import FORM_CLIQUE, FORM_QBFT, ChainTrust, UnknownSealers, ValidatorRange
from chain_service.core.encoding.digests import keccak256
from chain_service.errors import CannotTell, InvalidProof

CONSENSUS_FORMS: Final[Mapping[str, ModuleType]] = {FORM_CLIQUE: clique, FORM_QBFT: qbft}
"""The module of each form.

`read_headers(raws)`, `sealed_by(headers, trust)`, `seals_in(headers)`, `enough(validators)`, `block_hash(header)`,
`genesis_validators(header)`, `sealed_header(header, validators, trust)`, `proof_length(validators)` and
`newest_final(headers)`.
"""


class Genesis(NamedTuple):
    """What block 0 says of its chain."""

    form: str
    block_hash: bytes
    validators: tuple[bytes, ...]
    """Ascending."""


class Followed(NamedTuple):
    """A header in its place, and who may seal the next one; None where headers do not decide that."""

    header: SealedHeader
    signers: Signers | None


def read_genesis(raw: bytes) -> Genesis:
    """The chain that begins with this header. Raises InvalidProof (code `unknown_consensus`) if it is no genesis."""
    form = FORM_QBFT if decode_fields(raw)[13] == qbft.BFT_MIX_HASH else FORM_CLIQUE
    return Genesis(form, keccak256(raw), CONSENSUS_FORMS[form].genesis_validators(raw))


def prove_block(raws: Sequence[bytes], trust: ChainTrust, form: str) -> ProvenHeader:
    """The first of these headers, shown to be a block of the trusted chain; and what that is worth.

    The rules are numbered in `core.chainproof.trust`. With one validator the assurance is `trial`: an operator's
    signature. Raises InvalidProof, CannotTell.
    """
    if not raws:
        raise InvalidProof("no header proves nothing")
    module = CONSENSUS_FORMS[form]
    headers = module.read_headers(raws)
    first, last = headers[0], headers[-1]
    within: ValidatorRange | None = None
    try:
        within = trust.range_at(first.number, form)
        _require_between_ends(first, within, trust)
        # rule 2
        by_hash = within.until is not None and (last.number, last.block_hash) == within.until[:2]
        signers = (
            module.seals_in(headers).intersection(within.validators) if by_hash else module.sealed_by(headers, trust)
        )
    except UnknownSealers as error:
        if within in (None, trust.open):
            error.details["time"] = last.time
            raise
        if within is not None and within.until is None and last.number + 1 >= trust.begin_after(within):
            raise CannotTell("whether this header ends its range is not known", block=last.number) from None
        raise InvalidProof(error.message, **error.details) from None
    size, is_open = len(within.validators), within is trust.open
    # rule 4
    still = len(signers.intersection(trust.open.validators))
    counts = is_open or by_hash or (still >= module.enough(size) and (size > 1 or len(trust.open.validators) == 1))
    return ProvenHeader(
        block=first.number,
        block_hash=first.block_hash,
        state_root=first.state_root,
        time=first.time,
        assurance="trial" if size == 1 else _ASSURANCE[form],
        validators=size,
        signers=len(signers),
        counts=counts,
        # rule 3
        speaks_until=None if is_open else -1 if within.until is None else within.until.time,
    )


_ASSURANCE: Final[Mapping[str, Assurance]] = {FORM_CLIQUE: "majority", FORM_QBFT: "quorum"}


def _require_between_ends(first: Any, within: ValidatorRange, trust: ChainTrust) -> None:
    """Rule 1: the header contradicts no known end of a range. Raises InvalidProof."""
    for one in trust.ranges:
        end = one.until
        if end is None:
            continue
        if one is within and first.number == end.block and first.block_hash != end.block_hash:
            raise InvalidProof("another block ends this range of validators", block=first.number)
        if one is within and first.time > end.time:
            raise InvalidProof("a header is from after the end of its range", block=first.number)
        if first.number > end.block and first.time < end.time:
            raise InvalidProof("a header is from before the end of an earlier range", block=first.number)


def sealed(raw: bytes, trust: ChainTrust) -> SealedHeader:
    """The header, sealed by those whom the trust names for its height; block 0 is the trusted one.

    Raises InvalidProof.
    """
    number = _number(raw)
    if number == 0:
        return _genesis(raw, trust)
    within = trust.range_at(number)
    header: SealedHeader = CONSENSUS_FORMS[within.form].sealed_header(raw, within.validators, trust)
    return header


def follow(raws: Iterable[bytes], trust: ChainTrust, signers: Signers | None, parent: bytes | None) -> list[Followed]:
    """The headers after a known block, each sealed by one who may and linked to the one before.

    `signers` are those after the known block, `parent` its hash; both None where it is not known and the trust says who
    seals. Ends before the first header that does not hold; raises its InvalidProof if that is the first of all.
    """
    followed: list[Followed] = []
    for raw in raws:
        try:
            header = sealed(raw, trust) if signers is None else clique.sealed_header(raw, signers.addresses, trust)
            _require_turn(header, followed, trust)
            _require_link(header, followed[-1].header if followed else None, parent)
            signers = None if signers is None else signers.after(header)
        except InvalidProof:
            if not followed:
                raise
            break
        followed.append(Followed(header, signers))
    return followed


def newest_final(headers: Sequence[SealedHeader], trust: ChainTrust) -> int | None:
    """The place of the newest of these linked headers that its consensus holds for final; None if none is."""
    place: int | None = CONSENSUS_FORMS[trust.form].newest_final(headers)
    return 0 if place is None and headers and headers[0].number == 0 else place


def proof_length(trust: ChainTrust, number: int) -> int:
    """How many headers, from this block on, prove it. Raises InvalidProof."""
    within = trust.range_at(number)
    length: int = CONSENSUS_FORMS[within.form].proof_length(len(within.validators))
    return length


def provable_from(trust: ChainTrust, number: int) -> int:
    """The first block from this one on whose proof reaches across no change of validators. Raises InvalidProof."""
    while trust.validators_at(number + proof_length(trust, number) - 1) != trust.validators_at(number):
        number += 1
    return number


def headers_on_top(trust: ChainTrust, number: int) -> int:
    """How many headers below the newest one, `number`, it may take to find a final one. Raises InvalidProof."""
    if trust.form == FORM_QBFT:
        return 0
    count = len(trust.validators_at(number))
    return 0 if count == 1 else count + 2 * clique.majority_size(count)


def _number(raw: bytes) -> int:
    return int.from_bytes(decode_fields(raw)[8], "big")


def _genesis(raw: bytes, trust: ChainTrust) -> SealedHeader:
    fields = decode_fields(raw)
    if keccak256(raw) != trust.genesis_hash:
        raise InvalidProof("the chain begins with another block", code="wrong_chain")
    return SealedHeader(
        raw=raw,
        number=0,
        block_hash=trust.genesis_hash,
        parent_hash=fields[0],
        time=int.from_bytes(fields[11], "big"),
        bloom=fields[6],
        validators=trust.validators_at(0),
        signers=(),
    )


def _require_turn(header: SealedHeader, followed: Sequence[Followed], trust: ChainTrust) -> None:
    """EIP-225: a Clique signer seals one of any ⌊N/2⌋ + 1 blocks."""
    others = clique.majority_size(len(header.validators)) - 1
    recent = followed[-others:] if trust.form == FORM_CLIQUE and others else ()
    if any(header.signers == before.header.signers for before in recent):
        raise InvalidProof("a signer sealed again too soon", block=header.number)


def _require_link(header: SealedHeader, before: SealedHeader | None, parent: bytes | None) -> None:
    if before is not None and header.number != before.number + 1:
        raise InvalidProof("a block does not follow the one before it", block=header.number)
    expected = before.block_hash if before is not None else parent
    if expected is not None and header.parent_hash != expected:
        raise InvalidProof("a block does not follow the one before it", block=header.number)
