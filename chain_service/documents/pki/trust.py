"""The trust store, read: certificates become facts with their path and what is known of their revocation."""

from __future__ import annotations

from collections import defaultdict
from copy import copy
from dataclasses import replace
from typing import Final

from chain_service.core.encoding.digests import sha256
from chain_service.documents.facts import MAX_TEXT, CertificateFacts, PathFacts, Problem, RevocationFacts
from chain_service.documents.pki import algorithms, certificates, ocsp, paths, revocation
from chain_service.documents.pki.certificates import Certificate
from chain_service.documents.pki.paths import CertificatePool, Path, Purpose
from chain_service.documents.pki.revocation import RevocationList
from chain_service.documents.pki.trust_store import TrustStore
from chain_service.errors import MalformedDocument

MAX_OTHERS: Final = 32
"""Certificates that come with a signature and may be links of its signer's path."""
REMEMBERED: Final = 1024
MAX_KNOWN_SIGNERS: Final = 64
MAX_LISTS: Final = 32
"""Revocation lists of one document."""
MAX_ANSWERS: Final = 64
"""OCSP answers of one document: one for each certificate below a root certificate, timestamps' included."""


class Trust:
    """Answers for one trust store; a changed store is another Trust.

    Facts about certificates are remembered by the digests of the certificate and of those beside it.
    """

    def __init__(self, store: TrustStore) -> None:
        """Reads the store. What of it cannot be read is left out and listed in `problems`, for whoever keeps it."""
        problems: list[Problem] = []
        roots: dict[str, list[Certificate]] = defaultdict(list)
        labels: dict[bytes, str] = {}
        for root in store.roots:
            if (read := _certificate(root.certificate, f"root certificate {root.label}", problems)) is not None:
                roots[read.subject.key].append(read)
                labels.setdefault(read.sha256, root.label)
        intermediates: dict[str, list[Certificate]] = defaultdict(list)
        for number, data in enumerate(store.intermediates, 1):
            if (read := _certificate(data, f"intermediate {number}", problems)) is not None:
                intermediates[read.subject.key].append(read)
        self.user_id: Final = store.user_id
        self._pool: Final = CertificatePool(dict(roots), labels, dict(intermediates))
        self._lists = _lists(store.crls, problems)
        self._answers = _answers(store.ocsp_responses, problems)
        self.problems: Final = tuple(problems)
        self._remembered: dict[bytes, CertificateFacts] = {}

    def with_evidence(self, crls: tuple[bytes, ...] = (), answers: tuple[bytes, ...] = ()) -> Trust:
        """The same trust that also knows revocation lists and OCSP answers (DER) of one document.

        Whether they came inside it or were fetched for it, they prove themselves by their signatures. The first
        MAX_LISTS and MAX_ANSWERS count; unreadable ones are passed over.
        """
        if not crls and not answers:
            return self
        other = copy(self)
        other._lists = {name: list(lists) for name, lists in self._lists.items()}
        for name, lists in _lists(crls[:MAX_LISTS], []).items():
            other._lists.setdefault(name, []).extend(lists)
        other._answers = [*self._answers, *_answers(answers[:MAX_ANSWERS], [])]
        other._remembered = {}
        return other

    def certificate(self, data: bytes, others: tuple[bytes, ...] = (), purpose: Purpose = "sign") -> CertificateFacts:
        """The facts about the certificate `data` (DER). Raises MalformedDocument when it cannot be read.

        others: certificates beside it that may lead to a root certificate; unreadable ones are passed over.
        """
        others = others[:MAX_OTHERS]
        key = sha256(b"".join((purpose.encode(), *(sha256(other) for other in (data, *others)))))
        if key not in self._remembered:
            if len(self._remembered) >= REMEMBERED:
                self._remembered.pop(next(iter(self._remembered)))
            self._remembered[key] = self._facts(data, others, purpose)
        return self._remembered[key]

    def known_signers(self) -> list[Certificate]:
        """Intermediates that are no authorities, at most MAX_KNOWN_SIGNERS: the operator says whose they are."""
        every = [
            certificate
            for held in self._pool.intermediates.values()
            for certificate in held
            if not certificate.authority
        ]
        return every[:MAX_KNOWN_SIGNERS]

    @staticmethod
    def readable(every: tuple[bytes, ...]) -> list[Certificate]:
        """Those of the first MAX_OTHERS certificates (DER) that can be read."""
        return [one for data in every[:MAX_OTHERS] if (one := _certificate(data, "", [])) is not None]

    def _facts(self, data: bytes, others: tuple[bytes, ...], purpose: Purpose) -> CertificateFacts:
        certificate = certificates.parse(data)
        path = paths.find(certificate, tuple(self.readable(others)), self._pool, purpose, self.user_id)
        return CertificateFacts(
            sha256=certificate.sha256,
            subject=certificate.subject.text,
            organisation=certificate.subject.organisation,
            common_name=certificate.subject.common_name,
            issuer=certificate.issuer.text,
            serial=f"{certificate.serial:x}"[:MAX_TEXT],
            not_before=certificate.not_before,
            not_after=certificate.not_after,
            algorithm=algorithms.public_key(certificate.key).name,
            may_sign=paths.may_sign(certificate),
            path=self._path_facts(path),
        )

    def _path_facts(self, path: Path) -> PathFacts:
        start, end = path.period or (None, None)
        return PathFacts(
            outcome=path.outcome,
            anchor=self._pool.root_labels[path.certificates[-1].sha256] if path.certificates else None,
            certificates=tuple(certificate.sha256 for certificate in path.certificates),
            valid_from=start,
            valid_until=end,
            revocations=tuple(
                self._revocation(one, issuer)
                for one, issuer in zip(path.certificates, path.certificates[1:], strict=False)
            ),
            detail=path.detail[: 2 * MAX_TEXT],
        )

    def _revocation(self, certificate: Certificate, issuer: Certificate) -> RevocationFacts:
        """What lists and answers say together: any that revokes counts, then the newest that calls it good."""
        lists = self._lists.get(certificate.issuer.key, [])
        by_list = revocation.look_up(certificate, issuer, lists, self.user_id)
        every = [by_list, *ocsp.look_up(certificate, issuer, self._answers, self.user_id)]
        revoked = [one for one in every if one.outcome == "revoked"]
        found = min(revoked, key=lambda one: one.revoked_at or 0) if revoked else max(every, key=_worth)
        ask = tuple(address for address in certificate.ocsp_addresses if address.startswith(("http://", "https://")))
        return replace(found, ask=ask, question=ocsp.question(certificate, issuer) if ask else b"")


def _worth(found: RevocationFacts) -> tuple[bool, bool, int]:
    """Which finding tells more of a certificate that nobody revoked."""
    return found.outcome == "good", not found.after_end, found.as_of or 0


def _certificate(data: bytes, what: str, problems: list[Problem]) -> Certificate | None:
    try:
        return certificates.parse(data)
    except MalformedDocument as error:
        problems.append(Problem(error.code, f"{what}: {error.message}"))
        return None


def _lists(crls: tuple[bytes, ...], problems: list[Problem]) -> dict[str, list[RevocationList]]:
    """Key of the issuer's name to its lists."""
    found: dict[str, list[RevocationList]] = defaultdict(list)
    for number, data in enumerate(crls, 1):
        try:
            read = revocation.parse(data)
        except MalformedDocument as error:
            problems.append(Problem(error.code, f"revocation list {number}: {error.message}"))
        else:
            found[read.issuer.key].append(read)
    return dict(found)


def _answers(responses: tuple[bytes, ...], problems: list[Problem]) -> list[ocsp.OcspResponse]:
    found = []
    for number, data in enumerate(responses, 1):
        try:
            found.append(ocsp.parse(data))
        except MalformedDocument as error:
            problems.append(Problem(error.code, f"OCSP answer {number}: {error.message}"))
    return found
