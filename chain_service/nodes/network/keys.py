"""Keys of nodes: made here, written so that only their owner reads them, never shown."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from eth_account import Account
from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak

from chain_service.files import write_new

_LIGHT_SCRYPT = 4096
"""go-ethereum's light setting: the password beside it is 256 random bits, so stretching adds nothing."""


def new_key() -> PrivateKey:
    """32 random bytes that are a secp256k1 key; zero and values over the curve's order have probability 2^-127."""
    return PrivateKey(secrets.token_bytes(32))


def public_hex(key: PrivateKey) -> str:
    """64 bytes of public key, as an enode carries them."""
    return key.public_key.to_bytes().hex()


def address_of(public_key: str) -> str:
    """Lower-case hex of the last 20 bytes of the public key's hash."""
    return "0x" + keccak(bytes.fromhex(public_key))[12:].hex()


def write_private(path: Path, text: str) -> None:
    """`path`, new, holds the text with mode 0600."""
    write_new(path, text.encode("ascii"), code="key_exists")


def make_folder(path: Path) -> None:
    """`path` is a new folder of mode 0700."""
    path.mkdir(parents=True, mode=0o700)
    path.chmod(0o700)


def write_sealing_key(folder: Path, key: PrivateKey) -> None:
    """`folder/data/keystore` holds the key, encrypted under a random password that `folder/password` holds."""
    password = secrets.token_hex(32)
    keystore = Account.encrypt(key.to_bytes(), password, kdf="scrypt", iterations=_LIGHT_SCRYPT)
    for made in (folder / "data", folder / "data" / "keystore"):
        made.mkdir(mode=0o700, exist_ok=True)
    write_private(folder / "data" / "keystore" / f"sealing-{keystore['address']}", json.dumps(keystore))
    write_private(folder / "password", password)
