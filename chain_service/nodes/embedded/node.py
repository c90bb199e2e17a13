"""One running trial chain: its directory, its pool, its history and the thread that seals blocks."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Self

from eth_keys.datatypes import PrivateKey

from chain_service.errors import BadRequest, Conflict
from chain_service.nodes.embedded.blocks import genesis as trial_genesis
from chain_service.nodes.embedded.blocks.database import FILE, ChainDatabase
from chain_service.nodes.embedded.blocks.genesis import TrialGenesis
from chain_service.nodes.embedded.blocks.history import BlockHistory, TrialBlock
from chain_service.nodes.embedded.blocks.mempool import Mempool
from chain_service.nodes.embedded.blocks.sealing import BlockMaker
from chain_service.nodes.embedded.blocks.state_trie import TrieAccount, account_at
from chain_service.nodes.embedded.blocks.transactions import decode
from chain_service.nodes.embedded.rpc.dispatch import answer
from chain_service.nodes.embedded.rpc.methods import Methods
from chain_service.nodes.embedded.rpc_error import JsonRpcError

_log = logging.getLogger(__name__)
LOCK_FILE = "lock"
_RETRY_AFTER = 1.0
_CLOCK_CHECK = 0.25
_CLOCK_TOLERANCE = 5.0


class Node:
    """A trial chain that answers JSON-RPC and seals blocks while started; holds its directory alone."""

    def __init__(
        self,
        directory: Path,
        genesis: TrialGenesis,
        key: PrivateKey | None,
        period: int,
        heartbeat: float,
        lock: IO[bytes],
        clock: Callable[[], float],
    ) -> None:
        self.directory = directory
        self.genesis = genesis
        self._period = period
        self._heartbeat = heartbeat
        self._lock = lock
        self._clock = clock
        self._database = ChainDatabase(directory / FILE)
        try:
            self.history = BlockHistory(self._database, genesis)
            self.pool = Mempool(
                self._database, chain_id=genesis.chain_id, gas_limit=genesis.gas_limit, account=self._account_now
            )
        except BaseException:
            self._database.close()
            raise
        self._maker = None if key is None else BlockMaker(genesis, key, self._database.lookup)
        self._methods = Methods(self, self._database)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._clock_is_behind = False

    @classmethod
    def open(
        cls,
        directory: Path,
        password: str | None,
        *,
        period: int | None = None,
        heartbeat: float = 60.0,
        clock: Callable[[], float] = time.time,
    ) -> Node:
        """The chain in `directory`, locked for this process.

        `period` (seconds) may lengthen, never shorten, the one in genesis. An empty block follows after `heartbeat`
        seconds of silence. `clock` tells unix seconds, by which blocks are timed. Without a password it needs no
        sealing key, answers as it stands, and cannot be started. Raises NotFound (no chain there),
        Unauthorised (wrong password), BadRequest (period) and Conflict, code `chain_in_use`, when another process has
        it open.
        """
        genesis = trial_genesis.load(directory)
        if period is not None and period < genesis.period:
            raise BadRequest(f"this chain's blocks are at least {genesis.period} s apart since genesis, not {period}")
        lock = _lock(directory)
        try:
            key = None if password is None else trial_genesis.unlock(directory, password, genesis)
            return cls(directory, genesis, key, genesis.period if period is None else period, heartbeat, lock, clock)
        except BaseException:
            lock.close()
            raise

    def handle(self, request: bytes) -> bytes:
        """The JSON-RPC answer to one request body, single or batch; empty for notifications."""
        return answer(self._methods, request)

    def submit(self, raws: list[bytes]) -> list[bytes | JsonRpcError]:
        """Each transaction waits durably (its hash is answered), or its error says why not; one commit for all."""
        answers: list[bytes | JsonRpcError] = []
        decoded = []
        for raw in raws:
            try:
                decoded.append(decode(raw))
                answers.append(decoded[-1].hash)
            except JsonRpcError as error:
                answers.append(error)
        refusals = iter(self.pool.add(decoded))
        answers = [item if isinstance(item, JsonRpcError) else next(refusals) or item for item in answers]
        self._wake.set()
        return answers

    def start(self) -> None:
        """Blocks are sealed from now on, in a thread of its own."""
        assert self._maker is not None, "opened to be read"
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="block-maker", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """No block is being sealed any more; what waits in the pool stays on disk."""
        if self._thread:
            self._stopping.set()
            self._wake.set()
            self._thread.join()
            self._thread = None

    def close(self) -> None:
        """Stopped, files closed, directory free for another process."""
        self.stop()
        self._database.close()
        self._lock.close()

    def __enter__(self) -> Self:
        """Started."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def seal_block(self, timestamp: int) -> TrialBlock:
        """The head is a new block of this time (unix seconds), durably, with what waited."""
        assert self._maker is not None, "opened to be read"
        parent = self.history.head
        sealed = self._maker.seal(
            parent.header, lambda: self.history.ancestors(parent.number + 1), self.pool.candidates, timestamp
        )
        mined = [item.transaction for item in sealed.executed]
        with self._database.writing:
            with self._database.transaction() as connection:
                self._database.insert_nodes(connection, sealed.nodes)
                block = self.history.append(connection, sealed.header, sealed.executed, sealed.encoded)
                removed = self.pool.remove_finished(connection, mined, sealed.failed)
            self.history.advance(block)
            self.pool.forget(removed.leaving)
        for transaction, reason in removed.dropped:
            _log.warning("dropped transaction 0x%s: %s", transaction.hash.hex(), reason)
        return block

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                wait = self._step()
            except Exception:  # noqa: BLE001 - a full disk or the like must not end the chain
                _log.exception("no block could be sealed; trying again in %s s", _RETRY_AFTER)
                wait = _RETRY_AFTER
            if wait > 0:
                self._wake.wait(wait)

    def _step(self) -> float:
        """One block is sealed if it is time (answer 0), else the seconds to wait unless something stirs."""
        self._wake.clear()
        waiting = self.pool.ready()
        head, now = self.history.head.header.timestamp, self._clock()
        self._mind_clock(head - now)
        due = head + (self._period if waiting else max(self._period, self._heartbeat))
        if now < due:
            if not waiting:
                return min(due - now, self._heartbeat)
            self._stopping.wait(min(due - now, _CLOCK_CHECK))
            return 0
        self.seal_block(int(now))
        return 0

    def _mind_clock(self, ahead: float) -> None:
        """A clock that was set back is said once: no block is sealed until it has caught up."""
        if (ahead > _CLOCK_TOLERANCE) != self._clock_is_behind:
            self._clock_is_behind = not self._clock_is_behind
            if self._clock_is_behind:
                _log.warning("the newest block is %.0f s ahead of the clock; no block is sealed until then", ahead)

    def _account_now(self, address: bytes) -> TrieAccount | None:
        return account_at(self._database.lookup, self.history.head.header.state_root, address)


def _lock(directory: Path) -> IO[bytes]:
    """The directory belongs to this process until the answer is closed. Raises Conflict."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    file = os.fdopen(os.open(directory / LOCK_FILE, flags, 0o600), "ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise Conflict(f"another process uses the trial chain in {directory}", code="chain_in_use") from error
    return file
