"""What the makers of tests sign, OpenSSL verifies: the samples are right by another implementation than ours."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from document_makers.certificates import Holder
from document_makers.packages import add_signature
from support.cms.plain_signatures import header, signed_data
from support.documents.city import SIGNED, city, sealed, unsigned

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
SIGN_0 = "Doc_0/Signs/Sign_0"


def members(data: bytes) -> list[bytes]:
    """The elements inside a SEQUENCE or SET."""
    at, end = header(data, 0)
    found = []
    while at < end:
        after = header(data, at)[1]
        found.append(data[at:after])
        at = after
    return found


def contents(element: bytes) -> bytes:
    start, end = header(element, 0)
    return element[start:end]


def verifies(holder: Holder, message: bytes, signature: bytes, folder: Path) -> bool:
    for name, data in (("key", holder.key.public), ("message", message), ("signature", signature)):
        (folder / name).write_bytes(data)
    command = [
        "openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key", "-rawin", "-in", "message",
        "-sigfile", "signature", "-digest", "sm3", "-pkeyopt", "distid:1234567812345678",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return "Verified Successfully" in done.stdout


@pytest.mark.parametrize("version", [4, 5])
def test_openssl_verifies_seals_and_signatures_since_version_4(version: int, tmp_path: Path) -> None:
    of = city()
    made = sealed(seal=of.make_seal(version=version))
    seal = members(made.files[f"{SIGN_0}/Seal.esl"])
    assert verifies(of.maker, seal[0], contents(seal[3])[1:], tmp_path)
    signed, certificate, _, value = members(made.files[f"{SIGN_0}/SignedValue.dat"])
    assert contents(certificate) == of.signer.certificate
    assert verifies(of.signer, signed, contents(value)[1:], tmp_path)
    assert not verifies(of.signer, signed + b"\0", contents(value)[1:], tmp_path)
    digest = hashlib.new("sm3", made.files[f"{SIGN_0}/Signature.xml"]).digest()
    assert contents(members(signed)[3])[1:] == digest


def test_openssl_verifies_a_seal_and_signature_of_version_1(tmp_path: Path) -> None:
    of = city()
    made = sealed(seal=of.make_seal(version=1))
    info, sign_info = members(made.files[f"{SIGN_0}/Seal.esl"])
    certificate, algorithm, value = members(sign_info)
    inner = info + certificate + algorithm
    told = b"\x30\x82" + len(inner).to_bytes(2, "big") + inner
    assert verifies(of.maker, told, contents(value)[1:], tmp_path)
    signed, value = members(made.files[f"{SIGN_0}/SignedValue.dat"])
    assert verifies(of.signer, signed, contents(value)[1:], tmp_path)


def test_openssl_verifies_signatures_without_a_seal(tmp_path: Path) -> None:
    signer = city().signer
    made = add_signature(unsigned(), lambda data, _: signer.sign(data), kind="Sign", at=SIGNED)
    described = made.files[f"{SIGN_0}/Signature.xml"]
    assert verifies(signer, described, made.files[f"{SIGN_0}/SignedValue.dat"], tmp_path)
    row = members(members(contents(members(signed_data(described, signer))[1]))[4])[0]
    assert verifies(signer, described, contents(members(row)[4]), tmp_path)
    row = members(members(contents(members(signed_data(described, signer, at=SIGNED))[1]))[4])[0]
    attributes = members(row)[3]
    assert verifies(signer, b"\x31" + attributes[1:], contents(members(row)[5]), tmp_path)
