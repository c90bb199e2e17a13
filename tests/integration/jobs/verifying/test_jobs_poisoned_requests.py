"""No request, whatever its body, fields, path or query hold, ends in a fault of the service; one bad paper is one."""

from __future__ import annotations

import base64
import itertools
import json
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from chain_service.jobs.instance import api_keys
from chain_service.jobs.verifying.request import VerificationRequest
from chain_service.jobs.verifying.verify import verify_many
from chain_service.web.app import create_app
from support.worlds.jobs_city import City, Org

with warnings.catch_warnings():
    # either client library serves; the notice about which one is newer is no concern of these tests
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

ROLES = ("anchor", "status", "seal", "catalog", "verify", "audit")
JSON, NDJSON = "application/json", "application/x-ndjson"
DEEP = b"[" * 255 + b"1" + b"]" * 255
TEXTS: dict[str, str] = {
    "surrogate": "\\ud800",
    "NUL": "\\u0000",
    "full width": "２０２６-０１-０１",
    "not ASCII": "é===",
    "bidi": "\\u202e",
    "long": "9" * 5_000,
}
VALUES: dict[str, bytes] = {
    **{name: b'"' + text.encode() + b'"' for name, text in TEXTS.items()},
    "nested 255": DEEP,
    "nested 1000": b'{"a":' * 1000 + b"1" + b"}" * 1000,
    "nested 100000": b"[" * 100_000 + b"]" * 100_000,
    "without end": b"[" * 100_000,
    "a long integer": b"9" * 5_000,
    "beyond 64 bits": b"18446744073709551616",
    "a huge number": b"1e999",
    "NaN": b"NaN",
    "a name twice": b'{"a":1,"a":2}',
    "not UTF-8": b'"\xff"',
    "nothing": b"",
    "a list": b"[[]]",
    "true": b"true",
}
BODIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "/v1/records": (JSON, ("kind", "holders", "files", "extension", "certificateIssuedDate", "documentNumber")),
    "/v1/verify": (
        JSON,
        (
            "disclosure",
            "receipt",
            "digest",
            "identifier",
            "certificateNumber",
            "certificateHolderName",
            "at",
            "useCause",
        ),
    ),
    "/v1/verify/bulk": (NDJSON, ("disclosure", "receipt", "digest", "identifier", "at")),
    "/v1/records/{id}/status": (JSON, ("to", "reasonCode", "text", "legalBasis", "successor")),
    "/v1/seals": (JSON, ("sealCode", "sealName", "digests", "signerCertificates", "validFrom", "validUntil")),
    "/v1/seals/43990000000001/state": (JSON, ("to",)),
    "/v1/catalogs": (JSON, ("catalogCode", "items", "title", "sequence", "previous", "extension")),
}
WHOLE = [name for name in VALUES if name not in TEXTS]


@pytest.fixture(scope="module")
def asked(shared_city: City) -> Iterator[tuple[TestClient, Org, str, dict[str, str]]]:
    city = shared_city
    org = city.organisation()
    (record,) = city.anchor(org, org.certificate())
    key = api_keys.create_key(city.app, org.code, ROLES).key
    with TestClient(create_app(city.app), raise_server_exceptions=False) as client:
        yield client, org, record, {"Authorization": f"Bearer {key}"}


def good(path: str, org: Org, record: str) -> dict[str, Any]:
    """A body that the door would take."""
    moments = {"validFrom": "2025-01-01", "validUntil": "2030-01-01"}
    digests = {"digests": {"sha-256": "00" * 32, "sm3": "00" * 32}, "signerCertificates": ["sha-256:" + "00" * 32]}
    return {
        "/v1/records": org.certificate(),
        "/v1/verify": {"digest": "sha-256:" + "00" * 32},
        "/v1/verify/bulk": {"digest": "sha-256:" + "00" * 32},
        "/v1/records/{id}/status": {"to": "withdrawn", "reasonCode": 99, "legalBasis": "依据"},
        "/v1/seals": {"sealCode": "43990000000001", "sealName": "章", "ownerCode": org.code, "sealType": "02"}
        | moments
        | digests,
        "/v1/catalogs": {"catalogCode": "307001/000099", "layer": "data", "providerCode": org.code},
    }.get(path, {})


def sent(path: str, org: Org, record: str, name: str | None, value: bytes) -> bytes:
    """The value as the whole body, or as one member of an otherwise good one."""
    if name is None:
        return value
    members = {k: json.dumps(v).encode() for k, v in good(path, org, record).items() if k != name} | {name: value}
    return b"{" + b",".join(b'"%s":%s' % (k.encode(), v) for k, v in members.items()) + b"}"


@pytest.mark.parametrize("path", BODIES)
def test_no_body_brings_down_a_route(asked: Any, path: str) -> None:
    client, org, record, headers = asked
    media, members = BODIES[path]
    for name, (poison, value) in itertools.product((None, *members), VALUES.items()):
        if name is None and poison not in WHOLE:
            continue
        body = sent(path, org, record, name, value)
        for who in (headers, {}):
            answer = client.post(path.replace("{id}", record), content=body, headers={**who, "Content-Type": media})
            assert answer.status_code < 500, (path, name, poison, answer.text[:300])


@pytest.mark.parametrize("part", ["disclosure", "receipt", "file", "digest", "identifier", "at", "useCause"])
def test_no_part_of_a_form_brings_down_the_door(asked: Any, part: str) -> None:
    client, _, _, headers = asked
    for value in (*VALUES.values(), b"\xd9", b"PK\x03\x04", b"%PDF-1.7", b"\0" * 100):
        for name in ("x.bin", None):
            files = {part: (name, value)} if name else {part: (None, value)}
            answer = client.post("/v1/verify", files=files, headers=headers)
            assert answer.status_code < 500, (part, value[:40], answer.text[:300])


@pytest.mark.parametrize(
    "charset", ["utf-7", "unicode_escape", "idna", "punycode", "hex", "utf-16-le", "no such", "\\"]
)
def test_no_charset_of_a_form_brings_down_the_door(asked: Any, charset: str) -> None:
    client, *_ = asked
    for value in (b"+2AA-", b"\\ud800", b"xn--a\xff", b"\xff" * 70, b"a." * 70):
        body = b'--b\r\nContent-Disposition: form-data; name="useCause"\r\n\r\n' + value + b"\r\n--b--\r\n"
        media = f"multipart/form-data; boundary=b; charset={charset}"
        answer = client.post("/v1/verify", content=body, headers={"Content-Type": media})
        assert answer.status_code < 500, (charset, value, answer.text[:300])


@pytest.mark.parametrize(
    "media",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\xff",
        "multipart/form-data; boundary=b",
        "multipart/form-data; boundary=" + "b" * 5_000,
    ],
)
def test_no_broken_form_brings_down_the_door(asked: Any, media: str) -> None:
    client, *_ = asked
    bodies = (
        b"",
        b"--b",
        b"--b\r\n",
        b"--b\r\n\r\n\r\n--b--",
        b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nx\r\n--b--\r\n',
        b"--b\r\n" + b"A" * 20_000 + b": x\r\n\r\nx\r\n--b--\r\n",
        b"--b\r\nContent-Disposition: form-data; name*=utf-16''%ff; filename*=x\r\n\r\nx\r\n--b--\r\n",
    )
    for body in bodies:
        headers = {"Content-Type": media.encode("latin-1")}
        answer = client.post("/v1/verify", content=body, headers=headers)
        assert answer.status_code < 500, (media, body[:60], answer.text[:300])


def test_no_path_query_or_header_brings_down_a_route(asked: Any) -> None:
    client, _, _, headers = asked
    odd = ["%00", "%ff", "%ed%a0%80", "%EF%BC%91", "a" * 3_000, "-1", "9" * 400, "%E2%80%AE", "é", "..%2f", "1_0", " "]
    cursors = [
        base64.urlsafe_b64encode(text).decode() for text in (b"\xff", b"1_0", b"-1", "１".encode(), b"9" * 5_000)
    ]
    paths = [
        "/v1/records/{}",
        "/v1/records/{}/proof",
        "/v1/records/{}/receipt",
        "/v1/seals/{}",
        "/v1/catalogs/{}/history",
        "/v1/catalogs/{}/diff?from=1&to=2",
        "/v1/catalogs/a%2Fb/diff?from={}&to={}",
        "/v1/organisations/{}",
        "/v1/logs/{}/checkpoint",
        "/v1/logs/{}/tile/0/000",
        "/v1/logs/a.0/tile/{}/000",
        "/v1/logs/a.0/tile/0/{}",
        "/v1/logs/a.0/tile/entries/{}",
        *(f"/v1/records?{name}={{}}" for name in ("cursor", "from", "to", "q", "state", "type", "limit")),
        "/v1/catalogs?cursor={}",
    ]
    for path, value in itertools.product(paths, (*odd, *cursors)):
        answer = client.get(path.replace("{}", value), headers=headers)
        assert answer.status_code < 500, (path, value[:40], answer.text[:300])
    for value in (b"Bearer \xff", b"Bearer", b"Basic \xd8\x00", b"Bearer " + b"a" * 9_000):
        answer = client.get("/v1/records", headers={"Authorization": value})
        assert answer.status_code < 500, value


def test_a_poisoned_file_among_good_ones_is_one_bad_verdict(city: City) -> None:
    org = city.organisation()
    ids = city.anchor(org, org.certificate(), org.certificate())
    first, last = (city.disclosure(org, record) for record in ids)
    poisons = [value for name, value in VALUES.items() if name != "nothing"]
    asked = [VerificationRequest(disclosure=first)]
    asked += [VerificationRequest(disclosure=value) for value in poisons]
    asked += [VerificationRequest(receipt=value, disclosure=first) for value in poisons]
    asked += [VerificationRequest(file=value) for value in poisons]
    asked += [VerificationRequest(disclosure=last)]
    verdicts = list(verify_many(city.app, asked))
    assert len(verdicts) == len(asked)
    assert [verdicts[0].code, verdicts[-1].code] == ["in_force", "in_force"]
    assert all(one.answer != "valid" for one in verdicts[1:-1])
