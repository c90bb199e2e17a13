"""The national seal in PDF files: an SES_Signature as the value of a signature's dictionary."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from document_makers.seals import seal_signature
from support.documents.city import SIGNED, City
from support.pdf import pdfs

ROOM = 12_000
SUBFILTERS = ("GM.sm2seal", "adbe.pkcs7.detached", "ETSI.CAdES.detached", "Somebodys.own")


def sealed_pdf(
    of: City, *, version: int = 4, subfilter: str = "GM.sm2seal", base: bytes | None = None, name: str = "Seal",
    others: tuple[int, ...] = (), change: Callable[[bytes], bytes] = bytes, seal: dict[str, Any] | None = None,
    at: int = SIGNED, **more: Any,
) -> bytes:  # fmt: skip
    """A PDF sealed by the issuer. change: alters the value; seal, more: as for `make_seal` and `seal_signature`."""
    made = of.make_seal(version=version, **(seal or {}))
    prepared, start = pdfs._prepare(base or pdfs.document(), name, at, None, ROOM, subfilter, others)
    content = prepared[:start] + prepared[start + 2 * ROOM + 2 :]
    signer = more.pop("signer", of.signer)
    value = seal_signature(made.der(), signer, version=version, data=content, location="", at=at, **more)
    return pdfs._filled(prepared, start, ROOM, change(value))
