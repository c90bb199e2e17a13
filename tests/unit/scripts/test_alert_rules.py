"""Each fault raises its alert in Prometheus and no other, and health raises none (promtool test rules)."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from chain_service.core.verdicts.verdict_codes import CODES

ROOT = Path(__file__).resolve().parents[3]
PROMETHEUS = ROOT / "scripts" / "deploy" / "prometheus"
RULES = PROMETHEUS / "chain-service.rules.yml"
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")

ASKED = 'chain_service_http_requests_total{%s,method="POST",route="/v1/verify",status="%s"}'
BUCKET = 'chain_service_http_request_seconds_bucket{%s,method="POST",route="/v1/verify",le="%s"}'
VERDICTS = 'chain_service_verdicts_total{%s,verdict="%s",code="%s"}'
ANY = 'job="chain-service",instance="a"'
HEALTHY = {
    f"up{{{ANY}}}": "1x30",
    f"chain_service_ready{{{ANY}}}": "1x30",
    f'chain_service_problem{{{ANY},check="disk",code="disk_full"}}': "_x30",
    f'chain_service_http_bounded_total{{{ANY},reason="connections"}}': "0+6x30",
    f'chain_service_http_bounded_total{{{ANY},reason="header_seconds"}}': "0+600x30",
    f"chain_service_records_anchored{{{ANY}}}": "100+60x30",
    f"chain_service_head_age_seconds{{{ANY}}}": "5x30",
    f'chain_service_alert{{{ANY},code="refused_for_good"}}': "_x30",
    f"chain_service_oldest_pending_seconds{{{ANY}}}": "1x30",
    f"chain_service_oldest_submission_seconds{{{ANY}}}": "12x30",
    f"chain_service_leases_held{{{ANY}}}": "2x30",
    ASKED % (ANY, 200): "0+600x30",
    ASKED % (ANY, 503): "0+3x30",
    ASKED % (ANY, 429): "0+30x30",
    f'chain_service_http_requests_total{{{ANY},method="GET",route="/readyz",status="503"}}': "0x30",
    VERDICTS % (ANY, "valid", "in_force"): "0+600x30",
    VERDICTS % (ANY, "indeterminate", "node_unavailable"): "0+6x30",
    BUCKET % (ANY, "1"): "0+590x30",
    BUCKET % (ANY, "10"): "0+600x30",
    BUCKET % (ANY, "+Inf"): "0+600x30",
}
"""Half an hour of a healthy instance, minute by minute, in promtool's notation."""
NO_DATABASE = {
    name: f"{values.partition('x')[0]}x5 _x25"
    for name, values in HEALTHY.items()
    if not any(part in name for part in ("_total", "_bucket", "_ready", "_problem", "up{"))
}
"""Gauges that end after five minutes: they are read from the database."""
FAULTS: dict[str, tuple[dict[str, str | None], list[str]]] = {
    "healthy": ({}, []),
    "no leases, as on SQLite": ({"leases_held": None}, []),
    "only probes are answered 503": ({"/readyz": "0+60x30"}, []),
    "process gone": ({"up{": "1x5 0x25", **NO_DATABASE}, ["ChainServiceDown"]),
    "database gone": ({**NO_DATABASE}, ["ChainServiceDatabaseUnreachable"]),
    "chain halted": ({"head_age": "5x5 60+60x25"}, ["ChainServiceNoFinalBlock"]),
    "not ready": ({"_ready": "1x5 0x25"}, ["ChainServiceNotReady"]),
    "something is not well": ({"_problem": "_x5 1x25"}, ["ChainServiceProblem"]),
    "callers turned away": ({'reason="connections': "0x5 0+60x25"}, ["ChainServiceOverloaded"]),
    "alert stands": ({"_alert{": "_x5 2x25"}, ["ChainServiceAlertsStanding"]),
    "no batch is closed": ({"oldest_pending": "1x5 60+60x25"}, ["ChainServiceRecordsWait"]),
    "nothing becomes final": ({"oldest_submission": "12x5 60+60x25"}, ["ChainServiceTransactionsStuck"]),
    "a role is nobody's": ({"leases_held": "2x5 1x25"}, ["ChainServiceWorkersMissing"]),
    "requests fail": ({'/v1/verify",status="503': "0x5 0+30x25"}, ["ChainServiceErrors"]),
    "verdicts lack the chain": ({"node_unavailable": "0x5 0+120x25"}, ["ChainServiceVerdictsWithoutChain"]),
    "slow": ({'le="1"': "0+300x30"}, ["ChainServiceVerifySlow"]),
    "callers refused": ({'status="429': "0x5 0+120x25"}, ["ChainServiceCallersRefused"]),
}
"""What is otherwise than in a healthy instance, by a part of the series' name, and the alerts that it raises."""


def with_fault(changes: dict[str, str | None]) -> dict[str, str]:
    """The series of a healthy instance with these changes; None takes one away."""
    series: dict[str, str | None] = dict(HEALTHY)
    for part, values in changes.items():
        (name,) = [name for name in HEALTHY if part in name]
        series[name] = values
    return {name: values for name, values in series.items() if values is not None}


@needs_promtool
def test_each_fault_raises_its_alert_and_no_other(tmp_path: Path) -> None:
    tests = [
        {
            "name": name,
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in with_fault(changes).items()],
            "promql_expr_test": [
                {
                    "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                    "eval_time": "29m",
                    "exp_samples": [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in raised],
                }
            ],
        }
        for name, (changes, raised) in FAULTS.items()
    ]
    assert_holds(tests, tmp_path)


def assert_holds(tests: list[dict[str, Any]], folder: Path) -> None:
    file = folder / "test.yml"  # JSON is YAML
    file.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}))
    done = subprocess.run([str(PROMTOOL), "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_an_alert_that_stands_for_long_hides_no_other(tmp_path: Path) -> None:
    name = 'chain_service_alert{%s,code="%s"}'
    standing = {name % (ANY, "refused_for_good"): "1x30", name % (ANY, "head_conflict"): "_x15 1x15"}
    test = {
        "interval": "1m",
        "input_series": [{"series": series, "values": values} for series, values in standing.items()],
        "promql_expr_test": [
            {
                "expr": 'sum by (code) (ALERTS{alertstate="firing",alertname="ChainServiceAlertsStanding"})',
                "eval_time": minute,
                "exp_samples": [{"labels": f'{{code="{code}"}}', "value": 1} for code in codes],
            }
            for minute, codes in (("14m", ["refused_for_good"]), ("29m", ["refused_for_good", "head_conflict"]))
        ],
    }
    assert_holds([test], tmp_path)


def test_every_alert_has_a_fault_that_raises_it_and_words_in_both_languages() -> None:
    text = RULES.read_text(encoding="utf-8")
    alerts = re.findall(r"- alert: (\w+)", text)
    assert sorted(alerts) == sorted(alert for _, raised in FAULTS.values() for alert in raised)
    summaries = re.findall(r'summary: "(.+)"', text)
    assert len(summaries) == len(alerts)
    assert all(re.search(r"[一-鿿].*· .*[a-z]", summary) for summary in summaries)


def test_the_codes_that_rules_name_are_codes_of_verdicts() -> None:
    for named in re.findall(r'code=~"([^"]+)"', RULES.read_text(encoding="utf-8")):
        assert set(named.split("|")) <= CODES.keys()


def test_the_bounds_that_rules_name_are_reasons_of_bounds() -> None:
    sources = [file.read_text(encoding="utf-8") for file in (ROOT / "chain_service" / "web" / "http").glob("*.py")]
    reasons = {reason for source in sources for reason in re.findall(r'reason="(\w+)"', source)}
    for named in re.findall(r'reason=~"([^"]+)"', RULES.read_text(encoding="utf-8")):
        assert set(named.split("|")) <= reasons


@needs_promtool
def test_the_sample_configuration_names_the_rules_and_is_one(tmp_path: Path) -> None:
    for kind, file in (("rules", RULES), ("config", PROMETHEUS / "prometheus.yml")):
        done = subprocess.run([str(PROMTOOL), "check", kind, str(file)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
