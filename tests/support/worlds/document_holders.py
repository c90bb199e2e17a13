"""The papers of a holder whose record names a sealed OFD and a signed PDF, and every way in which one is altered."""

from __future__ import annotations

import io
import itertools
import json
import time
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import cbor2

from chain_service.core.chainproof.evidence_cbor import HEADERS, NODES
from chain_service.core.encoding import cose
from chain_service.core.encoding.digests import file_digests
from chain_service.core.receipts.receipt import CWT_CLAIMS, EVIDENCE, INCLUSION, ISSUED_AT, PLACE, PROOFS, SUBJECT
from chain_service.jobs.proofs import receipts, trust_files
from chain_service.jobs.records import records
from document_makers import packages
from support.documents import city as city_of_documents
from support.pdf import pdf_changes, pdfs
from support.worlds.jobs_city import FOOD, City, Org
from support.worlds.offices import Office

Papers = Mapping[str, bytes]
Altered = tuple[str, bytes]
"""The name of the genuine paper that it stands for, and what it is now."""

_codes = itertools.count(43_990_000_211_230)
PAGE = "Doc_0/Pages/Page_0/Content.xml"
BOM = b"\xef\xbb\xbf"


def papers_of(city: City, org: Org, *, names_seal: bool = True) -> dict[str, bytes]:
    """Every paper that the holder of one certificate can have, by name; the receipts in the PDF are as they were.

    names_seal: the record says which seal the OFD has, so that its receipts prove what the registry holds of it.
    """
    office = Office(org.code, str(next(_codes)))
    shown = city_of_documents.METADATA | {"ZZBFJGDM": org.code, "ZZLXDM": FOOD}
    ofd = office.sealed(city_of_documents.unsigned(custom=shown)).bytes()
    pdf = pdfs.sign(pdfs.document(), office.signer, at=int(time.time()) - 10)
    files = [{"mediaType": f"application/{name}", "digests": file_digests(data)}
             for name, data in (("ofd", ofd), ("pdf", pdf))]  # fmt: skip
    named: dict[str, Any] = {"sealCodes": [office.seal_code]} if names_seal else {}
    _, id, _ = city.anchor(org, org.certificate(), org.certificate(files=files, **named), org.certificate())
    older = receipts.receipt(city.app, id)
    city.trial.mine(2)
    city.step()
    number, holder = (
        records.present(city.app, id, [name], org.caller).to_json()
        for name in ("certificateNumber", "holders.0.certificateHolderName")
    )
    trust_files.export(city.app)
    return {
        "disclosure": BOM + city.disclosure(org, id),
        "number": json.dumps(number).encode(),
        "holder": json.dumps(holder).encode(),
        "receipt": older,
        "refreshed": receipts.receipt(city.app, id, refreshed=True),
        "proof": city.proof(id),
        "trust": trust_files.in_force(city.app),
        "ofd": ofd,
        "pdf": pdf,
        "attached": pdfs.with_receipts(pdf, older),
    }


Alteration = Callable[[Papers, Papers], Altered]
"""Of a holder's papers, and those of another holder."""


def member(name: str, change: Callable[[Any], Any]) -> Alteration:
    """The paper of this name, its JSON changed."""

    def altered(papers: Papers, _: Papers) -> Altered:
        value = json.loads(papers[name].removeprefix(BOM))
        change(value)
        return name, json.dumps(value).encode()

    return altered


def signed_message(name: str, change: Callable[[list[Any]], Any]) -> Alteration:
    """The receipt of this name, the parts of its message changed: headers, payload and signature."""

    def altered(papers: Papers, _: Papers) -> Altered:
        parts = cbor2.loads(papers[name][1:])
        parts = [cbor2.loads(parts[0]), *parts[1:]]
        change(parts)
        return name, papers[name][:1] + cose.encode([cose.encode(parts[0]), *parts[1:]])

    return altered


def proven(name: str, change: Callable[[list[Any]], Any]) -> Alteration:
    """The receipt of this name, its inclusion proof changed: size, index and path."""

    def change_proof(parts: list[Any]) -> None:
        proof = cbor2.loads(parts[1][PROOFS][INCLUSION][0])
        change(proof)
        parts[1][PROOFS][INCLUSION][0] = cose.encode(proof)

    return signed_message(name, change_proof)


def whole(name: str, change: Callable[[bytes], bytes]) -> Alteration:
    return lambda papers, _: (name, change(papers[name]))


def package(change: Callable[[dict[str, bytes]], Any]) -> Alteration:
    """The OFD, the files of its package changed."""

    def altered(papers: Papers, _: Papers) -> Altered:
        with zipfile.ZipFile(io.BytesIO(papers["ofd"])) as read:
            files = {name: read.read(name) for name in read.namelist()}
        change(files)
        return "ofd", packages.archive(files)

    return altered


def other_digit(text: str) -> str:
    return text[:-1] + ("0" if text[-1] != "0" else "1")


def flip(data: bytes, at: int = -1) -> bytes:
    """The bytes with one bit changed."""
    at %= len(data)
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def _another(text: str) -> Callable[[Any], Any]:
    """Changes the last digit of what these names lead to."""
    *way, last = text.split(".")

    def change(value: Any) -> None:
        for name in way:
            value = value[int(name) if isinstance(value, list) else name]
        place = int(last) if isinstance(value, list) else last
        value[place] = other_digit(value[place])

    return change


def _flip(*way: Any) -> Callable[[Any], Any]:
    """Changes one bit of the bytes that these places lead to."""

    def change(value: Any) -> None:
        for place in way[:-1]:
            value = value[place]
        value[way[-1]] = flip(value[way[-1]])

    return change


def _of_another_leaf(papers: Papers) -> Altered:
    parts = cbor2.loads(papers["receipt"][1:])
    protected, proof = cbor2.loads(parts[0]), cbor2.loads(parts[1][PROOFS][INCLUSION][0])
    protected[PLACE][2] = proof[1] = proof[1] ^ 1
    parts[0], parts[1][PROOFS][INCLUSION][0] = cose.encode(protected), cose.encode(proof)
    return "receipt", papers["receipt"][:1] + cose.encode(parts)


def _with_page(files: dict[str, bytes]) -> dict[str, bytes]:
    page = packages.PAGE.format(ns=packages.NAMESPACE, layer=40, id=41, text="后来的一页")
    row = b'<ofd:Page ID="19" BaseLoc="Pages/Page_9/Content.xml"/></ofd:Pages>'
    listed = files["Doc_0/Document.xml"].replace(b"</ofd:Pages>", row)
    return {"Doc_0/Pages/Page_9/Content.xml": page.encode(), "Doc_0/Document.xml": listed}


def _unsigned(files: dict[str, bytes]) -> None:
    for name in [name for name in files if "/Signs/" in name]:
        del files[name]
    listed = b"<ofd:Signatures>/Doc_0/Signs/Signatures.xml</ofd:Signatures>"
    files["OFD.xml"] = files["OFD.xml"].replace(listed, b"")


def _packed_anew(data: bytes) -> bytes:
    """Every file as it was, uncompressed: other bytes, though the signature holds."""
    with zipfile.ZipFile(io.BytesIO(data)) as read:
        return packages.archive({name: read.read(name) for name in read.namelist()}, zipfile.ZIP_STORED)


ALTERATIONS: dict[str, Alteration] = {
    "disclosure: holder": member("disclosure", _another("record.holders.0.certificateHolderName")),
    "disclosure: number": member("disclosure", _another("record.certificateNumber")),
    "disclosure: date": member("disclosure", lambda d: d["record"].update(certificateIssuedDate="2025-06-03")),
    "disclosure: digest of the PDF": member("disclosure", _another("record.files.1.digests.sha-256")),
    "disclosure: no files": member("disclosure", lambda d: d["record"].pop("files")),
    "disclosure: salt": member("disclosure", _another("salt")),
    "disclosure: cut off": whole("disclosure", lambda data: data[:-40]),
    "partial: number": member("number", lambda d: d["revealed"]["certificateNumber"].update(value="JY9999999999")),
    "partial: date": member("number", lambda d: d["open"].update(certificateIssuedDate="2025-06-03")),
    "partial: covered": member("holder", _another("covered.files")),
    "partial: cut off": whole("holder", lambda data: data[:-40]),
    "receipt: path": proven("receipt", _flip(2, 0)),
    "receipt: leaf": proven("receipt", lambda proof: proof.__setitem__(1, proof[1] ^ 1)),
    "receipt: leaf as signed too": lambda papers, _: _of_another_leaf(papers),
    "receipt: subject": signed_message("receipt", lambda parts: parts[0][CWT_CLAIMS].update({SUBJECT: "0" * 32})),
    "receipt: time": signed_message(
        "receipt", lambda parts: parts[0][CWT_CLAIMS].update({ISSUED_AT: parts[0][CWT_CLAIMS][ISSUED_AT] - 1})
    ),
    "receipt: signature": signed_message("receipt", _flip(3)),
    "receipt: header of a block": signed_message("receipt", _flip(1, EVIDENCE, 0, HEADERS, 0)),
    "receipt: node of a trie": signed_message("receipt", _flip(1, EVIDENCE, 0, NODES, 0)),
    "receipt: cut off": whole("receipt", lambda data: data[:-40]),
    "refreshed: header of the newer block": signed_message("refreshed", _flip(1, EVIDENCE, 1, HEADERS, 0)),
    "refreshed: node of the newer state": signed_message("refreshed", _flip(1, EVIDENCE, 1, NODES, 0)),
    "refreshed: signature": signed_message("refreshed", _flip(3)),
    "proof: entry": member("proof", _another("entry")),
    "proof: path": member("proof", _another("path.0")),
    "proof: index": member("proof", lambda p: p.update(index=p["index"] ^ 1)),
    "proof: root": member("proof", _another("anchor.root")),
    "proof: cut off": whole("proof", lambda data: data[:-40]),
    "trust: signature": whole("trust", flip),
    "trust: cut off": whole("trust", lambda data: data[:-40]),
    "OFD: page": package(lambda files: files.update({PAGE: files[PAGE].replace("证照".encode(), "执照".encode())})),
    "OFD: page added": package(lambda files: files.update(_with_page(files))),
    "OFD: file added": package(lambda files: files.update({"Doc_0/Res/note.txt": b"a note"})),
    "OFD: signature taken away": package(_unsigned),
    "OFD: packed anew": whole("ofd", _packed_anew),
    "OFD: cut off": whole("ofd", lambda data: data[:-40]),
    "PDF: field filled": whole("pdf", pdfs.filled),
    "PDF: text of the page": whole(
        "pdf", lambda data: pdfs.append(data, {pdfs.CONTENT: pdfs.stream(pdf_changes.FORGED)})
    ),
    "PDF: byte of the text": whole("pdf", lambda data: data.replace(b"2026-0001", b"2026-0002")),
    "PDF: signature taken away": whole("pdf", pdfs.without_signature),
    "PDF: cut off": whole("pdf", lambda data: data[:-40]),
    "PDF: text changed, receipt attached": lambda papers, _: ("attached", pdfs.with_receipts(
        pdfs.append(papers["pdf"], {pdfs.CONTENT: pdfs.stream(pdf_changes.FORGED)}), papers["receipt"]
    )),
    "PDF: text changed after the receipt was attached": whole(
        "attached", lambda data: pdfs.append(data, {pdfs.CONTENT: pdfs.stream(pdf_changes.FORGED)})
    ),
    "PDF: field filled after the receipt was attached": whole("attached", pdfs.filled),
    "PDF: text exchanged under the name of the receipt": whole("pdf", pdfs.replacing_receipt),
}  # fmt: skip
"""What makes a paper say something else, or nothing."""

ADDITIONS: dict[str, Alteration] = {
    "an attachment of a stranger": lambda papers, _: (
        "attached", pdf_changes.attached(papers["attached"], b"new_licence.pdf", b"%PDF-1.4 another")
    ),
    "the receipt of another record": lambda papers, others: (
        "attached", pdfs.with_receipts(papers["pdf"], others["receipt"])
    ),
    "a receipt whose signature is wrong": lambda papers, others: (
        "attached", pdfs.with_receipts(papers["pdf"], ALTERATIONS["receipt: signature"](papers, others)[1])
    ),
    "a receipt cut off": lambda papers, _: ("attached", pdfs.with_receipts(papers["pdf"], papers["receipt"][:-40])),
}  # fmt: skip
"""What can be put into a signed PDF that changes nothing shown: the signature stays good, a warning says it."""

INSEPARABLE = frozenset({"disclosure: salt", "receipt: leaf as signed too"})
"""What without a chain may as well be the genuine paper of another record of the same issuer."""
