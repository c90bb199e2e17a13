"""A sealed document as facts, with everything right about it; tests change one thing at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.evidence import ProvenState
from chain_service.core.chainproof.storage_layout import SealPeriod, SealState
from chain_service.core.verdicts.judge import JudgedSignatures
from chain_service.core.verdicts.verdict import Check
from chain_service.documents.facts import (
    CertificateFacts,
    ClaimedTime,
    CoverageFacts,
    DocumentFacts,
    PathFacts,
    ReferenceFacts,
    RevocationFacts,
    SealFacts,
    SignatureFacts,
    TimestampFacts,
)
from chain_service.documents.judging.binding import Binding
from chain_service.documents.judging.signatures import judge_document

DAY = 86_400
NOW = 1_790_000_000
SIGNED = NOW - 100 * DAY
FIRST, LAST = NOW - 300 * DAY, NOW + 300 * DAY
ISSUER = "11430000006122244L"
OTHER = "11330105002500287C"
SEAL_CODE = "43010000000011"
PLACE = "Doc_0/Signs/Sign_0/Signature.xml"
SIGNER, MAKER, SEAL = b"\x01" * 32, b"\x02" * 32, b"\x03" * 32


def listed(certificate: bytes, **changes: Any) -> RevocationFacts:
    """What a fresh list says of a certificate that is not revoked."""
    fresh = RevocationFacts(certificate, "good", "crl", as_of=NOW - DAY, next_update=NOW + 6 * DAY)
    return replace(fresh, **changes)


def certificate(digest: bytes = SIGNER, **changes: Any) -> CertificateFacts:
    """A trusted certificate of the issuer's signer; `path` and `revocation` change parts of its path."""
    path, revocation = changes.pop("path", {}), changes.pop("revocation", {})
    first, last = changes.get("not_before", FIRST), changes.get("not_after", LAST)
    facts = CertificateFacts(
        sha256=digest,
        subject=f"O={ISSUER}某市某局,CN={SEAL_CODE}",
        organisation=f"{ISSUER}某市某局",
        common_name=SEAL_CODE,
        issuer="CN=某市 CA",
        serial="01",
        not_before=first,
        not_after=last,
        algorithm="sm2",
        may_sign=True,
        path=PathFacts("trusted", "某市", (digest, b"\x0a" * 32), first, last, (listed(digest, **revocation),)),
    )
    return replace(facts, **changes, path=replace(facts.path, **path))


def seal(**changes: Any) -> SealFacts:
    """The issuer's seal."""
    facts = SealFacts(
        version=4,
        code=SEAL_CODE,
        name="某市某局印章",
        type=1,
        maker_id="MAKER",
        created=FIRST,
        valid_from=FIRST,
        valid_until=LAST,
        sha256=SEAL,
        sm3=SEAL,
        signature_holds=True,
        maker=certificate(MAKER, organisation="制章单位", common_name="制章"),
        list_type="certificates",
        signer_certificates=(SIGNER,),
    )
    return replace(facts, **changes)


def signature(**changes: Any) -> SignatureFacts:
    """A signature with that seal over the whole document."""
    facts = SignatureFacts(
        place=PLACE,
        form="ses-v4",
        references=(ReferenceFacts("OFD.xml", "sm3", True, False), ReferenceFacts("Doc_0/P.xml", "sm3", True, False)),
        coverage=CoverageFacts(whole=True),
        data_digest_holds=True,
        signature_holds=True,
        algorithm="sm2-sm3",
        claimed=(ClaimedTime(SIGNED, "seal_signature"),),
        signer=certificate(),
        seal=seal(),
        seal_file_equal=True,
        signer_in_seal=True,
    )
    return replace(facts, **changes)


def timestamp(at: int, **changes: Any) -> TimestampFacts:
    """A token of a trusted authority."""
    authority = certificate(b"\x04" * 32, organisation="时间戳机构", common_name="TSA")
    return replace(TimestampFacts(None, at, True, True, authority), **changes)


def document(*signatures: SignatureFacts, **changes: Any) -> DocumentFacts:
    return replace(DocumentFacts("ofd", 40_000, b"\x05" * 32, b"\x06" * 32, signatures=signatures), **changes)


def registry(
    *states: tuple[int, int], owner: str = ISSUER, digest: bytes = SEAL, certificates: tuple[bytes, ...] = (SIGNER,)
) -> ProvenState:
    """A state in which the registry holds the seal with these states, (number, unix seconds) each; none: no seal."""
    facts: list[int] = []
    if states:
        period = SealPeriod(FIRST, LAST, 1).to_word()
        facts = [int.from_bytes(owner.encode().ljust(32, b"\0")), int.from_bytes(digest), int.from_bytes(digest)]
        facts += [period, *(int.from_bytes(one) for one in certificates)]
    history = [SealState(state, since).to_word() for state, since in states]
    words = {
        (storage_layout.SEAL_REGISTRY, storage_layout.seal_fact_slot(SEAL_CODE, n)): word
        for n, word in enumerate([*facts, 0])
    }
    words |= {
        (storage_layout.SEAL_REGISTRY, storage_layout.seal_state_slot(SEAL_CODE, n)): word
        for n, word in enumerate([*history, 0])
    }
    return ProvenState(4711, 9, b"\x09" * 32, NOW, "majority", 4, 3, words)


def binding(**changes: Any) -> Binding:
    """The document is the issuer's, nothing proves its age, and the seal is registered."""
    known = registry((storage_layout.SEAL_IN_FORCE, FIRST))
    return replace(Binding(at=NOW, list_age=7 * DAY, issuer=ISSUER, states=(known,)), **changes)


def judged(*signatures: SignatureFacts, bound: Binding | None = None, **changes: Any) -> JudgedSignatures:
    return judge_document(document(*signatures, **changes), bound or binding(), "file.ofd")


def codes(signed: JudgedSignatures, group: int = 0) -> dict[str, str]:
    """Check name to code."""
    return {result.name: result.code for result in signed.groups[group].checks}


def result(signed: JudgedSignatures, name: str, group: int = 0) -> Check:
    return next(one for one in signed.groups[group].checks if one.name == name)
