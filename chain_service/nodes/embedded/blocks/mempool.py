"""Transactions that wait for a block: on disk before they are acknowledged, in nonce order per sender."""

from __future__ import annotations

import heapq
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from chain_service.nodes.embedded.blocks.database import ChainDatabase
from chain_service.nodes.embedded.blocks.state_trie import TrieAccount
from chain_service.nodes.embedded.blocks.transactions import Transaction, decode
from chain_service.nodes.embedded.rpc_error import JsonRpcError

MAX_WAITING = 65_536
MAX_WAITING_BYTES = 64 * 2**20
MAX_NONCE_GAP = 16_384
GAS_PRICE = 1

AccountLookup = Callable[[bytes], TrieAccount | None]


class Mempool:
    """The waiting transactions; mirrors the table `waiting`, changed only under `database.writing`."""

    def __init__(self, database: ChainDatabase, *, chain_id: int, gas_limit: int, account: AccountLookup) -> None:
        self._database = database
        self._chain_id = chain_id
        self._gas_limit = gas_limit
        self._account = account
        self._load()

    def _load(self) -> None:
        """Memory says what the table says."""
        self._by_hash: dict[bytes, Transaction] = {}
        self._by_sender: dict[bytes, dict[int, Transaction]] = {}
        self._arrival: dict[bytes, int] = {}
        self._cost: dict[bytes, int] = {}
        self._bytes = 0
        for arrival, sender, raw in self._database.rows("SELECT arrival, sender, raw FROM waiting"):
            self._remember(decode(raw, sender), arrival)

    def __len__(self) -> int:
        return len(self._by_hash)

    def get(self, digest: bytes) -> Transaction | None:
        """The waiting transaction of this hash; None if none waits."""
        return self._by_hash.get(digest)

    def _next_nonce(self, sender: bytes, state_nonce: int) -> int:
        """The first nonce from `state_nonce` that nothing waits for."""
        waiting = self._by_sender.get(sender, {})
        while state_nonce in waiting:
            state_nonce += 1
        return state_nonce

    def pending_nonce(self, sender: bytes) -> int:
        """The nonce that follows what was mined and what waits without gap."""
        with self._database.writing:
            return self._next_nonce(sender, self._state_nonce(sender))

    def add(self, transactions: Sequence[Transaction]) -> list[JsonRpcError | None]:
        """Each transaction waits, on disk, or its error says why not; one commit for all."""
        with self._database.writing:
            try:
                with self._database.transaction() as connection:
                    return [self._try(connection, transaction) for transaction in transactions]
            except BaseException:
                self._load()
                raise

    def _try(self, connection: sqlite3.Connection, transaction: Transaction) -> JsonRpcError | None:
        try:
            replaced = self._check(transaction)
        except JsonRpcError as error:
            return error
        if replaced:
            connection.execute("DELETE FROM waiting WHERE hash = ?", (replaced.hash,))
            self._forget(replaced)
        cursor = connection.execute(
            "INSERT INTO waiting (hash, sender, nonce, raw) VALUES (?, ?, ?, ?)",
            (transaction.hash, transaction.sender, transaction.nonce, transaction.raw),
        )
        self._remember(transaction, int(cursor.lastrowid or 0))
        return None

    def _check(self, transaction: Transaction) -> Transaction | None:
        """The waiting transaction that this one replaces, if any. Raises RpcError in go-ethereum's words."""
        if transaction.hash in self._by_hash:
            raise JsonRpcError("already known")
        if transaction.chain_id != self._chain_id:
            raise JsonRpcError(f"invalid sender: signed for chain id {transaction.chain_id}, this is {self._chain_id}")
        if transaction.gas > self._gas_limit:
            raise JsonRpcError("exceeds block gas limit")
        if transaction.gas_price < GAS_PRICE:
            raise JsonRpcError(f"transaction underpriced: gas price needed {GAS_PRICE}, given {transaction.gas_price}")
        if transaction.gas < transaction.intrinsic_gas:
            raise JsonRpcError(
                f"intrinsic gas too low: gas {transaction.gas}, minimum needed {transaction.intrinsic_gas}"
            )
        account = self._account(transaction.sender)
        nonce, balance = (account.nonce, account.balance) if account else (0, 0)
        if transaction.nonce < nonce:
            raise JsonRpcError(f"nonce too low: next nonce {nonce}, tx nonce {transaction.nonce}")
        if transaction.nonce > nonce + MAX_NONCE_GAP:
            raise JsonRpcError(f"nonce too high: next nonce {nonce}, tx nonce {transaction.nonce}")
        waiting = self._by_sender.get(transaction.sender, {})
        replaced = waiting.get(transaction.nonce)
        if replaced and transaction.gas_price < max(replaced.gas_price + 1, replaced.gas_price * 110 // 100):
            raise JsonRpcError("replacement transaction underpriced")
        cost = self._cost.get(transaction.sender, 0) + transaction.cost - (replaced.cost if replaced else 0)
        if cost > balance:
            raise JsonRpcError(
                f"insufficient funds for gas * price + value: balance {balance}, tx cost {transaction.cost}, "
                f"overshot {cost - balance}"
            )
        full = len(self._by_hash) >= MAX_WAITING or self._bytes + len(transaction.raw) > MAX_WAITING_BYTES
        if full and not replaced:
            raise JsonRpcError("txpool is full")
        return replaced

    def ready(self) -> bool:
        """Something could go into the next block."""
        with self._database.writing:
            return any(self._state_nonce(sender) in waiting for sender, waiting in self._by_sender.items())

    def candidates(self) -> Candidates:
        """What could go into the next block, the best paid and then the oldest first, each sender in nonce order."""
        with self._database.writing:
            queues = []
            for sender, waiting in self._by_sender.items():
                nonce = self._state_nonce(sender)
                run = [waiting[n] for n in range(nonce, self._next_nonce(sender, nonce))]
                if run:
                    queues.append([(self._arrival[t.hash], t) for t in run])
            return Candidates(queues)

    def remove_finished(
        self, connection: sqlite3.Connection, mined: Iterable[Transaction], failed: dict[bytes, str]
    ) -> RemovedTransactions:
        """In `connection`'s transaction, what was mined or cannot be mined any more waits no longer.

        `failed` tells by hash why; those and waiting twins of a mined nonce go to the table `dropped`.
        """
        gone = [t for t in mined if t.hash in self._by_hash]
        dropped: list[tuple[Transaction, str]] = []
        for transaction in mined:
            twin = self._by_sender.get(transaction.sender, {}).get(transaction.nonce)
            if twin and twin.hash != transaction.hash:
                dropped.append((twin, f"nonce too low: {transaction.nonce} was mined"))
        dropped += [(t, reason) for digest, reason in failed.items() if (t := self._by_hash.get(digest))]
        now = int(time.time())
        rows = [(t.hash, t.sender, t.nonce, reason, now) for t, reason in dropped]
        connection.executemany("INSERT INTO dropped VALUES (?, ?, ?, ?, ?)", rows)
        leaving = gone + [t for t, _ in dropped]
        connection.executemany("DELETE FROM waiting WHERE hash = ?", [(t.hash,) for t in leaving])
        return RemovedTransactions(leaving, dropped)

    def forget(self, transactions: Iterable[Transaction]) -> None:
        """The transactions that a committed `remove_finished` took out are gone from memory too."""
        for transaction in transactions:
            self._forget(transaction)

    def _state_nonce(self, sender: bytes) -> int:
        account = self._account(sender)
        return account.nonce if account else 0

    def _remember(self, transaction: Transaction, arrival: int) -> None:
        self._by_hash[transaction.hash] = transaction
        self._by_sender.setdefault(transaction.sender, {})[transaction.nonce] = transaction
        self._arrival[transaction.hash] = arrival
        self._cost[transaction.sender] = self._cost.get(transaction.sender, 0) + transaction.cost
        self._bytes += len(transaction.raw)

    def _forget(self, transaction: Transaction) -> None:
        del self._by_hash[transaction.hash], self._arrival[transaction.hash]
        waiting = self._by_sender[transaction.sender]
        del waiting[transaction.nonce]
        if not waiting:
            del self._by_sender[transaction.sender], self._cost[transaction.sender]
        else:
            self._cost[transaction.sender] -= transaction.cost
        self._bytes -= len(transaction.raw)


class RemovedTransactions:
    """What left the pool, and what of it left unmined and why."""

    def __init__(self, leaving: list[Transaction], dropped: list[tuple[Transaction, str]]) -> None:
        self.leaving = leaving
        self.dropped = dropped


class Candidates:
    """An order of transactions that can leave out the rest of a sender."""

    def __init__(self, queues: list[list[tuple[int, Transaction]]]) -> None:
        self._heap: list[tuple[int, int, Iterator[tuple[int, Transaction]], Transaction]] = []
        for queue in queues:
            self._push(iter(queue))

    def _push(self, queue: Iterator[tuple[int, Transaction]]) -> None:
        head = next(queue, None)
        if head:
            arrival, transaction = head
            heapq.heappush(self._heap, (-transaction.gas_price, arrival, queue, transaction))

    def best(self) -> Transaction | None:
        """The next one, None when there is none."""
        return self._heap[0][3] if self._heap else None

    def advance(self) -> None:
        """The best was taken: its sender's next one may follow."""
        self._push(heapq.heappop(self._heap)[2])

    def skip_sender(self) -> None:
        """The best stays out, and so does what its sender sent after it."""
        heapq.heappop(self._heap)
