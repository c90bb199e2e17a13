"""What `/readyz` tells anybody: causes, and no names of nodes, keys or the database."""

from __future__ import annotations

import pytest

from chain_service.jobs.instance import health
from chain_service.store.alerts import Alert
from chain_service.store.connecting.outages import outage

NODE = "10.1.2.3:8545"


@pytest.mark.parametrize(
    ("code", "subject", "shown"),
    [
        ("node_unavailable", NODE, "2"),
        ("node_unavailable", "one that was taken out:8545", "node"),
        ("lookup_misses", "k-0f3a", "key"),
        ("disk_full", "disk", "disk"),
        ("of an older version", "whatever", "whatever"),
    ],
)
def test_standing_alerts_name_no_node_and_no_key(code: str, subject: str, shown: str) -> None:
    alert = Alert(id=1, at=1_780_000_000.0, code=code, subject=subject, details={}, cleared_at=None)
    (standing,) = health._alerts([alert], {"10.1.2.2:8545": "1", NODE: "2"}).standing
    assert (standing.code, standing.subject) == (code, shown)


@pytest.mark.parametrize(
    "said",
    [
        'connection failed: connection to server at "10.1.2.3", port 5432 failed: Connection refused',
        'connection to server at "db.example" (10.1.2.3), port 5432 failed: FATAL:  password authentication failed '
        'for user "chain"',
        'connection to server at "db.example" (fd00::7), port 5432 failed: timeout expired',
        'connection to server on socket "/run/pg/db.example/.s.PGSQL.5432" failed: No such file or directory',
        'could not translate host name "db.example" to address: Name or service not known',
        'FATAL:  no pg_hba.conf entry for host "10.1.2.3", user "chain", database "db.example", no encryption',
    ],
)
def test_the_databases_cause_is_told_and_not_where_it_is(said: str) -> None:
    message = outage("database_unavailable", said).message
    assert not [name for name in ("10.1.2.3", "fd00", "5432", "db.example", "chain") if name in message], message
    assert message.split(": ")[-1].split()[-1] == said.split(": ")[-1].split()[-1] or said.endswith('"')
