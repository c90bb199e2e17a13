"""What a backup says of itself: what is in it, by digest, and where the chain and the logs stood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from chain_service.core.encoding.canonical import canonical, read_json
from chain_service.core.encoding.decoding import read_hex
from chain_service.errors import BadRequest, ChainServiceError, Corrupt, Forbidden
from chain_service.jobs.backups.sealing import SALT, Secret
from chain_service.store.copies.contents import CopiedContents

FORM = "chain-service/backup/1"
NAME = "manifest.json"
DATABASE, CHAIN, FILES, KEYS = "database.sealed", "chain.sealed", "files.sealed", "keys/keys.sealed"
LIMIT = 64 * 2**20


@dataclass(frozen=True)
class Manifest:
    """The manifest of one backup; its MAC has been checked."""

    body: Mapping[str, Any]
    secret: Secret

    @property
    def database(self) -> str:
        """`sqlite` or `postgresql`."""
        return str(self.body["database"]["kind"])

    @property
    def files(self) -> Mapping[str, Mapping[str, Any]]:
        """Size and SHA-256 of each encrypted file by its name."""
        files: Mapping[str, Mapping[str, Any]] = self.body["files"]
        return files


def described(held: CopiedContents) -> dict[str, Any]:
    """What the database held, as the manifest writes it."""
    return {
        "records": held.records,
        "erased": held.erased,
        "revision": held.revision,
        "block": None if held.block is None else {"number": held.block.number, "hash": held.block.hash.hex()},
        "heads": [
            {
                "org": head.org,
                "generation": head.generation,
                "size": head.size,
                "root": None if head.root is None else head.root.hex(),
            }
            for head in held.heads
        ],
    }


def encoded(body: Mapping[str, Any], secret: Secret) -> bytes:
    """The manifest file: readable, and made by whoever knows the password."""
    salted = {"form": FORM, "salt": secret.salt.hex(), **body}
    mac = secret.mac(canonical(salted)).hex()
    return orjson.dumps({**salted, "mac": mac}, option=orjson.OPT_INDENT_2) + b"\n"


def read_manifest(directory: Path, password: str) -> Manifest:
    """The manifest of the backup in `directory`.

    Raises BadRequest (`no_backup`), Forbidden (`backup_password_wrong`): wrong, or the manifest was altered.
    """
    try:
        data = (directory / NAME).read_bytes()
    except OSError as error:
        raise BadRequest(
            f"{directory} holds no whole backup: {NAME}: {error.strerror}", code="no_backup", file=str(directory)
        ) from None
    try:
        body = read_json(data, limit=LIMIT, exact=True)
        if not isinstance(body, dict) or body.get("form") != FORM:
            raise BadRequest(f"{NAME} is none of a backup that this program reads", code="no_backup")
        mac = read_hex(body.pop("mac"), limit=32)
        secret = Secret(password, read_hex(body["salt"], limit=SALT))
        right = secret.mac(canonical(body)) == mac
    except (ChainServiceError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, BadRequest) and error.code == "no_backup":
            raise
        raise Corrupt(f"{NAME} in the backup is damaged", code="backup_damaged", file=NAME) from None
    if not right:
        raise Forbidden("the password is not the backup's, or its manifest was altered", code="backup_password_wrong")
    return Manifest(body, secret)
