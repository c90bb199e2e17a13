"""What kind of file was handed in, told by its bytes and never by its name.

Only OFD, PDF and seals are read here. Of every other kind it is said what it is, whether it carries signatures that
were not looked at, and whether it is a picture of a document instead of the document.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from chain_service.core.encoding.text import Text
from chain_service.documents.ofd.archive import ROOT, has_file
from chain_service.documents.ofd.zip_headers import directory_of
from chain_service.errors import MalformedDocument

__all__ = ["KINDS", "FileKind", "at_first_sight", "holds_seal", "recognise", "shows_otherwise"]

PDF_HEAD: Final = 1024
"""Readers of PDF look for its head within so many bytes."""
_HEAD: Final = 4096
_SEAL_HEAD: Final = 64
_TAIL: Final = 0xFFFF + 22
"""Bytes at the end within which readers look for the end record of a ZIP archive."""


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of file."""

    code: str
    name: Text
    media: Literal["ofd", "pdf", "seal", "unknown"] = "unknown"
    """How it is read; `unknown` is not read."""
    signed: bool = False
    """It carries signatures of a form that is not read here."""
    picture: bool = False
    """It shows a document and is none."""


def _kinds(rows: Iterable[FileKind]) -> Mapping[str, FileKind]:
    return {row.code: row for row in rows}


KINDS: Final = _kinds((
    FileKind("ofd", Text("OFD 版式文件", "OFD document"), "ofd"),
    FileKind("pdf", Text("PDF 文件", "PDF document"), "pdf"),
    FileKind("seal", Text("电子印章文件", "electronic seal"), "seal"),
    FileKind("jpeg", Text("照片或扫描件（JPEG）", "photo or scan (JPEG)"), picture=True),
    FileKind("png", Text("图片或截图（PNG）", "picture or screenshot (PNG)"), picture=True),
    FileKind("tiff", Text("扫描件（TIFF）", "scan (TIFF)"), picture=True),
    FileKind("heif", Text("照片（HEIC/AVIF）", "photo (HEIC/AVIF)"), picture=True),
    FileKind("gif", Text("图片（GIF）", "picture (GIF)"), picture=True),
    FileKind("bmp", Text("图片（BMP）", "picture (BMP)"), picture=True),
    FileKind("webp", Text("图片（WebP）", "picture (WebP)"), picture=True),
    FileKind("jpeg2000", Text("图片（JPEG 2000）", "picture (JPEG 2000)"), picture=True),
    FileKind("office", Text("Office 文档", "office document")),
    FileKind("office_signed", Text("带签名的 Office 文档", "signed office document"), signed=True),
    FileKind("asic", Text("ASiC 签名容器", "ASiC signature container"), signed=True),
    FileKind("zip", Text("ZIP 压缩包", "ZIP archive of files")),
    FileKind("archive", Text("压缩包", "compressed archive")),
    FileKind("cms", Text("CMS/PKCS#7 签名文件（.p7m、.p7s）", "CMS/PKCS#7 signature (.p7m, .p7s)"), signed=True),
    FileKind("mail_signed", Text("带签名的电子邮件（S/MIME）", "signed mail (S/MIME)"), signed=True),
    FileKind("mail", Text("电子邮件", "mail message")),
    FileKind("xml_signed", Text("带签名的 XML（XAdES、XML-DSig）", "signed XML (XAdES, XML-DSig)"), signed=True),
    FileKind("xml", Text("XML 文件", "XML file")),
    FileKind("html", Text("网页（HTML）", "web page (HTML)")),
    FileKind("rtf", Text("RTF 文档", "RTF document")),
    FileKind("text", Text("纯文本", "plain text")),
    FileKind("empty", Text("空文件", "empty file")),
    FileKind("unknown", Text("无法识别的文件", "file of an unknown kind")),
))  # fmt: skip
"""Every kind by its code."""

_BEGINNINGS: Final = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"\0\0\0\x0cjP  ", "jpeg2000"),
    (b"{\\rtf", "rtf"),
    (b"7z\xbc\xaf\x27\x1c", "archive"),
    (b"Rar!\x1a\x07", "archive"),
    (b"\x1f\x8b\x08", "archive"),
)
_HEIF: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1", b"avif", b"avis"})
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_SIGNED_DATA: Final = (
    bytes.fromhex("06092a864886f70d010702"),
    bytes.fromhex("060a2a811ccf550601040202"),
)
"""SignedData of PKCS#7 and of GM/T 0010, as object identifiers in DER."""
_BEGIN_PEM: Final = re.compile(rb"-----BEGIN (PKCS7|CMS|PKCS #7 SIGNED DATA)-----")
_BASE64: Final = re.compile(rb"MI[A-Za-z0-9+/\r\n]{62,}")
_HEADER_LINE: Final = re.compile(rb"[A-Za-z][A-Za-z0-9-]*:[ \t]")
_SIGNED_MAIL: Final = re.compile(rb"^content-type:\s*(multipart/signed|application/(x-)?pkcs7-)", re.I | re.M)
_MAIL: Final = re.compile(rb"^(mime-version|message-id|received|from):", re.I | re.M)
_HTML: Final = re.compile(rb"<(!doctype\s+html|html|head|body)[\s>]", re.I)
_XML_SIGNATURE: Final = "http://www.w3.org/2000/09/xmldsig#"
_XML_SIGNATURES: Final = tuple(_XML_SIGNATURE.encode(form) for form in ("utf-8", "utf-16-le", "utf-16-be"))
_OLE_SIGNATURES: Final = tuple(name.encode("utf-16-le") for name in ("_xmlsignatures", "_signatures"))
_BLANK: Final = b"\xef\xbb\xbf \t\r\n"
_CONTROLS: Final = frozenset(range(32)) - {9, 10, 12, 13, 27}


def at_first_sight(data: bytes) -> FileKind | None:
    """The kind of a file that its first bytes tell; None for one that has to be looked into to be told."""
    if not data:
        return KINDS["empty"]
    if (found := _by_beginning(data)) is not None:
        return found
    head = data[:_HEAD]
    parsed = (data[:4] in _ZIP, b"%PDF-" in head[:PDF_HEAD], data[:1] == b"\x30", data.startswith(_OLE))
    if any(parsed) or b"PK\x05\x06" in data[-_TAIL:] or _cms(data):
        return None
    return _text(data, head)


def recognise(data: bytes) -> FileKind:
    """The kind of any file. Never raises."""
    seen = at_first_sight(data)
    if seen is not None:
        return seen
    if data[:4] in _ZIP:
        return KINDS["ofd"] if has_file(data, ROOT) else _archive(data)
    if _cms(data):
        return KINDS["cms"]
    if b"%PDF-" in data[:PDF_HEAD]:
        return KINDS["pdf"]
    if holds_seal(data):
        return KINDS["seal"]
    if data.startswith(_OLE):
        return KINDS["office_signed" if any(mark in data for mark in _OLE_SIGNATURES) else "office"]
    return KINDS["ofd"] if has_file(data, ROOT) else _text(data, data[:_HEAD])


def shows_otherwise(data: bytes) -> bool:
    """Whether readers of PDF, or browsers, would show something else in the file of an OFD document."""
    before = data[: max(0, data.find(_ZIP[0]))]
    return b"%PDF-" in data[:PDF_HEAD] or _HTML.search(before) is not None


def holds_seal(data: bytes) -> bool:
    """Whether `data` begins as a seal, or as a signature that embeds one: the id of SES_Header stands near."""
    return data.startswith(b"\x30") and b"\x16\x02ES" in data[:_SEAL_HEAD]


def _by_beginning(data: bytes) -> FileKind | None:
    for beginning, code in _BEGINNINGS:
        if data.startswith(beginning):
            return KINDS[code]
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF:
        return KINDS["heif"]
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return KINDS["webp"]
    if data.startswith(b"BM") and data[2:6] == len(data).to_bytes(4, "little"):
        return KINDS["bmp"]
    return None


def _cms(data: bytes) -> bool:
    """SignedData by itself, in DER or BER, PEM or base64."""
    if _BEGIN_PEM.search(data[:_HEAD]) is not None:
        return True
    if _BASE64.match(data[:_HEAD].lstrip(_BLANK)) is not None:
        try:
            data = base64.b64decode(b"".join(data[:_HEAD].split())[:64])
        except (binascii.Error, ValueError):
            return False
    return data[:1] == b"\x30" and any(mark in data[:24] for mark in _SIGNED_DATA)


def _text(data: bytes, head: bytes) -> FileKind:
    """Markup, mail and text; anything else is unknown."""
    begun = head.lstrip(_BLANK)
    marked = begun.startswith(b"<") or head[:4] in (b"\xff\xfe<\0", b"\xfe\xff\0<")
    if marked and _HTML.match(begun) is not None:
        return KINDS["html"]
    if marked:
        return KINDS["xml_signed" if any(mark in data for mark in _XML_SIGNATURES) else "xml"]
    if _HEADER_LINE.match(head) is not None and _MAIL.search(head) is not None:
        headers = data[: 16 * _HEAD]
        return KINDS["mail_signed" if _SIGNED_MAIL.search(headers) is not None else "mail"]
    return KINDS["text" if _readable(head) else "unknown"]


def _readable(head: bytes) -> bool:
    if not _CONTROLS.isdisjoint(head):
        return False
    for encoding in ("utf-8", "gb18030"):
        try:
            # the last character may be cut off
            head[:-4].decode(encoding, "strict") if len(head) == _HEAD else head.decode(encoding)
        except UnicodeDecodeError:
            continue
        return True
    return False


def _archive(data: bytes) -> FileKind:
    """A ZIP archive without OFD.xml, by the names in it."""
    try:
        names = [row.raw.decode("utf-8", "replace").replace("\\", "/") for row in directory_of(data).rows]
    except MalformedDocument:
        return KINDS["zip"]
    inside = [name.removeprefix("META-INF/").lower() for name in names if name.startswith("META-INF/")]
    opened = "mimetype" in names and b"application/vnd.oasis.opendocument" in data[:_HEAD]
    if "[Content_Types].xml" in names or opened:
        signed = any(name.startswith("_xmlsignatures/") for name in names) or "documentsignatures.xml" in inside
        return KINDS["office_signed" if signed else "office"]
    signatures = (name for name in inside if "signature" in name or "timestamp" in name)
    if any(name.endswith((".xml", ".p7s", ".tst")) for name in signatures) or b"vnd.etsi.asic" in data[:_HEAD]:
        return KINDS["asic"]
    return KINDS["zip"]
