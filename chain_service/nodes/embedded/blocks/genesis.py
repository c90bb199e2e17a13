"""The genesis of a trial chain: its file as go-ethereum reads it, and the encrypted key that seals its blocks."""

from __future__ import annotations

import errno
import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from eth.rlp.headers import BlockHeader
from eth_account import Account
from eth_keys.datatypes import PrivateKey
from eth_utils.address import is_address, to_canonical_address, to_checksum_address

from chain_service.errors import BadRequest, Conflict, Corrupt, NotFound, Unauthorised
from chain_service.files import move, write_new
from chain_service.nodes.embedded.blocks.clique_sealing import SEAL_SIZE, genesis_extra_data
from chain_service.nodes.embedded.blocks.evm import genesis_state

GENESIS_FILE = "genesis.json"
KEY_FILE = "sealing-key.json"
RETIRED_KEY_FILE = KEY_FILE + ".retired"
FUNDS = 2**200
_FORKS = (
    "homestead", "eip150", "eip155", "eip158", "byzantium", "constantinople", "petersburg", "istanbul", "berlin",
)  # fmt: skip
KEY_ITERATIONS = 600_000


@dataclass(frozen=True)
class TrialGenesis:
    """What the first block fixes for ever."""

    chain_id: int
    period: int
    epoch: int
    gas_limit: int
    timestamp: int
    signer: bytes
    balances: tuple[tuple[bytes, int], ...]
    header: BlockHeader
    nodes: dict[bytes, bytes]
    """The trie nodes of the first state."""

    @property
    def hash(self) -> bytes:
        """Hash of block 0, 32 bytes."""
        return bytes(self.header.hash)

    def document(self) -> dict[str, Any]:
        """genesis.json as go-ethereum takes it."""
        return {
            "config": {"chainId": self.chain_id}
            | {f"{fork}Block": 0 for fork in _FORKS}
            | {"clique": {"period": self.period, "epoch": self.epoch}},
            "nonce": "0x0",
            "timestamp": hex(self.timestamp),
            "extraData": "0x" + genesis_extra_data(self.signer).hex(),
            "gasLimit": hex(self.gas_limit),
            "difficulty": "0x1",
            "mixHash": "0x" + "00" * 32,
            "coinbase": "0x" + "00" * 20,
            "alloc": {address.hex(): {"balance": hex(balance)} for address, balance in self.balances},
        }


def create(
    directory: Path,
    *,
    funded: Sequence[str],
    password: str,
    chain_id: int | None = None,
    period: int = 1,
    epoch: int = 30_000,
    gas_limit: int = 300_000_000,
) -> TrialGenesis:
    """A new trial chain stands in `directory`: `genesis.json` and `sealing-key.json` (mode 0600).

    Each address of `funded` owns 2^200 wei. `period` is the least number of seconds between two blocks; without
    `chain_id` a random one is drawn. Raises BadRequest, and Conflict when the directory holds anything already.
    """
    for address in funded:
        if not is_address(address):
            raise BadRequest(f"{address} is not an account address")
    if period < 0 or epoch < 1 or gas_limit < 5_000 or not password:
        raise BadRequest("period must be at least 0, epoch 1, the gas limit 5,000 and the password not empty")
    key = PrivateKey(secrets.token_bytes(32))
    genesis = _genesis(
        chain_id=secrets.randbelow(2**31 - 2**20) + 2**20 if chain_id is None else chain_id,
        period=period,
        epoch=epoch,
        gas_limit=gas_limit,
        timestamp=int(time.time()),
        signer=key.public_key.to_canonical_address(),
        balances=dict.fromkeys(map(to_canonical_address, funded), FUNDS),
    )
    keystore = Account.encrypt(key.to_bytes(), password, kdf="pbkdf2", iterations=KEY_ITERATIONS)
    _write(directory, {GENESIS_FILE: genesis.document(), KEY_FILE: keystore})
    return genesis


def _write(directory: Path, files: dict[str, dict[str, Any]]) -> None:
    """All files appear together: a directory made aside takes the place of the empty or missing one."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{directory.name}-", dir=directory.parent) as aside:
        made = Path(aside) / "chain"
        made.mkdir(mode=0o700)
        for name, document in files.items():
            write_new(made / name, _document(document), code="conflict")
        try:
            move(made, directory)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
            raise Conflict(f"{directory} is not empty; a chain is never overwritten") from error


def load(directory: Path) -> TrialGenesis:
    """The genesis of the chain in `directory`. Raises NotFound and Corrupt."""
    path = directory / GENESIS_FILE
    try:
        document = json.loads(path.read_bytes())
        config = document["config"]
        genesis = _genesis(
            chain_id=config["chainId"],
            period=config["clique"]["period"],
            epoch=config["clique"]["epoch"],
            gas_limit=int(document["gasLimit"], 16),
            timestamp=int(document["timestamp"], 16),
            signer=bytes.fromhex(document["extraData"][2:])[32:-SEAL_SIZE],
            balances={bytes.fromhex(a): int(entry["balance"], 16) for a, entry in document["alloc"].items()},
        )
    except FileNotFoundError as error:
        raise NotFound(f"there is no trial chain in {directory} ({GENESIS_FILE} is missing)") from error
    except (ValueError, KeyError, TypeError) as error:
        raise Corrupt(f"{path} cannot be read as a genesis file") from error
    if genesis.document() != document:
        raise Corrupt(f"{path} is not a genesis file of this program")
    return genesis


def unlock(directory: Path, password: str, genesis: TrialGenesis) -> PrivateKey:
    """The key that seals the chain's blocks. Raises NotFound, Unauthorised and Corrupt."""
    path = directory / KEY_FILE
    try:
        key = PrivateKey(_decrypted(path, password))
    except FileNotFoundError as error:
        reason = f"{path} is missing: nothing can seal this chain's blocks"
        if (directory / RETIRED_KEY_FILE).exists():
            reason += "; the chain is run by a network now: chain-service network up"
        raise NotFound(reason) from error
    if key.public_key.to_canonical_address() != genesis.signer:
        raise Corrupt(f"{path} is not the key of {to_checksum_address(genesis.signer)}, this chain's signer")
    return key


def sealed_anew(directory: Path, old: str, new: str) -> dict[Path, bytes]:
    """Each file with the sealing key in `directory`, and what it holds under another password; nothing is written.

    Raises Unauthorised where one does not open with the old password.
    """
    files = [file for name in (KEY_FILE, RETIRED_KEY_FILE) if (file := directory / name).is_file()]
    return {file: _encrypted(_decrypted(file, old), new) for file in files}


def _encrypted(key: bytes, password: str) -> bytes:
    return _document(Account.encrypt(key, password, kdf="pbkdf2", iterations=KEY_ITERATIONS))


def _decrypted(file: Path, password: str) -> bytes:
    try:
        return bytes(Account.decrypt(json.loads(file.read_bytes()), password))
    except (ValueError, KeyError, TypeError) as error:
        raise Unauthorised(f"{file} does not open with this password") from error


def _document(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=1).encode("ascii")


def _genesis(
    *, chain_id: int, period: int, epoch: int, gas_limit: int, timestamp: int, signer: bytes, balances: dict[bytes, int]
) -> TrialGenesis:
    root, nodes = genesis_state(balances)
    header = BlockHeader(
        difficulty=1, block_number=0, gas_limit=gas_limit, timestamp=timestamp, state_root=root,
        extra_data=genesis_extra_data(signer), nonce=bytes(8),
    )  # fmt: skip
    return TrialGenesis(chain_id, period, epoch, gas_limit, timestamp, signer, tuple(balances.items()), header, nodes)
