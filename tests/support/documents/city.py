"""A city with authorities, seal makers, offices and their seals: who signs the documents of tests, and who is trusted.

`city()` is made once per run. `city().store` is the trust store; `write_store` writes it as a directory.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from chain_service.documents.pki.trust_store import RootCertificate, TrustStore
from document_makers import packages
from document_makers.certificates import Family, Holder, issue, revocation_list
from document_makers.packages import Package
from document_makers.seals import Seal, Signer, seal_signature

DAY = 86_400
NOW = 1_790_000_000
"""The moment asked about, 2026-09-21."""
SIGNED = NOW - 100 * DAY
ISSUER = "11430000006122244L"
OTHER_ISSUER = "11330105002500287C"
TYPE_CODE = "11100000000013338W011"
SEAL_CODE = "43010000000011"
"""Of the issuer's seal; the CN of its signer."""
OTHER_SEAL_CODE = "33010000000022"
LIST_AGE = 30 * DAY
"""How old a revocation list may be in these tests."""


@dataclass(frozen=True)
class Authority:
    """A certification authority below the city's root, and the list it publishes."""

    holder: Holder
    lists: bool = True
    list_of: int = NOW - DAY
    next_update: int = NOW + 6 * DAY
    revoked: dict[int, tuple[int, str | None]] = field(default_factory=dict)

    def revocation_lists(self) -> tuple[bytes, ...]:
        """The newest, and the one of five days before: it speaks about those whose certificates have ended since."""
        return tuple(
            revocation_list(self.holder, self.list_of - age, self.next_update - age, self.revoked)
            for age in (0, 5 * DAY)
        )


@dataclass(frozen=True)
class City:
    """Its people, by what is right or wrong about them."""

    root: Holder
    authorities: dict[str, Authority]
    """`good`; `no_list`, which publishes none; `stale`, whose list is old; `not_an_authority`, which may not issue."""
    foreign: Holder
    """A root that nobody here trusts."""
    maker: Holder
    signer: Holder
    """The issuer's: O is its code and name, CN its seal's code."""

    @property
    def seal(self) -> Seal:
        """The issuer's seal, version 4."""
        return self.make_seal()

    def make_seal(self, *signers: Holder, **changes: Any) -> Seal:
        """A seal that names these signers, by default the issuer's; changes: any field of Seal."""
        listed = [one.certificate for one in signers or (self.signer,)]
        seal = Seal(4, self.maker, listed, SEAL_CODE, NOW - 300 * DAY, NOW + 300 * DAY, NOW - 300 * DAY)
        return replace(seal, **changes)

    def person(
        self, authority: str | Holder = "good", *, organisation: str = f"{ISSUER}某市某局", name: str = SEAL_CODE,
        since: int = NOW - 300 * DAY, until: int = NOW + 300 * DAY, **more: Any,
    ) -> Holder:  # fmt: skip
        """Somebody with a certificate of their own."""
        issuer = authority if isinstance(authority, Holder) else self.authorities[authority].holder
        return issue(issuer, {"C": "CN", "O": organisation, "CN": name}, since, until, **more)

    def revoke(self, holder: Holder, at: int, reason: str | None = None, authority: str = "good") -> Holder:
        """The holder, now on the list of its authority."""
        self.authorities[authority].revoked[holder.serial] = (at, reason)
        return holder

    @property
    def store(self) -> TrustStore:
        """The trust store with every revocation so far."""
        lists = [made for one in self.authorities.values() if one.lists for made in one.revocation_lists()]
        lists.append(revocation_list(self.root, NOW - DAY, NOW + 6 * DAY))
        links = tuple(one.holder.certificate for one in self.authorities.values())
        return TrustStore(
            (RootCertificate("湖南", self.root.certificate),), (*links, self.signer.certificate), tuple(lists)
        )


@cache
def city(family: Family = "sm2") -> City:
    """The city whose authorities use SM2, or another family of keys."""
    started, ends = NOW - 3_000 * DAY, NOW + 3_000 * DAY
    root = issue(None, {"C": "CN", "O": "测试", "CN": "测试根"}, started, ends, authority=True, family=family)
    foreign = issue(None, {"C": "CN", "O": "别处", "CN": "别处根"}, started, ends, authority=True, family=family)

    def below(name: str, **more: Any) -> Holder:
        more = {"authority": True, "family": family, **more}
        return issue(root, {"C": "CN", "O": "测试", "CN": name}, started, ends, **more)

    authorities = {
        "good": Authority(below("测试CA")),
        "no_list": Authority(below("无列表CA"), lists=False),
        "stale": Authority(below("旧列表CA"), list_of=NOW - 200 * DAY, next_update=NOW - 193 * DAY),
        "not_an_authority": Authority(below("非CA", authority=False), lists=False),
    }
    good = authorities["good"].holder
    maker = issue(good, {"C": "CN", "O": "测试", "CN": "制章者"}, NOW - 1_000 * DAY, NOW + 1_000 * DAY, family=family)
    names = {"C": "CN", "O": f"{ISSUER}某市某局", "CN": SEAL_CODE}
    signer = issue(good, names, NOW - 300 * DAY, NOW + 300 * DAY, family=family)
    return City(root, authorities, foreign, maker, signer)


def write_store(store: TrustStore, directory: Path) -> Path:
    """The trust store as the directory that an operator keeps: DER and PEM mixed."""
    for place, root in enumerate(store.roots):
        folder = directory / "anchors" / root.label
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"root{place}.cer").write_bytes(root.certificate)
        (folder / "intermediates").mkdir(exist_ok=True)
        for number, link in enumerate(store.intermediates):
            (folder / "intermediates" / f"{number}.pem").write_text(pem(link))
    (directory / "crls").mkdir(parents=True, exist_ok=True)
    for place, listed in enumerate(store.crls):
        (directory / "crls" / f"{place}.crl").write_bytes(listed)
    return directory


def pem(certificate: bytes) -> str:
    text = base64.encodebytes(certificate).decode()
    return f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n"


METADATA = {
    "ZZBFJGDM": ISSUER,
    "ZZBFJG": "某市某局",
    "ZZLXDM": TYPE_CODE,
    "ZZBH": "湘2026-000001",
    "ZZBFRQ": "2026-06-13",
    "CZZT": "某某有限公司",
}


def unsigned(**more: Any) -> Package:
    """A certificate of the issuer, not yet sealed."""
    return packages.package(**{"custom": METADATA, **more})


def sealed(
    made: Package | None = None, *, seal: Seal | None = None, signer: Signer | None = None, at: int = SIGNED,
    version: int | None = None, file: bytes | None = None, embedded: bytes | None = None, raw: bool = False,
    change_value: Callable[[bytes], bytes] = bytes, written: Mapping[str, Any] | None = None, **more: Any,
) -> Package:  # fmt: skip
    """A document with one seal signature more, by default whole and by the issuer.

    file: Seal.esl, if it is to differ from the embedded seal; embedded: the seal's bytes if not the seal's own;
    written: how the signature is written, as for `seals.seal_signature`;
    more: as for `packages.add_signature`.
    """
    seal = seal or city().seal
    der = embedded or seal.der()
    number = version or seal.version

    def value(data: bytes, location: str) -> bytes:
        made_value = seal_signature(
            der, signer or city().signer, version=number, data=data, location=location, at=at, raw=raw,
            **(written or {}),
        )  # fmt: skip
        return change_value(made_value)

    return packages.add_signature(made or unsigned(), value, seal=file or der, at=at, **more)
