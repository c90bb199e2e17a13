"""An instance on which everything has happened once: it has a row in every table of the schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from chain_service.core.records.hashing import log_id
from chain_service.core.records.identifiers import OrgCode
from chain_service.jobs import workers
from chain_service.jobs.anchoring import register_seals
from chain_service.jobs.auditing.audit import audit
from chain_service.jobs.instance.api_keys import create_key, revoke_key
from chain_service.jobs.instance.certificate_types import add_type
from chain_service.jobs.instance.raised_alerts import settle_alert
from chain_service.jobs.leases import claim_database
from chain_service.jobs.records import records
from chain_service.store import alerts, batches, chain_index, validators
from chain_service.store.access import approvals, first_answers, keys
from chain_service.store.access.first_answers import NewFirstAnswer
from chain_service.store.schema import metadata
from chain_service.store.validators import RivalHeader
from support.worlds.jobs_city import FOOD, WAIT, City, Org
from support.worlds.registered import catalog_entry, publish, seal_entry, set_seal_state

ALERT = "work_failed"


@dataclass(frozen=True)
class FullHistory:
    """The instance, whose history it is, and one row of each table that has the most to be proven of."""

    city: City
    org: Org
    record: str
    seal: str
    catalog: str
    journal: str
    """The record that carries the journal's head."""

    def row(self, connection: Connection, table: str) -> Mapping[str, Any]:
        """The row of this table that the tests of the audit edit."""
        named = metadata.tables[table]
        chosen = {
            "blocks": {"number": self._event(connection, "HeadAdvanced")["block"]},
            "chain_events": {"name": "HeadAdvanced"},
            "heads": {"log": log_id(OrgCode(self.org.code), 0)},
            "submissions": {"kind": "advance"},
            "transactions": {"outcome": "final"},
            "batches": {"org": self.org.code, "old_size": 1},
            "journal_entries": {"leaf_index": 2},
            "journal_heads": {"record_id": self.journal},
            "tiles": {"org": self.org.code, "level": 0},
            "records": {"id": self.record},
            "record_files": {"record_id": self.record, "algorithm": "sm3"},
            "status_changes": {"record_id": self.record},
            "seals": {"code": self.seal},
            "seal_changes": {"code": self.seal},
            "catalog_versions": {"code": self.catalog, "sequence": 2},
        }
        where = [named.c[name] == value for name, value in chosen.get(table, {}).items()]
        return dict(connection.execute(select(named).where(*where).limit(1)).mappings().one())

    def _event(self, connection: Connection, name: str) -> Mapping[str, Any]:
        events = metadata.tables["chain_events"]
        return dict(connection.execute(select(events).where(events.c.name == name).limit(1)).mappings().one())


def full_history(city: City) -> FullHistory:
    """Records of both kinds, changes of state, an erased and a pending record, a seal, a catalog entry and more."""
    org = city.organisation()
    add_type(city.app, _type("食品经营许可证"))
    add_type(city.app, _type("食品经营许可"))
    key = create_key(city.app, org.code, ["audit"], "审计")
    revoke_key(city.app, create_key(city.app, org.code, ["verify"]).id)
    first, second, erased = city.anchor(org, org.certificate(), org.document(), org.certificate())
    city.set_state(org, first, "suspended", 12)
    city.set_state(org, first, "in_force", 13)
    city.anchor(org, org.certificate(replaces=second), org.document())
    records.read(city.app, second, org.caller)
    records.erase(city.app, erased, "应本人请求", org.caller)
    seal = seal_entry(org)
    register_seals.register_seal(city.app, org.caller, seal)
    entry = catalog_entry(org)
    publish(city, org, entry)
    publish(city, org, entry | {"action": "change", "title": "改"})
    workers.wait_final(city.app, "seal", seal["sealCode"], timeout=WAIT)
    set_seal_state(city, org, seal["sealCode"], "frozen")
    _faults(city, org)
    _shared(city, org, second, key.id)
    assert audit(city.app).ok
    head = city.anchor_journal()
    city.submit(org, org.certificate())
    return FullHistory(city, org, first, seal["sealCode"], entry["catalogCode"], head)


def _type(name: str) -> dict[str, Any]:
    return {
        "certificateTypeCode": FOOD,
        "certificateTypeName": name,
        "definingOrganCode": FOOD[:18],
        "holderCategory": "法人",
        "level": "国家",
    }


def _faults(city: City, org: Org) -> None:
    """Alerts, one of them settled; a log that was stopped; a header of another branch."""
    now = city.app.clock()
    with city.app.database.transaction() as connection:
        alerts.put(connection, ALERT, "close", {"hint": "x"}, now)
        alerts.put(connection, ALERT, "send", {"hint": "y"}, now)
        batches.stop_log(connection, org.code, 7, "a head that is not ours stands on chain", now)
        block = chain_index.newest_block(connection)
        assert block is not None
        validators.keep_rivals(connection, [RivalHeader(block.number, block.hash, block.header, now)])
    with city.app.database.reading() as connection:
        (settled, *_) = [alert.id for alert in alerts.listed(connection)]
    settle_alert(city.app, settled)


def _shared(city: City, org: Org, record: str, key: str) -> None:
    """What processes that share the database keep there, and a final end that waits for a second approval."""
    claim_database(city.app)
    with city.app.database.transaction() as connection:
        answer = NewFirstAnswer(key, b"key", b"request", city.app.clock(), 202, "application/json", b"{}")
        first_answers.add(connection, answer)
        approvals.set_rule(connection, org.code, approvals.EndRule(second_approval=True, daily_ends=3))
        at = city.app.clock()
        approvals.add(connection, approvals.NewApproval("end-1", record, org.code, b"{}", key, at, at + 600))
        keys.grant(connection, key, "requests", 60, 1, 600, city.app.clock())
        row = {"role": "tests", "term": 1, "holder": "nobody", "session": 1, "since": 1.0}
        connection.execute(insert(metadata.tables["leases"]), row)
