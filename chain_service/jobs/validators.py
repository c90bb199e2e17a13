"""Who may seal: as the deployment says, as the index counted from there on, as the operator stated of a QBFT chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from chain_service.chain.reader import BLOCKS_AT_ONCE
from chain_service.chain.rpc import Rpc
from chain_service.core.chainproof.clique_votes import Signers
from chain_service.core.chainproof.consensus import FollowedHeader, consensus_of, follow
from chain_service.core.chainproof.trust import ChainTrust, joined
from chain_service.core.encoding.answers import answer
from chain_service.core.encoding.display import hex0x
from chain_service.errors import BadRequest, Conflict
from chain_service.jobs.context import App, Chain
from chain_service.store import validators
from chain_service.store.validators import ValidatorSet


@answer
class StatedValidators:
    """Who may seal from a block on, as the operator stated."""

    from_block: int
    validators: tuple[str, ...]
    """Their addresses, ascending."""


def refresh_trust(app: App, connection: Connection) -> None:
    """The reader trusts the validators that are known now, those of other workers too."""
    if app.chain is not None:
        trust_sets(app.chain, validators.listed(connection))


def trust_sets(chain: Chain, sets: Sequence[ValidatorSet]) -> ChainTrust:
    """The reader trusts the deployment's validators, and from the first of these sets on those that they name."""
    deployed = chain.deployment.trust()
    known = [
        (range_.from_block, range_.validators)
        for range_ in deployed.ranges
        if not sets or range_.from_block <= sets[0].block
    ]
    for validator_set in sets:
        addresses = Signers.from_bytes(validator_set.addresses, b"").addresses
        if not known or addresses != known[-1][1]:
            known.append((validator_set.block + 1, addresses))
    ranges = joined(known, chain.deployment.headers, deployed.form)
    reader = chain.reader
    if ranges != reader.trust.ranges:
        # the trust's identity is the key of what is remembered of proofs: replaced only when it changes
        reader.trust = replace(reader.trust, ranges=ranges)
    return reader.trust


def known_after(connection: Connection, block: int) -> Signers | None:
    """Who may seal after this indexed block, with the votes under way; None where they are stated."""
    found = validators.at(connection, block)
    return None if found is None or found.stated else Signers.from_bytes(found.addresses, found.votes)


def count_from_genesis(app: App, node: Rpc, block: int) -> tuple[Signers, bytes]:
    """Who may seal after `block`, with the votes under way, and its hash: counted on this node's headers.

    Raises `InvalidProof`, `Unavailable`.
    """
    chain = app.require_chain()
    trust = chain.deployment.trust()
    signers, parent = Signers(trust.validators_at(0)), trust.genesis_hash
    number = 1
    while number <= block:
        raws = chain.reader.headers(node, number, min(number + BLOCKS_AT_ONCE - 1, block))
        followed = follow(raws, trust, signers, parent)
        last = followed[-1]
        assert last.signers is not None
        signers, parent, number = last.signers, last.header.block_hash, number + len(followed)
    return signers, parent


def changes(followed: Sequence[FollowedHeader], before: Signers | None) -> list[ValidatorSet]:
    """What has to be remembered of these headers: the blocks after which signers or votes are others than before."""
    found = []
    for block in followed:
        if block.signers is not None and block.signers != before:
            found.append(ValidatorSet(block.header.number, *block.signers.to_bytes()))
        before = block.signers
    return found


def state(app: App, from_block: int, addresses: Sequence[str]) -> StatedValidators:
    """From this block on these validators are trusted, whom the operator has compared with what the authorities said.

    For chains whose headers do not say who was voted in rightly (QBFT). Raises `BadRequest`, `Conflict` (codes
    `validators_counted`, `validators_known`).
    """
    chain = app.require_chain()
    if consensus_of(chain.reader.trust).counts_validators:
        raise Conflict("this chain's validators are counted from its votes, not stated", code="validators_counted")
    try:
        raw = sorted({bytes.fromhex(address.removeprefix("0x")) for address in addresses})
    except ValueError:
        raw = []
    if from_block < 1 or not raw or len(raw) != len(addresses) or any(len(bare) != 20 for bare in raw):
        raise BadRequest(
            "validators are 20-byte addresses in hexadecimal, each once, from block 1 or later", field="ADDRESS"
        )
    with app.database.transaction() as connection:
        refresh_trust(app, connection)
        newest = chain.reader.trust.open
        if newest.from_block >= from_block:
            raise Conflict(
                f"the validators are known up to block {newest.from_block} already; later ones can be added",
                code="validators_known",
                from_block=newest.from_block,
            )
        validators.add(connection, [ValidatorSet(from_block - 1, b"".join(raw), b"", stated=True)])
        refresh_trust(app, connection)
    return StatedValidators(from_block, tuple(hex0x(bare) for bare in raw))
