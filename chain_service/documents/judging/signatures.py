"""Judges the signatures of a document from its facts: ten checks each, in the order of GM/T 0031 §6.2.3 and our own.

Nothing is read here: what the document says comes as facts, what the chain says as proven states.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from chain_service.core.encoding.times import local_day, rfc3339
from chain_service.core.verdicts.check_rules import SIGNATURE, SIGNATURE_CHECKS, CheckRule
from chain_service.core.verdicts.inputs import Outage
from chain_service.core.verdicts.judge import JudgedSignatures
from chain_service.core.verdicts.verdict import Check, Group, check
from chain_service.core.verdicts.verdict_codes import Outcome
from chain_service.documents.facts import (
    CertificateFacts,
    DocumentFacts,
    Problem,
    RevocationFacts,
    SealFacts,
    SignatureFacts,
)
from chain_service.documents.judging.binding import (
    Binding,
    RegisteredSeal,
    find_seal,
    judge_binding,
    judge_registered,
    organisation_of,
)
from chain_service.documents.judging.later_seals import SignedSince, ValidSignature, signed_since
from chain_service.documents.judging.remarks import kind_evidence, warnings_of
from chain_service.documents.judging.timing import (
    SIGNER_CLOCK_SKEW,
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
    since: SignedSince
    """What later signatures answer for."""


def judge_document(document: DocumentFacts, binding: Binding, subject: str) -> JudgedSignatures:
    """One group for each signature, in the order of the document; none for a file that has none.

    A document that cannot be read is one group that says so; `subject` names the file.
    """
    if document.problem is not None:
        unread = check(SIGNATURE.PARSE, _unread(document.problem, binding), _problem(document.problem))
        groups = [Group("signature", subject, (unread, *map(_not_reached, _STEPS)))]
        return JudgedSignatures(tuple(groups), tuple(warnings_of(document, binding, groups)), kind_evidence(document))
    if document.seal is not None:
        groups = [_seal_group(document.seal, binding, subject)]
        return JudgedSignatures(tuple(groups), tuple(warnings_of(document, binding, groups)), kind_evidence(document))
    cases = [_case(document, signature, binding) for signature in document.signatures]
    judged = _judge_all(cases)
    sound = [_stands(checks, SIGNATURE.SEAL_REGISTERED, SIGNATURE.COVERAGE) for checks in judged]
    groups = []
    for place, (case, checks) in enumerate(zip(cases, judged, strict=True)):
        issuer_signed = any(
            good and other is not case and _signed_by_issuer(other) for good, other in zip(sound, cases, strict=True)
        )
        last = judge_binding(case.signature, case.registry, binding, issuer_signed)
        if not _readable(checks):
            last = _not_reached(SIGNATURE.ISSUER_BINDING)
        groups.append(Group("signature", case.signature.place or f"{subject} {place + 1}", (*checks, last)))
    return JudgedSignatures(tuple(groups), tuple(warnings_of(document, binding, groups)), kind_evidence(document))


def _seal_group(seal: SealFacts, binding: Binding, subject: str) -> Group:
    """A seal by itself (an .esl file): GM/T 0031 §6.1.2 and the registry; it signs nothing."""
    alone = SignatureFacts(subject, "unknown", seal=seal)
    timing = timing_of(alone, at=binding.at, anchored_by=binding.anchored_by, list_age=binding.list_age)
    registry = find_seal(seal.code, binding)
    case = _Case(alone, timing, None, registry, binding, (), SignedSince(alone.coverage, {}))
    found = {
        SIGNATURE.PARSE: check(SIGNATURE.PARSE, "signature_readable", {"kind": "seal"}),
        SIGNATURE.SEAL_SIGNATURE: check(SIGNATURE.SEAL_SIGNATURE, *_judge_seal(case, seal, _seal_evidence(seal))),
        SIGNATURE.SEAL_REGISTERED: judge_registered(alone, registry, timing),
    }
    checks = tuple(found[rule] if rule in found else check(rule, "nothing_signed") for rule in SIGNATURE_CHECKS)
    return Group("signature", subject, checks)


def _case(document: DocumentFacts, signature: SignatureFacts, binding: Binding) -> _Case:
    timing = timing_of(signature, at=binding.at, anchored_by=binding.anchored_by, list_age=binding.list_age)
    signer = certificate_standing(signature.signer, timing) if signature.signer is not None else None
    registry = find_seal(signature.seal.code, binding) if signature.seal is not None else None
    return _Case(signature, timing, signer, registry, binding, document.uncovered, SignedSince(signature.coverage, {}))


def _judge_all(cases: list[_Case]) -> list[list[Check]]:
    """Every check but the last of each; the last signatures first, since what they cover counts for earlier ones."""
    judged = [_judge(case) for case in cases]
    for place, case in reversed(list(enumerate(cases))):
        found = case.signature.coverage
        if not (found.displayed or found.left_out or found.unclear):
            continue
        later = [
            ValidSignature(other.signature, organisation_of(other.signature, other.registry)[0])
            for other, checks in zip(cases, judged, strict=True)
            if case.signature.place in other.signature.coverage.covers_signatures
            and _stands(checks, SIGNATURE.SEAL_REGISTERED)
        ]
        organisations, _ = organisation_of(case.signature, case.registry)
        since = signed_since(case.signature, organisations, later, case.binding.issuer)
        judged[place] = _judge(replace(case, since=since))
    return judged


def _judge(case: _Case) -> list[Check]:
    """Every check but the last; nothing after `parse` where the signature cannot be read."""
    # 1. the signature can be read
    parsed = _parse(case)
    before_the_last = [rule for rule in _STEPS if rule is not SIGNATURE.ISSUER_BINDING]
    if parsed.outcome is not Outcome.PASSED:
        return [parsed, *map(_not_reached, before_the_last)]
    # 2. to 9. content, coverage, signature, seal, signer, revocation, time, registry
    return [parsed, *(_STEPS[rule](case) for rule in before_the_last)]


def _readable(checks: list[Check]) -> bool:
    return all(judged.outcome is Outcome.PASSED for judged in checks if judged.rule is SIGNATURE.PARSE)


def _sound(result: Check) -> bool:
    return result.outcome in (Outcome.PASSED, Outcome.SKIPPED) and result.code != "not_reached"


def _stands(checks: list[Check], *open_to: CheckRule) -> bool:
    """Whether a signature passed its checks, those left aside that may be open, so that others may rest on it.

    A registry that cannot be asked, or parts that it leaves out, are told by its own checks and accuse no other.
    """
    return all(
        _sound(judged) or (judged.rule in open_to and judged.outcome is Outcome.INDETERMINATE) for judged in checks
    )


def _signed_by_issuer(case: _Case) -> bool:
    organisations, _ = organisation_of(case.signature, case.registry)
    return organisations == {case.binding.issuer}


def _not_reached(rule: CheckRule) -> Check:
    return check(rule, "not_reached")


def _problem(problem: Problem) -> dict[str, Any]:
    return {"problem": problem.code, "detail": problem.detail}


def _parse(case: _Case) -> Check:
    signature = case.signature
    evidence: dict[str, Any] = {"form": signature.form, "algorithm": signature.algorithm}
    if signature.problem is not None:
        unread = _unread(signature.problem, case.binding)
        return check(SIGNATURE.PARSE, unread, evidence | _problem(signature.problem))
    if signature.form in SEALED and (signature.signer is None or signature.seal is None):
        detail = {"detail": "the certificate of its signer cannot be read"}
        return check(SIGNATURE.PARSE, "signature_unsupported", evidence | detail)
    problems = signature.problems + (signature.seal.problems if signature.seal is not None else ())
    if deviations := sorted({problem.code for problem in problems}):
        evidence["deviations"] = deviations
    return check(SIGNATURE.PARSE, "signature_readable", evidence)


_READ_AS: dict[str, str] = {
    "no_value": "signature_invalid",
    "signature_removed": "changes_unclear",
    **dict.fromkeys(("byte_range", "checksum_differs", "malformed", "not_zip", "size_differs"), "unreadable"),
}
"""Problems that show something to be wrong: a signature that was taken away, or bytes that are not what was written.

Every other one says what this program cannot do or does not know, and nothing about the document.
"""


def _unread(problem: Problem, binding: Binding) -> str:
    """What a problem amounts to. A file that is byte for byte the one of its record is not damaged."""
    code = _READ_AS.get(problem.code, "signature_unsupported")
    return "signature_unsupported" if code == "unreadable" and binding.anchored_by is not None else code


def _signer_unknown(signature: SignatureFacts) -> bool:
    """A signature without a seal need not carry its signer's certificate: then nothing tells whether it verifies."""
    return signature.signer is None and signature.form not in SEALED


def _critical(problems: tuple[Problem, ...]) -> dict[str, Any] | None:
    """The critical extension that is not known here: whatever it demands, nothing may rest on what bears it."""
    return next((_problem(problem) for problem in problems if problem.code == "critical_extension"), None)


def _references(case: _Case) -> Check:
    """GB/T 33190 §18: each file's digest; then that of Signature.xml itself, which names them."""
    references = case.signature.references
    changed = [reference.name for reference in references if reference.holds is False]
    evidence: dict[str, Any] = {
        "references": len(references),
        "algorithms": sorted({reference.algorithm for reference in references}),
        "listUnchanged": case.signature.data_digest_holds,
    }
    if changed:
        missing = [reference.name for reference in references if reference.missing]
        evidence |= {"changed": changed[:NAMES_SHOWN], "missing": missing[:NAMES_SHOWN]}
        return check(SIGNATURE.REFERENCE_DIGESTS, "content_altered", evidence)
    if case.signature.data_digest_holds is False:
        detail = {"detail": "what was signed is not the list of digests that the document holds now"}
        return check(SIGNATURE.REFERENCE_DIGESTS, "content_altered", evidence | detail)
    unknown = [reference.algorithm for reference in references if reference.holds is None]
    if unknown or case.signature.data_digest_holds is None:
        if _signer_unknown(case.signature):
            return _not_reached(SIGNATURE.REFERENCE_DIGESTS)
        untold = {"detail": "what was signed cannot be determined", "unknown": unknown[:NAMES_SHOWN]}
        return check(SIGNATURE.REFERENCE_DIGESTS, "signature_unsupported", evidence | untold)
    if weak := sorted({reference.algorithm for reference in references if reference.weak} - _made_up_for(case.binding)):
        fitting = {"detail": "other content with the same digests can be made", "weak": weak}
        return check(SIGNATURE.REFERENCE_DIGESTS, "signature_unsupported", evidence | fitting)
    return check(SIGNATURE.REFERENCE_DIGESTS, "digests_match", evidence)


def _made_up_for(binding: Binding) -> frozenset[str]:
    """Weak digests of the content that a record makes up for, since it names the same bytes by a strong digest.

    Not MD5, for which anybody makes two contents in a second. A weak signature stays weak: a record proves what was
    signed, not by whom. (EU DSS finds both INDETERMINATE, CRYPTO_CONSTRAINTS_FAILURE.)
    """
    return frozenset({"sha-1"}) if binding.anchored_by is not None else frozenset()


def _coverage(case: _Case) -> Check:
    found = case.since.coverage
    kinds = {
        "displayed": found.displayed, "leftOut": found.left_out, "unclear": found.unclear, "other": found.other,
        "added": found.added,
    }  # fmt: skip
    evidence: dict[str, Any] = {name: list(names)[:NAMES_SHOWN] for name, names in kinds.items() if names}
    if case.since.signed:
        evidence["signedLater"] = dict(islice(case.since.signed.items(), NAMES_SHOWN))
    if found.more_names:
        evidence["moreNames"] = found.more_names
    if found.displayed:
        return check(SIGNATURE.COVERAGE, "content_altered", evidence)
    if found.unclear:
        return check(SIGNATURE.COVERAGE, "changes_unclear", evidence)
    if found.left_out:
        return check(SIGNATURE.COVERAGE, "not_all_signed", evidence)
    if found.whole:
        return check(SIGNATURE.COVERAGE, "shown_covered" if case.uncovered else "all_covered", evidence)
    if found.other or found.added:
        return check(SIGNATURE.COVERAGE, "shown_covered", evidence)
    return check(SIGNATURE.COVERAGE, "content_altered", evidence)


def _signature(case: _Case) -> Check:
    signature = case.signature
    if signature.signer is None:
        return _not_reached(SIGNATURE.SIGNATURE)
    evidence: dict[str, Any] = {"algorithm": signature.algorithm, "form": signature.form}
    evidence["certificate"] = signature.signer.sha256.hex()
    if signature.signature_holds is False:
        return check(SIGNATURE.SIGNATURE, "signature_invalid", evidence)
    if signature.signature_holds is None:
        detail = {"detail": "its algorithm is not supported"}
        return check(SIGNATURE.SIGNATURE, "signature_unsupported", evidence | detail)
    if critical := _critical(signature.problems):
        return check(SIGNATURE.SIGNATURE, "signature_unsupported", evidence | critical)
    if signature.weak:
        detail = {"detail": "signatures by this algorithm or key can be forged"}
        return check(SIGNATURE.SIGNATURE, "signature_unsupported", evidence | detail)
    return check(SIGNATURE.SIGNATURE, "signature_holds", evidence)


def _seal_signature(case: _Case) -> Check:
    """GM/T 0031 §6.1.2: the seal's signature, its maker's certificate; §6.2.2: the signer stands in the seal."""
    seal, signature = case.signature.seal, case.signature
    if seal is None:
        return check(SIGNATURE.SEAL_SIGNATURE, "no_seal")
    evidence = _seal_evidence(seal) | {
        "signerInSeal": signature.signer_in_seal,
        "equalToSealFile": signature.seal_file_equal,
    }
    if seal.signature_holds is False:
        return check(SIGNATURE.SEAL_SIGNATURE, "signature_invalid", evidence)
    if not signature.signer_in_seal or signature.seal_file_equal is False:
        return check(SIGNATURE.SEAL_SIGNATURE, "seal_mismatch", evidence)
    return check(SIGNATURE.SEAL_SIGNATURE, *_judge_seal(case, seal, evidence))


def _seal_evidence(seal: SealFacts) -> dict[str, Any]:
    return {
        "sealCode": seal.code,
        "sealName": seal.name,
        "sealType": seal.type,
        "makerId": seal.maker_id,
        "version": seal.version,
        "created": rfc3339(seal.created),
        "sealPeriod": [rfc3339(seal.valid_from), rfc3339(seal.valid_until)],
    }


def _judge_seal(case: _Case, seal: SealFacts, evidence: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The seal by itself: its maker's signature, and what it demands."""
    if seal.signature_holds is False:
        return "signature_invalid", evidence
    if seal.signature_holds is None:
        return "signature_unsupported", evidence | {
            "detail": "the algorithm of the seal's own signature is not supported"
        }
    if critical := _critical(seal.problems):
        return "signature_unsupported", evidence | critical
    if seal.maker is None:
        return "signer_untrusted", evidence
    return _judge_maker(case, seal, seal.maker, evidence)


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
        return "signer_untrusted", evidence | {"detail": "the signer made the seal itself, and it is not registered"}
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
        "path": [digest.hex() for digest in certificate.path.certificates],
    }


def _signer_certificate(case: _Case) -> Check:
    """Chain or usage wrong is final; the period goes by the time rule, whose unproven part is `signing_time`'s."""
    signer, standing = case.signature.signer, case.signer
    if signer is None or standing is None:
        detail = {
            "detail": "the signature does not carry its signer's certificate, and no known signer's key verifies it"
        }
        return check(SIGNATURE.SIGNER_CERTIFICATE, "signer_untrusted", detail)
    evidence = _certificate(signer) | {"maySign": signer.may_sign}
    if signer.may_sign is False:
        # GM/T 0031 §6.1.2 makes it part of a seal's validity; elsewhere it leaves open who vouches for this key's use
        code = "signature_invalid" if case.signature.form in SEALED else "signer_untrusted"
        detail = {"detail": "its key usage does not allow signing"}
        return check(SIGNATURE.SIGNER_CERTIFICATE, code, evidence | detail)
    if standing.outside:
        signed = {"signed": rfc3339(case.timing.signed)}
        return check(SIGNATURE.SIGNER_CERTIFICATE, "signed_outside_validity", evidence | signed)
    if signer.path.outcome != "trusted":
        detail = {"path": signer.path.outcome, "detail": signer.path.detail}
        return check(SIGNATURE.SIGNER_CERTIFICATE, "signer_untrusted", evidence | detail)
    params = {"anchor": signer.path.anchor or "-"}
    if standing.ended_at is not None:
        params["date"] = local_day(standing.ended_at).isoformat()
        return check(SIGNATURE.SIGNER_CERTIFICATE, "signer_expired_since", evidence, params)
    return check(SIGNATURE.SIGNER_CERTIFICATE, "certificate_trusted", evidence, params)


def _revocation(case: _Case) -> Check:
    signer, standing = case.signature.signer, case.signer
    if signer is None or standing is None or signer.path.outcome != "trusted":
        return _not_reached(SIGNATURE.REVOCATION)
    lists = {"lists": [_revocation_evidence(revocation) for revocation in signer.path.revocations]}
    if standing.revoked_before is not None:
        evidence = _revocation_evidence(standing.revoked_before) | {"signed": rfc3339(case.timing.signed)}
        return check(SIGNATURE.REVOCATION, "signer_revoked", evidence)
    if standing.unknown is not None:
        return check(SIGNATURE.REVOCATION, "revocation_unknown", _revocation_evidence(standing.unknown))
    if standing.revoked_at is not None:
        date = {"date": local_day(standing.revoked_at).isoformat()}
        return check(SIGNATURE.REVOCATION, "revoked_after_signing", lists, date)
    return check(SIGNATURE.REVOCATION, "not_revoked", lists)


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
        return _not_reached(SIGNATURE.SIGNING_TIME)
    evidence = timing_evidence(case.signature, timing) | {"byTheStandard": _by_the_standard(case, standing)}
    if seal is not None:
        evidence["sealPeriod"] = [rfc3339(seal.valid_from), rfc3339(seal.valid_until)]
        if not seal.valid_from <= timing.signed <= seal.valid_until:
            return check(SIGNATURE.SIGNING_TIME, "signed_outside_validity", evidence)
    seal_ended = seal.valid_until if seal is not None and seal.valid_until < timing.at else None
    ends = {"certificateEnded": standing.ended_at, "certificateRevoked": standing.revoked_at, "sealEnded": seal_ended}
    evidence |= {name: rfc3339(moment) for name, moment in ends.items() if moment is not None}
    if timing.claimed is not None and timing.claimed > timing.latest + SIGNER_CLOCK_SKEW:
        if timing.proven is None:
            detail = {"detail": "it claims to have been signed after the moment asked about"}
            return check(SIGNATURE.SIGNING_TIME, "signing_time_unproven", evidence | detail)
        evidence["claimContradicted"] = "it claims to have been signed after it is proven to have existed"
    if standing.unproven or (seal_ended is not None and not timing.proven_before(seal_ended + 1)):
        return check(SIGNATURE.SIGNING_TIME, "signing_time_unproven", evidence)
    if timing.proven is not None:
        return check(SIGNATURE.SIGNING_TIME, "time_proven", evidence, {"time": rfc3339(timing.proven)})
    return check(SIGNATURE.SIGNING_TIME, "time_claimed", evidence)


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


_STEPS: dict[CheckRule, Callable[[_Case], Check]] = {
    SIGNATURE.REFERENCE_DIGESTS: _references,
    SIGNATURE.COVERAGE: _coverage,
    SIGNATURE.SIGNATURE: _signature,
    SIGNATURE.SEAL_SIGNATURE: _seal_signature,
    SIGNATURE.SIGNER_CERTIFICATE: _signer_certificate,
    SIGNATURE.REVOCATION: _revocation,
    SIGNATURE.SIGNING_TIME: _signing_time,
    SIGNATURE.SEAL_REGISTERED: _seal_registered,
    SIGNATURE.ISSUER_BINDING: lambda case: judge_binding(case.signature, case.registry, case.binding, False),
}
"""Every check after `parse`, in the order of the interface; the last one is judged when all signatures are known."""
