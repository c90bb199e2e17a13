"""An instance comes to be: keystores, database, trial chain and configuration; then the contracts."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from chain_service.chain.deployment import deploy as deploy_contracts
from chain_service.chain.keystore import Keystore, create_registrar, open_registrar
from chain_service.chain.rpc import Rpc
from chain_service.config import Settings
from chain_service.core.encoding.answers import answer, left_out
from chain_service.core.encoding.display import hex0x
from chain_service.errors import BadRequest, Conflict, NotFound
from chain_service.files import write_new
from chain_service.jobs.context import Progress, silent
from chain_service.jobs.instance.separation import separate
from chain_service.nodes.embedded.blocks import genesis
from chain_service.store.database import Database


@answer
class InitialisedInstance:
    """An instance that was just made, and where its parts lie."""

    data: str
    registrar: str
    """Address of the registrar's account."""
    password_file: str | None
    """The file with the password that was made up; null where one was given."""
    genesis: str
    operator: str | None = left_out()
    """Directory of the registrar's and root keys, where they were set apart."""


@answer
class DeployedContracts:
    """The contracts, and the chain they stand on."""

    chain_id: int
    genesis_hash: str
    consensus: str
    registrar: str
    """Address that says who may act for whom."""
    contracts: Mapping[str, str]
    """Address of each contract by its name."""


def init(settings: Settings, *, separate_keys: bool = False) -> InitialisedInstance:
    """DIR holds encrypted keystores, a migrated database, the genesis of a trial chain and `config.toml`.

    Without a password in the settings a random one is written to `DIR/password` (mode 0600): move it elsewhere before
    anything of worth is kept. Raises `Conflict` (code `already_initialised`) and changes nothing if DIR was one,
    `BadRequest` (code `file_not_written`) where DIR cannot be made or written to, `Unavailable` without the database;
    what an attempt before has made is used by the next. With `separate_keys` the instance is made first and its keys
    are set apart then: where that failed or was interrupted, `separation.separate` does the rest.
    """
    database = Database(settings.database)  # refuses what it does not know before anything is written
    try:
        made = _made(settings, database)
    except OSError as error:
        file = error.filename or settings.data
        raise BadRequest(f"{file}: {error.strerror}", code="file_not_written", file=str(file)) from error
    finally:
        database.close()
    return replace(made, operator=separate(settings).operator) if separate_keys else made


def _made(settings: Settings, database: Database) -> InitialisedInstance:
    data = settings.data
    config = data / "config.toml"
    if config.exists():
        raise Conflict(f"{data} is initialised already; nothing was changed", code="already_initialised")
    database = Database(settings.database)  # one that is not supported is refused before anything is written
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    password, password_file = _password(settings)
    if not (data / "keys").exists():
        Keystore.create(data / "keys", password)
    file = data / "registrar.json"  # where `keystore separate` finds it
    registrar = open_registrar(file, password).address if file.exists() else create_registrar(file, password)
    if not (settings.node_directory / "genesis.json").exists():
        genesis.create(settings.node_directory, funded=[registrar], password=password, period=settings.block_period)
    try:
        database.migrate()
    finally:
        database.close()
    write_new(config, _configuration(settings).encode(), code="already_initialised")
    return InitialisedInstance(
        data=str(data),
        registrar=registrar,
        password_file=str(password_file) if password_file else None,
        genesis=str(settings.node_directory / "genesis.json"),
    )


def deploy(settings: Settings, *, registrar: Path | None = None, progress: Progress = silent) -> DeployedContracts:
    """The contracts stand on the chain behind `rpc_urls`, and `DIR/deployment.json` says where.

    An interrupted run is finished by the next. Raises `Conflict` (code `already_deployed`) a second time.
    """
    if settings.deployment_file.exists():
        raise Conflict(
            f"{settings.deployment_file} exists: contracts are deployed once; nothing was sent", code="already_deployed"
        )
    account = open_registrar(registrar or settings.registrar_file, settings.operator_secret())
    state = settings.data / "deployment.partial.json"
    with Rpc(settings.rpc_urls, settings.rpc_timeout) as rpc:
        deployment = deploy_contracts(rpc, account, state=state, progress=progress)
    deployment.save(settings.deployment_file)
    state.unlink(missing_ok=True)
    return DeployedContracts(
        chain_id=deployment.chain_id,
        genesis_hash=hex0x(deployment.genesis_hash),
        consensus=deployment.consensus,
        registrar=deployment.registrar,
        contracts={name: contract.address for name, contract in deployment.contracts.items()},
    )


def _password(settings: Settings) -> tuple[str, Path | None]:
    """The password in force, and the file it was newly written to, if it was."""
    try:
        return settings.keystore_password(), None
    except NotFound:
        if settings.password_file is not None:
            raise
    file = settings.data / "password"
    password = secrets.token_urlsafe(32)
    write_new(file, f"{password}\n".encode(), code="already_initialised")
    return password, file


def _configuration(settings: Settings) -> str:
    """`config.toml` with what was given for this instance; every other setting keeps its default."""
    lines = ["# chain-service: see docs/reference/settings.md for every setting.\n"]
    given = ("database_url", "rpc_urls", "password_file", "operator_directory", "operator_password_file")
    for name in (*given, "host", "port", "chain_port", "block_period"):
        if name in settings.model_fields_set:
            lines.append(f"{name} = {toml_value(getattr(settings, name))}\n")
    return "".join(lines)


def toml_value(value: Any) -> str:
    """The value as config.toml writes it."""
    if isinstance(value, list):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    if isinstance(value, int):
        return str(value)
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
