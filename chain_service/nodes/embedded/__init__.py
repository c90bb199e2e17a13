"""The trial chain: one machine, one signer, real Clique blocks (EIP-225, Berlin rules) on py-evm and SQLite.

    create(directory, funded=[address], password=password)
    with Node.open(directory, password) as node, serve(node, port=8545) as server:
        ...  # server.url speaks Ethereum JSON-RPC

`export` writes what `geth init` and `geth import` take.
"""

from chain_service.nodes.embedded.blocks.genesis import Genesis, create
from chain_service.nodes.embedded.export import export
from chain_service.nodes.embedded.node import Node
from chain_service.nodes.embedded.server import Server, serve

__all__ = ["Genesis", "Node", "Server", "create", "export", "serve"]
