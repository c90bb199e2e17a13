"""The Ethereum JSON-RPC methods of the trial chain; none of them forges state or signs."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from importlib.metadata import version
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

from chain_service import __version__
from chain_service.nodes.embedded.blocks.database import ChainDatabase
from chain_service.nodes.embedded.blocks.history import MinedTransaction, TrialBlock
from chain_service.nodes.embedded.blocks.mempool import GAS_PRICE
from chain_service.nodes.embedded.blocks.state_trie import EMPTY_CODE, TrieAccount, account_at, storage_at
from chain_service.nodes.embedded.rpc import rpc_params
from chain_service.nodes.embedded.rpc.calls import Calls
from chain_service.nodes.embedded.rpc.logs import find_logs
from chain_service.nodes.embedded.rpc.proofs import prove
from chain_service.nodes.embedded.rpc.rpc_format import header_shape, prefixed, receipt_shape, transaction_shape
from chain_service.nodes.embedded.rpc.rpc_params import Signature
from chain_service.nodes.embedded.rpc_error import INVALID_PARAMS, JsonRpcError, invalid_argument

if TYPE_CHECKING:
    from chain_service.nodes.embedded.node import Node

MAX_FEE_HISTORY = 1_024
_TAG, _ADDRESS, _FLAG, _DIGEST = rpc_params.anything, rpc_params.address, rpc_params.flag, rpc_params.digest
Method = Callable[..., Any]


class Methods:
    """Method names with their arguments and what answers them."""

    def __init__(self, node: Node, database: ChainDatabase) -> None:
        self._node = node
        self._database = database
        self._history = node.history
        self._calls = Calls(database, node.history, node.genesis)
        self.table: dict[str, tuple[Signature, Method]] = {
            "web3_clientVersion": (Signature(), self._client_version),
            "net_version": (Signature(), lambda: str(node.genesis.chain_id)),
            "net_listening": (Signature(), lambda: True),
            "eth_chainId": (Signature(), lambda: hex(node.genesis.chain_id)),
            "eth_syncing": (Signature(), lambda: False),
            "eth_accounts": (Signature(), list),
            "eth_gasPrice": (Signature(), lambda: hex(GAS_PRICE)),
            "eth_blockNumber": (Signature(), lambda: hex(self._history.head.number)),
            "eth_getBlockByNumber": (Signature(_TAG, _FLAG, optional=1), self._block_by_number),
            "eth_getBlockByHash": (Signature(_DIGEST, _FLAG, optional=1), self._block_by_hash),
            "eth_getTransactionByHash": (Signature(_DIGEST), self._transaction),
            "eth_getTransactionReceipt": (Signature(_DIGEST), self._receipt),
            "eth_getTransactionCount": (Signature(_ADDRESS, _TAG, optional=1), self._transaction_count),
            "eth_sendRawTransaction": (Signature(rpc_params.data), self._send),
            "eth_call": (Signature(rpc_params.mapping, _TAG, rpc_params.mapping, optional=2), self._call),
            "eth_estimateGas": (Signature(rpc_params.mapping, _TAG, rpc_params.mapping, optional=2), self._estimate),
            "eth_feeHistory": (Signature(rpc_params.count, _TAG, rpc_params.listed, optional=1), self._fee_history),
            "eth_getLogs": (Signature(rpc_params.mapping), self._logs),
            "eth_getCode": (Signature(_ADDRESS, _TAG, optional=1), self._code),
            "eth_getBalance": (Signature(_ADDRESS, _TAG, optional=1), self._balance),
            "eth_getStorageAt": (Signature(_ADDRESS, rpc_params.storage_key, _TAG, optional=1), self._storage),
            "eth_getProof": (Signature(_ADDRESS, rpc_params.storage_keys, _TAG, optional=1), self._proof),
        }

    def submit(self, raws: list[bytes]) -> list[bytes | JsonRpcError]:
        """Many transactions in one commit; see `Node.submit`."""
        return self._node.submit(raws)

    def _client_version(self) -> str:
        return f"chain_service-trial/{__version__}/py-evm-{version('py-evm')}"

    def _find(self, tag: Any, position: int) -> TrialBlock | None:
        """The block that a tag, a number or an EIP-1898 object names; None when there is no such block."""
        if tag is None or tag in ("latest", "pending"):
            return self._history.head
        if tag == "earliest":
            return self._history.block(0)
        if tag in ("finalized", "safe"):
            raise JsonRpcError("finalized block not found" if tag == "finalized" else "safe block not found")
        if isinstance(tag, dict):
            if ("blockHash" in tag) == ("blockNumber" in tag):
                raise invalid_argument(position, "give either blockHash or blockNumber")
            if "blockHash" in tag:
                return self._history.block_by_hash(rpc_params.digest(tag["blockHash"], position))
            return self._find(tag["blockNumber"], position)
        number = rpc_params.quantity(tag, position)
        return self._history.block(number)

    def _at(self, tag: Any, position: int) -> TrialBlock:
        """As `_find`, but the block must exist."""
        block = self._find(tag, position)
        if block is None:
            raise JsonRpcError("header not found")
        return block

    def _account(self, address: bytes, tag: Any, position: int = 1) -> TrieAccount | None:
        return account_at(self._database.lookup, self._at(tag, position).header.state_root, address)

    def _block_shape(self, block: TrialBlock | None, full: bool | None) -> dict[str, Any] | None:
        if block is None:
            return None
        if full:
            inside: list[Any] = [
                transaction_shape(mined.transaction, block, mined.position)
                for mined in self._history.mined_in(block.number)
            ]
        else:
            inside = [prefixed(digest) for digest in self._history.transaction_hashes(block.number)]
        return header_shape(block) | {"transactions": inside}

    def _block_by_number(self, tag: Any, full: bool | None) -> dict[str, Any] | None:
        return self._block_shape(None if tag == "pending" else self._find(tag, 0), full)

    def _block_by_hash(self, digest: bytes, full: bool | None) -> dict[str, Any] | None:
        return self._block_shape(self._history.block_by_hash(digest), full)

    def _block_of(self, mined: MinedTransaction) -> TrialBlock:
        return self._at(hex(mined.block), 0)

    def _transaction(self, digest: bytes) -> dict[str, Any] | None:
        waiting = self._node.pool.get(digest)  # first: it may be mined while we look
        mined = self._history.mined(digest)
        if mined is not None:
            return transaction_shape(mined.transaction, self._block_of(mined), mined.position)
        return transaction_shape(waiting, None, None) if waiting else None

    def _receipt(self, digest: bytes) -> dict[str, Any] | None:
        mined = self._history.mined(digest)
        return receipt_shape(mined, self._block_of(mined), self._history.logs_of(mined)) if mined else None

    def _transaction_count(self, address: bytes, tag: Any) -> str:
        if tag == "pending":
            return hex(self._node.pool.pending_nonce(address))
        account = self._account(address, tag)
        return hex(account.nonce if account else 0)

    def _send(self, raw: bytes) -> str:
        (answer,) = self._node.submit([raw])
        if isinstance(answer, JsonRpcError):
            raise answer
        return prefixed(answer)

    def _call(self, request: dict[str, Any], tag: Any, overrides: Any) -> str:
        return prefixed(self._calls.call(self._unaltered(tag, overrides), request))

    def _estimate(self, request: dict[str, Any], tag: Any, overrides: Any) -> str:
        return hex(self._calls.estimate(self._unaltered(tag, overrides), request))

    def _unaltered(self, tag: Any, overrides: Any) -> TrialBlock:
        if overrides:
            raise JsonRpcError(
                "state overrides are not supported: this chain answers from its state", number=INVALID_PARAMS
            )
        return self._at(tag, 1)

    def _fee_history(self, blocks: int, newest: Any, percentiles: list[Any] | None) -> dict[str, Any]:
        last = self._at(newest, 1).number
        size = min(blocks, MAX_FEE_HISTORY, last + 1)
        if size == 0:
            return {"oldestBlock": "0x0", "gasUsedRatio": []}
        steps = _percentiles(percentiles or [])
        span = [self._at(hex(number), 1) for number in range(last - size + 1, last + 1)]
        history: dict[str, Any] = {
            "oldestBlock": hex(span[0].number),
            "baseFeePerGas": ["0x0"] * (size + 1),
            "gasUsedRatio": [block.header.gas_used / block.header.gas_limit for block in span],
        }
        if steps:
            history["reward"] = [_rewards(self._history.mined_in(block.number), steps) for block in span]
        return history

    def _logs(self, criteria: dict[str, Any]) -> list[dict[str, Any]]:
        if "blockHash" in criteria:
            if criteria.get("fromBlock") is not None or criteria.get("toBlock") is not None:
                raise invalid_argument(0, "give either blockHash or fromBlock and toBlock")
            block = self._history.block_by_hash(rpc_params.digest(criteria["blockHash"], 0))
            if block is None:
                raise JsonRpcError("unknown block")
            return find_logs(self._database, block.number, block.number, criteria)
        first = self._edge(criteria.get("fromBlock"))
        last = min(self._edge(criteria.get("toBlock")), self._history.head.number)
        return find_logs(self._database, first, last, criteria)

    def _edge(self, tag: Any) -> int:
        """The block number that an end of a range names, which may lie ahead."""
        if isinstance(tag, str) and tag[:2] == "0x":
            return min(rpc_params.quantity(tag, 0), 2**62)
        return self._at(tag, 0).number

    def _code(self, address: bytes, tag: Any) -> str:
        account = self._account(address, tag)
        if account is None or account.code_hash == EMPTY_CODE:
            return "0x"
        return prefixed(self._database.lookup(account.code_hash))

    def _balance(self, address: bytes, tag: Any) -> str:
        account = self._account(address, tag)
        return hex(account.balance if account else 0)

    def _storage(self, address: bytes, key: tuple[bytes, str], tag: Any) -> str:
        account = self._account(address, tag, 2)
        word = storage_at(self._database.lookup, account.storage_root, key[0]) if account else 0
        return prefixed(word.to_bytes(32))

    def _proof(self, address: bytes, keys: list[tuple[bytes, str]], tag: Any) -> dict[str, Any]:
        return prove(self._database.lookup, self._at(tag, 2).header.state_root, address, keys)


def _percentiles(given: list[Any]) -> list[float]:
    if len(given) > 100 or any(isinstance(p, bool) or not isinstance(p, int | float) for p in given):
        raise invalid_argument(2, "percentiles are at most 100 numbers")
    if any(not 0 <= p <= 100 for p in given) or any(b < a for a, b in pairwise(given)):
        raise JsonRpcError("invalid reward percentile: rising numbers from 0 to 100")
    return [float(p) for p in given]


def _rewards(mined: list[MinedTransaction], percentiles: list[float]) -> list[str]:
    """Gas prices at the given percentiles of a block's gas."""
    if not mined:
        return ["0x0"] * len(percentiles)
    ordered = sorted((item.transaction.gas_price, item.gas_used) for item in mined)
    shares = list(accumulate(gas for _, gas in ordered))
    return [hex(ordered[bisect_left(shares, shares[-1] * percentile / 100)][0]) for percentile in percentiles]
