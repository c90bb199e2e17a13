"""The composition root: from settings to a working instance. Only this module builds adapters."""

from __future__ import annotations

import time
from functools import partial

from chain_service.chain.deployment import Deployment
from chain_service.chain.keystore import Keystore
from chain_service.chain.reader import ChainReader
from chain_service.chain.rpc import Rpc
from chain_service.config import Settings
from chain_service.core.chainproof.trust import ChainTrust
from chain_service.errors import ChainServiceError, NotFound
from chain_service.jobs.context import App, Chain
from chain_service.jobs.leases import refuse_other_deployment
from chain_service.jobs.validators import refresh_trust, trust_sets
from chain_service.store import validators
from chain_service.store.connecting.drivers import DatabaseLimits
from chain_service.store.database import Database


def open_app(settings: Settings, *, migrate: bool = True) -> App:
    """The instance kept in `settings.data`, its database brought to this program's version, if wanted.

    Raises `NotFound` (code `not_initialised`) before `init`, `Conflict` if the database belongs to other contracts, is
    newer than the program and cannot be served by it, or is older and shall not be migrated (`database_older`). An
    empty one always is.
    """
    if not settings.data.joinpath("config.toml").is_file():
        raise NotFound(
            f"{settings.data} holds no instance: run `chain-service --data {settings.data} init` first",
            code="not_initialised",
        )
    database = open_database(settings)
    try:
        if migrate or database.is_empty():
            database.migrate()
        else:
            database.check()
    except ChainServiceError:
        database.close()
        raise
    app = App(
        settings=settings,
        database=database,
        keystore=Keystore(settings.data / "keys", settings.keystore_password()),
        chain=_chain(settings),
        clock=time.time,
        open_roots=partial(_root_keystore, settings),
    )
    try:
        with database.reading() as connection:
            refuse_other_deployment(app, connection)
            refresh_trust(app, connection)
    except ChainServiceError:
        app.close()
        raise
    return app


def _root_keystore(settings: Settings) -> Keystore:
    """Looked for when it is needed only: the service's user may not even see where it is."""
    return Keystore((settings.operator_home or settings.data) / "keys", settings.operator_secret())


def open_database(settings: Settings) -> Database:
    """The instance's database with the bounds of its settings. Raises `Conflict` (`unknown_database`)."""
    limits = DatabaseLimits(
        connections=settings.database_connections,
        pool_seconds=settings.database_pool_timeout,
        connect_seconds=settings.database_connect_timeout,
        lock_seconds=settings.database_lock_timeout,
        statement_seconds=settings.database_statement_timeout,
    )
    return Database(settings.database, limits)


def open_reader(settings: Settings, trust: ChainTrust | None) -> ChainReader | None:
    """Reads of the chain that `trust` is about, judged by it, or of the instance's own; None where there is neither."""
    if trust is not None:
        return ChainReader(Rpc(settings.rpc_urls), trust)
    return _own_reader(settings) if settings.deployment_file.is_file() else None


def _own_reader(settings: Settings) -> ChainReader:
    """Reads of the instance's own chain, whose index is as far as it is."""
    chain = Chain(Deployment.load(settings.deployment_file), Rpc(settings.rpc_urls, settings.rpc_timeout))
    database = open_database(settings)
    try:
        if not database.is_empty():
            database.check()
            with database.reading() as connection:
                trust_sets(chain, validators.listed(connection))
    finally:
        database.close()
    return chain.reader


def _chain(settings: Settings) -> Chain | None:
    try:
        deployment = Deployment.load(settings.deployment_file)
    except NotFound:
        return None
    return Chain(deployment, Rpc(settings.rpc_urls, settings.rpc_timeout))
