"""An office that seals and signs, with authorities of its own: their keys are made anew each time and never written.

An SM2 authority certifies the seal's maker and the signers of OFD, an ECDSA one the signers of PDF: both kinds
are in use. Their roots and revocation lists go into the instance's trust store, where an operator keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from demonstration.sealed_files.seal_picture import seal_picture
from document_makers import packages
from document_makers.certificates import Family, Holder, issue, revocation_list
from document_makers.packages import Package
from document_makers.seals import Seal, seal_signature
from samples import CITY, REGION, Organisation

DAY = 86_400
LABEL = "临澜演示"
"""Of the anchors in the trust store: verdicts name it."""
FORM = 4
"""Of the seal: GB/T 38540."""


@dataclass(frozen=True)
class Office:
    """An organisation's seal, who seals with it, and who signs for the organisation."""

    organisation: Organisation
    seal_code: str
    seal: bytes
    """The seal as its maker delivers it (.esl)."""
    sealer: Holder
    signer: Holder
    roots: tuple[Holder, ...]

    def write_trust(self, directory: Path, now: int) -> None:
        """The authorities' roots and lists of today stand in the trust store."""
        for root in self.roots:
            family = root.key.family
            _write(directory / "anchors" / LABEL / f"{family}.cer", root.certificate)
            _write(directory / "crls" / f"demo-{family}.crl", revocation_list(root, now - 60, now + 7 * DAY))

    def sealed(self, document: Package, boundary: tuple[float, float, float], now: int) -> Package:
        """The document under the office's seal, shown at left, top and diameter of the first page."""
        left, top, side = boundary

        def shown(text: str) -> str:
            return text.replace('Boundary="50 50 40 40"', f'Boundary="{left} {top} {side} {side}"')

        def value(data: bytes, location: str) -> bytes:
            return seal_signature(self.seal, self.sealer, version=FORM, data=data, location=location, at=now)

        return packages.add_signature(document, value, seal=self.seal, at=now, change=shown)


def open_office(organisation: Organisation, now: int) -> Office:
    """Everything made anew; the seal's code goes by the time, because a code is registered for good."""
    roots = {family: _root(family, now) for family in ("sm2", "ecdsa")}
    code = f"{REGION}{now % 10**8:08d}"
    maker = _person(roots["sm2"], f"{CITY}印章制作中心", "制章", now)
    named = f"{organisation.code}{organisation.name}"
    sealer = _person(roots["sm2"], named, code, now)
    signer = _person(roots["ecdsa"], named, organisation.name, now, family="ecdsa")
    since, until = now - 30 * DAY, now + 335 * DAY
    seal = Seal(
        FORM, maker, [sealer.certificate], code, since, until, since, name=organisation.name, picture=seal_picture()
    )
    return Office(organisation, code, seal.der(), sealer, signer, tuple(roots.values()))


def _root(family: Family, now: int) -> Holder:
    names = {"C": "CN", "O": f"{CITY}数字证书演示中心", "CN": f"演示根证书 {family.upper()}"}
    return issue(None, names, now - 1_000 * DAY, now + 3_000 * DAY, authority=True, family=family)


def _person(authority: Holder, organisation: str, name: str, now: int, family: Family = "sm2") -> Holder:
    names = {"C": "CN", "O": organisation, "CN": name}
    return issue(authority, names, now - 60 * DAY, now + 670 * DAY, family=family)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_bytes(content)
