"""Keys on disk: encrypted, never overwritten, opened by one password."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from chain_service.chain.keystore import Keystore, create_registrar, open_registrar, registrar_address
from chain_service.errors import BadRequest, ChainServiceError, Conflict, Corrupt, Forbidden, NotFound, Unavailable

ORG = "91320000MA1X2Y3Z4K"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, bytes]:
    directory = tmp_path_factory.mktemp("keystore") / "keys"
    keystore = Keystore.create(directory, "correct horse")
    return directory, keystore.create_account(ORG), keystore.create_log_key(ORG)


def test_an_account_is_found_by_label_and_by_address_in_any_capitals(filled: tuple[Path, str, bytes]) -> None:
    directory, address, _ = filled
    keystore = Keystore(directory, "correct horse")
    assert keystore.account(ORG).address == address
    assert keystore.account(address.lower()).address == address
    assert keystore.accounts() == {ORG: address}
    with pytest.raises(ChainServiceError):
        keystore.account("0x" + "00" * 20)


def test_a_log_key_signs_for_its_public_key(filled: tuple[Path, str, bytes]) -> None:
    directory, _, public = filled
    keystore = Keystore(directory, "correct horse")
    assert keystore.log_keys(ORG) == {0: public}
    Ed25519PublicKey.from_public_bytes(public).verify(keystore.sign_log(ORG, 0, b"head"), b"head")
    with pytest.raises(NotFound):
        keystore.sign_log(ORG, 1, b"head")


def test_a_wrong_password_opens_nothing(filled: tuple[Path, str, bytes]) -> None:
    directory, address, public = filled
    keystore = Keystore(directory, "wrong")
    for attempt in (keystore.unlock, lambda: keystore.account(address), lambda: keystore.sign_log(ORG, 0, b"")):
        with pytest.raises(Forbidden) as raised:
            attempt()
        assert raised.value.code == "wrong_password"
    assert keystore.accounts() == {ORG: address}
    assert keystore.log_keys(ORG) == {0: public}


def test_a_kept_digest_is_the_same_for_ever_and_of_this_keystore_alone(
    filled: tuple[Path, str, bytes], tmp_path: Path
) -> None:
    kept = Keystore(filled[0], "correct horse").kept_digest("sha-256:00")
    assert kept == Keystore(filled[0], "correct horse").kept_digest("sha-256:00")
    assert kept != Keystore(filled[0], "correct horse").kept_digest("sha-256:01")
    assert kept != Keystore.create(tmp_path / "keys", "correct horse").kept_digest("sha-256:00")
    with pytest.raises(Forbidden):
        Keystore(filled[0], "wrong").kept_digest("sha-256:00")


def test_nothing_is_ever_overwritten(filled: tuple[Path, str, bytes]) -> None:
    directory, address, public = filled
    keystore = Keystore(directory, "correct horse")
    for attempt in (
        lambda: Keystore.create(directory, "other"),
        lambda: keystore.create_account(ORG),
        lambda: keystore.create_log_key(ORG, 0),
    ):
        with pytest.raises(Conflict):
            attempt()
    assert keystore.account(ORG).address == address
    assert keystore.log_keys(ORG) == {0: public}


def test_only_the_owner_may_read_and_no_temporary_file_stays(filled: tuple[Path, str, bytes]) -> None:
    directory, *_ = filled
    files = [path for path in directory.rglob("*") if path.is_file()]
    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


@pytest.mark.parametrize(("folder", "expected"), [(0o700, 0o600), (0o755, 0o600), (0o2750, 0o640), (0o2770, 0o640)])
def test_a_new_key_is_as_private_as_its_folder(tmp_path: Path, folder: int, expected: int) -> None:
    keystore = Keystore.create(tmp_path, "p")
    for name in ("accounts", "logs"):
        (tmp_path / name).mkdir()
        if os.geteuid() == 0:
            os.chown(tmp_path / name, 4711, 4712)
        (tmp_path / name).chmod(folder)
    before = os.umask(0o077)
    try:
        keystore.create_account(ORG)
        keystore.create_log_key(ORG)
    finally:
        os.umask(before)
    for name in ("accounts", "logs"):
        (file,) = (tmp_path / name).iterdir()
        made, place = file.stat(), (tmp_path / name).stat()
        assert stat.S_IMODE(made.st_mode) == expected
        assert (made.st_uid, made.st_gid) == (place.st_uid, place.st_gid)


def test_a_file_that_cannot_be_read_is_named_and_labels_need_none(tmp_path: Path) -> None:
    keystore = Keystore.create(tmp_path, "p")
    assert keystore.labels() == []
    keystore.create_account("first")
    for file in ("accounts/second.json", f"logs/{ORG}.0.pem"):
        (tmp_path / file).mkdir(parents=True)  # as for a file of somebody else's, whoever runs this
    assert keystore.labels() == ["first", "second"]
    for attempt in (keystore.accounts, lambda: keystore.account("0x" + "00" * 20), lambda: keystore.log_keys(ORG)):
        with pytest.raises(Unavailable, match="cannot be read: Is a directory") as raised:
            attempt()
        assert raised.value.code == "key_unreadable"


def test_accounts_that_cannot_be_listed_are_not_taken_for_none(tmp_path: Path) -> None:
    (tmp_path / "accounts").touch()
    for attempt in (Keystore(tmp_path, "p").labels, Keystore(tmp_path, "p").accounts):
        with pytest.raises(Unavailable) as raised:
            attempt()
        assert raised.value.code == "key_unreadable"


def test_no_file_holds_a_private_key_in_the_clear(filled: tuple[Path, str, bytes]) -> None:
    directory, address, _ = filled
    secret = bytes(Keystore(directory, "correct horse").account(address).key)
    for file in directory.rglob("*.*"):
        content = file.read_bytes()
        assert secret not in content and secret.hex().encode() not in content.lower()
        assert b"BEGIN PRIVATE KEY" not in content


def test_files_that_changed_places_are_noticed(tmp_path: Path) -> None:
    keystore = Keystore.create(tmp_path, "p")
    keystore.create_account("first")
    keystore.create_account("second")
    first, second = (tmp_path / "accounts" / f"{label}.json" for label in ("first", "second"))
    first.write_bytes(second.read_bytes())
    with pytest.raises(ChainServiceError):
        Keystore(tmp_path, "p").account("first")


@pytest.mark.parametrize("label", ["", "../x", "a/b", "a.b", "x" * 65, "某"])
def test_labels_cannot_leave_the_directory(tmp_path: Path, label: str) -> None:
    keystore = Keystore.create(tmp_path, "p")
    with pytest.raises(BadRequest):
        keystore.create_account(label)
    assert keystore.accounts() == {}


def test_a_damaged_keystore_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Keystore(tmp_path, "p").unlock()
    (tmp_path / "keystore.json").write_text("{}")
    with pytest.raises(Corrupt):
        Keystore(tmp_path, "p").unlock()


def test_the_registrars_keystore_opens_with_its_password_alone(tmp_path: Path) -> None:
    file = tmp_path / "registrar.json"
    with pytest.raises(NotFound):
        open_registrar(file, "secret")
    address = create_registrar(file, "secret")
    assert registrar_address(file) == address
    assert open_registrar(file, "secret").address == address
    with pytest.raises(Forbidden):
        open_registrar(file, "other")
    with pytest.raises(Conflict):
        create_registrar(file, "secret")
    file.write_text("[]")
    with pytest.raises(Corrupt):
        open_registrar(file, "secret")


def test_an_empty_password_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest):
        Keystore.create(tmp_path, "")
    with pytest.raises(BadRequest):
        create_registrar(tmp_path / "registrar.json", "")
