"""Sealed documents through every door: HTTP, command line, offline; whole ones and every way of being broken."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from chain_service.core.encoding.digests import file_digests
from chain_service.core.records.identifiers import CertificateIdentifier, TypeCode
from document_makers.certificates import extension
from document_makers.encoding import element, identifier, sequence
from support.documents import city as test_city
from support.documents.samples import samples
from support.pdf import pdf_samples, pdfs
from support.worlds.offices import Office
from support.worlds.running_instance import ISSUER, TYPE, Instance
from support.worlds.sealed_licence import LOOKED_AGAIN, OFFICE, THEN, licence, trust


def ask(instance: Instance, content: bytes, **fields: str) -> Any:
    with instance.client() as client:
        answer = client.post("/v1/verify", files={"file": ("document.ofd", content)}, data=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def worst(verdict: Any) -> str:
    """What decides among the checks of its signatures, as samples are compared."""
    checks = [check for group in verdict["groups"][1:] for check in group["checks"]]
    for outcome in ("failed", "indeterminate"):
        found = next((check["code"] for check in checks if check["outcome"] == outcome), None)
        if found is not None:
            return str(found)
    return "valid" if checks else "no_signature"


def known() -> list[Any]:
    """Samples whose code does not depend on being anchored."""
    return [one for one in samples() if one.anchored_by is None]


def test_a_sealed_licence_is_valid_over_http(sealing: tuple[Instance, Path]) -> None:
    service, folder = sealing
    verdict = ask(service, (folder / "in" / "licence.ofd").read_bytes())
    assert (verdict["verdict"], verdict["code"], verdict["warnings"]) == ("valid", "in_force", [])
    record, signature = verdict["groups"]
    assert (record["name"], signature["name"]) == ("record", "signature")
    evidence = {check["name"]: check["evidence"] for check in signature["checks"]}
    assert evidence["signer_certificate"]["anchor"] == "湖南"
    assert evidence["signing_time"]["provenBy"] == "anchoring in a final block"
    assert evidence["seal_registered"]["owner"] == ISSUER
    assert evidence["issuer_binding"]["byCertificate"] == ISSUER


def test_a_sealed_licence_is_valid_at_the_command_line_and_offline(sealing: tuple[Instance, Path]) -> None:
    service, folder = sealing
    file = folder / "in" / "licence.ofd"
    ran = service.run("--json", "verify", file)
    assert (ran.code, ran.json["code"]) == (0, "in_force")
    told = service.run("verify", file)
    assert "issuing authority" in told.out and OFFICE.seal_code not in told.err
    assert "signer_certificate the signer's certificate leads" in told.out
    (disclosure,) = (folder / "out").glob("*.disclosure.json")
    receipt = disclosure.with_name(disclosure.name.replace(".disclosure.json", ".receipt"))
    service.done("trust", "export", "--out", folder / "city.trust")
    offline = ["verify", "--offline", "--trust", folder / "city.trust", file]
    offline += ["--disclosure", disclosure, "--receipt", receipt, "--anchors", service.data / "trust-store"]
    ran = service.run("--json", *offline)
    checks = {check["name"]: check["code"] for check in ran.json["groups"][1]["checks"]}
    assert (ran.code, checks["seal_registered"], checks["issuer_binding"]) == (0, "seal_in_force", "issuer_bound"), ran
    altered = folder / "altered.ofd"
    altered.write_bytes(file.read_bytes()[:-30])
    ran = service.run("--json", *[altered if word == file else word for word in offline])
    assert (ran.code, ran.json["code"]) == (1, "unreadable")


def test_a_pdf_brings_its_receipt_along_offline(sealing: tuple[Instance, Path]) -> None:
    service, folder = sealing
    place = folder / "pdf"
    (place / "in").mkdir(parents=True)
    signed = pdfs.sign(pdfs.document(), OFFICE.signer, at=int(time.time()) - 5)
    (place / "in" / "licence.pdf").write_bytes(signed)
    identifier = CertificateIdentifier(TypeCode(TYPE), ISSUER, "20269900002", "001")
    named = {"certificateIdentifier": str(identifier), "certificateNumber": "JY99002"}
    record = licence(**named, files=[{"path": "licence.pdf"}])
    (place / "records.ndjson").write_text(json.dumps(record) + "\n", encoding="utf-8")
    out = place / "out"
    service.done("anchor", place / "records.ndjson", "--org", ISSUER, "--documents", place / "in", "--out", out)
    service.done("trust", "export", "--out", place / "city.trust")
    (disclosure,) = out.glob("*.disclosure.json")
    (receipt,) = out.glob("*.receipt")
    file = place / "whole.pdf"
    file.write_bytes(pdfs.with_receipts(signed, receipt.read_bytes()))
    asked = ["verify", "--offline", "--trust", place / "city.trust", file, "--disclosure", disclosure]
    for more in (["--anchors", service.data / "trust-store"], ["--anchors", place / "in"]):  # the second trusts nobody
        ran = service.run("--json", *asked, *more)
        checks = {check["name"]: check["code"] for check in ran.json["groups"][0]["checks"]}
        assert (checks["file_digest"], checks["log_signature"]) == ("signed_file_matches", "signed"), ran
        assert ran.json["code"] == ("in_force" if more[1] != place / "in" else "signer_untrusted")
    online = service.run("--json", "verify", file)
    assert (online.code, online.json["code"], online.json["warnings"]) == (0, "in_force", [])
    alone = place / "alone.disclosure.json"  # no receipt beside it
    alone.write_bytes(disclosure.read_bytes())
    asked[-1] = alone
    file.write_bytes(pdfs.with_receipts(signed, b"junk"))  # whoever attached it accuses nobody
    assert service.run("--json", *asked).json["code"] == "finality_unproven"
    file.write_bytes(signed)
    ran = service.run("--json", *asked)
    assert (ran.code, ran.json["error"]["code"]) == (2, "file_not_found")


def test_a_responder_is_asked_at_the_command_line_and_never_offline(sealing: tuple[Instance, Path]) -> None:
    service, folder = sealing
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.3)
        here = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        address = sequence(identifier("1.3.6.1.5.5.7.48.1"), element(0x86, here.encode()))
        access = extension("1.3.6.1.5.5.7.1.1", sequence(address))
        office = Office(ISSUER, "43990000081009", (("authority", "no_list"), ("extensions", access)))
        file = folder / "asks.ofd"
        file.write_bytes(office.sealed().bytes())
        (disclosure,) = (folder / "out").glob("*.disclosure.json")
        receipt = disclosure.with_name(disclosure.name.replace(".disclosure.json", ".receipt"))
        service.done("trust", "export", "--out", folder / "asks.trust")
        offline = ["verify", "--offline", "--trust", folder / "asks.trust", file]
        offline += ["--receipt", receipt, "--anchors", service.data / "trust-store"]
        for asked, connects in ((offline, False), (["verify", file], True)):
            ran = service.run_apart("--json", *asked, CHAIN_SERVICE_OCSP_RESPONDERS=json.dumps([here]))
            checks = {check["name"]: check["code"] for check in ran.json["groups"][1]["checks"]}
            assert checks["revocation"] == "revocation_unknown", ran
            if connects:
                listening.accept()[0].close()
            else:
                with pytest.raises(TimeoutError):
                    listening.accept()


def test_a_frozen_seal_seals_nothing_more(sealing: tuple[Instance, Path]) -> None:
    service, folder = sealing
    service.done("seal", "state", OFFICE.seal_code, "--to", "frozen", "--wait")
    time.sleep(1.1)
    late = ask(service, OFFICE.sealed(at=int(time.time())).bytes())
    early = ask(service, (folder / "in" / "licence.ofd").read_bytes())
    service.done("seal", "state", OFFICE.seal_code, "--to", "in_force", "--wait")
    assert (late["verdict"], late["code"]) == ("invalid", "seal_not_in_force")
    assert early["code"] == "in_force"


def test_records_that_name_documents_are_refused_whole_when_one_is_wrong(sealing: tuple[Instance, Path]) -> None:
    service, folder = sealing
    for number, (file, code) in enumerate(
        [
            ({"path": "missing.ofd"}, "file_not_found"),
            ({"path": "../records.ndjson"}, "malformed_record"),
            ({"path": 1}, "malformed_record"),
            ({"path": "licence.ofd", "digests": file_digests(b"x")}, "malformed_record"),
        ]
    ):
        lines = folder / f"wrong{number}.ndjson"
        lines.write_text(json.dumps(licence(files=[file])), encoding="utf-8")
        ran = service.run("--json", "anchor", lines, "--org", ISSUER, "--documents", folder / "in")
        assert (ran.code, ran.json["error"]["code"], ran.json["error"]["line"]) == (2, code, 1)


def test_every_way_of_being_broken_is_named_over_http(sealing: tuple[Instance, Path]) -> None:
    service, _ = sealing
    trust(service, today=False)
    wrong = {}
    for one in known():
        verdict = ask(service, one.data, at=THEN)
        assert verdict["verdict"] != "valid"
        if worst(verdict) != one.code:
            wrong[one.name] = (worst(verdict), one.code)
    assert wrong == {}
    assert len({one.code for one in known()}) >= 10


def test_signed_pdf_files_whole_and_broken_are_named_over_http(sealing: tuple[Instance, Path]) -> None:
    service, _ = sealing
    expected = {name: ("valid", pdf_samples.whole(name, "sm2")) for name in pdf_samples.WHOLE}
    expected |= {name: pdf_samples.broken(name, "sm2") for name in pdf_samples.BROKEN}
    trust(service, today=False)
    test_city.write_store(test_city.city("sm2").store, service.data / "trust-store")
    time.sleep(LOOKED_AGAIN)
    found = {name: worst(ask(service, data, at=THEN)) for name, (_, data) in expected.items()}
    assert found == {name: code for name, (code, _) in expected.items()}


def test_the_command_line_names_them_alike(sealing: tuple[Instance, Path]) -> None:
    service, folder = sealing
    trust(service, today=False)
    chosen = {one.code: one for one in known()}
    files = []
    for number, one in enumerate(chosen.values()):
        files.append(folder / f"sample{number}.ofd")
        files[-1].write_bytes(one.data)
    ran = service.run("--json", "verify", *files, "--at", THEN)
    assert ran.code == 1
    assert [worst(verdict) for verdict in ran.json] == list(chosen)


def test_the_trust_store_is_listed_with_the_ages_of_its_lists(sealing: tuple[Instance, Path]) -> None:
    service, _ = sealing
    found = service.done("anchors", "list")
    assert {one["label"] for one in found["certificates"] if one["kind"] == "anchor"} == {"湖南"}
    assert any(one["stale"] for one in found["revocationLists"])
    assert "湖南" in service.run("anchors", "list").out
