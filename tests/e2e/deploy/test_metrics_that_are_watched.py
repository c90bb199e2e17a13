"""Every metric and label that the alert rules and the dashboard name is one that a running service gives."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chain_service.config import Settings
from chain_service.jobs.context import App
from chain_service.web.app import create_app
from support.worlds.running_instance import Instance

ROOT = Path(__file__).resolve().parents[3]
RULES = ROOT / "scripts" / "deploy" / "prometheus" / "chain-service.rules.yml"
DASHBOARD = ROOT / "scripts" / "deploy" / "grafana" / "chain-service.json"
MONITORING = ROOT / "docs" / "operate" / "monitoring.md"
OF_PROMETHEUS = {"up": {"job", "instance"}}
ON_POSTGRESQL = {"chain_service_leases_held", "chain_service_leases_held_here"}
"""Gauges that an instance on SQLite does not have; tests/integration/jobs/test_jobs_leases.py sees them."""
WHEN_NOT_WELL = {
    "chain_service_problem": {"check", "code"},
    "chain_service_alert": {"code"},
    "chain_service_http_bounded_total": {"reason"},
}
"""Series that a healthy service, which turned nobody away, does not have; tests/unit/scripts/test_alert_rules.py and
tests/e2e/test_fault_matrix.py see the first, tests/integration/jobs/test_alert_table.py the second,
tests/e2e/http/test_bounds.py the third."""
SCRAPED = {"job", "instance"}
"""Labels that Prometheus itself puts to every series."""


@pytest.fixture(scope="module")
def given(service: Instance) -> dict[str, set[str]]:
    """The metrics of the running service with their labels, once it has given a verdict."""
    with service.client() as client:
        assert client.post("/v1/verify", json={"digest": "sha-256:" + "0" * 64}).status_code == 200
        text = client.get("/metrics").text
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def expressions() -> Iterator[tuple[str, str]]:
    """Every expression with the name of what shows it."""
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    yield from ((panel["title"], target["expr"]) for panel in board["panels"] for target in panel["targets"])
    yield from (("variable", variable["query"]["query"]) for variable in board["templating"]["list"][1:])
    rules = RULES.read_text(encoding="utf-8")
    for rule in re.split(r"^ +- alert: ", rules, flags=re.MULTILINE)[1:]:
        name, _, rest = rule.partition("\n")
        expression = re.search(r"expr: (?:\|\n)?(.+?)\n +for:", rest, re.DOTALL)
        assert expression is not None, name
        yield name, expression[1]


def test_every_metric_and_label_is_given(given: dict[str, set[str]]) -> None:
    known = given | OF_PROMETHEUS | WHEN_NOT_WELL
    shown = list(expressions())
    assert len(shown) > 20
    for name, expression in shown:
        metrics = set(re.findall(r"\bchain_service_\w+|\bup\b", expression))
        assert metrics, name
        assert metrics <= known.keys() | ON_POSTGRESQL, (name, expression)
        labels = set(re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"', expression))
        for grouped in re.findall(r"\b(?:by|on) \(([^)]+)\)", expression):
            labels |= set(re.split(r",\s*", grouped))
        assert labels <= SCRAPED.union(*(known.get(metric, set()) for metric in metrics)), (name, expression)


def test_every_metric_is_shown_or_described(given: dict[str, set[str]]) -> None:
    described = MONITORING.read_text(encoding="utf-8")
    watched = described + "".join(expression for _, expression in expressions())
    for metric in given:
        name = re.sub(r"_(bucket|count|sum|created|total)$", "", metric)
        assert name in watched or name.removeprefix("chain_service") in described, metric


def test_the_routes_that_rules_name_are_routes() -> None:
    web = create_app(cast(App, SimpleNamespace(settings=Settings())))
    paths = {route.path for route in web.state.routes}
    named = {path for _, text in expressions() for path in re.findall(r'route!?="([^"]+)"', text)}
    assert named and named <= paths


def test_the_dashboard_has_panels_that_do_not_overlap_and_words_in_both_languages() -> None:
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        right, below = place["x"] + place["w"], place["y"] + place["h"]
        cells = {(x, y) for x in range(place["x"], right) for y in range(place["y"], below)}
        assert right <= 24 and not cells & taken, panel["title"]
        taken |= cells
        assert re.search(r"[一-鿿]", panel["title"]) and re.search(r"[A-Za-z]", panel["title"])
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
