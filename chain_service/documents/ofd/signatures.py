"""Every signature of an OFD package as facts: GB/T 33190 §18, and for what is signed GM/T 0031 §6.2."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Final

from chain_service.core.encoding.times import UTC8
from chain_service.documents.facts import MAX_SIGNATURES, MAX_TEXT, ClaimedTime, Problem, SignatureFacts
from chain_service.documents.ofd.package import MAX_TREE_FILE, Displayed, Package, folder_of
from chain_service.documents.ofd.references import Digests, Reach, SignedReference, coverage, named, references
from chain_service.documents.ofd.xml import OFD_NAMESPACES, Element
from chain_service.documents.pki import plain_signatures
from chain_service.documents.pki.trust import Trust
from chain_service.documents.ses import seals
from chain_service.errors import MalformedDocument

__all__ = ["read_signatures"]

MAX_LISTS: Final = 16
MAX_ALL_REFERENCES: Final = 16_384
"""Of all signatures together."""
MAX_VALUE: Final = 4 * 1024 * 1024
"""Bytes of SignedValue.dat or Seal.esl: a seal holds its picture."""
_TIME: Final = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)[T ]?(\d\d):?(\d\d):?(\d\d)(?:\.\d{1,9})?(Z?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Listed:
    """One row of Signatures.xml."""

    location: str
    place: str | None
    """The Signature.xml it leads to; None if the package has no such file."""
    kind: str
    """`Seal` (also when absent) or `Sign`."""
    list_name: str


@dataclass(frozen=True, slots=True)
class _Described:
    """One Signature.xml, read."""

    listed: _Listed
    place: str
    check_method: str
    files: tuple[SignedReference, ...]
    value: str | None
    """File of the signed value."""
    seal: str | None
    """File of the seal beside it; None when none is named."""
    seal_location: str | None
    claimed: ClaimedTime | None
    problems: tuple[Problem, ...]

    @property
    def reach(self) -> Reach:
        """What it covers and what it consists of."""
        covered = frozenset(file.file for file in self.files if file.file is not None)
        own = (self.place, self.value, self.seal)
        return Reach(self.place, covered, frozenset(name for name in own if name is not None))


def read_signatures(
    package: Package, displayed: Displayed, trust: Trust
) -> tuple[tuple[SignatureFacts, ...], tuple[str, ...]]:
    """Every signature in the order of the document, and the files that none of them covers or consists of.

    The lists of signatures are not among those files: they change with each signature.
    Raises MalformedDocument: more than MAX_SIGNATURES. A signature that cannot be read is a fact with a problem.
    """
    rows = list(islice(_listed(package), MAX_SIGNATURES + 1))
    if len(rows) > MAX_SIGNATURES:
        detail = f"the document has more than {MAX_SIGNATURES} signatures"
        raise MalformedDocument(detail, code="too_many_signatures")
    read = [_guarded(package, row) for row in rows]
    if sum(len(part.files) for part in read if isinstance(part, _Described)) > MAX_ALL_REFERENCES:
        raise MalformedDocument("the signatures name too many files", code="too_complex")
    reaches = [part.reach for part in read if isinstance(part, _Described)]
    digests = Digests(package.archive)
    displayed = _looked_into(package, displayed, rows, reaches)
    found = []
    for part in read:
        if isinstance(part, SignatureFacts):
            found.append(part)
            continue
        others = [reach for reach in reaches if reach.place != part.place]
        facts = _checked(package, part, digests, trust)
        covers = coverage(part.reach, others, package, displayed)
        found.append(replace(facts, coverage=covers))
    reached = displayed.lists.union(*(reach.covered | reach.own for reach in reaches))
    return tuple(found), tuple(name for name in package.archive.entries if name not in reached)


def _looked_into(package: Package, displayed: Displayed, rows: list[_Listed], reaches: list[Reach]) -> Displayed:
    """With what has to be known where a signature leaves out something that is displayed, or OFD.xml."""
    lists = frozenset(row.list_name for row in rows)
    if all(displayed.files <= reach.covered for reach in reaches):
        return replace(displayed, lists=lists)
    bare = any(package.root_file not in reach.covered for reach in reaches)
    documents = package.possible_documents() if bare else frozenset[str]()
    return replace(displayed, lists=lists, templates=package.templates(), documents=documents)


def _listed(package: Package) -> Iterator[_Listed]:
    """The rows of every list of signatures (§18.1). A list that is named and missing is a row without a place."""
    seen: set[str] = set()
    locations = [part.text.strip() for body in package.bodies() for part in body.all("Signatures")]
    if len(locations) > MAX_LISTS:
        raise MalformedDocument(f"the document has more than {MAX_LISTS} lists of signatures", code="too_complex")
    lists: set[str] = set()
    for location in locations:
        name = package.find(location)
        if name is None:
            yield _Listed(location, None, "Seal", location)
            continue
        if name in lists:
            continue  # the documents of a package share it
        lists.add(name)
        root = package.tree(name)
        if root.name != "Signatures" or root.namespace not in OFD_NAMESPACES:
            raise MalformedDocument(f"{name} is not a list of signatures", code="malformed")
        for row in root.all("Signature"):
            where = row.attributes.get("BaseLoc", "")
            place = package.find(where, folder_of(name))
            if place in seen:
                raise MalformedDocument(f"{place} is listed twice as a signature", code="duplicate_signature")
            if place is not None:
                seen.add(place)
            yield _Listed(where, place, row.attributes.get("Type") or "Seal", name)


def _guarded(package: Package, row: _Listed) -> _Described | SignatureFacts:
    """The signature described, or the fact that it cannot be read."""
    try:
        return _described(package, row)
    except MalformedDocument as error:
        return _unread((row.place or row.location), Problem.of(error))


def _unread(place: str, problem: Problem) -> SignatureFacts:
    """A signature that cannot be read: its file is as it was packed, so that it is unknown here and not damaged."""
    code = "unknown_form" if problem.code == "malformed" else problem.code
    return SignatureFacts(place[:MAX_TEXT], "unknown", Problem(code, problem.detail[:MAX_TEXT]))


def _described(package: Package, row: _Listed) -> _Described:
    """Signature.xml (§18.2.1)."""
    if row.place is None:
        detail = "a signature is listed whose file the package lacks"
        raise MalformedDocument(detail, code="signature_removed")
    root = package.tree(row.place)
    if root.name != "Signature" or root.namespace not in OFD_NAMESPACES:
        raise MalformedDocument("the file that should describe a signature is of another kind", code="unknown_form")
    info = root.one("SignedInfo")
    listed = info.one("References") if info else None
    if info is None or listed is None:
        raise MalformedDocument("Signature.xml lacks SignedInfo or References", code="malformed")
    if row.kind not in ("Seal", "Sign"):
        raise MalformedDocument("the signature is neither of type Seal nor Sign", code="unknown_form")
    folder = folder_of(row.place)
    check_method, files = named(package, listed, row.place)
    seal = info.one("Seal")
    seal_location = seal.value("BaseLoc") if seal else None
    value = root.value("SignedValue")
    return _Described(
        row,
        row.place,
        check_method,
        files,
        package.find(value, folder) if value else None,
        package.find(seal_location, folder) if seal_location else None,
        seal_location,
        *_claimed(info),
    )


def _claimed(info: Element) -> tuple[ClaimedTime | None, tuple[Problem, ...]]:
    """SignatureDateTime; without a zone it is UTC+8."""
    text = info.value("SignatureDateTime")
    if not text:
        return None, ()
    matched = _TIME.fullmatch(text)
    try:
        if matched is None:
            raise ValueError
        zoneless = not matched[7]
        zone = UTC8 if zoneless else UTC
        at = datetime(*(int(part) for part in matched.groups()[:6]), tzinfo=zone)  # type: ignore[arg-type,misc]
    except ValueError:
        return None, (Problem("bad_time", "SignatureDateTime is not a date and time"),)
    return ClaimedTime(int(at.timestamp()), "signature_xml", zoneless), ()


def _checked(package: Package, one: _Described, digests: Digests, trust: Trust) -> SignatureFacts:
    """Everything about one signature but its coverage (§18 and GM/T 0031-2014 §6.2.3)."""
    try:
        # 1. what was signed and by whom
        facts = _signed_facts(package, one, trust)
        if facts.problem is not None:
            return _unread(one.place, facts.problem)
        # 2. the digest of every file named
        checked = tuple(references(digests, one.check_method, one.files))
    except MalformedDocument as error:
        return _unread(one.place, Problem.of(error))
    claimed = facts.claimed if one.claimed is None else (*facts.claimed, one.claimed)
    problems = (*facts.problems, *one.problems)
    return replace(facts, place=one.place[:MAX_TEXT], references=checked, claimed=claimed, problems=problems)


def _signed_facts(package: Package, one: _Described, trust: Trust) -> SignatureFacts:
    if one.value is None:
        raise MalformedDocument("the package lacks the file of the signed value", code="no_value")
    value = package.archive.read(one.value, MAX_VALUE)
    described = package.archive.read(one.place, MAX_TREE_FILE)
    if one.listed.kind == "Sign":
        return plain_signatures.read_plain_signature(value, described, trust)
    signed = seals.read_seal_signature(value, trust)
    names = package.find(signed.names) == one.place
    facts = seals.signs(signed, described)
    if facts.problem is None and not names:
        facts = replace(facts, data_digest_holds=False)
    if one.seal_location is None:
        return facts
    if one.seal is None:
        raise MalformedDocument("the package lacks the seal that its signature names", code="missing_file")
    file = package.archive.read(one.seal, MAX_VALUE)
    return replace(facts, seal_file_equal=signed.seal is not None and seals.is_same_seal(file, signed.seal, trust))
