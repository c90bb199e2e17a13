"""A department that seals: a licence as a sealed OFD file and one as a signed PDF file, anchored from these files."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import samples
from chain_service.core.encoding.times import local_day
from chain_service.core.records.identifiers import CertificateIdentifier, TypeCode
from demonstration.client import Client
from demonstration.counter import FORGED
from demonstration.processes import Instance
from demonstration.sealed_files import licence, pdf_files
from demonstration.sealed_files.office import Office, open_office
from demonstration.setting_up import MARK
from demonstration.story import Failed, Story

ISSUER = samples.MARKET


@dataclass(frozen=True)
class Issued:
    """An issued file with what its holder gets, and the same file with another holder's name on its face."""

    record: dict[str, Any]
    content: bytes
    forged: bytes
    disclosure: bytes
    receipt: bytes


@dataclass(frozen=True)
class Documents:
    """The two licences of this run."""

    ofd: Issued
    pdf: Issued


def issue(story: Story, instance: Instance) -> Documents:
    """Both licences are anchored, verified whole, and refused when their face is changed."""
    story.chapter("加盖电子印章的 OFD 与签名的 PDF", "A sealed OFD and a signed PDF")
    now = int(time.time())
    office = open_office(ISSUER, now)
    _trust(story, instance, office, now)
    _register(story, instance, office)
    documents = _anchored(story, instance, office)
    public = Client(instance.url)
    for issued, name, zh, en in (
        (documents.ofd, "licence.ofd", "加盖电子印章的 OFD（GB/T 38540，SM2）", "the sealed OFD (GB/T 38540, SM2)"),
        (documents.pdf, "licence.pdf", "签名的 PDF（PAdES，ECDSA）", "the signed PDF (PAdES, ECDSA)"),
    ):
        verdict = public.verify_file(name, issued.content)
        story.expect_verdict(verdict, ("valid", "in_force"), zh, en)
        _every_check(story, verdict)
        story.expect_verdict(
            public.verify_file(name, issued.forged),
            ("invalid", "content_altered"),
            "同一文件，版面上的持证主体被改动",
            "the same file with another holder's name on its face",
        )
    return documents


def _trust(story: Story, instance: Instance, office: Office, now: int) -> None:
    office.write_trust(instance.data / "trust-store", now)
    _, listed = instance.run("anchors", "list")
    known = [entry["subject"] for entry in listed["certificates"] if entry["kind"] == "anchor"]
    story.expect(
        len(known) == len(office.roots) and not any(entry["stale"] for entry in listed["revocationLists"]),
        f"{len(known)} 个演示根证书及其吊销列表已放入信任库",
        "two demonstration roots with their revocation lists are in the trust store (chain-service anchors list)",
        listed,
    )


def _register(story: Story, instance: Instance, office: Office) -> None:
    file = _workshop(instance) / "office.esl"
    file.write_bytes(office.seal)
    _, made = instance.run("seal", "register", str(file), "--org", office.organisation.code, "--wait")
    story.expect(
        (made["sealCode"], made["status"]) == (office.seal_code, "in_force"),
        f"印章 {office.seal_code} 已凭印章文件登记",
        "its seal is registered from the seal's own file (chain-service seal register office.esl)",
        made,
    )


def _anchored(story: Story, instance: Instance, office: Office) -> Documents:
    now = int(time.time())
    records = [_record(office, place, now) for place in range(2)]
    ofd = office.sealed(licence.ofd(records[0]), licence.SEAL, now)
    name = office.organisation.name
    pdf = pdf_files.signed(licence.pdf(records[1], name), office.signer, "颁发")
    forged_ofd = licence.redrawn(ofd, _forged(records[0])).bytes()
    forged_pdf = pdf_files.redrawn(pdf, licence.pdf_content(_forged(records[1]), name))
    folder = _workshop(instance)
    (folder / "licence.ofd").write_bytes(ofd.bytes())
    (folder / "licence.pdf").write_bytes(pdf)
    records[0] |= {"sealCodes": [office.seal_code], "files": [{"path": "licence.ofd"}]}
    records[1] |= {"files": [{"path": "licence.pdf"}]}
    lines = folder / "licences.ndjson"
    lines.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in records), encoding="utf-8")
    out = folder / "out"
    _, done = instance.run("anchor", str(lines), "--org", office.organisation.code,
                           "--documents", str(folder), "--out", str(out))  # fmt: skip
    states = [made["state"] for made in done["records"]]
    story.expect(
        states == ["anchored"] * 2,
        "两份证照已凭文件上链，持证主体得到披露文件与凭证",
        "both are anchored from their files; each holder gets a disclosure and a receipt (chain-service anchor --out)",
        done,
    )
    if len(states) != 2:
        raise Failed("the licences are not anchored")
    contents = ((ofd.bytes(), forged_ofd), (pdf, forged_pdf))
    made = [
        Issued(record, *content, (out / f"{one['id']}.disclosure.json").read_bytes(),
               (out / f"{one['id']}.receipt").read_bytes())
        for record, content, one in zip(records, contents, done["records"], strict=True)
    ]  # fmt: skip
    return Documents(*made)


def _record(office: Office, place: int, now: int) -> dict[str, Any]:
    """A business licence or a food licence of today: a sample's holder under a number of its own."""
    kind = ("营业执照", "食品经营许可证")[place]
    sample = next(one for _, one in samples.certificates(2 * len(samples.TYPES), seed=now)
                  if one["certificateName"] == kind)  # fmt: skip
    number = f"{sample['certificateNumber'][:2]}{now}{place:04d}"
    code = TypeCode(sample["certificateTypeCode"])
    today = local_day(now)
    changes = {
        "certificateNumber": number,
        "certificateIdentifier": str(CertificateIdentifier(code, office.organisation.code, number, "001")),
        "certificateIssuedDate": today.isoformat(),
        "certificateEffectiveDate": today.isoformat(),
    }
    if "certificateExpiringDate" in sample:
        changes["certificateExpiringDate"] = date(today.year + 5, today.month, 1).isoformat()
    return {name: value for name, value in (sample | changes).items() if name != "sealCodes"}


def _forged(record: Mapping[str, Any]) -> dict[str, Any]:
    """Another holder's name, as long as the true one, so that nothing else on the page moves."""
    holder = record["holders"][0]
    name = holder["certificateHolderName"].replace(samples.CITY, FORGED[: len(samples.CITY)], 1)
    return {**record, "holders": [holder | {"certificateHolderName": name}]}


def _every_check(story: Story, verdict: Mapping[str, Any]) -> None:
    """Whatever was checked about seal and signer passed."""
    checks = list(_signature_checks(verdict))
    passed = [check["name"] for check in checks if check["outcome"] == "passed"]
    needed = {"reference_digests", "coverage", "signature", "signer_certificate", "revocation", "issuer_binding"}
    story.expect(
        needed <= set(passed) and all(check["outcome"] in ("passed", "skipped") for check in checks),
        f"签章 {len(passed)} 项检查均通过",
        "of its signature passed: " + ", ".join(passed),
        checks,
    )


def _signature_checks(verdict: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for group in verdict["groups"]:
        if group["name"] == "signature":
            yield from group["checks"]


def _workshop(instance: Instance) -> Path:
    folder = instance.data / MARK / "issuing"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder
