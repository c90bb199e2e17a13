"""OFD packages written as GB/T 33190 has them, signed one time or more, and taken apart to be broken."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import gmssl_pyx

NAMESPACE = "http://www.ofdspec.org/2016"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
PAGE = (
    '<ofd:Page xmlns:ofd="{ns}"><ofd:Content><ofd:Layer ID="{layer}"><ofd:TextObject ID="{id}" Boundary="30 25 90 5" '
    'Font="3" Size="3"><ofd:TextCode X="0" Y="3">{text}</ofd:TextCode></ofd:TextObject></ofd:Layer></ofd:Content>'
    "</ofd:Page>"
)
DIGESTS: Mapping[str, str] = {"SHA-256": "sha256", "SHA1": "sha1", "MD5": "md5"}
"""CheckMethod to hashlib's name; others are made as SM3 under the name given."""


def digest(method: str, data: bytes) -> str:
    """CheckValue of a file."""
    made = hashlib.new(DIGESTS[method], data).digest() if method in DIGESTS else gmssl_pyx.sm3_hash(data)
    return base64.b64encode(made).decode()


@dataclass
class Package:
    """Files of a package by name, in the order they are written."""

    files: dict[str, bytes]
    namespace: str = NAMESPACE
    signatures: list[tuple[str, str, str]] = field(default_factory=list)
    """ID, type and path of each Signature.xml."""

    def bytes(self, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
        """The archive; equal files give equal bytes."""
        return archive(self.files, compression)

    def copy(self) -> Package:
        return Package(dict(self.files), self.namespace, list(self.signatures))


def archive(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as made:
        for name, data in files.items():
            row = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            row.compress_type = compression
            made.writestr(row, data)
    return out.getvalue()


def package(
    *, texts: tuple[str, ...] = ("电子证照",), custom: Mapping[str, str] | None = None, namespace: str = NAMESPACE,
    picture: bytes = b"\x89PNG a picture", attachment: bytes | None = None,
) -> Package:  # fmt: skip
    """An unsigned document: one page per text, a picture that the pages may show, metadata as custom data."""
    datas = "".join(f'<ofd:CustomData Name="{name}">{value}</ofd:CustomData>' for name, value in (custom or {}).items())
    custom_datas = f"<ofd:CustomDatas>{datas}</ofd:CustomDatas>" if datas else ""
    attached = "<ofd:Attachments>Attachs/Attachments.xml</ofd:Attachments>" if attachment is not None else ""
    pages = "".join(
        f'<ofd:Page ID="{10 + place}" BaseLoc="Pages/Page_{place}/Content.xml"/>' for place in range(len(texts))
    )
    files = {
        "OFD.xml": f'{HEAD}<ofd:OFD xmlns:ofd="{namespace}" Version="1.0" DocType="OFD"><ofd:DocBody><ofd:DocInfo>'
        f"<ofd:DocID>0123456789abcdef0123456789abcdef</ofd:DocID>{custom_datas}</ofd:DocInfo>"
        "<ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>",
        "Doc_0/Document.xml": f'{HEAD}<ofd:Document xmlns:ofd="{namespace}"><ofd:CommonData>'
        "<ofd:MaxUnitID>99</ofd:MaxUnitID><ofd:PageArea><ofd:PhysicalBox>0 0 210 297</ofd:PhysicalBox></ofd:PageArea>"
        "<ofd:PublicRes>PublicRes.xml</ofd:PublicRes></ofd:CommonData>"
        f"<ofd:Pages>{pages}</ofd:Pages>{attached}</ofd:Document>",
        "Doc_0/PublicRes.xml": f'{HEAD}<ofd:Res xmlns:ofd="{namespace}" BaseLoc="Res"><ofd:MultiMedias>'
        '<ofd:MultiMedia ID="5" Type="Image"><ofd:MediaFile>picture.png</ofd:MediaFile></ofd:MultiMedia>'
        "</ofd:MultiMedias></ofd:Res>",
    }
    for place, text in enumerate(texts):
        page = PAGE.format(ns=namespace, layer=20 + place, id=30 + place, text=text)
        files[f"Doc_0/Pages/Page_{place}/Content.xml"] = HEAD + page
    made = {name: text.encode() for name, text in files.items()} | {"Doc_0/Res/picture.png": picture}
    if attachment is not None:
        listed = '<ofd:Attachment ID="1" Name="a"><ofd:FileLoc>/Doc_0/Attachs/a.bin</ofd:FileLoc></ofd:Attachment>'
        text = f'{HEAD}<ofd:Attachments xmlns:ofd="{namespace}">{listed}</ofd:Attachments>'
        made |= {"Doc_0/Attachs/Attachments.xml": text.encode(), "Doc_0/Attachs/a.bin": attachment}
    return Package(made, namespace)


def add_signature(
    made: Package,
    value: Callable[[bytes, str], bytes],
    *,
    kind: str = "Seal",
    seal: bytes | None = None,
    method: str | None = "SM3",
    at: int = 0,
    leave_out: tuple[str, ...] = (),
    cover_list: bool = False,
    relative: bool = False,
    location: str | None = None,
    change: Callable[[str], str] = lambda text: text,
) -> Package:
    """The package with one signature more.

    value: makes SignedValue.dat out of Signature.xml's bytes and path; leave_out: files it does not cover;
    cover_list: cover Signatures.xml too, so that no signature can follow; change: alters Signature.xml before signing.
    """
    made = made.copy()
    place = len(made.signatures)
    folder = f"Doc_0/Signs/Sign_{place}"
    path = f"/{folder}/Signature.xml"
    made.signatures.append((f"s{place + 1:03}", kind, path))
    if b"<ofd:Signatures>" not in made.files["OFD.xml"]:
        listed = b"<ofd:Signatures>/Doc_0/Signs/Signatures.xml</ofd:Signatures></ofd:DocBody>"
        made.files["OFD.xml"] = made.files["OFD.xml"].replace(b"</ofd:DocBody>", listed)
    write_list(made)
    if seal is not None:
        made.files[f"{folder}/Seal.esl"] = seal
    covered = {
        name: data
        for name, data in made.files.items()
        if name not in leave_out and (cover_list or name != "Doc_0/Signs/Signatures.xml")
    }
    text = signature_xml(made.namespace, covered, method, at, folder, seal is not None, relative)
    made.files[f"{folder}/Signature.xml"] = change(text).encode()
    made.files[f"{folder}/SignedValue.dat"] = value(made.files[f"{folder}/Signature.xml"], location or path)
    return made


def write_list(made: Package) -> None:
    """Signatures.xml."""
    rows = "".join(
        f'<ofd:Signature ID="{name}" Type="{kind}" BaseLoc="{path}"/>' for name, kind, path in made.signatures
    )
    made.files["Doc_0/Signs/Signatures.xml"] = (
        f'{HEAD}<ofd:Signatures xmlns:ofd="{made.namespace}"><ofd:MaxSignId>s{len(made.signatures):03}</ofd:MaxSignId>'
        f"{rows}</ofd:Signatures>"
    ).encode()


def signature_xml(
    namespace: str, covered: Mapping[str, bytes], method: str | None, at: int, folder: str, sealed: bool, relative: bool
) -> str:
    def located(name: str) -> str:
        return "../" * (folder.count("/") + 1) + name if relative else f"/{name}"

    rows = "".join(
        f'<ofd:Reference FileRef="{located(name)}"><ofd:CheckValue>{digest(method or "MD5", data)}</ofd:CheckValue>'
        "</ofd:Reference>"
        for name, data in covered.items()
    )
    local = (datetime.fromtimestamp(at, UTC) + timedelta(hours=8)).strftime("%Y-%m-%d %H:%M:%S")
    stamp = (
        f"<ofd:Seal><ofd:BaseLoc>/{folder}/Seal.esl</ofd:BaseLoc></ofd:Seal>"
        '<ofd:StampAnnot ID="90" PageRef="10" Boundary="50 50 40 40"/>'
    )
    check_method = "" if method is None else f' CheckMethod="{method}"'
    return (
        f'{HEAD}<ofd:Signature xmlns:ofd="{namespace}"><ofd:SignedInfo><ofd:Provider ProviderName="tests"/>'
        f"<ofd:SignatureMethod>1.2.156.10197.1.501</ofd:SignatureMethod><ofd:SignatureDateTime>{local}"
        f"</ofd:SignatureDateTime><ofd:References{check_method}>{rows}</ofd:References>{stamp if sealed else ''}"
        f"</ofd:SignedInfo><ofd:SignedValue>/{folder}/SignedValue.dat</ofd:SignedValue></ofd:Signature>"
    )
