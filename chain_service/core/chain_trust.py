"""What has to be known about a chain beforehand: its consensus, who takes part in it, its contracts and their code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, NamedTuple

from chain_service.core.members import from_hex, member, natural, to_hex
from chain_service.errors import InvalidProof

FORM_CLIQUE: Final = "evm-clique/1"
FORM_QBFT: Final = "evm-qbft/1"
CONSENSUS: Final = {"clique": FORM_CLIQUE, "qbft": FORM_QBFT}
"""The form of a chain's evidence by the name of its consensus."""


class PinnedContract(NamedTuple):
    """A contract as it is trusted: where it is and keccak256 of its runtime code."""

    address: bytes
    code_hash: bytes


class ValidatorRange(NamedTuple):
    """Who may seal from a block on, until the next range begins; addresses ascending."""

    from_block: int
    addresses: tuple[bytes, ...]


class FieldRange(NamedTuple):
    """How many fields a header has from a block on, until the next range begins."""

    from_block: int
    fields: int


@dataclass(frozen=True, slots=True)
class ChainTrust:
    """What has to be known about a chain beforehand; everything else is proven against it."""

    chain_id: int
    genesis_hash: bytes
    validators: tuple[ValidatorRange, ...]
    """Ascending by block; the first range begins at block 0 or 1."""
    contracts: Mapping[str, PinnedContract]
    epoch: int | None = None
    """Clique: headers name their signers at multiples of it; None if it is not known."""
    form: str = FORM_CLIQUE
    """The form that evidence about this chain has."""
    headers: tuple[FieldRange, ...] = ()
    """Ascending by block; none: Clique headers have 15 or 16 fields, and QBFT headers cannot be verified."""

    def validators_at(self, block: int) -> tuple[bytes, ...]:
        """The addresses that may seal this block, ascending. Raises InvalidProof before the first range."""
        for begin, addresses in reversed(self.validators):
            if begin <= block:
                return addresses
        raise InvalidProof("no validators are trusted for this block", block=block)

    def fields_at(self, block: int) -> int | None:
        """How many fields this block's header has, None if that is not stated. Raises InvalidProof."""
        for begin, fields in reversed(self.headers):
            if begin <= block:
                return fields
        if self.headers:
            raise InvalidProof("no number of header fields is trusted for this block", block=block)
        return None

    def to_json(self) -> dict[str, Any]:
        """The JSON object that `from_json` reads; byte strings are 0x-hex."""
        consensus = {form: name for name, form in CONSENSUS.items()}
        return {
            "chainId": self.chain_id,
            "genesisHash": to_hex(self.genesis_hash),
            "consensus": consensus[self.form],
            "headers": [{"fromBlock": begin, "fields": fields} for begin, fields in self.headers],
            "validators": [
                {"fromBlock": begin, "addresses": [to_hex(address) for address in addresses]}
                for begin, addresses in self.validators
            ],
            "contracts": {
                name: {"address": to_hex(pin.address), "codeHash": to_hex(pin.code_hash)}
                for name, pin in sorted(self.contracts.items())
            },
            "epoch": self.epoch,
        }

    @classmethod
    def from_json(cls, value: Any) -> ChainTrust:
        """The trust that `to_json` wrote; other members are ignored. Raises InvalidProof if it is malformed.

        Without `consensus` it is Clique.
        """
        ranges = tuple(
            ValidatorRange(
                natural(part, "fromBlock"),
                tuple(sorted(from_hex(address, 20, "addresses") for address in member(part, "addresses", list))),
            )
            for part in member(value, "validators", list)
        )
        if not ranges or any(left[0] >= right[0] for left, right in pairwise(ranges)):
            raise InvalidProof("the validator ranges of a chain are ascending and not empty", field="validators")
        fields = tuple(
            FieldRange(natural(part, "fromBlock"), natural(part, "fields"))
            for part in (member(value, "headers", list) if value.get("headers") is not None else ())
        )
        if any(left[0] >= right[0] for left, right in pairwise(fields)):
            raise InvalidProof("the ranges of header fields are ascending", field="headers")
        consensus = member(value, "consensus", str) if value.get("consensus") is not None else "clique"
        if consensus not in CONSENSUS:
            raise InvalidProof("the consensus of a chain is clique or qbft", field="consensus")
        return cls(
            chain_id=natural(value, "chainId"),
            genesis_hash=from_hex(member(value, "genesisHash", str), 32, "genesisHash"),
            validators=ranges,
            contracts={
                name: PinnedContract(
                    from_hex(member(pin, "address", str), 20, "address"),
                    from_hex(member(pin, "codeHash", str), 32, "codeHash"),
                )
                for name, pin in member(value, "contracts", dict).items()
            },
            epoch=None if value.get("epoch") is None else natural(value, "epoch") or None,
            form=CONSENSUS[consensus],
            headers=fields,
        )
