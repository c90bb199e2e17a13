"""The trial chain: one machine, one validator, real Clique blocks (EIP-225, Berlin rules) on py-evm and SQLite.

    genesis.create(directory, funded=[address], password=password)
    with Node.open(directory, password) as node, server.serve(node, port=8545) as running:
        ...  # running.url speaks Ethereum JSON-RPC

`export` writes what `geth init` and `geth import` take.
"""
