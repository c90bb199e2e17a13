"""What has to be known about a chain beforehand: who takes part in its consensus, from when to when, its contracts.

A chain is a row of ranges of blocks. Each has its form of evidence, its validators and its number of header fields; the
last one is open, all others are closed. `until` is a closed range's last block, and what is believed of it:

1. A header of that height has that hash, one below is not from later, one above is not from earlier.
2. The hash is itself trusted: a chain of at most MAX_HEADERS headers that ends at it needs no seals.
3. Validators of a closed range may have lost their keys since. What they sealed says nothing of a moment after the
   range's end, and without `until` nothing of any moment.
4. A state of a closed range *counts* (for what stood then) only by rule 2, or if those of its signers who are in the
   open range too would be enough for the closed one. One validator alone is never enough once there are more.
   What does not count is evidence for nothing: another state has to show the same.

`core.chainproof.evidence` states for each proven block whether it counts (`counts`) and until when it speaks
(`speaks_until`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final, NamedTuple

from chain_service.core.chainproof.storage_layout import FIRST_VERSION
from chain_service.core.encoding.hex_members import from_hex, member, natural, to_hex
from chain_service.errors import CannotTell, InvalidProof

FORM_CLIQUE: Final = "evm-clique/1"
FORM_QBFT: Final = "evm-qbft/1"
FORM_COMETBFT: Final = "evm-cometbft/1"
"""Geth under CometBFT: read and kept; this version cannot verify blocks of such a range."""
FORMS: Final = (FORM_CLIQUE, FORM_QBFT, FORM_COMETBFT)
CONSENSUS: Final = {"clique": FORM_CLIQUE, "qbft": FORM_QBFT}
"""The form of a chain's evidence by the name of its consensus, where trust has one form for all ranges."""
CONSENSUS_NAMES: Final = {form: name for name, form in CONSENSUS.items()}
MAX_CHAIN_ID_TEXT: Final = 50


class UnknownSealers(CannotTell):
    """A header that does not fit the validators known of its height, which may have changed since they were stated."""


class ContractEnd(NamedTuple):
    """The last block whose words of a contract count: that which its successor takes over from."""

    block: int
    block_hash: bytes
    """A block of this number that has another hash is of another history, and shows nothing of any contract."""


class PinnedContract(NamedTuple):
    """A contract as it is trusted: where it is, keccak256 of its runtime code, and which layout its storage has."""

    address: bytes
    code_hash: bytes
    version: str = FIRST_VERSION
    until: ContractEnd | None = None


class Until(NamedTuple):
    """The last block of a closed range."""

    block: int
    block_hash: bytes
    time: int
    """Unix seconds."""


@dataclass(frozen=True, slots=True)
class ValidatorRange:
    """Who may seal from a block on, until the next range begins, and what evidence about these blocks looks like."""

    from_block: int
    validators: tuple[bytes, ...]
    """Addresses, ascending; with CometBFT Ed25519 keys, in the order of its set."""
    form: str = FORM_CLIQUE
    fields: int | None = None
    """How many fields a header has; None: 15 or 16 on Clique, and QBFT headers cannot be verified."""
    until: Until | None = None
    """None in the open range, and where the end of a closed one is not known."""
    powers: tuple[int, ...] = ()
    """CometBFT: the voting power of each validator."""
    chain_id_text: str | None = None
    """CometBFT: the chain id that votes are signed for."""
    base: int | None = None
    """CometBFT: the execution block at which consensus began."""

    @property
    def states_base(self) -> bool:
        """Whether it states that block where its consensus needs one."""
        return self.form != FORM_COMETBFT or self.base is not None


@dataclass(frozen=True, slots=True)
class ChainTrust:
    """What has to be known about a chain beforehand; everything else is proven against it."""

    chain_id: int
    genesis_hash: bytes
    ranges: tuple[ValidatorRange, ...]
    """Ascending by block; the first one begins at block 0 or 1, the last one is open."""
    contracts: Mapping[str, PinnedContract]
    epoch: int | None = None
    """Clique: headers name their signers at multiples of it; None if it is not known."""

    @property
    def open(self) -> ValidatorRange:
        """The range that has not ended."""
        return self.ranges[-1]

    @property
    def form(self) -> str:
        """The form of evidence about blocks of today."""
        return self.open.form

    def begin_after(self, closed: ValidatorRange) -> int:
        """The block with which the range after this closed one begins."""
        return self.ranges[self.ranges.index(closed) + 1].from_block

    def range_at(self, block: int, form: str | None = None) -> ValidatorRange:
        """The range that this block lies in.

        A block at which the consensus changes lies in two, told apart by `form`: the old validators sealed it, and the
        new ones begin with it. Raises InvalidProof before the first range, and where the ranges have another form.
        """
        found: ValidatorRange | None = None
        for range_ in reversed(self.ranges):
            if range_.from_block <= block:
                if found is not None and (
                    found.from_block < block or range_.until is None or range_.until.block < block
                ):
                    break
                if form is None or range_.form == form:
                    return range_
                found = found or range_
        if found is None:
            raise InvalidProof("no validators are trusted for this block", block=block)
        require_verifiable(found.form)
        kind = UnknownSealers if found is self.open else InvalidProof
        raise kind("the evidence has another form than the chain has at this block", block=block, form=form)

    def validators_at(self, block: int) -> tuple[bytes, ...]:
        """The addresses that may seal this block, ascending. Raises InvalidProof before the first range."""
        return self.range_at(block).validators

    def as_of(self, block: int) -> ChainTrust:
        """The trust without the ranges that begin later than after this block: what is stated for the future."""
        if self.open.from_block <= block + 1 or len(self.ranges) == 1:
            return self
        begun = [range_ for range_ in self.ranges if range_.from_block <= block + 1] or [self.ranges[0]]
        return replace(self, ranges=(*begun[:-1], replace(begun[-1], until=None)))

    def to_json(self) -> dict[str, Any]:
        """The members of the JSON object that `from_json` reads; byte strings are 0x-hex."""
        return {
            "chainId": self.chain_id,
            "genesisHash": to_hex(self.genesis_hash),
            "ranges": [_range_to_json(range_) for range_ in self.ranges],
            "contracts": {name: _contract_to_json(pin) for name, pin in sorted(self.contracts.items())},
            "epoch": self.epoch,
        }

    @classmethod
    def from_json(cls, value: Any) -> ChainTrust:
        """The trust that `to_json` wrote, or one with `validators` and `headers` in place of `ranges`.

        Other members are ignored. Raises InvalidProof if it is malformed.
        """
        chain_id = natural(value, "chainId")
        ranges = tuple(map(_range, member(value, "ranges", list))) if "ranges" in value else _ranges_apart(value)
        _require_order(ranges)
        return cls(
            chain_id=chain_id,
            genesis_hash=from_hex(member(value, "genesisHash", str), 32, "genesisHash"),
            ranges=ranges,
            contracts={name: _contract(pin) for name, pin in member(value, "contracts", dict).items()},
            epoch=None if value.get("epoch") is None else natural(value, "epoch") or None,
        )


def require_verifiable(form: object) -> None:
    """Raises CannotTell for a consensus whose ranges this version reads and whose blocks it cannot verify."""
    if form == FORM_COMETBFT:
        raise CannotTell("this version cannot verify blocks of this consensus", code="finality_unproven")


def _range_to_json(one: ValidatorRange) -> dict[str, Any]:
    value: dict[str, Any] = {"fromBlock": one.from_block, "form": one.form, "fields": one.fields}
    if one.form == FORM_COMETBFT:
        keys = zip(one.validators, one.powers, strict=True)
        value["validators"] = [{"key": to_hex(key), "power": power} for key, power in keys]
        value |= {"chainIdText": one.chain_id_text, "base": one.base}
    else:
        value["validators"] = [to_hex(address) for address in one.validators]
    if one.until is not None:
        value["until"] = {
            "block": one.until.block,
            "hash": to_hex(one.until.block_hash),
            "time": one.until.time,
        }
    return value


def _range(value: Any) -> ValidatorRange:
    form, listed = member(value, "form", str), member(value, "validators", list)
    if form not in FORMS:
        raise InvalidProof("the consensus of a range is not known", field="form")
    end = member(value, "until", dict) if "until" in value else None
    until = None if end is None else Until(natural(end, "block"), from_hex(end.get("hash"), 32, "hash"),
                                           natural(end, "time"))  # fmt: skip
    begin, fields = natural(value, "fromBlock"), None if value.get("fields") is None else natural(value, "fields")
    if form != FORM_COMETBFT:
        addresses = tuple(sorted(from_hex(address, 20, "validators") for address in listed))
        return ValidatorRange(begin, addresses, form, fields, until)
    text, powers = member(value, "chainIdText", str), tuple(natural(entry, "power") for entry in listed)
    if not 0 < len(text) <= MAX_CHAIN_ID_TEXT or 0 in powers:
        raise InvalidProof("a CometBFT range has a chain id of 1 to 50 characters, and powers above 0", field="ranges")
    keys = tuple(from_hex(member(entry, "key", str), 32, "key") for entry in listed)
    return ValidatorRange(begin, keys, form, fields, until, powers, text, natural(value, "base"))


def _ranges_apart(value: Any) -> tuple[ValidatorRange, ...]:
    """Ranges from one list of validators and one of header fields, which change at blocks of their own."""
    validators = [
        (natural(entry, "fromBlock"), tuple(sorted(from_hex(text, 20, "addresses") for text in _addresses(entry))))
        for entry in member(value, "validators", list)
    ]
    listed = member(value, "headers", list) if value.get("headers") is not None else ()
    fields = [(natural(entry, "fromBlock"), natural(entry, "fields")) for entry in listed]
    for name, told in (("validators", validators), ("headers", fields)):
        if any(left[0] >= right[0] for left, right in pairwise(told)):
            raise InvalidProof("ranges are ascending", field=name)
    consensus = member(value, "consensus", str) if value.get("consensus") is not None else "clique"
    if consensus not in CONSENSUS or not validators:
        raise InvalidProof("the consensus of a chain is clique or qbft, and it has validators", field="consensus")
    return joined(validators, fields, CONSENSUS[consensus])


def _addresses(value: Any) -> list[Any]:
    found: list[Any] = member(value, "addresses", list)
    return found


def joined(
    validators: Iterable[tuple[int, tuple[bytes, ...]]], fields: Iterable[tuple[int, int]], form: str
) -> tuple[ValidatorRange, ...]:
    """Ranges of a chain of one form, given who seals from which block on and how many fields headers have from which.

    Before the first block with fields stated, those of the first one hold.
    """
    sets, counts = sorted(validators), sorted(fields)
    begins = sorted({begin for begin, _ in sets} | {begin for begin, _ in counts if begin > sets[0][0]})
    return tuple(
        ValidatorRange(
            begin,
            next(one for first, one in reversed(sets) if first <= begin),
            form,
            next((count for first, count in reversed(counts) if first <= begin), counts[0][1] if counts else None),
        )
        for begin in begins
    )


def _require_order(ranges: tuple[ValidatorRange, ...]) -> None:
    if not ranges or any(left.from_block >= right.from_block for left, right in pairwise(ranges)):
        raise InvalidProof("the ranges of a chain are ascending and not empty", field="ranges")
    if ranges[-1].until is not None:
        raise InvalidProof("the last range of a chain has not ended", field="until")
    for closed, after in pairwise(ranges):
        ends = (after.from_block - 1,) if closed.form == after.form else (after.from_block - 1, after.from_block)
        if closed.until is not None and closed.until.block not in ends:
            raise InvalidProof("a range ends where the next one begins", field="until")
    known = [range_.until for range_ in ranges if range_.until is not None]
    if any(left.time > right.time for left, right in pairwise(known)):
        raise InvalidProof("the ends of ranges are ascending in time", field="until")


def _contract_to_json(pin: PinnedContract) -> dict[str, Any]:
    value = {"address": to_hex(pin.address), "codeHash": to_hex(pin.code_hash), "version": pin.version}
    end = None if pin.until is None else {"block": pin.until.block, "hash": to_hex(pin.until.block_hash)}
    return value if end is None else {**value, "until": end}


def _contract(value: Any) -> PinnedContract:
    address = from_hex(member(value, "address", str), 20, "address")
    end = member(value, "until", dict) if "until" in value else None
    return PinnedContract(
        address,
        from_hex(member(value, "codeHash", str), 32, "codeHash"),
        member(value, "version", str) if "version" in value else FIRST_VERSION,
        None if end is None else ContractEnd(natural(end, "block"), from_hex(end.get("hash"), 32, "hash")),
    )
