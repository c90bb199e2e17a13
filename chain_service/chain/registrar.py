"""What only the registrar may do: organisations, rights, permits, log keys, generations.

Every method sends its transaction, waits until it is in a block and returns what the contract says then. `Reverted`
carries the contract error's name. Repeating one whose effect stands already sends nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from eth_utils.address import is_checksum_address, to_checksum_address

from chain_service.chain.contracts import decode_result, encode_call
from chain_service.chain.deployment import Deployment
from chain_service.chain.sender import Sender
from chain_service.core.chainproof.storage_layout import (
    OPEN_END,
    ORGANISATIONS,
    PERMIT_END,
    PERMIT_GRANT,
    PermitEntry,
    Right,
    code_key,
    day_number,
    organisation_word,
)
from chain_service.errors import BadRequest, Conflict

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

CHANGES_AT_ONCE = 100
POSITIONS_AT_ONCE = 16
_ADDRESS = re.compile("0x[0-9a-fA-F]{40}")


@dataclass(frozen=True)
class OrganisationState:
    """An organisation as the node reports it; for operators, not for verdicts."""

    org: str
    registered: bool
    suspended: bool
    generation: int
    log_keys: tuple[bytes, ...]


def parse_address(text: str, *, field: str) -> str:
    """The account's address with its checksum (EIP-55). Raises BadRequest."""
    one_case = text[2:] in (text[2:].lower(), text[2:].upper())
    if not _ADDRESS.fullmatch(text) or not (one_case or is_checksum_address(text)):
        raise BadRequest(
            f"{field} must be an account: 0x and 40 hexadecimal digits, in mixed case only with a right checksum",
            field=field,
        )
    return str(to_checksum_address(text))


class Registrar:
    """The registrar's account at work on one deployment."""

    def __init__(self, sender: Sender, deployment: Deployment, account: LocalAccount, *, timeout: float = 60.0) -> None:
        """`timeout` in seconds for each transaction to be mined."""
        self.sender = sender
        self.account = account
        self._address = deployment.address(ORGANISATIONS)
        self._timeout = timeout

    def organisation(self, org: str) -> OrganisationState:
        """What stands now."""
        word = organisation_word(org)
        registered, suspended, generation = self._views(
            [("isRegistered", (word,)), ("isSuspended", (word,)), ("generationOf", (word,))]
        )
        keys = self._history(lambda n: ("logKeyAt", (word, n)))
        return OrganisationState(org, registered, suspended, generation, tuple(keys))

    def rights_of(self, address: str, org: str) -> Right:
        """The account's rights for the organisation."""
        return Right(self._views([("rightsOf", (address, organisation_word(org)))])[0])

    def permits(self, org: str, certificate_type: str) -> tuple[PermitEntry, ...]:
        """The permit history of one certificate type."""
        word, kind = organisation_word(org), code_key(certificate_type)
        entries = self._history(lambda n: ("permitAt", (word, kind, n)))
        return tuple(PermitEntry.from_word(entry) for entry in entries)

    def register(self, organisations: Sequence[tuple[str, str, bytes]]) -> list[OrganisationState]:
        """Organisations (code, name, log key) stand on chain."""
        missing = []
        for org, name, log_key in organisations:
            standing = self.organisation(org)
            if not standing.registered or standing.log_keys[0] != log_key:
                missing.append((organisation_word(org), name, log_key))
        self._change("registerOrganisations", missing)
        return [self.organisation(org) for org, _, _ in organisations]

    def grant(self, org: str, address: str, rights: Right | int) -> Right:
        """The account's rights are exactly `rights` and it has funds to use them; 0 takes them all."""
        if self.rights_of(address, org) != rights:
            self._change("setRights", [(address, organisation_word(org), int(rights))])
        if rights:
            self.sender.fund(self.account, address, self._timeout)
        return self.rights_of(address, org)

    def set_suspended(self, org: str, suspended: bool) -> OrganisationState:
        """The organisation is suspended, or no longer."""
        standing = self.organisation(org)
        if not standing.registered or standing.suspended != suspended:
            self._change("setSuspended", [(organisation_word(org), suspended)])
        return self.organisation(org)

    def add_log_key(self, org: str, key: bytes) -> OrganisationState:
        """The key is the organisation's newest log key."""
        keys = self.organisation(org).log_keys
        if keys[-1:] != (key,):
            self._change("addLogKeys", [(organisation_word(org), len(keys), key)])
        return self.organisation(org)

    def open_generation(self, org: str) -> OrganisationState:
        """The organisation's next log generation is open; every call opens another."""
        self._change("openGenerations", [(organisation_word(org), self.organisation(org).generation + 1)])
        return self.organisation(org)

    def permit(
        self, org: str, certificate_types: Sequence[str], start: date, until: date | None = None
    ) -> dict[str, tuple[PermitEntry, ...]]:
        """The organisation may issue each type from `start` to `until`, both days included; histories by type."""
        days = day_number(start), OPEN_END if until is None else day_number(until)
        changes = []
        for certificate_type in dict.fromkeys(certificate_types):
            entries = self.permits(org, certificate_type)
            if not _stands(entries, PERMIT_GRANT, *days):
                changes.append((organisation_word(org), code_key(certificate_type), len(entries), PERMIT_GRANT, *days))
        self._change("recordPermits", changes)
        return {certificate_type: self.permits(org, certificate_type) for certificate_type in certificate_types}

    def end_permit(self, org: str, certificate_type: str, last_day: date) -> tuple[PermitEntry, ...]:
        """The permit ends after `last_day`. Raises `Conflict` (code `no_permit`) if there is none to end."""
        entries = self.permits(org, certificate_type)
        if not entries:
            raise Conflict("the organisation never had a permit for this type", code="no_permit", type=certificate_type)
        day = day_number(last_day)
        if not _stands(entries, PERMIT_END, 0, day):
            change = (organisation_word(org), code_key(certificate_type), len(entries), PERMIT_END, 0, day)
            self._change("recordPermits", [change])
        return self.permits(org, certificate_type)

    def _change(self, function: str, changes: Sequence[tuple[Any, ...]]) -> None:
        for start in range(0, len(changes), CHANGES_AT_ONCE):
            calldata = encode_call(ORGANISATIONS, function, changes[start : start + CHANGES_AT_ONCE])
            self.sender.transact(self.account, self._address, calldata, timeout=self._timeout)

    def _views(self, calls: Sequence[tuple[str, tuple[Any, ...]]]) -> list[Any]:
        answers = self.sender.calls(
            self._address, [encode_call(ORGANISATIONS, function, *arguments) for function, arguments in calls]
        )
        return [
            decode_result(ORGANISATIONS, function, answer) for (function, _), answer in zip(calls, answers, strict=True)
        ]

    def _history(self, view: Callable[[int], tuple[str, tuple[Any, ...]]]) -> list[Any]:
        """The entries from position 0 to the first empty one."""
        entries: list[Any] = []
        while True:
            positions = range(len(entries), len(entries) + POSITIONS_AT_ONCE)
            for entry in self._views([view(n) for n in positions]):
                if entry in (0, bytes(32)):
                    return entries
                entries.append(entry)


def _stands(entries: Sequence[PermitEntry], action: int, from_day: int, until_day: int) -> bool:
    """The newest entry says exactly this."""
    last = entries[-1] if entries else None
    return last is not None and (last.action, last.from_day, last.until_day) == (action, from_day, until_day)
