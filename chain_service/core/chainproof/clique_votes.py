"""Who may seal a Clique chain's next block: the votes in its headers, counted (EIP-225, as go-ethereum does it)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from chain_service.core.chainproof.headers import SealedHeader
from chain_service.errors import InvalidProof

_NO_VOTE: Final = (bytes(20), False)
"""To go-ethereum a block without a vote is one to drop the zero address: it replaces one to add it."""


@dataclass(frozen=True, slots=True)
class Signers:
    """Who may seal after a block, and the votes under way there."""

    addresses: tuple[bytes, ...]
    """Ascending."""
    votes: frozenset[tuple[bytes, bytes]] = frozenset()
    """Candidate and signer: to drop the candidate if it may seal, else to add it."""

    def after(self, header: SealedHeader) -> Signers:
        """The same after one more block, sealed by one of these signers. Raises InvalidProof."""
        # 1. an epoch block names the signers and forgets all votes
        votes = self.votes
        if header.named:
            if header.named != self.addresses:
                raise InvalidProof("an epoch block lists other signers than its votes give", block=header.number)
            votes = frozenset()
        if header.vote is None and not votes and _NO_VOTE[0] not in self.addresses:
            return self if not self.votes else replace(self, votes=votes)
        # 2. the signer's earlier vote on the candidate is replaced; one that changes nothing does not count
        candidate, adds = header.vote or _NO_VOTE
        (signer,) = header.signers
        votes -= {(candidate, signer)}
        if adds != (candidate in self.addresses):
            votes |= {(candidate, signer)}
        # 3. with more than half of the signers it is carried out; the votes on the candidate are spent, and one who is
        #    dropped takes along those it cast
        if 2 * sum(1 for voted, _ in votes if voted == candidate) <= len(self.addresses):
            return replace(self, votes=votes)
        if candidate not in self.addresses:
            kept = frozenset(vote for vote in votes if vote[0] != candidate)
            return Signers(tuple(sorted((*self.addresses, candidate))), kept)
        kept = frozenset(vote for vote in votes if candidate not in vote)
        return Signers(tuple(address for address in self.addresses if address != candidate), kept)

    def to_bytes(self) -> tuple[bytes, bytes]:
        """The addresses joined, and the votes joined, candidate and signer each, ascending."""
        return b"".join(self.addresses), b"".join(candidate + signer for candidate, signer in sorted(self.votes))

    @classmethod
    def from_bytes(cls, addresses: bytes, votes: bytes) -> Signers:
        """What `to_bytes` made."""
        return cls(
            tuple(addresses[at : at + 20] for at in range(0, len(addresses), 20)),
            frozenset((votes[at : at + 20], votes[at + 20 : at + 40]) for at in range(0, len(votes), 40)),
        )
