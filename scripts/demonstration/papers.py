"""A folder of papers to try on the page, and a README.txt that says what each must show: kept to here and now."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import segno

import samples
from demonstration.client import Client
from demonstration.counter import FORGED
from demonstration.department import Anchored
from demonstration.processes import Instance
from demonstration.sealed_files import pdf_files
from demonstration.sealing import Documents
from demonstration.setting_up import page_key
from demonstration.story import MARKS, Story

GOOD, RECEIPT, PROOF = "01-good.disclosure.json", "02-good.receipt", "03-good.proof.json"
PARTIAL, TAMPERED, WITHDRAWN = (
    "04-partial.disclosure.json",
    "05-tampered.disclosure.json",
    "06-withdrawn.disclosure.json",
)
SEALED, SEALED_TAMPERED = "07-sealed.ofd", "08-sealed-tampered.ofd"
SIGNED, SIGNED_TAMPERED, SIGNED_RECEIPT = "09-signed.pdf", "10-signed-tampered.pdf", "11-signed-with-receipt.pdf"
TEXT, QR, TRUST = "12-document.txt", "13-identifier-qr.png", "14-city.trust"
VALID = ("valid", "in_force")
COMPARE = "记录有效，待核对 Record valid, compare"
"""What the page says instead of 有效 Valid where the verdict is that, and a person has still to compare the paper."""


@dataclass(frozen=True)
class Promise:
    """What the page says of papers that are dropped together."""

    names: tuple[str, ...]
    verdict: tuple[str, str]
    zh: str
    en: str
    warnings: frozenset[str] = frozenset()
    heading: str = ""
    """The page's, where it is not the word for the verdict."""


PROMISES = (
    Promise((GOOD,), VALID, "营业执照的披露文件", "a business licence's disclosure"),
    Promise((GOOD, RECEIPT), VALID, "连同其凭证", "with its receipt"),
    Promise((GOOD, RECEIPT, PROOF), VALID, "连同其凭证和上链证明", "with its receipt and its proof"),
    Promise((PARTIAL,), VALID, "部分披露：只出示编号，其余隐去",
            "a partial disclosure: the number shown, all else hidden", frozenset({"members_hidden"}), COMPARE),
    Promise((TAMPERED,), ("invalid", "record_mismatch"), "持证主体被改动", "another holder's name in it"),
    Promise((TAMPERED, RECEIPT), ("invalid", "record_mismatch"), "持证主体被改动，连同真凭证",
            "another holder's name in it, with the genuine receipt"),
    Promise((WITHDRAWN,), ("invalid", "withdrawn"), "已撤销的营业执照", "a business licence that was withdrawn"),
    Promise((SEALED,), VALID, "加盖电子印章的 OFD 营业执照", "a business licence as a sealed OFD file"),
    Promise((SEALED_TAMPERED,), ("invalid", "content_altered"), "同一文件，版面被改动", "the same, its face changed"),
    Promise((SIGNED,), VALID, "签名的 PDF 食品经营许可证", "a food licence as a signed PDF file"),
    Promise((SIGNED_TAMPERED,), ("invalid", "content_altered"), "同一文件，版面被改动", "the same, its face changed"),
    Promise((SIGNED_RECEIPT,), VALID, "同一文件，内附凭证", "the signed PDF file with its receipt attached"),
    Promise((GOOD, SEALED), ("indeterminate", "papers_do_not_match"), "两份证照的材料放在一起",
            "papers of two certificates together"),
    Promise((TEXT,), VALID, "批复文件，按摘要核对", "an approval as a text file, compared by its digest"),
    Promise((QR,), ("indeterminate", "not_anchored"), "二维码图片：内容是 01 的证照标识，图片本身未上链",
            "the identifier of 01 as a QR picture, which is not anchored itself", frozenset({"picture_only"})),
    Promise((TRUST,), ("indeterminate", "trust_file_alone"), "信任文件：供离线核验，本身不是证照",
            "the trust file, for verifying offline: no certificate itself"),
)  # fmt: skip


@dataclass(frozen=True)
class Papers:
    """Where they lie, and what the pages ask for."""

    folder: Path
    key: str


def write(
    story: Story, instance: Instance, client: Client, good: Anchored, withdrawn: Anchored, documents: Documents
) -> Papers:
    """The folder is written, and every promise of its README.txt holds over HTTP, as the page asks."""
    story.chapter("留下可供试验的材料", "A folder of papers to try")
    folder = instance.data / "papers"
    folder.mkdir(mode=0o700, exist_ok=True)
    _, exported = instance.run("trust", "export", "--out", str(folder / TRUST))
    key = page_key(instance, good.org)
    for name, content in _contents(instance, client, good, withdrawn, documents):
        (folder / name).write_bytes(content)
    text = "\n".join(_read_me(instance, good, exported["fingerprint"]))
    (folder / "README.txt").write_text(text, encoding="utf-8")
    _keep(story, Client(instance.url), folder)
    _by_identifier(story, Client(instance.url, key), good)
    return Papers(folder, key)


def _contents(
    instance: Instance, client: Client, good: Anchored, withdrawn: Anchored, documents: Documents
) -> Iterator[tuple[str, bytes]]:
    disclosure = client.get(f"/v1/records/{good.id}")["disclosure"]
    yield GOOD, _json(disclosure)
    yield RECEIPT, client.content(f"/v1/records/{good.id}/receipt")
    yield PROOF, _json(client.get(f"/v1/records/{good.id}/proof"))
    yield PARTIAL, _json(instance.run("present", good.id, "--reveal", "certificateNumber")[1])
    yield TAMPERED, _json(disclosure).replace(good.holder.encode(), FORGED.encode())
    yield WITHDRAWN, _json(client.get(f"/v1/records/{withdrawn.id}")["disclosure"])
    yield SEALED, documents.ofd.content
    yield SEALED_TAMPERED, documents.ofd.forged
    yield SIGNED, documents.pdf.content
    yield SIGNED_TAMPERED, documents.pdf.forged
    yield SIGNED_RECEIPT, pdf_files.with_receipt(documents.pdf.content, documents.pdf.receipt)
    yield TEXT, next(content for _, _, _, content in samples.documents())
    yield QR, _qr(good.record["certificateIdentifier"])


def _keep(story: Story, public: Client, folder: Path) -> None:
    for promise in PROMISES:
        verdict = public.verify_papers([(name, (folder / name).read_bytes()) for name in promise.names])
        found = (verdict["verdict"], verdict["code"])
        warnings = {remark["code"] for remark in verdict["warnings"]}
        story.expect(
            found == promise.verdict and warnings == promise.warnings,
            f"{' + '.join(promise.names)}：{MARKS[promise.verdict[0]][0]}",
            f"{promise.verdict[1]}: {promise.en}",
            (*found, *warnings),
        )


def _by_identifier(story: Story, keyed: Client, good: Anchored) -> None:
    """What the QR picture holds is found, by a caller with the key for the pages."""
    record = good.record
    question = {
        "identifier": record["certificateIdentifier"],
        "certificateNumber": record["certificateNumber"],
        "certificateHolderName": good.holder,
        "useCause": "演示",
    }
    verdict = keyed.post("/v1/verify", question)
    found = (verdict["verdict"], verdict["code"])
    story.expect(
        found == ("valid", "in_force_not_compared"),
        f"扫描 {QR} 得到证照标识，连同编号和持证主体核验：{MARKS['valid'][0]}",
        "in_force_not_compared: by the identifier in the QR picture, with number and holder, under a key for the pages",
        found,
    )


def _read_me(instance: Instance, good: Anchored, fingerprint: str) -> Iterator[str]:
    yield "演示材料：机构、主体与编号均属虚构。"
    yield "Papers to try: every organisation, name and number is invented."
    yield ""
    yield f"把文件拖到 {instance.url}/ ，用 + 连接的一并放入；页面必须给出下列结论。换一组之前先清空。"
    yield f"Drop a file on {instance.url}/, those joined by + together. The page must say what stands here."
    yield "Clear it in between: one question is about one holder."
    for promise in PROMISES:
        yield ""
        yield " + ".join(promise.names)
        yield f"    {MARKS[promise.verdict[0]][0]} {promise.verdict[0].upper()}  {promise.verdict[1]}"
        yield f"    {promise.zh} · {promise.en}"
        if promise.warnings:
            yield f"    提示 with the warnings: {', '.join(sorted(promise.warnings))}"
        if promise.heading:
            yield f"    页面标题 the page's heading: {promise.heading}"
    record = good.record
    yield ""
    yield f"按证照标识核验（{QR} 中的内容）By identifier (what {QR} holds):"
    yield f"    证照标识 identifier   {record['certificateIdentifier']}"
    yield f"    证照编号 number       {record['certificateNumber']}"
    yield f"    持证主体 holder       {good.holder}"
    yield f"    {MARKS['valid'][0]} VALID  in_force_not_compared"
    yield f"    页面标题 the page's heading: {COMPARE}"
    yield ""
    yield f"离线核验：打开 {instance.url}/offline.html 并保存，放入 {TRUST}、{GOOD} 和 {RECEIPT}。"
    yield f"Offline: open {instance.url}/offline.html, save it, and drop {TRUST}, {GOOD} and {RECEIPT} on it."
    yield f"    信任文件的指纹 fingerprint of the trust file  {fingerprint}"
    yield ""
    yield "吊销列表自演示起七天内有效；再次运行 scripts/demo 会重新生成本文件夹。"
    yield "The revocation lists speak for seven days; running scripts/demo again makes this folder anew."
    yield ""


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


def _qr(text: str) -> bytes:
    out = BytesIO()
    segno.make_qr(text, error="m").save(out, kind="png", scale=8)
    return out.getvalue()
