"""Whether two disclosures speak of the same record, told without a chain; and several partial ones put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chain_service.core.records.disclosure import Disclosure, PartialDisclosure
from chain_service.core.records.hashing import MemberKeys
from chain_service.core.records.record import document_identity
from chain_service.core.verdicts.inputs import Content


def body_key(content: Content) -> bytes:
    """The key of the body, which follows from the salt: random, so no two records have the same."""
    return MemberKeys(content.salt)("") if isinstance(content, Disclosure) else content.key


def identity(content: Content) -> str | None:
    """The record's identity as `Record.identity`; None where a partial disclosure hides it."""
    if isinstance(content, Disclosure):
        return content.record.identity
    if content.kind == "certificate":
        shown = content.members.get("certificateIdentifier")
    else:
        number = content.members.get("documentNumber")
        shown = None if number is None else document_identity(content.type_code, str(number))
    return None if shown is None else str(shown)


def bound(one: Content, other: Content) -> bool:
    """Whether both claim to be the same record: of one salt, or of one organisation and identity.

    If their body digests differ, at least one of them was altered, or they are versions of one document.
    """
    if body_key(one) == body_key(other):
        return True
    named = identity(one)
    return named is not None and named == identity(other) and one.org == other.org


def unite(contents: Sequence[Content]) -> Content:
    """What these disclosures of one body digest show together."""
    whole = next((content for content in contents if isinstance(content, Disclosure)), None)
    if whole is not None:
        return whole
    first, *others = [content for content in contents if isinstance(content, PartialDisclosure)]
    members, keys = dict(first.members), dict(first.member_keys)
    for other in others:
        members |= other.members
        keys |= other.member_keys
    return replace(first, members=members, member_keys=keys)
