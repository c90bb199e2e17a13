"""The service as the public meets it: a rate without a key, TLS, and an end in good order."""

from __future__ import annotations

import json
import signal
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from support.chains.server_certificates import self_signed
from support.worlds.running_instance import ISSUER, Instance, Process

QUESTION = {"digest": "sha-256:" + "0" * 64}


def test_without_a_key_the_rate_is_bounded_and_with_one_it_is_not(service: Instance) -> None:
    process = Process(service.data, "serve", "--no-workers", "--port", "0", CHAIN_SERVICE_PUBLIC_RATE="3/minute")
    try:
        with httpx.Client(base_url=process.url) as client:
            codes = [client.post("/v1/verify", json=QUESTION).status_code for _ in range(4)]
            assert codes == [200, 200, 200, 429]
            refused = client.post("/v1/verify", json=QUESTION)
            assert refused.json()["code"] == "rate_limited"
            assert 1 <= int(refused.headers["retry-after"]) <= 61
            keyed = {"Authorization": f"Bearer {service.keys['verify']}"}
            assert [client.post("/v1/verify", json=QUESTION, headers=keyed).status_code for _ in range(5)] == [200] * 5
            assert client.get("/healthz").status_code == 200
    finally:
        assert process.stop() == 0


def test_a_key_is_bounded_in_its_requests_and_in_the_identifiers_it_looks_up(service: Instance) -> None:
    limits = ("--rate", "5/day", "--daily-lookups", "3", "--expires", "30d")
    made = service.done("key", "create", "--org", ISSUER, "--role", "verify", *limits)
    assert (made["rate"], made["dailyLookups"]) == ("5 per 1 day", 3) and made["expiresAt"]
    question = {"identifier": service.records()[0]["certificateIdentifier"], "useCause": "窗口核对"}
    body = "".join(json.dumps(question) + "\n" for _ in range(4))
    headers = {"Authorization": f"Bearer {made['key']}"}
    with httpx.Client(base_url=service.url, headers=headers) as client:
        lines = {"Content-Type": "application/x-ndjson"}
        bulk = client.post("/v1/verify/bulk", content=body, headers=lines)
        assert (bulk.status_code, bulk.json()["code"]) == (429, "lookups_spent")
        codes = [client.post("/v1/verify", json=question).status_code for _ in range(4)]
        assert codes == [200, 200, 200, 429]
        refused = client.post("/v1/verify", json=QUESTION)
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert 1 <= int(refused.headers["retry-after"]) <= 86_400
    rotated = service.done("key", "rotate", made["id"], "--overlap", "2h")
    assert (rotated["replaces"], rotated["rate"], rotated["types"]) == (made["id"], made["rate"], None)
    shown = service.done("key", "show", made["id"])
    assert (shown["replacedBy"], shown["lookupsToday"]) == (rotated["id"], 3) and shown["lastUsedAt"]
    assert shown["expiresAt"] == rotated["replacedEndsAt"] < rotated["expiresAt"]
    listed = service.done("key", "list", "--role", "verify", "--state", "standing", "--limit", "500")["keys"]
    assert {made["id"], rotated["id"]} <= {key["id"] for key in listed}
    assert service.run("key", "rotate", made["id"]).code == 1
    assert service.run("key", "rotate", rotated["id"], "--overlap", "soon").code == 2


def test_the_service_speaks_tls_itself_where_it_is_told_to(service: Instance, tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    process = Process(
        service.data,
        "serve",
        "--no-workers",
        "--port",
        "0",
        CHAIN_SERVICE_TLS_CERTIFICATE=str(certificate),
        CHAIN_SERVICE_TLS_KEY=str(key),
    )
    try:
        assert process.url.startswith("https://127.0.0.1:")
        with httpx.Client(verify=ssl.create_default_context(cafile=str(certificate))) as client:
            for path, status in (("/healthz", 200), ("/", 200), ("/v1/nothing", 404)):
                answer = client.get(process.url + path)
                assert answer.status_code == status
                assert answer.headers["strict-transport-security"] == "max-age=31536000"
        with service.client() as plain:
            assert "strict-transport-security" not in plain.get("/healthz").headers
    finally:
        assert process.stop() == 0


def test_a_certificate_is_renewed_without_a_stop(service: Instance, tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    tls = {"CHAIN_SERVICE_TLS_CERTIFICATE": str(certificate), "CHAIN_SERVICE_TLS_KEY": str(key)}
    process = Process(service.data, "serve", "--no-workers", "--port", "0", **tls)
    address = ("127.0.0.1", int(process.url.rpartition(":")[2]))

    def shows(wanted: str) -> bool:
        return ssl.get_server_certificate(address).strip() == wanted.strip()

    def logged(what: str) -> bool:
        return what in process.log.read_text(encoding="utf-8")

    def alert_stands() -> bool:
        with service.client() as other:
            standing = other.get("/readyz").json()["checks"]["alerts"]["standing"]
        return "certificate_expired" in {alert["code"] for alert in standing}

    try:
        assert shows(certificate.read_text())
        self_signed(tmp_path)
        renewed = certificate.read_text()
        process.process.send_signal(signal.SIGHUP)
        eventually(lambda: shows(renewed))
        certificate.write_text("half of a file")
        process.process.send_signal(signal.SIGHUP)
        eventually(lambda: logged("certificate_kept"))
        assert shows(renewed)
        eventually(alert_stands)
        certificate.write_text(renewed)
        eventually(lambda: not alert_stands())
    finally:
        assert process.stop() == 0


def eventually(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_key_that_fits_no_certificate_is_named(service: Instance, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    certificate, key = self_signed(tmp_path)[0], self_signed(tmp_path / "other")[1]
    tls = {"CHAIN_SERVICE_TLS_CERTIFICATE": str(certificate), "CHAIN_SERVICE_TLS_KEY": str(key)}
    ran = service.run_apart("--json", "serve", "--no-workers", **tls)
    assert (ran.code, ran.json["error"]["code"]) == (2, "bad_settings")


def test_requests_under_way_are_answered_before_the_service_ends(service: Instance) -> None:
    process = Process(service.data, "serve", "--no-workers", "--port", "0")
    body = b'{"digest": "sha-256:' + b"0" * 64 + b'"}\n'
    answered: list[int] = []
    asked = threading.Event()

    def slowly() -> object:
        yield body
        asked.set()
        stopping.wait(10)
        yield body

    def ask() -> None:
        headers = {"Authorization": f"Bearer {service.keys['verify']}", "Content-Type": "application/x-ndjson"}
        answer = httpx.post(f"{process.url}/v1/verify/bulk", content=slowly(), headers=headers, timeout=30)
        answered.append(len(answer.text.splitlines()))

    stopping = threading.Event()
    asking = threading.Thread(target=ask)
    asking.start()
    assert asked.wait(10)
    stopper = threading.Thread(target=process.stop)
    stopper.start()
    stopping.set()
    asking.join(20)
    stopper.join(40)
    assert answered == [2]
    assert process.process.returncode == 0


def test_a_stopped_issuer_s_refusal_is_shown_and_its_records_wait(service: Instance) -> None:
    record = {
        "kind": "document",
        "documentTypeCode": "notice",
        "documentNumber": "暂停期间〔2026〕1号",
        "issuingOrganisationCode": ISSUER,
        "issuedDate": "2026-01-05",
    }
    service.done("org", "suspend", ISSUER)
    try:
        with service.client("anchor") as client:
            accepted = client.post("/v1/records", json=record)
            assert accepted.status_code == 202
            seen = client.get(f"/v1/records/{accepted.json()['records'][0]['id']}").json()
            assert seen["state"] in ("pending", "batched")
    finally:
        service.done("org", "resume", ISSUER)
