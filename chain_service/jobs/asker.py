"""Who asks: the public without a key, the holder of an API key, or the operator of the instance.

A job that depends on who asks takes one of these types, so that a door has to say whom it lets in. What a role allows
is asked of the asker by the job, and named at the route (`web.http.auth`) before the job is begun.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Literal, TypeAlias, get_args

from chain_service.errors import BadRequest, Forbidden

Role = Literal["anchor", "status", "catalog", "seal", "verify", "audit"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
READERS: Final[tuple[Role, ...]] = ("audit", "anchor")
"""The roles that may read the records of their organisation."""
LISTERS: Final[tuple[Role, ...]] = (*READERS, "status")
"""The roles that may list and search them."""
REVIEWERS: Final[tuple[Role, ...]] = ("audit", "catalog")
"""The roles that may have all catalogs looked through."""


@dataclass(frozen=True)
class Public:
    """Somebody without a key."""

    org: ClassVar[None] = None
    key_id: ClassVar[None] = None
    roles: ClassVar[frozenset[Role]] = frozenset()

    def may_look_up(self, type_code: str) -> bool:  # noqa: ARG002
        """Whoever knows number and name may, whatever the type."""
        return True


PUBLIC: Final = Public()


@dataclass(frozen=True)
class KeyHolder:
    """Whoever sent an API key: it acts for one organisation in its roles."""

    org: str
    roles: frozenset[Role]
    key_id: str
    types: frozenset[str] = frozenset()
    """Certificate types whose records it may look up by identifier; empty: all."""
    daily_lookups: int | None = None
    """Look-ups by identifier in a day; None: as many as it likes."""

    def may_look_up(self, type_code: str) -> bool:
        """Whether records of this type answer its look-ups by identifier."""
        return not self.types or type_code in self.types

    @property
    def acting_for(self) -> str:
        """The organisation in whose name something is done."""
        return self.org

    def need(self, *roles: Role) -> None:
        """Raises `Forbidden` (code `missing_role`, naming the first) unless the key has one of these roles."""
        if self.roles.isdisjoint(roles):
            raise Forbidden(f"this key lacks the role {roles[0]}", code="missing_role", role=roles[0])

    def need_org(self, org: str) -> None:
        """Raises `Forbidden` (code `wrong_organisation`) unless the key is of `org`."""
        if self.org != org:
            raise Forbidden(f"this key acts for {self.org} only", code="wrong_organisation", org=self.org)


@dataclass(frozen=True)
class Operator:
    """Whoever runs the commands of this instance, with every role: for `org`, or for all when it is None."""

    org: str | None = None
    key_id: ClassVar[None] = None
    roles: ClassVar[frozenset[Role]] = frozenset(ROLES)

    @property
    def acting_for(self) -> str:
        """The organisation in whose name something is done. Raises `BadRequest` (code `usage`) where none was named."""
        if self.org is None:
            raise BadRequest("name the organisation that this is done for", code="usage", field="--org")
        return self.org

    def may_look_up(self, type_code: str) -> bool:  # noqa: ARG002
        """The operator may, whatever the type."""
        return True

    def need(self, *roles: Role) -> None:
        """Returns whatever the roles are: the operator has them all."""

    def need_org(self, org: str) -> None:
        """Raises `Forbidden` (code `wrong_organisation`) unless the command acts for `org` or for all."""
        if self.org not in (None, org):
            raise Forbidden(f"this command acts for {self.org} only", code="wrong_organisation", org=self.org)


Acting: TypeAlias = KeyHolder | Operator
"""Whoever may do something in the name of an organisation."""
Asker: TypeAlias = Public | Acting
"""Whoever may ask."""
