"""Signed PDF files, whole ones and one for each way of being broken, with what has to be said of them.

The code is as for the samples of OFD: that of the first failed check, or else of the first indeterminate one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from document_makers.certificates import Family, Holder
from support.documents.city import DAY, NOW, SIGNED, City, city
from support.pdf import pdf_forms, pdfs

FAMILIES: tuple[Family, ...] = ("rsa", "ecdsa", "sm2")
RECEIPT = b"\xd2\x84a receipt is not looked into here"
ENDED = 3
"""Days before the moment asked about at which some certificates ended: an older revocation list speaks of them."""

SCRIPT = b"/JavaScript << /Names [(a) << /S /JavaScript >>] >> "

Make = Callable[[City], bytes]


def signed(of: City, **more: Any) -> bytes:
    """Signed by the issuer."""
    return pdfs.sign(pdfs.document(), of.signer, **{"at": SIGNED, **more})


def twice(of: City) -> bytes:
    first = signed(of)
    field = pdfs.field_number(first)
    return pdfs.sign(first, of.signer, name="Second", at=SIGNED + 60, others=(field,))


def authority(of: City) -> Holder:
    """Somebody whose certificate is not for timestamps."""
    return of.person(name="no timestamp authority")


def ended(of: City) -> Holder:
    return of.person(until=NOW - ENDED * DAY)


def stranger(of: City) -> Holder:
    return of.person(of.foreign)


WHOLE: dict[str, Make] = {
    "signed": signed,
    "cross-references as a stream": lambda of: pdfs.sign(pdfs.document(streams=True), of.signer, at=SIGNED),
    "by the older subfilter": lambda of: signed(of, subfilter="adbe.pkcs7.detached"),
    "wrapped in BER": lambda of: signed(of, ber=True),
    "without signed attributes": lambda of: signed(of, attributes=False),
    "without a claimed time": lambda of: signed(of, claims=False),
    "blanks appended": lambda of: signed(of) + b"\r\n \0",
    "certified": lambda of: signed(of, permission=1),
    "filled in as the signer permits": lambda of: pdfs.filled(signed(of, permission=2)),
    "signed twice": twice,
    "validation material added": lambda of: pdfs.with_store(
        signed(of), (of.authorities["good"].holder.certificate,), of.authorities["good"].revocation_lists()
    ),
    "receipt attached after signing": lambda of: pdfs.with_receipts(signed(of), RECEIPT),
    "receipt attached before signing": lambda of: pdfs.sign(
        pdfs.with_receipts(pdfs.document(), RECEIPT), of.signer, at=SIGNED
    ),
}

BROKEN: dict[str, tuple[str, Make]] = {
    "a letter changed": ("content_altered", lambda of: signed(of).replace(b"2026-0001", b"2026-0002")),
    "a letter changed, signed directly": (
        "content_altered", lambda of: signed(of, attributes=False).replace(b"2026-0001", b"2026-0002"),
    ),
    "filled in though it was signed empty": ("content_altered", lambda of: pdfs.filled(signed(of))),
    "filled in though the signer forbids it": ("content_altered", lambda of: pdfs.filled(signed(of, permission=1))),
    "another text laid over it": ("content_altered", lambda of: overlaid(signed(of))),
    "another text laid over two signatures": ("content_altered", lambda of: overlaid(twice(of))),
    "the value moved out of its gap": ("content_altered", lambda of: pdfs.elsewhere(signed(of))),
    "bytes appended": ("signature_unsupported", lambda of: signed(of) + b"% something\n%%EOF\n"),
    "bytes appended and the end repeated": ("changes_unclear", lambda of: pdfs.end_repeated(signed(of))),
    "receipt attached though the signer forbids changes": (
        "changes_unclear", lambda of: pdfs.with_receipts(signed(of, permission=2), RECEIPT),
    ),
    "script attached with a receipt": (
        "content_altered",
        lambda of: pdfs.with_receipts(signed(of), RECEIPT, names=SCRIPT),
    ),
    "text exchanged under the name of a receipt": ("content_altered", lambda of: pdfs.replacing_receipt(signed(of))),
    "receipt exchanged": (
        "content_altered", lambda of: pdfs.with_receipts(
            pdfs.sign(pdfs.with_receipts(pdfs.document(), RECEIPT), of.signer, at=SIGNED), RECEIPT + b"2"
        ),
    ),
    "signature taken away": ("changes_unclear", lambda of: pdfs.without_signature(signed(of))),
    "unsigned": ("no_signature", lambda _: pdfs.document()),
    "unsigned, encrypted with an empty password": ("no_signature", lambda _: pdf_forms.encrypted()),
    "bytes before the head": ("signature_unsupported", lambda of: b"\xef\xbb\xbf" + signed(of)),
    "more ends than are followed": ("signature_unsupported", lambda of: signed(of) + b"startxref\n0\n%%EOF\n" * 300),
    "cut off": ("unreadable", lambda of: signed(of)[:-300]),
    "unknown form": ("signature_unsupported", lambda of: signed(of, subfilter="adbe.x509.rsa_sha1")),
    "value exchanged for another signature's": ("content_altered", lambda of: exchanged(of)),
    "signed before the certificate was valid": (
        "signed_outside_validity", lambda of: pdfs.sign(pdfs.document(), of.signer, at=NOW - 400 * DAY),
    ),
    "signed after the certificate had ended": (
        "signed_outside_validity", lambda of: pdfs.sign(pdfs.document(), ended(of), at=NOW - DAY),
    ),
    "certificate ended since": (
        "signing_time_unproven", lambda of: pdfs.sign(pdfs.document(), ended(of), at=NOW - 60 * DAY),
    ),
    "timestamp of somebody who is no authority for it": (
        "signing_time_unproven",
        lambda of: pdfs.sign(pdfs.document(), ended(of), at=NOW - 60 * DAY, timestamp=(authority(of), NOW - 59 * DAY)),
    ),
    "signer whom nobody knows": ("signer_untrusted", lambda of: pdfs.sign(pdfs.document(), stranger(of), at=SIGNED)),
    "revoked before signing": ("signer_revoked", lambda of: pdfs.sign(
        pdfs.document(), of.revoke(of.person(), SIGNED - DAY), at=SIGNED
    )),
    "key that may not sign": ("signer_untrusted", lambda of: pdfs.sign(
        pdfs.document(), of.person(uses=("keyEncipherment",)), at=SIGNED
    )),
}  # fmt: skip


def overlaid(data: bytes) -> bytes:
    return pdfs.overlaid(data, pdfs.field_number(data))


def exchanged(of: City) -> bytes:
    """The value of another document's signature, of the same length."""
    mine, other = signed(of), pdfs.sign(pdfs.overlaid(pdfs.document()), of.signer, at=SIGNED)
    return pdfs.with_value(mine, pdfs.value_of(other))


def whole(name: str, family: Family) -> bytes:
    return WHOLE[name](city(family))


def broken(name: str, family: Family) -> tuple[str, bytes]:
    code, make = BROKEN[name]
    return code, make(city(family))
