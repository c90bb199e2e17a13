"""Stock web3.py works against the served chain."""

from __future__ import annotations

import pytest
from trial_chain import KEEPER, KEEPER_ABI, Chain
from web3 import Web3
from web3.exceptions import ContractLogicError
from web3.middleware import ExtraDataToPOAMiddleware, SignAndSendRawMiddlewareBuilder

from chain_service.nodes.embedded.server import serve


def test_web3_deploys_and_uses_a_contract(chain: Chain) -> None:
    with serve(chain.node, port=0) as server:
        web3 = Web3(Web3.HTTPProvider(server.url))
        web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
        web3.middleware_onion.inject(SignAndSendRawMiddlewareBuilder.build(chain.account), layer=0)
        assert web3.is_connected()
        assert web3.eth.chain_id == chain.genesis.chain_id
        sender = {"from": chain.account.address, "gasPrice": web3.eth.gas_price}
        factory = web3.eth.contract(abi=KEEPER_ABI, bytecode=KEEPER)
        deployed = web3.eth.wait_for_transaction_receipt(factory.constructor().transact(sender), poll_latency=0.05)
        keeper = web3.eth.contract(deployed["contractAddress"], abi=KEEPER_ABI)
        receipt = web3.eth.wait_for_transaction_receipt(keeper.functions.set(42).transact(sender), poll_latency=0.05)
        assert receipt["status"] == 1
        assert keeper.functions.get().call() == 42
        assert keeper.functions.get().call(block_identifier=deployed["blockNumber"]) == 0
        (event,) = keeper.events.Stored.get_logs(from_block=0)
        assert event["args"]["value"] == 42
        with pytest.raises(ContractLogicError, match="zero"):
            keeper.functions.set(0).call()
        block = web3.eth.get_block("latest", full_transactions=True)
        assert block["transactions"][0]["hash"] == receipt["transactionHash"]
        assert web3.eth.get_proof(keeper.address, [0], "latest")["storageProof"][0]["value"] == (42).to_bytes(1)
        assert web3.eth.fee_history(1, "latest", [50.0])["baseFeePerGas"] == [0, 0]
