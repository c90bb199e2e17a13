"""What only the registrar may do: organisations, rights, permits, log keys, generations.

Every method sends its transaction, waits until it is in a block and returns what the contract says then. `Reverted` carries
the contract error's name. Repeating one whose effect stands already sends nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from eth_account.signers.local import LocalAccount

from chain_service.chain.deployment import Deployment
from chain_service.chain.sender import Sender

ANCHOR, STATUS, SEAL, CATALOG = 1, 2, 4, 8
RIGHTS = {"anchor": ANCHOR, "status": STATUS, "seal": SEAL, "catalog": CATALOG}


@dataclass(frozen=True)
class OrganisationState:
    """An organisation as the node reports it; for operators, not for verdicts."""

    org: str
    registered: bool
    suspended: bool
    generation: int
    log_keys: tuple[bytes, ...]


@dataclass(frozen=True)
class PermitEntry:
    """One entry of a permit history: `action` 1 grant (`start`..`until`, None open), 2 end (`until` the last day)."""

    n: int
    action: int
    start: date | None
    until: date | None
    recorded_at: int


class Registrar:
    """The registrar's account at work on one deployment."""

    def __init__(
        self, sender: Sender, deployment: Deployment, account: LocalAccount, *, timeout: float = 60.0
    ) -> None: ...

    def organisation(self, org: str) -> OrganisationState:
        """What stands now."""

    def rights_of(self, address: str, org: str) -> int:
        """The account's rights mask for the organisation."""

    def permits(self, org: str, certificate_type: str) -> tuple[PermitEntry, ...]:
        """The permit history of one certificate type."""

    def register(self, organisations: Sequence[tuple[str, str, bytes]]) -> list[OrganisationState]:
        """Organisations (code, name, log key) stand on chain."""

    def grant(self, org: str, address: str, rights: int) -> int:
        """The account's rights are exactly `rights` and it has funds to use them; 0 takes them all."""

    def set_suspended(self, org: str, suspended: bool) -> OrganisationState:
        """The organisation is suspended, or no longer."""

    def add_log_key(self, org: str, key: bytes) -> OrganisationState:
        """The key is the organisation's newest log key."""

    def open_generation(self, org: str) -> OrganisationState:
        """The organisation's next log generation is open."""

    def permit(
        self, org: str, certificate_types: Sequence[str], start: date, until: date | None = None
    ) -> dict[str, tuple[PermitEntry, ...]]:
        """The organisation may issue each type from `start` to `until`, both days included; histories by type."""

    def end_permit(self, org: str, certificate_type: str, last_day: date) -> tuple[PermitEntry, ...]:
        """The permit ends after `last_day`. Raises `Conflict` (code `no_permit`) if there is none to end."""
