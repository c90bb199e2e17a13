"""Blocks that the index does not have, and times that it has not: what a service that reads the chain makes of them."""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import text

from chain_service.chain.contracts import runtime_code
from chain_service.chain.deployment import Deployment, _immutables
from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.clique import majority_size
from chain_service.core.chainproof.evidence import Evidence, evidence_from_rpc
from chain_service.core.chainproof.evidence_cbor import BlockProof
from chain_service.core.chainproof.storage_layout import OPEN_END, PERMIT_GRANT, PermitEntry
from chain_service.core.chainproof.trust import FORM_CLIQUE
from chain_service.core.encoding.cose import Signer
from chain_service.core.log.merkle import InclusionProof, leaf_hash, root_from_inclusion
from chain_service.core.receipts import receipt as receipts
from chain_service.core.receipts import trust_file as trust_files
from chain_service.core.receipts.verify_offline import present, prove_receipt, verify_offline
from chain_service.core.records.disclosure import Disclosure, parse_disclosure
from chain_service.core.records.hashing import log_id, record_entry
from chain_service.core.records.identifiers import OrgCode
from chain_service.core.verdicts.check_rules import RECORD
from chain_service.jobs.proofs import trust_files as trust
from chain_service.jobs.proofs.receipts import receipt, refresh
from chain_service.store import chain_index
from support.chains.clique_simulator import Validator, World, block_json, chain
from support.worlds.jobs_city import City, Org, Trial
from support.worlds.network_city import Network, network


class Contracts(World):
    """A made-up state of the deployed contracts: their addresses and code, words of one's own."""

    deployed: Deployment

    def address(self, name: str) -> bytes:
        return bytes.fromhex(self.deployed.address(name).removeprefix("0x"))

    def code(self, name: str) -> bytes:
        addresses = {one: self.deployed.address(one) for one in self.deployed.contracts}
        return runtime_code(name, _immutables(addresses, self.deployed.chain_id))


def never_anchored(net: Network, org: Org, number: int, sealers: list[Validator]) -> tuple[bytes, bytes]:
    """Disclosure and receipt of a record that its organisation signed and never anchored, shown by a block of this
    number that these validators sealed."""
    city, deployed = net.city, net.city.app.require_chain().deployment
    content = _disclosure(city, org)
    log = log_id(OrgCode(org.code))
    entry, path = record_entry(log, 5, content.body_digest), InclusionProof(5, 6, (bytes(32),) * 2)
    root = root_from_inclusion(leaf_hash(entry), path)
    ((_, public_key),) = city.app.keystore.log_keys(org.code).items()
    permit = PermitEntry(PERMIT_GRANT, 0, OPEN_END, 1)
    words: dict[str, dict[bytes, int]] = {name: {} for name in storage_layout.POSITIONS}
    status = storage_layout.status_slot(log, 5)[0]
    words[storage_layout.RECORD_LOG][storage_layout.head_slot(log, 6)] = int.from_bytes(root, "big")
    words[storage_layout.RECORD_STATUS][status] = 0
    words[storage_layout.ORGANISATIONS] |= {
        storage_layout.log_key_slot(org.code, 0): int.from_bytes(public_key, "big"),
        storage_layout.permit_slot(org.code, content.type_code, 0): permit.to_word(),
        storage_layout.permit_slot(org.code, content.type_code, 1): 0,
    }
    evidence = _evidence(deployed, words, number, sealers)
    made = receipts.issue(
        chain_id=deployed.chain_id,
        contract=bytes.fromhex(deployed.address(storage_layout.RECORD_LOG)[2:]),
        record_id="never anchored",
        issued_at=int(time.time()) + 10**9,
        log=log,
        proof=path,
        entry=entry,
        signer=Signer(public_key, partial(city.app.keystore.sign_log, org.code, 0)),
        blocks=(BlockProof(evidence),),
    )
    return json.dumps(content.to_json()).encode(), receipts.encode(made)


def _disclosure(city: City, org: Org) -> Disclosure:
    """Of a record that was submitted and is anchored nowhere, since nobody closes its batch."""
    (id,) = city.submit(org, org.certificate())
    found = parse_disclosure(city.disclosure(org, id))
    assert isinstance(found, Disclosure)
    return found


def _evidence(deployed: Deployment, words: dict[str, Any], number: int, among: list[Validator]) -> Evidence:
    Contracts.deployed = deployed
    world = Contracts(words)
    sealers = [among[(number + place) % len(among)] for place in range(majority_size(len(among)))]
    wanted = {name: sorted(of) for name, of in words.items() if of}
    return evidence_from_rpc(
        deployed.chain_id,
        deployed.genesis_hash,
        [block_json(raw) for raw in chain(number, sealers, among, world.root)],
        [world.proof_json(name, slots) for name, slots in wanted.items()],
        FORM_CLIQUE,
    )


def test_a_block_of_a_height_that_the_index_has_otherwise_shows_nothing_whoever_sealed_it(
    template: Trial, tmp_path: Path
) -> None:
    with network(template, tmp_path, nodes=1) as net:
        org = net.organisation()
        net.follow(12)
        head = net.indexed.number
        deployed = net.city.app.require_chain().deployment
        for number in (head - 3, deployed.first_block - 1):
            disclosure, made = never_anchored(net, org, number, net.chain.among)
            for asked in ({"disclosure": disclosure, "receipt": made}, {"receipt": made}):
                verdict = net.city.verify(**asked)
                assert verdict.answer == "invalid", (number, verdict.code)
            assert "proof_invalid" in {one.code for one in verdict.groups[0].checks}
        # a block that the index cannot know yet is denied by the newest that it has
        disclosure, made = never_anchored(net, org, head, net.chain.among)
        assert net.city.verify(disclosure=disclosure, receipt=made).code == "proof_invalid"


def ended_taken_back(net: Network, org: Org, id: str) -> bytes:
    """A receipt by the block after the newest one indexed, sealed by validators of the chain, where nothing has ended
    the record."""
    app = net.city.app
    genuine, body = receipts.parse(receipt(app, id)), parse_disclosure(net.city.disclosure(org, id))
    state = prove_receipt(genuine, app.require_chain().reader.trust)[0]
    words: dict[str, dict[bytes, int]] = {name: {} for name in storage_layout.POSITIONS}
    for (contract, slot), word in state.words.items():
        words[contract][slot] = word
    words[storage_layout.RECORD_STATUS][storage_layout.status_slot(genuine.log, genuine.proof.index)[0]] = 0
    ((_, public_key),) = app.keystore.log_keys(org.code).items()
    evidence = _evidence(app.require_chain().deployment, words, net.indexed.number + 1, net.chain.among)
    made = receipts.issue(
        chain_id=genuine.chain_id,
        contract=genuine.contract,
        record_id=id,
        issued_at=int(time.time()) + 10**9,
        log=genuine.log,
        proof=genuine.proof,
        entry=record_entry(genuine.log, genuine.proof.index, body.body_digest),
        signer=Signer(public_key, partial(app.keystore.sign_log, org.code, 0)),
        blocks=(BlockProof(evidence),),
    )
    return receipts.encode(made)


def test_a_newer_block_that_takes_back_the_end_of_a_record_proves_nothing(template: Trial, tmp_path: Path) -> None:
    with network(template, tmp_path, nodes=1) as net:
        org = net.organisation()
        ended, standing = net.anchor(org, org.certificate(), org.certificate())
        with net.chain.mining():
            net.city.set_state(org, ended, "withdrawn", 2)
        net.follow()
        for id, code in ((ended, "proof_invalid"), (standing, "in_force")):
            made, disclosure = ended_taken_back(net, org, id), net.city.disclosure(org, id)
            verdict = net.city.verify(disclosure=disclosure, receipt=made)
            codes = {one.code for one in verdict.groups[0].checks}
            assert (verdict.code, "proof_invalid" in codes) == (code, id == ended), codes
        # without that receipt the end is told as the chain has it
        assert net.city.judged(org, ended) == "withdrawn"


def test_an_edited_block_time_makes_no_withdrawn_record_valid_for_a_later_moment(own_city: City) -> None:
    city = own_city
    org = city.organisation()
    (id,) = city.anchor(org, org.certificate())
    disclosure = city.disclosure(org, id)
    time.sleep(2.1)
    before = int(time.time())
    time.sleep(1.1)
    city.set_state(org, id, "withdrawn", 2)
    time.sleep(2.1)
    moment = int(time.time())
    time.sleep(2.1)
    city.set_state(org, id2 := city.anchor(org, org.certificate())[0], "withdrawn", 2)
    assert city.judged(org, id2) == "withdrawn"
    assert [city.verify(disclosure=disclosure, at=at).code for at in (before, moment)] == ["in_force", "withdrawn"]
    with city.app.database.reading() as connection:
        block = chain_index.block_at(connection, before)
        head = chain_index.newest_block(connection)
    assert block is not None and head is not None
    for change in (
        f"UPDATE blocks SET time = time + 100000 WHERE number > {block.number}",
        f"UPDATE blocks SET time = time - 200000 WHERE number < {block.number}",
        "UPDATE blocks SET time = 0",
        "UPDATE status_events SET leaf_index = leaf_index + 1000",
    ):
        with city.app.database.transaction() as connection:
            connection.execute(text(change))
        later = city.verify(disclosure=disclosure, at=moment)
        assert later.answer != "valid", change
        assert later.code in ("withdrawn", "finality_unproven")
        assert city.verify(disclosure=disclosure, at=before).answer != "invalid" or later.code == "withdrawn"


def test_after_a_trial_chain_grew_its_receipts_are_refreshed_and_its_ranges_end(
    template: Trial, tmp_path: Path
) -> None:
    with network(template, tmp_path, nodes=1, count=1, strangers=1) as net:
        org, city = net.organisation(), net.city
        (id,) = net.anchor(org, org.certificate())
        old, disclosure = receipt(city.app, id), city.disclosure(org, id)
        first = net.chain.newest + 2
        net.chain.votes[first] = (net.chain.strangers[0].address, True)
        net.follow(16)
        assert trust.export(city.app).changed
        trusted = trust_files.parse(trust.in_force(city.app))
        closed, now = trusted.chain.ranges
        header = city.app.require_chain().reader.blocks(first, first)[0]
        assert closed.until == (first, header.block_hash, header.time) and now.from_block == first + 1
        assert not trust.export(city.app).changed
        moment = net.indexed.time + 1

        def judged(data: bytes) -> str:
            return verify_offline(data, present(disclosure), trusted, now=moment).code

        (fresh,) = refresh(city.app, [old])
        assert isinstance(fresh, bytes)
        assert (judged(old), judged(fresh)) == ("trust_stale", "in_force")
        assert city.verify(disclosure=disclosure, receipt=old).code == "in_force"
        assert city.verify(disclosure=disclosure, receipt=fresh).code == "in_force"
        # the service's own index leads from the trial chain's block to today's: it needs no newer one
        verdict = city.verify(disclosure=disclosure)
        anchor = verdict.record[RECORD.ANCHOR]
        assert anchor.evidence["block"] < first < verdict.context.chain["block"]
