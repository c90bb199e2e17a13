"""What a chain's consensus says of its blocks: one interface, and Clique and QBFT behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from chain_service.core.chainproof.clique import Clique, CliqueHeader
from chain_service.core.chainproof.clique_votes import Signers
from chain_service.core.chainproof.headers import Assurance, ProvenHeader, SealedHeader, decode_fields
from chain_service.core.chainproof.qbft import BFT_MIX_HASH, Qbft, QbftHeader
from chain_service.core.chainproof.trust import ChainTrust, UnknownSealers, ValidatorRange
from chain_service.core.encoding.digests import keccak256
from chain_service.errors import CannotTell, InvalidProof


class ReadHeader(Protocol):
    """A well-formed header as each consensus reads its own; nothing is said yet about who sealed it."""

    @property
    def number(self) -> int:
        """Height of the block."""

    @property
    def block_hash(self) -> bytes:
        """Its hash under the rules of its consensus, 32 bytes."""

    @property
    def state_root(self) -> bytes:
        """Root of the state trie after the block, 32 bytes."""

    @property
    def time(self) -> int:
        """Unix seconds, as its sealer wrote them."""


H = TypeVar("H", bound=ReadHeader)


class Consensus(Protocol[H]):
    """What has to be known of a consensus to follow its chain and to prove a block of it.

    Whoever has to tell Clique from QBFT asks one of these for the difference, never for its name.
    """

    @property
    def form(self) -> str:
        """How evidence and trust files call it."""
        ...

    @property
    def assurance(self) -> Assurance:
        """What a proven block is worth where there is more than one validator."""
        ...

    @property
    def counts_validators(self) -> bool:
        """Who may seal is counted from the votes in the headers; where not, the operator has to state it."""
        ...

    @property
    def second_block_is_equivocation(self) -> bool:
        """A second block of one height, sealed as it has to be, shows that validators sealed both.

        Where not, branches are ordinary, and the one that becomes final counts.
        """
        ...

    @property
    def has_single_header(self) -> bool:
        """A proof is one header, however many validators there are; evidence then holds it without a list."""
        ...

    @property
    def needs_field_count(self) -> bool:
        """A header can be verified only where the trust states how many fields it has."""
        ...

    def enough(self, validators: int) -> int:
        """How many of so many validators prove a block."""
        ...

    def proof_length(self, validators: int) -> int:
        """How many headers, the block's own and those after it, prove a block."""
        ...

    def headers_on_top(self, validators: int) -> int:
        """How many headers below the newest one it may take to find a final one."""
        ...

    def newest_final(self, headers: Sequence[SealedHeader]) -> int | None:
        """The place of the newest of these linked headers that is final; None if none is."""
        ...

    def block_hash(self, raw: bytes) -> bytes:
        """The hash of the block with this header. Raises InvalidProof."""
        ...

    def genesis_validators(self, raw: bytes) -> tuple[bytes, ...]:
        """The validators that this genesis names, ascending. Raises InvalidProof (code `unknown_consensus`)."""
        ...

    def read_headers(self, raws: Sequence[bytes]) -> list[H]:
        """The headers, each linked to the one before it. Raises InvalidProof."""
        ...

    def sealed_by(self, headers: Sequence[H], trust: ChainTrust) -> frozenset[bytes]:
        """The trusted validators who sealed these linked headers, enough of them to prove the first one.

        Raises InvalidProof, UnknownSealers.
        """
        ...

    def seals_in(self, headers: Sequence[H]) -> frozenset[bytes]:
        """Whoever sealed the block that these headers prove, as far as that can be told."""
        ...

    def sealed_header(self, raw: bytes, validators: Sequence[bytes], trust: ChainTrust) -> SealedHeader:
        """The header, sealed by those who have to of `validators`, ascending addresses. Raises InvalidProof."""
        ...

    def require_turn(self, header: SealedHeader, before: Sequence[SealedHeader]) -> None:
        """Returns only if these signers may seal so soon after the headers `before` it. Raises InvalidProof."""
        ...


CLIQUE: Final[Consensus[CliqueHeader]] = Clique()
QBFT: Final[Consensus[QbftHeader]] = Qbft()
CONSENSUS_FORMS: Final[Mapping[str, Consensus[Any]]] = {consensus.form: consensus for consensus in (CLIQUE, QBFT)}
"""Each consensus whose blocks can be verified here, by the form that evidence and trust name."""


def consensus_of(trust: ChainTrust) -> Consensus[Any]:
    """The consensus of the chain today."""
    return CONSENSUS_FORMS[trust.form]


class Genesis(NamedTuple):
    """What block 0 says of its chain."""

    form: str
    block_hash: bytes
    validators: tuple[bytes, ...]
    """Ascending."""


class FollowedHeader(NamedTuple):
    """A header in its place, and who may seal the next one; None where headers do not decide that."""

    header: SealedHeader
    signers: Signers | None


def read_genesis(raw: bytes) -> Genesis:
    """The chain that begins with this header. Raises InvalidProof (code `unknown_consensus`) if it is no genesis."""
    consensus: Consensus[Any] = QBFT if decode_fields(raw)[13] == BFT_MIX_HASH else CLIQUE
    return Genesis(consensus.form, keccak256(raw), consensus.genesis_validators(raw))


def prove_block(raws: Sequence[bytes], trust: ChainTrust, form: str) -> ProvenHeader:
    """The first of these headers, shown to be a block of the trusted chain; and what that is worth.

    The rules are numbered in `core.chainproof.trust`. With one validator the assurance is `trial`: an operator's
    signature. Raises InvalidProof, CannotTell.
    """
    if not raws:
        raise InvalidProof("evidence needs at least one header")
    consensus = CONSENSUS_FORMS[form]
    headers = consensus.read_headers(raws)
    first, last = headers[0], headers[-1]
    within: ValidatorRange | None = None
    try:
        within = trust.range_at(first.number, form)
        _require_between_ends(first, within, trust)
        # rule 2
        by_hash = within.until is not None and (last.number, last.block_hash) == within.until[:2]
        if by_hash:
            signers = consensus.seals_in(headers) & frozenset(within.validators)
        else:
            signers = consensus.sealed_by(headers, trust)
    except UnknownSealers as error:
        if within in (None, trust.open):
            error.details["time"] = last.time
            raise
        if within is not None and within.until is None and last.number + 1 >= trust.begin_after(within):
            raise CannotTell("it is not known whether this header ends its range", block=last.number) from None
        raise InvalidProof(error.message, **error.details) from None
    size, is_open = len(within.validators), within is trust.open
    # rule 4
    still = len(signers.intersection(trust.open.validators))
    counts = is_open or by_hash or (still >= consensus.enough(size) and (size > 1 or len(trust.open.validators) == 1))
    return ProvenHeader(
        block=first.number,
        block_hash=first.block_hash,
        state_root=first.state_root,
        time=first.time,
        assurance="trial" if size == 1 else consensus.assurance,
        validators=size,
        signers=len(signers),
        counts=counts,
        # rule 3
        speaks_until=None if is_open else -1 if within.until is None else within.until.time,
    )


def _require_between_ends(first: ReadHeader, within: ValidatorRange, trust: ChainTrust) -> None:
    """Rule 1: the header contradicts no known end of a range. Raises InvalidProof."""
    for range_ in trust.ranges:
        end = range_.until
        if end is None:
            continue
        if range_ is within and first.number == end.block and first.block_hash != end.block_hash:
            raise InvalidProof("another block ends this range of validators", block=first.number)
        if range_ is within and first.time > end.time:
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
    return CONSENSUS_FORMS[within.form].sealed_header(raw, within.validators, trust)


def follow(
    raws: Iterable[bytes], trust: ChainTrust, signers: Signers | None, parent: bytes | None
) -> list[FollowedHeader]:
    """The headers after a known block, each sealed by one who may and linked to the one before.

    `signers` are those after the known block, `parent` its hash; both None where it is not known and the trust says who
    seals. Ends before the first header that does not hold; raises its InvalidProof if that is the first of all.
    """
    consensus = consensus_of(trust)
    followed: list[FollowedHeader] = []
    before: list[SealedHeader] = []
    for raw in raws:
        try:
            header = sealed(raw, trust) if signers is None else consensus.sealed_header(raw, signers.addresses, trust)
            consensus.require_turn(header, before)
            _require_link(header, before[-1] if before else None, parent)
            signers = None if signers is None else signers.after(header)
        except InvalidProof:
            if not followed:
                raise
            break
        before.append(header)
        followed.append(FollowedHeader(header, signers))
    return followed


def newest_final(headers: Sequence[SealedHeader], trust: ChainTrust) -> int | None:
    """The place of the newest of these linked headers that its consensus holds for final; None if none is."""
    place = consensus_of(trust).newest_final(headers)
    return 0 if place is None and headers and headers[0].number == 0 else place


def proof_length(trust: ChainTrust, number: int) -> int:
    """How many headers, from this block on, prove it. Raises InvalidProof."""
    within = trust.range_at(number)
    return CONSENSUS_FORMS[within.form].proof_length(len(within.validators))


def provable_from(trust: ChainTrust, number: int) -> int:
    """The first block from this one on whose proof reaches across no change of validators. Raises InvalidProof."""
    while trust.validators_at(number + proof_length(trust, number) - 1) != trust.validators_at(number):
        number += 1
    return number


def headers_on_top(trust: ChainTrust, number: int) -> int:
    """How many headers below the newest one, `number`, it may take to find a final one. Raises InvalidProof."""
    return consensus_of(trust).headers_on_top(len(trust.validators_at(number)))


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


def _require_link(header: SealedHeader, before: SealedHeader | None, parent: bytes | None) -> None:
    if before is not None and header.number != before.number + 1:
        raise InvalidProof("a block does not follow the one before it", block=header.number)
    expected = before.block_hash if before is not None else parent
    if expected is not None and header.parent_hash != expected:
        raise InvalidProof("a block does not follow the one before it", block=header.number)
