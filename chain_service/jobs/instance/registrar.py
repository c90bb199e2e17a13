"""Who may act for whom: what the registrar writes on chain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from chain_service.chain.keystore import open_registrar
from chain_service.chain.registrar import OrganisationState, Registrar, parse_address
from chain_service.core.chainproof.storage_layout import (
    Right,
    day_number,
)
from chain_service.core.encoding.answers import Hex, answer, left_out
from chain_service.core.encoding.visible_text import require_visible
from chain_service.core.records.identifiers import org_code_checks
from chain_service.core.registries.typed_codes import typed_org_code, typed_type_code
from chain_service.errors import BadRequest, MalformedRecord
from chain_service.jobs.context import App
from chain_service.jobs.registries.organisations import RIGHTS, PermitStep, permit_step, right_names
from chain_service.jobs.workers import wait_indexed

ALL_RIGHTS = Right.ANCHOR | Right.STATUS | Right.SEAL | Right.CATALOG
MAX_NAME = 200


@answer
class OrganisationStanding:
    """An organisation as the chain has it now."""

    code: str
    registered: bool
    suspended: bool
    generation: int
    """Which of its logs is open."""
    log_keys: tuple[Hex, ...]


@answer
class RegisteredOrganisation(OrganisationStanding):
    """An organisation with the account that has all rights for it."""

    name: str
    account: str
    rights: tuple[str, ...]
    warning: str | None = left_out()


@answer
class GrantedRights:
    """What an account may do for an organisation."""

    code: str
    account: str
    rights: tuple[str, ...]


@answer
class PermitHistory:
    """Every permit of an organisation for one certificate type, in order."""

    code: str
    type: str
    permits: tuple[PermitStep, ...]


def add(
    app: App, code: str, name: str, *, account: str | None = None, registrar: Path | None = None
) -> RegisteredOrganisation:
    """The organisation is registered with its log key, and an account has all rights for it.

    Without `account` this instance makes and keeps one. Repeating it is safe. The code goes on chain as it is written.
    """
    org = typed_org_code(code, field="CODE")
    if org != code:
        raise MalformedRecord(
            f"a new organisation is registered as it is written: write {org}",
            zh=f"新登记的机构代码按所填原样上链，请写作 {org}",
            code="code_mistyped",
            field="CODE",
        )
    if not name.strip() or len(name) > MAX_NAME:
        raise BadRequest(f"an organisation needs a name of at most {MAX_NAME} characters", field="NAME")
    require_visible(name, "NAME")
    if account is not None:
        account = parse_address(account, field="--account")
    keystore = app.keystore
    log_keys = keystore.log_keys(org)
    log_key = log_keys[0] if log_keys else keystore.create_log_key(org)
    if account is None:
        account = keystore.accounts().get(org) or keystore.create_account(org)
    office = _office(app, registrar)
    standing = office.register([(org, name.strip(), log_key)])[0]
    office.grant(org, account, ALL_RIGHTS)
    wait_indexed(app)
    doubtful = "the check digit of this code is wrong, as in some early codes that are legal"
    return RegisteredOrganisation(
        code=standing.org,
        registered=standing.registered,
        suspended=standing.suspended,
        generation=standing.generation,
        log_keys=standing.log_keys,
        name=name.strip(),
        account=account,
        rights=right_names(ALL_RIGHTS),
        warning=None if org_code_checks(org) else doubtful,
    )


def grant(app: App, code: str, address: str, rights: Sequence[str], *, registrar: Path | None = None) -> GrantedRights:
    """The account's rights for the organisation are exactly these (none: it is stopped), and it has funds."""
    unknown = sorted(set(rights) - set(RIGHTS))
    if unknown:
        raise BadRequest(f"rights are {', '.join(RIGHTS)}; not {', '.join(unknown)}", field="rights")
    mask = Right(0)
    for name in rights:
        mask |= RIGHTS[name]
    org, account = typed_org_code(code, field="CODE"), parse_address(address, field="ADDR")
    granted = _office(app, registrar).grant(org, account, mask)
    wait_indexed(app)
    return GrantedRights(org, account, right_names(granted))


def suspend(app: App, code: str, *, registrar: Path | None = None) -> OrganisationStanding:
    """Nobody can write for the organisation; what it anchored stays as valid as it was."""
    return _set_suspended(app, code, True, registrar)


def resume(app: App, code: str, *, registrar: Path | None = None) -> OrganisationStanding:
    """The organisation's accounts can write again; what waited is sent."""
    return _set_suspended(app, code, False, registrar)


def _set_suspended(app: App, code: str, suspended: bool, registrar: Path | None) -> OrganisationStanding:
    standing = _office(app, registrar).set_suspended(typed_org_code(code, field="CODE"), suspended)
    wait_indexed(app)
    return _standing(standing)


def new_generation(app: App, code: str, *, registrar: Path | None = None) -> OrganisationStanding:
    """The organisation's next log is open under a new log key; the old log takes no more heads."""
    org = typed_org_code(code, field="CODE")
    office = _office(app, registrar)
    kept = app.keystore.log_keys(org)
    on_chain = office.organisation(org).log_keys
    key = app.keystore.create_log_key(org, len(on_chain)) if len(on_chain) not in kept else kept[len(on_chain)]
    office.add_log_key(org, key)
    standing = office.open_generation(org)
    wait_indexed(app)
    return _standing(standing)


def permit(
    app: App, code: str, type_code: str, start: date, until: date | None = None, *, registrar: Path | None = None
) -> PermitHistory:
    """The organisation may issue the type from `start` to `until`, both days included (None: until ended)."""
    if until is not None and until < start:
        raise BadRequest("a permit must not end before it begins", field="until")
    _need_countable(start, "from")
    org, kind = typed_org_code(code, field="CODE"), typed_type_code(type_code, field="TYPE")
    history = _office(app, registrar).permit(org, [kind], start, until)[kind]
    wait_indexed(app)
    return PermitHistory(org, kind, tuple(permit_step(entry) for entry in history))


def end_permit(app: App, code: str, type_code: str, last_day: date, *, registrar: Path | None = None) -> PermitHistory:
    """The permit ends after `last_day`."""
    _need_countable(last_day, "on")
    org, kind = typed_org_code(code, field="CODE"), typed_type_code(type_code, field="TYPE")
    history = _office(app, registrar).end_permit(org, kind, last_day)
    wait_indexed(app)
    return PermitHistory(org, kind, tuple(permit_step(entry) for entry in history))


def _need_countable(day: date, field: str) -> None:
    """The contract counts days from 1970-01-01."""
    if day_number(day) < 0:
        raise BadRequest(f"{field} must not lie before 1970-01-01", field=field)


def _office(app: App, registrar: Path | None) -> Registrar:
    chain = app.require_chain()
    account = open_registrar(registrar or app.settings.registrar_file, app.settings.operator_secret())
    return Registrar(chain.sender, chain.deployment, account)


def _standing(state: OrganisationState) -> OrganisationStanding:
    return OrganisationStanding(
        code=state.org,
        registered=state.registered,
        suspended=state.suspended,
        generation=state.generation,
        log_keys=state.log_keys,
    )
