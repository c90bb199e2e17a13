"""Encrypted keys on disk: accounts that send transactions, Ed25519 keys that sign logs, and the registrar's account."""

from __future__ import annotations

from pathlib import Path

from eth_account.signers.local import LocalAccount


class Keystore:
    """`DIR/keys`: every file encrypted, mode 0600, written whole or not at all, never overwritten.

    One password opens it, checked at the first need. Threads may share it. A wrong password raises `Forbidden`
    (code `wrong_password`).
    """

    def __init__(self, directory: Path, password: str) -> None: ...

    @classmethod
    def create(cls, directory: Path, password: str) -> Keystore:
        """An empty keystore exists. Raises `Conflict` (code `keystore_exists`)."""

    def unlock(self) -> None:
        """The password is right. Raises `Forbidden` (code `wrong_password`), `NotFound` (code `no_keystore`)."""

    def create_account(self, label: str) -> str:
        """A new account's address, kept under `label` (for an organisation's own, its code). Raises `Conflict`."""

    def accounts(self) -> dict[str, str]:
        """Label to address of every account; needs no password."""

    def has_account(self, address_or_label: str) -> bool:
        """Whether `account` would find one."""

    def account(self, address_or_label: str) -> LocalAccount:
        """The account, ready to sign. Raises `NotFound` (code `unknown_account`)."""

    def create_log_key(self, org: str, n: int = 0) -> bytes:
        """The public key (32 bytes) of a new Ed25519 key, the organisation's `n`th. Raises `Conflict` if it exists."""

    def log_keys(self, org: str) -> dict[int, bytes]:
        """Position to public key of the organisation's log keys."""

    def sign_log(self, org: str, n: int, message: bytes) -> bytes:
        """An Ed25519 signature (64 bytes) by the organisation's `n`th log key. Raises `NotFound`."""


def create_registrar(file: Path, password: str) -> str:
    """The address of a new registrar, its key encrypted in `file` (web3 keystore version 3). Raises `Conflict`."""


def open_registrar(file: Path, password: str) -> LocalAccount:
    """The registrar's account. Raises `NotFound` (code `no_registrar`), `Forbidden` (code `wrong_password`)."""
