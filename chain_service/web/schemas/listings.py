"""Answers that are lists: an object with one member, so that more can be said beside it later."""

from __future__ import annotations

from chain_service.core.encoding.answers import answer
from chain_service.jobs.anchoring.publish_catalogs import AcceptedVersion
from chain_service.jobs.instance.certificate_types import ListedType
from chain_service.jobs.registries.organisations import ListedOrganisation


@answer
class AcceptedVersions:
    """Versions of catalog entries in the order in which they were sent."""

    versions: tuple[AcceptedVersion, ...]


@answer
class OrganisationList:
    """The organisations registered on chain."""

    organisations: tuple[ListedOrganisation, ...]


@answer
class TypeList:
    """The certificate types known here, by code."""

    types: tuple[ListedType, ...]
