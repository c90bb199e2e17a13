"""What the network says: the only importer of web3, eth_abi and eth_account.

Inside, hashes and digests are bytes; addresses are text, `0x` with EIP-55 capitals, and accepted in any capitals.
"""
