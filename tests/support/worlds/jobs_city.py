"""An invented city for the tests of the jobs: its trial chain, one instance of the service, its organisations."""

from __future__ import annotations

import itertools
import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount

from chain_service.chain.contracts import encode_call
from chain_service.chain.deployment import Deployment, deploy
from chain_service.chain.keystore import Keystore, create_registrar, open_registrar
from chain_service.chain.registrar import Registrar
from chain_service.chain.rpc import Rpc
from chain_service.chain.sender import FUNDS, TRANSFER_GAS, Sender
from chain_service.config import Settings
from chain_service.core.chainproof.storage_layout import (
    OPEN_END,
    ORGANISATIONS,
    PERMIT_GRANT,
    code_key,
    day_number,
    organisation_word,
)
from chain_service.core.encoding.answers import to_json
from chain_service.core.encoding.digests import file_digests
from chain_service.core.records.identifiers import CertificateIdentifier, TypeCode, is_org_code, org_code_checks
from chain_service.core.verdicts.verdict import Verdict
from chain_service.jobs import workers
from chain_service.jobs.anchoring import change_state, submit_records
from chain_service.jobs.anchoring.change_state import ChangeAnswer
from chain_service.jobs.anchoring.journal_heads import keep_journal
from chain_service.jobs.asker import PUBLIC, Acting, Asker, Operator
from chain_service.jobs.context import App, Chain
from chain_service.jobs.indexing.follow import index
from chain_service.jobs.instance.registrar import ALL_RIGHTS
from chain_service.jobs.records import records
from chain_service.jobs.verifying.request import VerificationRequest
from chain_service.jobs.verifying.verify import verify_many
from chain_service.nodes.embedded.blocks.genesis import create
from chain_service.nodes.embedded.node import Node
from chain_service.nodes.embedded.server import Server, serve
from chain_service.store import alerts, submissions
from chain_service.store.auditing import journal
from chain_service.store.database import Database

PASSWORD = "correct horse"
PERMITTED = date(2020, 1, 1)
ISSUED = date(2025, 6, 2)
WAIT = 120.0
SETUP_GAS = 4_000_000
LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_numbers = itertools.count(1)


def org_code(number: int) -> str:
    """A unified social credit code with both check characters right."""
    for first in LETTERS:
        for second in LETTERS:
            code = f"11439900{number:08d}{first}{second}"
            if is_org_code(code) and org_code_checks(code):
                return code
    raise ValueError(f"no check characters fit {number}")


FOOD, TRADE, OTHER = (TypeCode(f"{org_code(0)}{number:03d}") for number in (1, 2, 3))


class Trial:
    """A trial chain whose contracts are deployed; it can be stopped, copied and started again."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.deployment = Deployment.load(directory / "deployment.json")
        self.node: Node
        self.server: Server
        self.rpc: Rpc

    @cached_property
    def account(self) -> LocalAccount:
        return open_registrar(self.directory / "registrar.json", PASSWORD)

    def start(self) -> None:
        self.node = Node.open(self.directory / "node", PASSWORD)
        self.node.start()
        self.server = serve(self.node, port=0)
        self.rpc = Rpc([self.server.url])

    def stop(self) -> None:
        self.rpc.close()
        self.server.stop()
        self.node.close()

    def __enter__(self) -> Trial:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def sender(self) -> Sender:
        return Sender(self.rpc, self.deployment.chain_id)

    @property
    def registrar(self) -> Registrar:
        return Registrar(self.sender, self.deployment, self.account, timeout=WAIT)

    def copied(self, directory: Path) -> Trial:
        """The same chain in another directory; it must be stopped."""
        shutil.copytree(self.directory, directory)
        return Trial(directory)

    def mine(self, blocks: int = 1) -> None:
        """More blocks, each with a transfer of the registrar to itself."""
        for _ in range(blocks):
            self.sender.transact(self.account, self.account.address, b"", value=1, timeout=WAIT)


def new_chain(directory: Path) -> Trial:
    """A chain with contracts and nobody registered, stopped."""
    directory.mkdir(parents=True)
    address = create_registrar(directory / "registrar.json", PASSWORD)
    create(directory / "node", funded=[address], password=PASSWORD, period=0)
    with (
        Node.open(directory / "node", PASSWORD) as node,
        serve(node, port=0) as server,
        Rpc([server.url]) as rpc,
    ):
        account = open_registrar(directory / "registrar.json", PASSWORD)
        deployment = deploy(rpc, account, state=directory / "deployment.partial.json")
    deployment.save(directory / "deployment.json")
    return Trial(directory)


@dataclass
class Clock:
    """The machine's clock, which a test may set ahead."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


def verify(app: App, question: VerificationRequest, asker: Asker = PUBLIC) -> Verdict:
    """The verdict on one question."""
    return next(verify_many(app, [question], asker))


@dataclass(frozen=True)
class Org:
    """A registered organisation and who acts for it."""

    code: str
    account: str
    caller: Acting = field(repr=False)

    def certificate(self, number: str | None = None, type_code: TypeCode = FOOD, **other: Any) -> dict[str, Any]:
        """A certificate of this issuer; keyword arguments replace members, None leaves one out."""
        number = number or f"JY{next(_numbers):010d}"
        value: dict[str, Any] = {
            "kind": "certificate",
            "certificateTypeCode": type_code,
            "certificateNumber": number,
            "certificateIdentifier": str(CertificateIdentifier(type_code, self.code, number, "001")),
            "certificateIssuingAuthorityCode": self.code,
            "certificateIssuedDate": ISSUED.isoformat(),
            "holders": [
                {
                    "certificateHolderName": "临澜市青禾食品有限公司",
                    "certificateHolderCode": "91439900MA0000QW0X",
                    "certificateHolderTypeCode": "001",
                }
            ],
            "files": [{"mediaType": "application/ofd", "digests": file_digests(number.encode())}],
            "extension": {"scope": "糕点类食品制售"},
        }
        return {name: member for name, member in (value | other).items() if member is not None}

    def document(self, number: str | None = None, **other: Any) -> dict[str, Any]:
        """A document of this organisation, which needs no permit."""
        value = {
            "kind": "document",
            "documentTypeCode": "approval",
            "documentNumber": number or f"临审〔2025〕{next(_numbers)}号",
            "title": "关于同意办理食品经营许可事项的批复",
            "issuingOrganisationCode": self.code,
            "issuedDate": ISSUED.isoformat(),
        }
        return value | other


@dataclass(frozen=True)
class City:
    """One instance of the service on a trial chain."""

    app: App
    trial: Trial
    clock: Clock
    stock: list[Org] = field(default_factory=list)
    at_once: int = 2

    def organisation(self) -> Org:
        """A new organisation of this instance with all rights, permitted to issue FOOD and TRADE."""
        if not self.stock:
            self.stock.extend(self.register(self.at_once))
        return self.stock.pop()

    def register(self, count: int) -> list[Org]:
        """So many new organisations, registered together: every wait for a block costs more than they do."""
        codes = [org_code(next(_numbers)) for _ in range(count)]
        words = {code: organisation_word(code) for code in codes}
        keystore, registrar = self.app.keystore, self.trial.account
        accounts = {code: keystore.create_account(code) for code in codes}
        keys = [(words[code], f"临澜市第{code[8:16]}局", keystore.create_log_key(code)) for code in codes]
        rights = [(accounts[code], words[code], int(ALL_RIGHTS)) for code in codes]
        always = (day_number(PERMITTED), OPEN_END)
        permits = [(words[code], code_key(kind), 0, PERMIT_GRANT, *always) for code in codes for kind in (FOOD, TRADE)]
        calls = {"registerOrganisations": keys, "setRights": rights, "recordPermits": permits}
        contract, sender = self.trial.deployment.address(ORGANISATIONS), self.trial.sender
        nonce = itertools.count(sender.transaction_count(registrar.address))
        sent = [
            sender.sign(registrar, next(nonce), contract, encode_call(ORGANISATIONS, function, changes), SETUP_GAS)
            for function, changes in calls.items()
        ]
        sent += [sender.sign(registrar, next(nonce), one, b"", TRANSFER_GAS, FUNDS) for one in accounts.values()]
        for transaction in sent:
            sender.broadcast(transaction)
        for transaction in reversed(sent):
            sender.wait(transaction.hash, WAIT)
        index(self.app)
        return [Org(code, accounts[code], Operator(code)) for code in codes]

    def submit(self, org: Org, *bodies: Mapping[str, Any], caller: Acting | None = None) -> list[str]:
        """The ids of the accepted records, in order."""
        accepted = submit_records.submit(self.app, caller or org.caller, lines(*bodies))
        return [one.id for one in accepted]

    def anchor(self, org: Org, *bodies: Mapping[str, Any], caller: Acting | None = None) -> list[str]:
        """The ids of the anchored records, in order."""
        ids = self.submit(org, *bodies, caller=caller)
        self.make_final(ids)
        return ids

    def make_final(self, ids: Sequence[str]) -> None:
        """All of them are anchored or failed."""
        workers.wait_anchored(self.app, ids, timeout=WAIT)

    def anchor_journal(self) -> str:
        """The id of the record that carries the journal's new head, anchored."""
        at_once = replace(self.app, settings=self.app.settings.model_copy(update={"journal_period": 0}))
        for _ in range(2):  # the first call may be the one with which the first period begins
            keep_journal(at_once)
        with self.app.database.reading() as connection:
            head = journal.newest_head(connection)
        assert head is not None and head.record_id is not None
        self.make_final([head.record_id])
        return head.record_id

    def change(self, org: Org, record: str, to: str, reason: int = 3, **other: Any) -> ChangeAnswer:
        """The accepted change of state, with a legal basis."""
        other = {"legal_basis": "食品安全法第一百二十四条", **other}
        return change_state.change_status(self.app, org.caller, record, to, reason, **other)

    def set_state(self, org: Org, record: str, to: str, reason: int = 3, **other: Any) -> None:
        """The record has this state on chain."""
        self.change(org, record, to, reason, **other)
        workers.wait_final(self.app, "status", record, timeout=WAIT)

    def step(self) -> None:
        """One round of the workers, closing whatever waits."""
        workers.run_once(self.app, force=True)

    def rounds(self, count: int = 3) -> None:
        """Rounds of the workers, with time for a block in between."""
        for _ in range(count):
            self.step()
            self.mined()

    def mined(self) -> None:
        """What waits in the node's pool is in a block."""
        until = time.monotonic() + WAIT
        while self.trial.node.pool.ready() and time.monotonic() < until:
            time.sleep(0.01)

    def state(self, record: str) -> str:
        return records.read(self.app, record).state

    def status(self, record: str) -> str:
        return records.read(self.app, record).status

    def disclosure(self, org: Org, record: str) -> bytes:
        return json.dumps(to_json(records.read(self.app, record, org.caller).disclosure)).encode()

    def proof(self, record: str) -> bytes:
        return json.dumps(to_json(records.proof(self.app, record))).encode()

    def verify(self, **question: Any) -> Verdict:
        return verify(self.app, VerificationRequest(**question))

    def judged(self, org: Org, record: str, **question: Any) -> str:
        """The verdict's code on the record's own disclosure."""
        return self.verify(disclosure=self.disclosure(org, record), **question).code

    def alerts(self) -> dict[tuple[str, str], Mapping[str, Any]]:
        """The details of the standing alerts by code and subject."""
        with self.app.database.reading() as connection:
            return {(one.code, one.subject): one.details for one in alerts.listed(connection)}

    def reasons(self, org: Org) -> set[str]:
        """Why submissions of the organisation's account wait."""
        with self.app.database.reading() as connection:
            waiting = [one for one in submissions.failing(connection) if one.account == org.account]
        return {one.last_error or "" for one in waiting}

    def tamper(self, statement: str, *parameters: Any) -> None:
        """The statement ran behind the service's back; `?` stands for a parameter."""
        with self.app.database.engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.execution_options(chain_service_write=True)
            else:
                statement = statement.replace("?", "%s")
            with connection.begin():
                assert connection.exec_driver_sql(statement, tuple(parameters)).rowcount >= 1

    def on(self, trial: Trial | None = None, *, rpc: Rpc | None = None, **settings: Any) -> City:
        """The same instance with another chain behind its URL or other settings."""
        app = self.app
        if trial is not None or rpc is not None:
            rpc = rpc or (trial or self.trial).rpc
            app = replace(app, chain=Chain(self.trial.deployment, rpc))
        if settings:
            app = replace(app, settings=app.settings.model_copy(update=settings))
        return City(app, trial or self.trial, self.clock, self.stock, self.at_once)


def lines(*bodies: Mapping[str, Any]) -> list[tuple[int, bytes]]:
    """Numbered lines of NDJSON."""
    return [(number, json.dumps(body).encode()) for number, body in enumerate(bodies, start=1)]


@contextmanager
def instance(directory: Path, trial: Trial, database_url: str, *, at_once: int = 2) -> Iterator[City]:
    """A new instance on this chain, its database migrated; `at_once` organisations are registered together."""
    directory.mkdir(parents=True, exist_ok=True)
    settings = Settings(
        data=directory, database_url=database_url, rpc_urls=list(trial.rpc.urls), poll_interval=0.01, batch_age=0.0
    )
    clock = Clock()
    with ExitStack() as stack:
        database = Database(settings.database)
        stack.callback(database.close)
        database.migrate()
        app = App(
            settings=settings,
            database=database,
            keystore=Keystore.create(directory / "keys", PASSWORD),
            chain=Chain(trial.deployment, trial.rpc),
            clock=clock,
        )
        stack.callback(app.parsers.close)
        yield City(app, trial, clock, at_once=at_once)
