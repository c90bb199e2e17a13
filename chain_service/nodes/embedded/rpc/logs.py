"""eth_getLogs over the log table's indexes."""

from __future__ import annotations

from typing import Any

from chain_service.nodes.embedded.blocks.database import ChainDatabase
from chain_service.nodes.embedded.blocks.history import log_of
from chain_service.nodes.embedded.rpc import rpc_params
from chain_service.nodes.embedded.rpc.rpc_format import log_shape
from chain_service.nodes.embedded.rpc_error import JsonRpcError, invalid_argument

MAX_LOGS = 20_000
MAX_ALTERNATIVES = 1_000

_COLUMNS = (
    "log.block, log.position, log.transaction_position, log.address, "
    "log.topic0, log.topic1, log.topic2, log.topic3, log.data"
)


def find_logs(database: ChainDatabase, first: int, last: int, criteria: dict[str, Any]) -> list[dict[str, Any]]:
    """Logs in blocks `first` to `last` that match `address` and `topics` of the filter, in chain order.

    Raises RpcError when there are more than 20,000: ask for fewer blocks.
    """
    conditions = ["log.block BETWEEN ? AND ?"]
    parameters: list[Any] = [first, last]
    index = ""
    for column, wanted in _alternatives(criteria):
        conditions.append(f"log.{column} IN ({', '.join('?' * len(wanted))})")
        parameters += wanted
        if not index and column in ("address", "topic0"):
            index = f"INDEXED BY log_{column}"
    if topics := _topics(criteria):  # a log must have as many topics as the filter has positions, wildcards too
        conditions.append(f"log.topic{len(topics) - 1} IS NOT NULL")
    query = (
        f"SELECT {_COLUMNS}, block.hash, mined.hash FROM log {index} "  # noqa: S608 - names and marks only
        "JOIN block ON block.number = log.block "
        "JOIN mined ON mined.block = log.block AND mined.position = log.transaction_position "
        f"WHERE {' AND '.join(conditions)} ORDER BY log.block, log.position LIMIT {MAX_LOGS + 1}"
    )
    rows = database.rows(query, parameters)
    if len(rows) > MAX_LOGS:
        raise JsonRpcError(f"query returned more than {MAX_LOGS} results; ask for a shorter range of blocks")
    return [log_shape(log_of(row[:-2]), row[-2], row[-1]) for row in rows]


def _alternatives(criteria: dict[str, Any]) -> list[tuple[str, list[bytes]]]:
    """Column and accepted values of each condition that is set."""
    alternatives = []
    addresses = criteria.get("address")
    if addresses is not None and addresses != []:
        alternatives.append(("address", _each(addresses, rpc_params.address)))
    for position, topic in enumerate(_topics(criteria)):
        if topic is not None and topic != [] and not (isinstance(topic, list) and None in topic):
            alternatives.append((f"topic{position}", _each(topic, rpc_params.digest)))
    return alternatives


def _topics(criteria: dict[str, Any]) -> list[Any]:
    topics = criteria.get("topics")
    if topics is None:
        return []
    if not isinstance(topics, list) or len(topics) > 4:
        raise invalid_argument(0, "topics is a list of at most four")
    return topics


def _each(value: Any, reader: rpc_params.Reader) -> list[bytes]:
    items = value if isinstance(value, list) else [value]
    if len(items) > MAX_ALTERNATIVES:
        raise invalid_argument(0, f"at most {MAX_ALTERNATIVES} alternatives")
    return [reader(item, 0) for item in items]
