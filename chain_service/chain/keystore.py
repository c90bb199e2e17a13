"""Encrypted keys on disk: accounts that send transactions, Ed25519 keys that sign, and the registrar's account.

The formats are standard (web3 keystore version 3, PKCS #8), but PKCS #8 as written by `cryptography` stretches a
password with only 2,048 rounds of PBKDF2. So one random master key is kept under scrypt, once per process to pay for,
and each file's password is derived from it: 256 random bits need no stretching.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Literal

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from eth_utils.address import is_address, to_checksum_address

from chain_service.errors import BadRequest, Corrupt, Forbidden, NotFound, Unavailable
from chain_service.files import write_new

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

# 0.2 s and 64 MiB on one core of 2024: dear for whoever guesses passwords, still quick for one command of an operator.
SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**16, 8, 1
SCRYPT_MEMORY = 2 * 128 * SCRYPT_N * SCRYPT_R
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
PRIVATE_PEM = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"

KeyKind = Literal["log", "note", "root"]
"""What an Ed25519 key signs: receipts of an organisation's log, its checkpoints, trust files. Never two of them."""


class Keystore:
    """`DIR/keys`: every file encrypted, as private as its folder, written whole or not at all, never overwritten.

    One password opens it, checked at the first need. Threads may share it. A wrong password raises `Forbidden`
    (code `wrong_password`), a file that this user may not read `Unavailable` (code `key_unreadable`).
    """

    def __init__(self, directory: Path, password: str) -> None:
        self._directory = directory
        self._password = password
        self._lock = Lock()
        self._master: bytes | None = None
        self._accounts: dict[str, LocalAccount] = {}
        self._keys: dict[tuple[KeyKind, str, int], Ed25519PrivateKey] = {}

    @classmethod
    def create(cls, directory: Path, password: str) -> Keystore:
        """An empty keystore exists. Raises `Conflict` (code `keystore_exists`), `BadRequest` for an empty password."""
        content = _sealed(secrets.token_bytes(32), password)
        write_new(directory / "keystore.json", content, code="keystore_exists")
        return cls(directory, password)

    def unlock(self) -> None:
        """The password is right. Raises `Forbidden` (code `wrong_password`), `NotFound` (code `no_keystore`)."""
        self._unlocked()

    def create_account(self, label: str) -> str:
        """A new account's address, kept under `label` (for an organisation's own, its code).

        Raises `Conflict` (code `key_exists`).
        """
        from eth_account import Account  # half a second, and most commands sign nothing

        account: LocalAccount = Account.create(secrets.token_hex(32))
        # iterations=2 is the least that scrypt takes; the password is random already
        content = Account.encrypt(account.key, self._file_password(f"account/{label}"), kdf="scrypt", iterations=2)
        write_new(self._account_file(label), _json(content), code="key_exists", as_folder=True)
        return str(account.address)

    def accounts(self) -> dict[str, str]:
        """Label to address of every account; needs no password."""
        return {label: _address(self._directory / "accounts" / f"{label}.json") for label in self.labels()}

    def labels(self) -> list[str]:
        """The label of every account, in order; no account's file is opened."""
        folder = self._directory / "accounts"
        try:
            return sorted(file.stem for file in folder.iterdir() if file.suffix == ".json")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _unreadable(folder, error) from error

    def account(self, address_or_label: str) -> LocalAccount:
        """The account, ready to sign. Raises `NotFound` (code `unknown_account`)."""
        known = self._accounts.get(address_or_label)
        if known is not None:
            return known
        label = self._label(address_or_label)
        if label is None:
            raise NotFound("the keystore holds no such account", code="unknown_account", account=address_or_label)
        account = _decrypt(self._account_file(label), self._file_password(f"account/{label}"))
        self._accounts[address_or_label] = account
        return account

    def create_log_key(self, org: str, n: int = 0) -> bytes:
        """The public key (32 bytes) of a new Ed25519 key, the organisation's `n`th, which signs its log's receipts.

        Raises `Conflict` (code `key_exists`).
        """
        return self._create_key("log", org, n)

    def log_keys(self, org: str) -> dict[int, bytes]:
        """Position to public key of the organisation's log keys; needs no password."""
        return self._public_keys("log", org)

    def sign_log(self, org: str, n: int, message: bytes) -> bytes:
        """An Ed25519 signature (64 bytes) by the organisation's `n`th log key.

        Raises `NotFound` (code `unknown_log_key`).
        """
        return self._sign("log", org, n, message)

    def create_note_key(self, org: str) -> bytes:
        """The public key of a new Ed25519 key that signs the organisation's checkpoints, and nothing else.

        Raises `Conflict` (code `key_exists`).
        """
        return self._create_key("note", org, 0)

    def note_key(self, org: str) -> bytes | None:
        """The public key of the organisation's note key, if it has one; needs no password."""
        return self._public_keys("note", org).get(0)

    def sign_note(self, org: str, message: bytes) -> bytes:
        """An Ed25519 signature by the organisation's note key. Raises `NotFound` (code `unknown_log_key`)."""
        return self._sign("note", org, 0, message)

    def create_root_key(self, n: int) -> bytes:
        """The public key of a new Ed25519 key that signs trust files, the instance's `n`th.

        Raises `Conflict` (code `key_exists`).
        """
        return self._create_key("root", "trust", n)

    def root_keys(self) -> dict[int, bytes]:
        """Position to public key of the instance's root keys; needs no password."""
        return self._public_keys("root", "trust")

    def sign_root(self, n: int, message: bytes) -> bytes:
        """An Ed25519 signature by the instance's `n`th root key. Raises `NotFound` (code `unknown_log_key`)."""
        return self._sign("root", "trust", n, message)

    def copy_root_keys(self, target: Keystore) -> list[Path]:
        """`target` has the instance's root keys too; their files here."""
        for n in self.root_keys():
            target._write_key("root", "trust", n, self._load_key("root", "trust", n))
        return [self._key_file("root", "trust", n) for n in self.root_keys()]

    def kept_digest(self, text: str) -> bytes:
        """A digest that outlives what it was made of: without this keystore and its password nobody can guess that.

        The same for the same text as long as the keystore lives, whatever its password becomes.
        """
        return hmac.new(self._file_password("erased/digests").encode(), text.encode(), hashlib.sha256).digest()

    def _create_key(self, kind: KeyKind, name: str, n: int) -> bytes:
        return self._write_key(kind, name, n, Ed25519PrivateKey.generate())

    def _write_key(self, kind: KeyKind, name: str, n: int, key: Ed25519PrivateKey) -> bytes:
        encryption = BestAvailableEncryption(self._file_password(f"{kind}/{name}/{n}").encode())
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
        write_new(self._key_file(kind, name, n), public + private, code="key_exists", as_folder=True)
        return key.public_key().public_bytes_raw()

    def _public_keys(self, kind: KeyKind, name: str) -> dict[int, bytes]:
        files = (self._directory / f"{kind}s").glob(f"{_name(name)}.*.pem")
        return dict(sorted((int(file.stem.rpartition(".")[2]), _public_key(file)) for file in files))

    def _sign(self, kind: KeyKind, name: str, n: int, message: bytes) -> bytes:
        key = self._keys.get((kind, name, n))
        if key is None:
            key = self._load_key(kind, name, n)
            self._keys[kind, name, n] = key
        return key.sign(message)

    def _load_key(self, kind: KeyKind, name: str, n: int) -> Ed25519PrivateKey:
        file = self._key_file(kind, name, n)
        if not file.is_file():
            raise NotFound("the keystore holds no such key", code="unknown_log_key", kind=kind, name=name, n=n)
        private = _content(file).partition(PRIVATE_PEM)[2]
        try:
            key = load_pem_private_key(PRIVATE_PEM + private, self._file_password(f"{kind}/{name}/{n}").encode())
        except (ValueError, TypeError) as error:
            raise Corrupt("a key's file cannot be decrypted", code="damaged_key", file=file.name) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise Corrupt("a key's file holds another kind of key", code="damaged_key", file=file.name)
        return key

    def _label(self, address_or_label: str) -> str | None:
        if NAME.fullmatch(address_or_label) and self._account_file(address_or_label).is_file():
            return address_or_label
        if not is_address(address_or_label):
            return None
        wanted = to_checksum_address(address_or_label)
        return next((label for label, address in self.accounts().items() if address == wanted), None)

    def _account_file(self, label: str) -> Path:
        return self._directory / "accounts" / f"{_name(label)}.json"

    def _key_file(self, kind: KeyKind, name: str, n: int) -> Path:
        return self._directory / f"{kind}s" / f"{_name(name)}.{n:d}.pem"

    def _file_password(self, name: str) -> str:
        """Bound to the file's name, so that files cannot change places."""
        return hmac.new(self._unlocked(), name.encode(), hashlib.sha256).hexdigest()

    def _unlocked(self) -> bytes:
        with self._lock:
            if self._master is None:
                self._master = _open_master(self._directory / "keystore.json", self._password)
            return self._master


def keystore_sealed_anew(directory: Path, old: str, new: str) -> tuple[Path, bytes]:
    """The one file that the password opens, and what it holds under another password; nothing is written.

    Every other file is encrypted by the master key, which stays. Raises as `Keystore.unlock`, `BadRequest` for an empty
    password.
    """
    file = directory / "keystore.json"
    return file, _sealed(_open_master(file, old), new)


def create_registrar(file: Path, password: str) -> str:
    """The address of a new registrar, its key encrypted in `file` (web3 keystore version 3).

    Raises `Conflict` (code `keystore_exists`), `BadRequest` for an empty password.
    """
    from eth_account import Account

    account: LocalAccount = Account.create(secrets.token_hex(32))
    write_new(file, _registrar(account, password), code="keystore_exists")
    return str(account.address)


def registrar_sealed_anew(file: Path, old: str, new: str) -> bytes:
    """What the registrar's keystore holds under another password; nothing is written. Raises as `open_registrar`."""
    return _registrar(open_registrar(file, old), new)


def _registrar(account: LocalAccount, password: str) -> bytes:
    if not password:
        raise BadRequest("a keystore needs a password", code="password_missing")
    from eth_account import Account

    return _json(Account.encrypt(account.key, password, kdf="scrypt", iterations=SCRYPT_N))


def check_password(directory: Path, password: str) -> None:
    """The password opens the keystore. Raises as `Keystore.unlock`."""
    Keystore(directory, password).unlock()


def open_registrar(file: Path, password: str) -> LocalAccount:
    """The registrar's account.

    Raises `NotFound` (code `no_registrar`), `Forbidden` (code `wrong_password`), `Corrupt`.
    """
    if not file.is_file():
        raise NotFound("there is no registrar's keystore here", code="no_registrar", file=str(file))
    return _decrypt(file, password)


def registrar_address(file: Path) -> str:
    """The registrar's address; needs no password. Raises `NotFound` (code `no_registrar`), `Corrupt`."""
    if not file.is_file():
        raise NotFound("there is no registrar's keystore here", code="no_registrar", file=str(file))
    return _address(file)


def _sealed(master: bytes, password: str) -> bytes:
    if not password:
        raise BadRequest("a keystore needs a password", code="password_missing")
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    sealed = AESGCM(_stretch(password, salt)).encrypt(nonce, master, b"")
    content = {"version": 1, "kdf": "scrypt", "n": SCRYPT_N, "r": SCRYPT_R, "p": SCRYPT_P}
    return _json(content | {"salt": salt.hex(), "nonce": nonce.hex(), "master": sealed.hex()})


def _open_master(file: Path, password: str) -> bytes:
    if not file.is_file():
        raise NotFound("there is no keystore here; run `chain-service init`", code="no_keystore", file=str(file))
    try:
        content = orjson.loads(_content(file))
        if (content["n"], content["r"], content["p"]) != (SCRYPT_N, SCRYPT_R, SCRYPT_P):
            raise Corrupt("the keystore uses other scrypt parameters", code="damaged_key", file=file.name)
        salt, nonce, sealed = (bytes.fromhex(content[name]) for name in ("salt", "nonce", "master"))
        return AESGCM(_stretch(password, salt)).decrypt(nonce, sealed, b"")
    except InvalidTag as error:
        raise Forbidden("the password does not open the keystore", code="wrong_password") from error
    except (KeyError, ValueError, TypeError) as error:
        raise Corrupt("the keystore cannot be read", code="damaged_key", file=file.name) from error


def _decrypt(file: Path, password: str) -> LocalAccount:
    from eth_account import Account

    try:
        content = orjson.loads(_content(file))
        key = Account.decrypt(content, password)
        account: LocalAccount = Account.from_key(key)
    except ValueError as error:
        if "MAC mismatch" in str(error):
            raise Forbidden("the password does not open the keystore", code="wrong_password", file=file.name) from error
        raise Corrupt("a key's file cannot be read", code="damaged_key", file=file.name) from error
    except (KeyError, TypeError, AttributeError, NotImplementedError) as error:
        raise Corrupt("a key's file cannot be read", code="damaged_key", file=file.name) from error
    if account.address != _address(file):
        raise Corrupt("a key's file names another address", code="damaged_key", file=file.name)
    return account


def _address(file: Path) -> str:
    try:
        return str(to_checksum_address("0x" + orjson.loads(_content(file))["address"].removeprefix("0x")))
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise Corrupt("a key's file cannot be read", code="damaged_key", file=file.name) from error


def _public_key(file: Path) -> bytes:
    try:
        return load_pem_public_key(_content(file).partition(PRIVATE_PEM)[0]).public_bytes(
            Encoding.Raw, PublicFormat.Raw
        )
    except ValueError as error:
        raise Corrupt("a log key's file cannot be read", code="damaged_key", file=file.name) from error


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise _unreadable(file, error) from error


def _unreadable(path: Path, error: OSError) -> Unavailable:
    return Unavailable(
        f"{path.name} of the keystore cannot be read: {error.strerror}", code="key_unreadable", file=path.name
    )


def _stretch(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(
        password.encode(), salt=salt, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P, maxmem=SCRYPT_MEMORY, dklen=32
    )


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise BadRequest("a key's label has 1 to 64 letters, digits, - and _", code="malformed_label", label=text)
    return text


def _json(content: object) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_INDENT_2)
