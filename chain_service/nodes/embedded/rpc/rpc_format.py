"""Blocks, transactions, receipts and logs as go-ethereum prints them."""

from __future__ import annotations

from typing import Any

from chain_service.nodes.embedded.blocks.history import EventLog, MinedTransaction, TrialBlock
from chain_service.nodes.embedded.blocks.sealing import bloom_of
from chain_service.nodes.embedded.blocks.transactions import Transaction


def prefixed(value: bytes) -> str:
    """`0x` and lower-case hex."""
    return "0x" + value.hex()


def header_shape(block: TrialBlock) -> dict[str, Any]:
    """The block without its transactions; Clique's total difficulty is 1 for genesis and 2 a block in turn."""
    header = block.header
    return {
        "difficulty": hex(header.difficulty),
        "extraData": prefixed(header.extra_data),
        "gasLimit": hex(header.gas_limit),
        "gasUsed": hex(header.gas_used),
        "hash": prefixed(block.hash),
        "logsBloom": prefixed(header.bloom.to_bytes(256)),
        "miner": prefixed(header.coinbase),
        "mixHash": prefixed(header.mix_hash),
        "nonce": prefixed(header.nonce),
        "number": hex(block.number),
        "parentHash": prefixed(header.parent_hash),
        "receiptsRoot": prefixed(header.receipt_root),
        "sha3Uncles": prefixed(header.uncles_hash),
        "size": hex(block.size),
        "stateRoot": prefixed(header.state_root),
        "timestamp": hex(header.timestamp),
        "totalDifficulty": hex(1 + 2 * block.number),
        "transactionsRoot": prefixed(header.transaction_root),
        "uncles": [],
    }


def transaction_shape(transaction: Transaction, block: TrialBlock | None, position: int | None) -> dict[str, Any]:
    """A transaction in `block` at `position`, or waiting when both are None."""
    shape: dict[str, Any] = {
        "blockHash": prefixed(block.hash) if block else None,
        "blockNumber": hex(block.number) if block else None,
        "from": prefixed(transaction.sender),
        "gas": hex(transaction.gas),
        "gasPrice": hex(transaction.gas_price),
        "hash": prefixed(transaction.hash),
        "input": prefixed(transaction.data),
        "nonce": hex(transaction.nonce),
        "to": prefixed(transaction.to) if transaction.to else None,
        "transactionIndex": None if position is None else hex(position),
        "value": hex(transaction.value),
        "type": hex(transaction.type),
        "chainId": hex(transaction.chain_id or 0),
        "v": hex(transaction.v),
        "r": hex(transaction.r),
        "s": hex(transaction.s),
    }
    if transaction.type:
        shape["yParity"] = hex(transaction.v)
        shape["accessList"] = [
            {"address": prefixed(address), "storageKeys": [prefixed(slot.to_bytes(32)) for slot in slots]}
            for address, slots in transaction.access_list
        ]
    return shape


def log_shape(log: EventLog, block_hash: bytes, transaction_hash: bytes) -> dict[str, Any]:
    """The event as `eth_getLogs` answers it."""
    return {
        "address": prefixed(log.address),
        "topics": [prefixed(topic) for topic in log.topics],
        "data": prefixed(log.data),
        "blockNumber": hex(log.block),
        "transactionHash": prefixed(transaction_hash),
        "transactionIndex": hex(log.transaction_position),
        "blockHash": prefixed(block_hash),
        "logIndex": hex(log.position),
        "removed": False,
    }


def receipt_shape(mined: MinedTransaction, block: TrialBlock, logs: list[EventLog]) -> dict[str, Any]:
    """What became of the transaction, as `eth_getTransactionReceipt` answers it."""
    transaction = mined.transaction
    bloom = bloom_of((log.address, log.topics) for log in logs)
    return {
        "blockHash": prefixed(block.hash),
        "blockNumber": hex(block.number),
        "contractAddress": prefixed(mined.contract) if mined.contract else None,
        "cumulativeGasUsed": hex(mined.cumulative_gas),
        "effectiveGasPrice": hex(transaction.gas_price),
        "from": prefixed(transaction.sender),
        "gasUsed": hex(mined.gas_used),
        "logs": [log_shape(log, block.hash, transaction.hash) for log in logs],
        "logsBloom": prefixed(bloom.to_bytes(256)),
        "status": hex(mined.status),
        "to": prefixed(transaction.to) if transaction.to else None,
        "transactionHash": prefixed(transaction.hash),
        "transactionIndex": hex(mined.position),
        "type": hex(transaction.type),
    }
