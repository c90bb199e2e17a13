"""What a job works with: the instance's settings, memory, keys and chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from chain_service.chain.deployment import Deployment
from chain_service.chain.keystore import Keystore
from chain_service.chain.reader import ChainReader
from chain_service.chain.rpc import Rpc
from chain_service.chain.sender import Sender
from chain_service.config import Settings
from chain_service.errors import Corrupt, Forbidden, NotFound, Unavailable
from chain_service.jobs.key_limits import KeyLimits
from chain_service.jobs.parsing.ocsp_responders import Responders
from chain_service.jobs.parsing.pool import Parsers, parser_limits
from chain_service.jobs.parsing.trust_directory import TrustDirectory
from chain_service.store.database import Database
from chain_service.store.readings import ReadingLog

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""


def silent(what: str, done: int, total: int) -> None:
    """The progress nobody watches."""


@dataclass(frozen=True)
class Chain:
    """The deployed contracts on their chain, and the ways to read and to write."""

    deployment: Deployment
    rpc: Rpc

    @cached_property
    def reader(self) -> ChainReader:
        """Proven reads of this deployment's chain."""
        return ChainReader(self.rpc, self.deployment.trust())

    @cached_property
    def sender(self) -> Sender:
        """Transactions of this deployment's chain."""
        return Sender(self.rpc, self.deployment.chain_id)


@dataclass(frozen=True)
class App:
    """One instance. `clock` gives unix seconds; `chain` is None before `deploy`."""

    settings: Settings
    database: Database
    keystore: Keystore
    chain: Chain | None
    clock: Callable[[], float]

    def require_chain(self) -> Chain:
        """The chain. Raises `Unavailable` (code `not_deployed`) before `deploy`."""
        if self.chain is None:
            raise Unavailable("no contracts yet: start the chain, then run `chain-service deploy`", code="not_deployed")
        return self.chain

    def kept_digest(self, text: str) -> bytes:
        """As `Keystore.kept_digest`. Raises `Unavailable` where the keystore cannot be opened."""
        try:
            return self.keystore.kept_digest(text)
        except (Corrupt, Forbidden, NotFound) as error:
            raise Unavailable(f"what is kept of erased records cannot be compared: {error.message}") from error

    @cached_property
    def key_limits(self) -> KeyLimits:
        """How much of its limits each key has left in this process."""
        return KeyLimits(self.database)

    @cached_property
    def readings(self) -> ReadingLog:
        """The log of who read which record."""
        return ReadingLog(self.database)

    @cached_property
    def parsers(self) -> Parsers:
        """The processes that read documents, with the trust store in force; `close` ends them."""
        anchors = TrustDirectory(self.settings.trust_directory, self.settings.sm2_user_id.encode())
        return Parsers(parser_limits(self.settings), anchors)

    @cached_property
    def responders(self) -> Responders:
        """The OCSP responders that may be asked, with the answers kept of them."""
        return Responders(self.settings.ocsp_responders)

    def close(self) -> None:
        """Processes, database and connections are given up."""
        if "parsers" in self.__dict__:
            self.parsers.close()
        self.database.close()
        if self.chain is not None:
            self.chain.rpc.close()

    @property
    def now(self) -> int:
        """Whole unix seconds by the instance's clock."""
        return int(self.clock())
