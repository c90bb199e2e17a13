"""Who signed: the organisation behind a signature, by its certificate or by the seal registry on chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import count, takewhile
from typing import Any

from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.evidence import ProvenState
from chain_service.core.chainproof.storage_layout import SealPeriod, SealState
from chain_service.core.encoding.times import rfc3339
from chain_service.core.records.identifiers import is_org_code
from chain_service.core.registries.histories import read_seal_states
from chain_service.core.registries.permits import decide_permit, read_permits
from chain_service.core.registries.seals import STATES, parse_seal_code
from chain_service.core.verdicts.anchoring_checks import block_evidence
from chain_service.core.verdicts.check_rules import SIGNATURE
from chain_service.core.verdicts.inputs import Outage
from chain_service.core.verdicts.verdict import Check, check
from chain_service.documents.facts import SealFacts, SignatureFacts
from chain_service.documents.judging.timing import Timing
from chain_service.errors import InvalidProof, MalformedRecord

_NAMES = {number: name for name, (number, _, _) in STATES.items()}


@dataclass(frozen=True)
class Binding:
    """What a document's signatures are judged against: the moment, the record, the chain."""

    at: int
    """The moment asked about, unix seconds."""
    list_age: int
    """How many seconds after its making a revocation list still speaks for the present."""
    anchored_by: int | None = None
    """By when the document provably stood on chain; None where nothing proves it."""
    missing: bool = True
    """No record names the document: it is not anchored at all."""
    issuer: str | None = None
    """Code of the organisation whose document this is: by the record, else as the document itself names it."""
    type_code: str | None = None
    """Certificate type by the document's own metadata, where no record decides about the permit."""
    issued: date | None = None
    states: tuple[ProvenState, ...] = ()
    """States that may hold the seal's words, the newest first."""
    outage: Outage | None = None
    """Why there is no newest state."""


@dataclass(frozen=True)
class RegisteredSeal:
    """What the registry on chain holds of a seal, proven by `state`."""

    owner: str
    sha256: bytes
    """Of the seal's own bytes, in which its period and its signers' certificates stand."""
    period: SealPeriod | None
    """As it was registered; None where a receipt leaves it to the seal's own."""
    certificates: tuple[bytes, ...]
    """SHA-256 of those registered as its signers; none where a receipt leaves them out."""
    history: tuple[SealState, ...]
    state: ProvenState
    outage: Outage | None = None
    """Why the newest block cannot be read, so that nothing is known of what came after `state`."""

    @property
    def registered_at(self) -> int:
        """Unix seconds of the block that registered it."""
        return self.history[0].recorded_at

    def is_seal(self, seal: SealFacts) -> bool:
        """Whether it is this very seal, by SHA-256 of its bytes."""
        return self.sha256 == seal.sha256

    def state_at(self, moment: int) -> int:
        """The state recorded last by then; one registered later counts as in force before."""
        known = [step.state for step in self.history if step.recorded_at <= moment]
        return known[-1] if known else storage_layout.SEAL_IN_FORCE

    def ended_between(self, first: int, last: int) -> int | None:
        """When the seal was first put out of force after `first` and not after `last`."""
        ends = (step.recorded_at for step in self.history if step.state != storage_layout.SEAL_IN_FORCE)
        return next((moment for moment in ends if first < moment <= last), None)


def is_seal_code(code: str) -> bool:
    """Whether the registry could hold a seal under this code."""
    try:
        parse_seal_code(code)
    except MalformedRecord:
        return False
    return True


def find_seal(code: str, binding: Binding) -> RegisteredSeal | Outage | None:
    """The registry's entry; None if the seal is not registered, an Outage if that cannot be told.

    Its states are those of the newest block alone: where that leaves the seal out, it may have been frozen since the
    one before. While no newest block can be read, an older one still tells what was wrong by then, and nothing good.
    Facts never change: whichever block shows them will do.
    """
    if not is_seal_code(code):
        return None
    # a receipt proves seals that its record names (`sealCodes`), as far as they fit into it, and no others
    unproven = binding.outage or Outage("seal_unproven", "the evidence does not cover the seal")
    if not binding.states:
        return unproven
    newest = binding.states[0]
    try:
        history = read_seal_states(newest, code)
    except InvalidProof:
        return unproven
    if not history:
        return binding.outage
    facts = next(filter(None, (_seal_facts(state, code) for state in binding.states)), None)
    return unproven if facts is None else RegisteredSeal(*facts, tuple(history), newest, binding.outage)


def _seal_facts(state: ProvenState, code: str) -> tuple[str, bytes, SealPeriod | None, tuple[bytes, ...]] | None:
    """Owner, SHA-256, period and signers of a registered seal, as far as covered; None without the first two."""

    def fact(n: int) -> int:
        return state.words.get((storage_layout.SEAL_REGISTRY, storage_layout.seal_fact_slot(code, n)), 0)

    owner, sha256, period = map(
        fact, (storage_layout.SEAL_OWNER, storage_layout.SEAL_SHA256, storage_layout.SEAL_PERIOD)
    )
    if not owner or not sha256:
        return None
    certificates = takewhile(bool, map(fact, count(storage_layout.SEAL_FIRST_CERTIFICATE)))
    return (
        owner.to_bytes(32, "big")[:18].decode("ascii", "replace"),
        sha256.to_bytes(32, "big"),
        SealPeriod.from_word(period) if period else None,
        tuple(certificate.to_bytes(32, "big") for certificate in certificates),
    )


def judge_registered(signature: SignatureFacts, entry: RegisteredSeal | Outage | None, timing: Timing) -> Check:
    """Whether the registry knows this very seal, and had it in force at signing.

    A seal that was put out of force since counts only if the signature is proven to be older.
    """
    seal = signature.seal
    if seal is None:
        return check(SIGNATURE.SEAL_REGISTERED, "no_seal")
    evidence: dict[str, Any] = {"sealCode": seal.code, "sealName": seal.name, "sha-256": seal.sha256.hex()}
    if entry is None:
        return check(SIGNATURE.SEAL_REGISTERED, "not_registered", evidence)
    if isinstance(entry, Outage):
        return check(SIGNATURE.SEAL_REGISTERED, entry.code, evidence | {"detail": entry.detail})
    evidence |= block_evidence(entry.state) | {
        "owner": entry.owner,
        "registeredAt": rfc3339(entry.registered_at),
        "states": [{"state": _NAMES[step.state], "since": rfc3339(step.recorded_at)} for step in entry.history],
    }
    if not entry.is_seal(seal):
        return check(SIGNATURE.SEAL_REGISTERED, "seal_mismatch", evidence | {"registeredSha256": entry.sha256.hex()})
    state = entry.state_at(timing.signed)
    evidence |= {"stateAtSigning": _NAMES[state], "stateNow": _NAMES[entry.state_at(timing.at)]}
    if state != storage_layout.SEAL_IN_FORCE:
        return check(SIGNATURE.SEAL_REGISTERED, "seal_not_in_force", evidence)
    registered = entry.period
    if registered is not None and not registered.valid_from <= timing.signed <= registered.valid_until:
        period = {"from": rfc3339(registered.valid_from), "until": rfc3339(registered.valid_until)}
        return check(SIGNATURE.SEAL_REGISTERED, "seal_not_in_force", evidence | {"period": period})
    ended = entry.ended_between(timing.signed, timing.latest)
    if ended is None and registered is not None and registered.valid_until < timing.latest:
        ended = registered.valid_until
    if ended is not None:
        return check(SIGNATURE.SEAL_REGISTERED, "signing_time_unproven", evidence | {"ended": rfc3339(ended)})
    if entry.outage is not None:
        return check(SIGNATURE.SEAL_REGISTERED, entry.outage.code, evidence | {"detail": entry.outage.detail})
    return check(SIGNATURE.SEAL_REGISTERED, "seal_in_force", evidence)


def organisation_of(
    signature: SignatureFacts, registered: RegisteredSeal | Outage | None
) -> tuple[set[str], dict[str, Any]]:
    """The organisations that stand behind the signer, more than one if they contradict each other, and the evidence.

    By the certificate: O is organisation code and name, and CN the code of the seal; by the registry: it lists the
    signer's certificate for this very seal.
    """
    signer, seal = signature.signer, signature.seal
    organisations: set[str] = set()
    evidence: dict[str, Any] = {}
    if signer is None:
        return organisations, evidence
    evidence = {"O": signer.organisation, "CN": signer.common_name, "certificate": signer.sha256.hex()}
    code = (signer.organisation or "")[:18]
    if is_org_code(code) and (seal is None or signer.common_name == seal.code):
        organisations.add(code)
        evidence["byCertificate"] = code
    if seal is not None and isinstance(registered, RegisteredSeal) and registered.is_seal(seal):
        evidence["certificateRegistered"] = signer.sha256 in registered.certificates
        # a certificate may bind its holder to a seal that is registered for nobody else
        if signer.sha256 in registered.certificates or organisations:
            organisations.add(registered.owner)
            evidence["byRegistry"] = registered.owner
    return organisations, evidence


def judge_binding(
    signature: SignatureFacts,
    registered: RegisteredSeal | Outage | None,
    binding: Binding,
    issuer_signed: bool,
) -> Check:
    """Whether the signer is the issuing authority, and was permitted to issue the type where no record says so.

    `issuer_signed`: another signature of the document is the issuer's, so that this one stands beside it.
    """
    organisations, evidence = organisation_of(signature, registered)
    evidence["issuer"] = binding.issuer
    if len(organisations) > 1:
        detail = {"detail": "certificate and seal registry name different organisations"}
        return check(SIGNATURE.ISSUER_BINDING, "issuer_mismatch", evidence | detail)
    if not organisations:
        return check(SIGNATURE.ISSUER_BINDING, "issuer_unproven", evidence)
    (organisation,) = organisations
    if binding.issuer is None:
        return check(SIGNATURE.ISSUER_BINDING, "no_issuer_named", evidence)
    if organisation != binding.issuer:
        code = "signed_beside_issuer" if issuer_signed else "issuer_mismatch"
        return check(SIGNATURE.ISSUER_BINDING, code, evidence, {"organisation": organisation})
    refused = _permit_refused(binding)
    if refused is not None:
        return check(SIGNATURE.ISSUER_BINDING, "issuer_not_permitted", {**evidence, **refused})
    return check(SIGNATURE.ISSUER_BINDING, "issuer_bound", evidence, {"organisation": organisation})


def _permit_refused(binding: Binding) -> Mapping[str, Any] | None:
    """Why an organisation of this chain had no permit for the type on the day; None where nothing says so."""
    if binding.issuer is None or binding.type_code is None or binding.issued is None:
        return None
    for state in binding.states:
        try:
            standing = storage_layout.Standing.from_word(
                state.word(storage_layout.ORGANISATIONS, storage_layout.standing_slot(binding.issuer))
            )
            entries = read_permits(state, binding.issuer, binding.type_code)
        except InvalidProof:
            continue
        if not standing.registered or decide_permit(entries, binding.issued).permitted:
            return None
        return {"type": binding.type_code, "issued": binding.issued.isoformat(), "entries": len(entries)}
    return None
