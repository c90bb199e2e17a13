"""From any backup older than the chain: the index is built again, what was lost is named exactly, all goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chain_service.core.chainproof.storage_layout import code_key
from chain_service.core.encoding.display import hex0x
from chain_service.errors import Conflict, InvalidProof, NotFound, Unavailable
from chain_service.jobs import workers
from chain_service.jobs.anchoring import publish_catalogs, register_seals
from chain_service.jobs.anchoring.close_batches import close_batches
from chain_service.jobs.auditing.audit import audit, rebuild
from chain_service.jobs.auditing.findings import AuditFinding
from chain_service.jobs.indexing.follow import index
from chain_service.jobs.instance.registrar import ALL_RIGHTS
from chain_service.jobs.proofs.receipts import receipt
from chain_service.jobs.records import records
from chain_service.jobs.registries import catalogs, seals
from chain_service.store import chain_index
from support.worlds.backed_up import copy_database, put_back
from support.worlds.jobs_city import TRADE, WAIT, City, Org, Trial, instance
from support.worlds.registered import catalog_entry, seal_entry

OF_LOSS = {
    "log_cut_short",
    "head_unknown",
    "change_missing",
    "seal_missing",
    "catalog_missing",
    "catalog_version_missing",
}


@pytest.fixture(scope="module")
def losing_city(
    new_database_url: Callable[[], str], shared_chain: Trial, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[City]:
    """An instance whose memory may be put back; every history has an organisation of its own in it."""
    with instance(tmp_path_factory.mktemp("losing"), shared_chain, new_database_url(), at_once=30) as city:
        yield city


@dataclass
class Kept:
    """What somebody holds of a record that was anchored, whatever becomes of the service's memory."""

    body: dict[str, Any]
    disclosure: bytes
    receipt: bytes
    place: tuple[str, int]


@dataclass
class Office:
    """One organisation, and all that the chain was told for it, whoever remembers it."""

    city: City
    org: Org
    records: dict[str, Kept] = field(default_factory=dict)
    waiting: dict[str, dict[str, Any]] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    seals: dict[str, tuple[dict[str, Any], list[str]]] = field(default_factory=dict)
    entries: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def submit(self) -> None:
        """Accepted, and no more."""
        body = self.org.certificate()
        (id,) = self.city.submit(self.org, body)
        self.waiting[id] = body

    def close(self) -> None:
        """What waits has its place in the log; nothing is sent."""
        close_batches(self.city.app, force=True)

    def anchor(self) -> None:
        """Two more records stand on chain, and all that waited."""
        self.submit()
        self.submit()
        self.city.make_final(list(self.waiting))
        self.keep()

    def keep(self) -> None:
        """The holders have their papers of all that is anchored, by whichever act."""
        for id in [id for id in self.waiting if self.city.state(id) == "anchored"]:
            disclosure, proven = self.city.disclosure(self.org, id), receipt(self.city.app, id)
            proof = records.proof(self.city.app, id)
            place = (bytes(proof.anchor.log).hex(), proof.index)
            self.records[id] = Kept(self.waiting.pop(id), disclosure, proven, place)
            self.states[id] = "in_force"

    def change(self) -> None:
        """The newest record is suspended, or in force again."""
        if not self.records:
            self.anchor()
        id = next(reversed(self.records))
        to = "suspended" if self.states[id] == "in_force" else "in_force"
        self.city.set_state(self.org, id, to)
        self.states[id] = to

    def register_seal(self) -> None:
        entry = seal_entry(self.org)
        register_seals.register_seal(self.city.app, self.org.caller, entry)
        workers.wait_final(self.city.app, "seal", entry["sealCode"], timeout=WAIT)
        self.seals[entry["sealCode"]] = (entry, ["in_force"])

    def change_seal(self) -> None:
        """The newest seal is frozen, or in force again."""
        if not self.seals:
            self.register_seal()
        code = next(reversed(self.seals))
        steps = self.seals[code][1]
        to = "frozen" if steps[-1] == "in_force" else "in_force"
        register_seals.set_seal_state(self.city.app, self.org.caller, code, to)
        workers.wait_final(self.city.app, "seal", code, timeout=WAIT)
        steps.append(to)

    def publish(self) -> None:
        entry = catalog_entry(self.org)
        self._version(entry["catalogCode"], entry)

    def change_entry(self) -> None:
        if not self.entries:
            self.publish()
        code = next(reversed(self.entries))
        versions = self.entries[code]
        self._version(code, versions[0] | {"action": "change", "title": f"食品经营许可（{len(versions) + 1}）"})

    def _version(self, code: str, version: dict[str, Any]) -> None:
        publish_catalogs.publish(self.city.app, self.org.caller, version)
        workers.wait_final(self.city.app, "catalog", code, timeout=WAIT)
        self.entries.setdefault(code, []).append(version)

    def permits_and_rights(self) -> None:
        """The registrar acts: a permit ends, rights are given again, the organisation is suspended and resumed."""
        office = self.city.trial.registrar
        office.end_permit(self.org.code, TRADE, date(2030, 1, 1))
        office.set_suspended(self.org.code, True)
        office.set_suspended(self.org.code, False)
        office.grant(self.org.code, self.org.account, ALL_RIGHTS)
        index(self.city.app)

    def new_generation(self) -> None:
        office, keystore = self.city.trial.registrar, self.city.app.keystore
        with self.city.app.database.reading() as connection:
            generation = len(chain_index.events(connection, ("GenerationOpened",), subject=self._word())) + 1
        office.add_log_key(self.org.code, keystore.create_log_key(self.org.code, generation))
        office.open_generation(self.org.code)
        index(self.city.app)

    def _word(self) -> bytes:
        return self.org.code.encode().ljust(32, b"\0")


ACTS = (
    Office.submit,
    Office.close,
    Office.anchor,
    Office.change,
    Office.register_seal,
    Office.change_seal,
    Office.publish,
    Office.change_entry,
    Office.permits_and_rights,
    Office.new_generation,
)
acts = st.lists(st.sampled_from(ACTS), max_size=5)


def lose(city: City, directory: Path, before: list[Any], after: list[Any]) -> None:
    office = Office(city, city.organisation())
    for act in before:
        act(office)
    copy = directory / f"{office.org.code}.copy"
    copy_database(city.app.database, copy)
    for act in after:
        act(office)
    office.keep()
    put_back(city.app.database, copy)
    rebuild(city.app)
    lost = exactly_what_was_lost_is_named(office)
    the_chain_answers(office)
    everything_goes_on(office, lost)


def exactly_what_was_lost_is_named(office: Office) -> set[str]:
    """The ids of the records that were lost; everything else that the audit says follows from these losses."""
    found = audit(office.city.app, office.org.code).findings
    assert {finding.code for finding in found} <= OF_LOSS, found
    stored = {id for id in office.records if is_stored(office.city, id)}
    lost = office.records.keys() - stored
    assert lost_places(found) == {office.records[id].place for id in lost}
    subjects = {code: {finding.subject for finding in found if finding.code == code} for code in ("seal_missing",)}[
        "seal_missing"
    ]
    assert subjects == {code for code in office.seals if not has_seal(office.city, code)}
    versions = {(finding.subject, finding.details["sequence"]) for finding in found if "sequence" in finding.details}
    entries_gone = sum(finding.code == "catalog_missing" for finding in found)
    gone = 0
    for code, published in office.entries.items():
        told = catalogs.history(office.city.app, code)
        have, missing = [one.sequence for one in told.versions], [one.sequence for one in told.missing]
        assert sorted(have + missing) == list(range(1, len(published) + 1))
        gone += not have
        assert not have or {at for named, at in versions if named == code} == set(missing)
        assert told.proof.outcome == ("indeterminate" if missing else "passed")
    assert entries_gone == gone
    assert len(versions) == len(set(versions))
    return set(lost)


def lost_places(found: tuple[AuditFinding, ...]) -> set[tuple[str, int]]:
    places = set()
    for finding in found:
        if finding.code == "log_cut_short":
            first, last = finding.details["lost"]
            places |= {(finding.subject, at) for at in range(first, last + 1)}
    return places


def knows(city: City, id: str) -> bool:
    try:
        return bool(records.read(city.app, id).state)
    except NotFound:
        return False


def is_stored(city: City, id: str) -> bool:
    return knows(city, id) and city.state(id) == "anchored"


def has_seal(city: City, code: str) -> bool:
    try:
        told = seals.seal(city.app, code)
        return told.state == "final" and told.lost is None
    except NotFound:
        return False


def the_chain_answers(office: Office) -> None:
    """Verdicts are those of the chain, on what is stored and, with the holder's receipt, on what was lost."""
    for id, kept in office.records.items():
        told = office.city.verify(disclosure=kept.disclosure, receipt=kept.receipt)
        assert told.code == office.states[id], told
    city, org = office.city, office.org
    for code, (entry, steps) in office.seals.items():
        seal, seen = seals.seal(city.app, code), has_seal(city, code)
        assert [step.to for step in seal.history] == steps
        assert (seal.owner_code, seal.status, seal.state_tag) == (org.code, steps[-1], f"{steps[-1]}/{len(steps) - 1}")
        assert seal.digests == entry["digests"] and list(seal.signer_certificates) == entry["signerCertificates"]
        assert (seal.seal_type, seal.seal_name) == (entry["sealType"], entry["sealName"] if seen else None)
        if not seen:
            with pytest.raises(Conflict) as refused:
                register_seals.set_seal_state(city.app, org.caller, code, "cancelled")
            assert refused.value.code == "seal_lost"
    page = seals.list_seals(city.app, org=org.code)
    told = {one.seal_code: one.status for one in (*page.seals, *page.missing)}
    assert told == {code: steps[-1] for code, (_, steps) in office.seals.items()}
    assert {one.seal_code for one in page.missing} == {code for code in office.seals if not has_seal(city, code)}
    listed = catalogs.list_catalogs(city.app, org=org.code)
    newest = {one.catalog_code: one.newest_on_chain or one.sequence for one in listed.catalogs}
    newest |= {one.catalog_key: one.sequence for one in listed.missing}
    codes = {code: code if code in newest else hex0x(code_key(code)) for code in office.entries}
    assert newest == {codes[code]: len(versions) for code, versions in office.entries.items()}


def everything_goes_on(office: Office, lost: set[str]) -> None:
    """Each kind of lost thing has its way on; then the audit names the lost places of the ended logs and no more."""
    city, org = office.city, office.org
    named = lost_places(audit(city.app, org.code).findings)
    pending = {id for id in lost if knows(city, id)}
    if lost:
        office.new_generation()
    city.clock.ahead += 31.0
    bodies = [office.records[id].body for id in lost]
    again = city.anchor(org, *bodies, org.certificate())
    city.clock.ahead = 0.0
    assert set(again) & lost <= pending  # a record that was accepted before the backup keeps its id
    for id in again:
        assert city.judged(org, id) == "in_force"
    for code, (entry, steps) in office.seals.items():
        register_seals.register_seal(city.app, org.caller, entry)
        seal = seals.seal(city.app, code)
        assert ([step.to for step in seal.history], seal.seal_name) == (steps, entry["sealName"])
    assert seals.list_seals(city.app, org=org.code).missing == ()
    for code, published in office.entries.items():
        missing = [one.sequence for one in catalogs.history(city.app, code).missing]
        if missing and len(missing) % 2:
            for sequence in missing:
                publish_catalogs.publish(city.app, org.caller, published[sequence - 1])
            assert catalogs.history(city.app, code).proof.outcome == "passed"
        following = published[0] | {"action": "change", "title": "恢复后的下一版"}
        (accepted,) = publish_catalogs.publish(city.app, org.caller, following)
        assert accepted.sequence == len(published) + 1
        workers.wait_final(city.app, "catalog", code, timeout=WAIT)
        assert catalogs.history(city.app, code).versions[-1].state == "final"
    for id in office.records.keys() - lost:
        to = "suspended" if office.states[id] == "in_force" else "in_force"
        city.set_state(org, id, to)
        assert city.judged(org, id) == to
    found = audit(city.app, org.code).findings
    assert lost_places(found) == named
    kinds = {finding.code for finding in found}
    assert kinds <= {"log_cut_short", "head_unknown", "change_missing", "catalog_version_missing"}, found


def histories(city: City, directory: Path, examples: int) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),
        database=None,
        print_blob=True,
    )
    @given(before=acts, after=acts)
    def any_history(before: list[Any], after: list[Any]) -> None:
        lose(city, directory, before, after)

    any_history()


def test_a_version_after_the_backup_does_not_end_the_index(losing_city: City, tmp_path: Path) -> None:
    everything = [Office.anchor, Office.register_seal, Office.publish, Office.submit]
    since = [
        Office.anchor,
        Office.change,
        Office.change_seal,
        Office.register_seal,
        Office.change_seal,
        Office.change_entry,
        Office.change_entry,
        Office.publish,
        Office.permits_and_rights,
    ]
    lose(losing_city, tmp_path, everything, since)


def test_any_history_after_the_backup_is_named_and_goes_on(losing_city: City, tmp_path: Path) -> None:
    histories(losing_city, tmp_path, examples=2)


@pytest.mark.long
def test_many_histories_after_the_backup_are_named_and_go_on(losing_city: City, tmp_path: Path) -> None:
    histories(losing_city, tmp_path, examples=15 if losing_city.app.database.dialect == "sqlite" else 3)


def test_a_rebuild_that_fails_leaves_the_index_that_stood(
    losing_city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    city = losing_city
    office = Office(city, city.organisation())
    office.anchor()
    (id, *_) = office.records
    reader = city.app.require_chain().reader
    with city.app.database.reading() as connection:
        before = chain_index.newest_block(connection)
    monkeypatch.setattr(type(reader), "events", _no_events)
    with pytest.raises((InvalidProof, Unavailable)):
        rebuild(city.app)
    monkeypatch.undo()
    with city.app.database.reading() as connection:
        assert chain_index.newest_block(connection) == before
    assert city.state(id) == "anchored"


def _no_events(*_: object) -> list[Any]:
    raise Unavailable("the node went away in the middle", code="node_unavailable")
