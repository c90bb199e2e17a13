"""The structures of electronic seals in ASN.1: GM/T 0031-2014 (v1), GB/T 38540-2020 (v4), GM/T 0031-2025 (v5).

Members that makers write in more than one way are `Any` here: `seals` reads them as they are encoded.
"""

from __future__ import annotations

from asn1crypto.core import (
    Any,
    BitString,
    Boolean,
    Integer,
    ObjectIdentifier,
    OctetString,
    SequenceOf,
)

from chain_service.documents.asn1.der import Exact

# ruff: noqa: RUF012  - asn1crypto's way to declare structures
# mypy: disable-error-code="misc"


class Parts(SequenceOf):
    """Any sequence, to count its members."""

    _child_spec = Any


class Header(Exact):
    """SES_Header."""

    _fields = [("id", Any), ("version", Integer), ("vid", Any)]


class Picture(Exact):
    """SES_ESPictrueInfo; width and height in millimetres."""

    _fields = [("type", Any), ("data", OctetString), ("width", Integer), ("height", Integer)]


class PropertyV1(Exact):
    """SES_ESPropertyInfo of v1: the list holds certificates."""

    _fields = [
        ("type", Integer),
        ("name", Any),
        ("cert_list", Parts),
        ("created", Any),
        ("valid_start", Any),
        ("valid_end", Any),
    ]


class PropertyV4(Exact):
    """SES_ESPropertyInfo of v4 and v5: list type 1 holds certificates, 2 their hashes."""

    _fields = [
        ("type", Integer),
        ("name", Any),
        ("cert_list_type", Integer),
        ("cert_list", Parts),
        ("created", Any),
        ("valid_start", Any),
        ("valid_end", Any),
    ]


class CertificateHash(Exact):
    """CertDigestObj of v4 and v5."""

    _fields = [("type", Any), ("value", OctetString)]


class Extension(Exact):
    """ExtData."""

    _fields = [("extn_id", ObjectIdentifier), ("critical", Boolean, {"default": False}), ("extn_value", OctetString)]


class Extensions(SequenceOf):
    """ExtensionDatas."""

    _child_spec = Extension


class SealInfoV1(Exact):
    """SES_SealInfo of v1."""

    _fields = [
        ("header", Header),
        ("es_id", Any),
        ("property", PropertyV1),
        ("picture", Picture),
        ("ext_datas", Any, {"optional": True}),
    ]


class SealInfoV4(Exact):
    """SES_SealInfo of v4 and v5."""

    _fields = [
        ("header", Header),
        ("es_id", Any),
        ("property", PropertyV4),
        ("picture", Picture),
        ("ext_datas", Any, {"optional": True}),
    ]


class SignInfo(Exact):
    """SES_SignInfo of v1."""

    _fields = [("cert", Any), ("algorithm", ObjectIdentifier), ("value", BitString)]


class SealV1(Exact):
    """SESeal of v1."""

    _fields = [("info", SealInfoV1), ("sign_info", SignInfo)]


class SealV4(Exact):
    """SESeal of v4; v5 may carry a timestamp over the signature."""

    _fields = [
        ("info", SealInfoV4),
        ("cert", Any),
        ("algorithm", ObjectIdentifier),
        ("value", BitString),
        ("timestamp", Any, {"optional": True}),
    ]


class ToSignV1(Exact):
    """TBS_Sign of v1: certificate and algorithm are signed along."""

    _fields = [
        ("version", Integer),
        ("seal", Any),
        ("time", Any),
        ("data_hash", BitString),
        ("property", Any),
        ("cert", Any),
        ("algorithm", ObjectIdentifier),
    ]


class ToSignV4(Exact):
    """TBS_Sign of v4 and v5."""

    _fields = [
        ("version", Integer),
        ("seal", Any),
        ("time", Any),
        ("data_hash", BitString),
        ("property", Any),
        ("ext_datas", Any, {"optional": True}),
    ]


class SignatureV1(Exact):
    """SES_Signature of v1."""

    _fields = [("to_sign", ToSignV1), ("value", BitString)]


class SignatureV4(Exact):
    """SES_Signature of v4 and v5."""

    _fields = [
        ("to_sign", ToSignV4),
        ("cert", Any),
        ("algorithm", ObjectIdentifier),
        ("value", BitString),
        ("timestamp", Any, {"optional": True}),
    ]
