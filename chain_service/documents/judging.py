"""Judges the signatures of a document from its facts: ten checks each, in the order of GM/T 0031 §6.2.3 and our own.

Nothing is read here: what the document says comes as facts, what the chain says as proven states.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chain_service.core.codes import Outcome
from chain_service.core.facts import Outage
from chain_service.core.judge import Signed
from chain_service.core.moments import local_day, rfc3339
from chain_service.core.verdicts import Check, Group, check
from chain_service.documents.binding import (
    Binding,
    RegisteredSeal,
    find_seal,
    judge_binding,
    judge_registered,
    organisation_of,
)
from chain_service.documents.facts import (
    CertificateFacts,
    DocumentFacts,
    Problem,
    RevocationFacts,
    SealFacts,
    SignatureFacts,
)
from chain_service.documents.remarks import warnings_of
from chain_service.documents.timing import (
    SKEW,
    CertificateStanding,
    Timing,
    certificate_standing,
    timing_evidence,
    timing_of,
)

NAMES_SHOWN = 20
SEALED = ("ses-v1", "ses-v4", "ses-v5")
Registry = RegisteredSeal | Outage | None


@dataclass(frozen=True)
class _Case:
    """One signature with everything that its checks look at."""

    signature: SignatureFacts
    timing: Timing
    signer: CertificateStanding | None
    registry: Registry
    binding: Binding
    uncovered: tuple[str, ...]
    """Files of the document that no signature covers."""


def judge_document(document: DocumentFacts, binding: Binding, subject: str) -> Signed:
    """One group for each signature, in the order of the document; none for a file that has none.

    A document that cannot be read is one group that says so; `subject` names the file.
    """
    if document.problem is not None:
        unread = check("signature", "parse", _unread(document.problem), _problem(document.problem))
        groups = [Group("signature", subject, (unread, *(_not_reached(name) for name in _STEPS)))]
        return Signed(tuple(groups), tuple(warnings_of(document, binding, groups)))
    cases = [_case(document, signature, binding) for signature in document.signatures]
    judged = [_judge(case) for case in cases]
    sound = [all(_sound(one) for one in checks) for checks in judged]
    groups = []
    for place, (case, checks) in enumerate(zip(cases, judged, strict=True)):
        issuer_signed = any(
            good and other is not case and _signed_by_issuer(other) for good, other in zip(sound, cases, strict=True)
        )
        last = judge_binding(case.signature, case.registry, binding, issuer_signed)
        if checks[0].outcome is not Outcome.PASSED:
            last = _not_reached("issuer_binding")
        groups.append(Group("signature", case.signature.place or f"{subject} {place + 1}", (*checks, last)))
    return Signed(tuple(groups), tuple(warnings_of(document, binding, groups)))


def _case(document: DocumentFacts, signature: SignatureFacts, binding: Binding) -> _Case:
    timing = timing_of(signature, at=binding.at, anchored_by=binding.anchored_by, list_age=binding.list_age)
    signer = certificate_standing(signature.signer, timing) if signature.signer is not None else None
    registry = find_seal(signature.seal.code, binding) if signature.seal is not None else None
    return _Case(signature, timing, signer, registry, binding, document.uncovered)


def _judge(case: _Case) -> list[Check]:
    """Every check but the last; nothing after `parse` where the signature cannot be read."""
    # 1. the signature can be read, and every algorithm in it is known
    checks = [_parse(case)]
    if checks[0].outcome is not Outcome.PASSED:
        return [*checks, *(_not_reached(name) for name in list(_STEPS)[:-1])]
    # 2. to 9. content, coverage, signature, seal, signer, revocation, time, registry
    return [*checks, *(step(case) for name, step in _STEPS.items() if name != "issuer_binding")]


def _sound(result: Check) -> bool:
    return result.outcome in (Outcome.PASSED, Outcome.SKIPPED) and result.code != "not_reached"


def _signed_by_issuer(case: _Case) -> bool:
    organisations, _ = organisation_of(case.signature, case.registry)
    return organisations == {case.binding.issuer}


def _not_reached(name: str) -> Check:
    return check("signature", name, "not_reached")


def _problem(problem: Problem) -> dict[str, Any]:
    return {"problem": problem.code, "detail": problem.detail}


def _parse(case: _Case) -> Check:
    signature = case.signature
    evidence: dict[str, Any] = {"form": signature.form, "algorithm": signature.algorithm}
    if signature.problem is not None:
        return check("signature", "parse", _unread(signature.problem), evidence | _problem(signature.problem))
    if unknown := [] if _signer_unknown(signature) else _unknown_algorithms(signature):
        detail = {"detail": "an algorithm is unknown", "unknown": unknown[:NAMES_SHOWN]}
        return check("signature", "parse", "signature_unsupported", evidence | detail)
    critical = [one for one in _deviations(signature) if one.code == "critical_extension"]
    if critical:
        return check("signature", "parse", "signature_unsupported", evidence | _problem(critical[0]))
    if signature.form in SEALED and (signature.signer is None or signature.seal is None):
        return check("signature", "parse", "unreadable", evidence | {"detail": "signer or seal cannot be read"})
    if deviations := sorted({one.code for one in _deviations(signature)}):
        evidence["deviations"] = deviations
    return check("signature", "parse", "signature_readable", evidence)


_NOT_TOLD = (
    "encrypted", "irregular", "several_signers", "too_complex", "too_large", "too_many_signatures", "too_slow",
    "unknown_form", "unknown_version", "zip_bomb",
)  # fmt: skip
"""Problems that say something about this program and nothing about the document."""


def _unread(problem: Problem) -> str:
    if problem.code in ("no_value", "signature_removed"):
        return {"no_value": "signature_invalid", "signature_removed": "changes_unclear"}[problem.code]
    return "signature_unsupported" if problem.code in _NOT_TOLD else "unreadable"


def _signer_unknown(signature: SignatureFacts) -> bool:
    """A signature without a seal need not carry its signer's certificate: then nothing tells whether it verifies."""
    return signature.signer is None and signature.form not in SEALED


def _unknown_algorithms(signature: SignatureFacts) -> list[str]:
    unknown = [one.algorithm for one in signature.references if one.holds is None]
    if signature.signature_holds is None:
        unknown.append(signature.algorithm)
    if signature.data_digest_holds is None:
        unknown.append("digest of what was signed")
    if signature.seal is not None and signature.seal.signature_holds is None:
        unknown.append("signature of the seal")
    return unknown


def _deviations(signature: SignatureFacts) -> tuple[Problem, ...]:
    """What breaks a rule without making signature or seal unreadable; only an unknown critical extension does."""
    return signature.problems + (signature.seal.problems if signature.seal is not None else ())


def _references(case: _Case) -> Check:
    """GB/T 33190 §18: each file's digest; then that of Signature.xml itself, which names them."""
    references = case.signature.references
    changed = [one.name for one in references if one.holds is False]
    evidence: dict[str, Any] = {
        "references": len(references),
        "algorithms": sorted({one.algorithm for one in references}),
        "listUnchanged": case.signature.data_digest_holds,
    }
    if changed:
        missing = [one.name for one in references if one.missing]
        evidence |= {"changed": changed[:NAMES_SHOWN], "missing": missing[:NAMES_SHOWN]}
        return check("signature", "reference_digests", "content_altered", evidence)
    if case.signature.data_digest_holds is False:
        detail = {"detail": "what was signed is not the list of digests that the document holds now"}
        return check("signature", "reference_digests", "content_altered", evidence | detail)
    if not (case.signature.data_digest_holds and all(one.holds for one in references)):
        return _not_reached("reference_digests")
    return check("signature", "reference_digests", "digests_match", evidence)


def _coverage(case: _Case) -> Check:
    found = case.signature.coverage
    evidence: dict[str, Any] = {
        name: list(names)[:NAMES_SHOWN]
        for name in ("displayed", "unclear", "other", "added")
        if (names := getattr(found, name))
    }
    if found.more_names:
        evidence["moreNames"] = found.more_names
    if found.displayed:
        return check("signature", "coverage", "content_altered", evidence)
    if found.unclear:
        return check("signature", "coverage", "changes_unclear", evidence)
    if found.whole:
        return check("signature", "coverage", "shown_covered" if case.uncovered else "all_covered", evidence)
    if found.other or found.added:
        return check("signature", "coverage", "shown_covered", evidence)
    return check("signature", "coverage", "content_altered", evidence)


def _signature(case: _Case) -> Check:
    signature = case.signature
    if signature.signer is None:
        return _not_reached("signature")
    evidence: dict[str, Any] = {"algorithm": signature.algorithm, "form": signature.form}
    evidence["certificate"] = signature.signer.sha256.hex()
    code = "signature_holds" if signature.signature_holds else "signature_invalid"
    return check("signature", "signature", code, evidence)


def _seal_signature(case: _Case) -> Check:
    """GM/T 0031 §6.1.2: the seal's signature, its maker's certificate; §6.2.2: the signer stands in the seal."""
    seal, signature = case.signature.seal, case.signature
    if seal is None:
        return check("signature", "seal_signature", "no_seal")
    evidence: dict[str, Any] = {
        "sealCode": seal.code,
        "sealName": seal.name,
        "version": seal.version,
        "created": rfc3339(seal.created),
        "signerInSeal": signature.signer_in_seal,
        "equalToSealFile": signature.seal_file_equal,
    }
    if not seal.signature_holds:
        return check("signature", "seal_signature", "signature_invalid", evidence)
    if not signature.signer_in_seal or signature.seal_file_equal is False:
        return check("signature", "seal_signature", "seal_mismatch", evidence)
    if seal.maker is None:
        return check("signature", "seal_signature", "signer_untrusted", evidence)
    return check("signature", "seal_signature", *_judge_maker(case, seal, seal.maker, evidence))


def _judge_maker(
    case: _Case, seal: SealFacts, maker: CertificateFacts, evidence: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """The maker's certificate when the seal was made; what proves the signature or its registration proves the seal."""
    timing = case.timing
    proofs = [(timing.proven, timing.proven_by)] if timing.proven is not None else []
    if isinstance(case.registry, RegisteredSeal) and case.registry.registered_at <= timing.at:
        proofs.append((case.registry.registered_at, "registration of the seal on chain"))
    proven, proven_by = min(proofs, default=(None, None), key=lambda proof: proof[0] or 0)
    made = Timing(timing.at, seal.created, proven, proven_by, timing.list_age)
    standing = certificate_standing(maker, made)
    evidence |= {"maker": _certificate(maker) | {"maySign": maker.may_sign}, "sealProvenBy": proven_by}
    if maker.may_sign is False:
        return "signature_invalid", evidence | {"detail": "the key usage of its maker does not allow signing"}
    if maker.path.outcome != "trusted":
        return "signer_untrusted", evidence | {"detail": maker.path.detail}
    registered = isinstance(case.registry, RegisteredSeal) and case.registry.is_seal(seal)
    signer = case.signature.signer
    if signer is not None and signer.sha256 == maker.sha256 and not registered:
        return "signer_untrusted", evidence | {"detail": "its signer made the seal, which no registry knows"}
    if standing.outside:
        return "signed_outside_validity", evidence
    if standing.revoked_before is not None:
        return "signer_revoked", evidence | _revocation_evidence(standing.revoked_before)
    if standing.unknown is not None:
        return "revocation_unknown", evidence | _revocation_evidence(standing.unknown)
    return "signing_time_unproven" if standing.unproven else "seal_holds", evidence


def _certificate(certificate: CertificateFacts) -> dict[str, Any]:
    return {
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "serial": certificate.serial,
        "from": rfc3339(certificate.not_before),
        "until": rfc3339(certificate.not_after),
        "key": certificate.algorithm,
        "anchor": certificate.path.anchor,
        "path": [one.hex() for one in certificate.path.certificates],
    }


def _signer_certificate(case: _Case) -> Check:
    """Chain or usage wrong is final; the period goes by the time rule, whose unproven part is `signing_time`'s."""
    signer, standing = case.signature.signer, case.signer
    if signer is None or standing is None:
        detail = {
            "detail": "the signature does not carry its signer's certificate, and the key of no known signer fits"
        }
        return check("signature", "signer_certificate", "signer_untrusted", detail)
    evidence = _certificate(signer) | {"maySign": signer.may_sign}
    if signer.may_sign is False:
        detail = {"detail": "its key usage does not allow signing"}
        return check("signature", "signer_certificate", "signature_invalid", evidence | detail)
    if standing.outside:
        signed = {"signed": rfc3339(case.timing.signed)}
        return check("signature", "signer_certificate", "signed_outside_validity", evidence | signed)
    if signer.path.outcome != "trusted":
        detail = {"path": signer.path.outcome, "detail": signer.path.detail}
        return check("signature", "signer_certificate", "signer_untrusted", evidence | detail)
    params = {"anchor": signer.path.anchor or "-"}
    if standing.ended_at is not None:
        params["date"] = local_day(standing.ended_at).isoformat()
        return check("signature", "signer_certificate", "signer_expired_since", evidence, params)
    return check("signature", "signer_certificate", "certificate_trusted", evidence, params)


def _revocation(case: _Case) -> Check:
    signer, standing = case.signature.signer, case.signer
    if signer is None or standing is None or signer.path.outcome != "trusted":
        return _not_reached("revocation")
    lists = {"lists": [_revocation_evidence(one) for one in signer.path.revocations]}
    if standing.revoked_before is not None:
        evidence = _revocation_evidence(standing.revoked_before) | {"signed": rfc3339(case.timing.signed)}
        return check("signature", "revocation", "signer_revoked", evidence)
    if standing.unknown is not None:
        return check("signature", "revocation", "revocation_unknown", _revocation_evidence(standing.unknown))
    if standing.revoked_at is not None:
        date = {"date": local_day(standing.revoked_at).isoformat()}
        return check("signature", "revocation", "revoked_after_signing", lists, date)
    return check("signature", "revocation", "not_revoked", lists)


def _revocation_evidence(found: RevocationFacts) -> dict[str, Any]:
    moments = {"revokedAt": found.revoked_at, "listOf": found.as_of, "nextUpdate": found.next_update}
    return {
        "certificate": found.certificate.hex(),
        "outcome": found.outcome,
        "source": found.source,
        **{name: None if moment is None else rfc3339(moment) for name, moment in moments.items()},
        **({"reason": found.reason} if found.reason else {}),
        **({"detail": found.detail} if found.detail else {}),
        **({"afterEnd": True} if found.after_end else {}),
    }


def _signing_time(case: _Case) -> Check:
    """GM/T 0031 §6.2.3: inside the seal's period; then ours: proven older than the end of what it rests on."""
    timing, seal, standing = case.timing, case.signature.seal, case.signer
    if standing is None:
        return _not_reached("signing_time")
    evidence = timing_evidence(case.signature, timing) | {"byTheStandard": _by_the_standard(case, standing)}
    if seal is not None:
        evidence["sealPeriod"] = [rfc3339(seal.valid_from), rfc3339(seal.valid_until)]
        if not seal.valid_from <= timing.signed <= seal.valid_until:
            return check("signature", "signing_time", "signed_outside_validity", evidence)
    seal_ended = seal.valid_until if seal is not None and seal.valid_until < timing.at else None
    ends = {"certificateEnded": standing.ended_at, "certificateRevoked": standing.revoked_at, "sealEnded": seal_ended}
    evidence |= {name: rfc3339(moment) for name, moment in ends.items() if moment is not None}
    if timing.claimed is not None and timing.claimed > timing.latest + SKEW:
        after = "the moment asked about" if timing.proven is None else "it is proven to have existed"
        detail = {"detail": f"it claims to have been signed after {after}"}
        return check("signature", "signing_time", "signing_time_unproven", evidence | detail)
    if standing.unproven or (seal_ended is not None and not timing.proven_before(seal_ended + 1)):
        return check("signature", "signing_time", "signing_time_unproven", evidence)
    if timing.proven is not None:
        return check("signature", "signing_time", "time_proven", evidence, {"time": rfc3339(timing.proven)})
    return check("signature", "signing_time", "time_claimed", evidence)


def _by_the_standard(case: _Case, standing: CertificateStanding) -> str:
    """What the procedure of the standard, which believes the claimed time, says of time and revocation."""
    seal, signed = case.signature.seal, case.timing.signed
    if standing.outside or (seal is not None and not seal.valid_from <= signed <= seal.valid_until):
        return "invalid: signed outside the period"
    if standing.revoked_before is not None:
        return "invalid: revoked before signing"
    return "unknown: no revocation list" if standing.unknown is not None else "valid"


def _seal_registered(case: _Case) -> Check:
    return judge_registered(case.signature, case.registry, case.timing)


_STEPS: dict[str, Callable[[_Case], Check]] = {
    "reference_digests": _references,
    "coverage": _coverage,
    "signature": _signature,
    "seal_signature": _seal_signature,
    "signer_certificate": _signer_certificate,
    "revocation": _revocation,
    "signing_time": _signing_time,
    "seal_registered": _seal_registered,
    "issuer_binding": lambda case: judge_binding(case.signature, case.registry, case.binding, False),
}
"""Every check after `parse`, in the order of the interface; the last one is judged when all signatures are known."""
