"""Timestamp tokens: when they prove a time, and everything for which they do not."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain_service.documents.facts import TimestampFacts
from chain_service.documents.pki import timestamps
from chain_service.documents.pki.trust import Trust
from chain_service.documents.pki.trust_store import RootCertificate, TrustStore
from document_makers.certificates import Family, Holder, issue
from document_makers.encoding import element, integer, sequence
from support.cms.timestamps import Stamp, timestamp_authority

DAY = 86_400
START = 1_700_000_000
END = START + 1_000 * DAY
AT = START + 10 * DAY
OVER = b"the value of a signature"
FAMILIES: tuple[Family, ...] = ("sm2", "ecdsa", "rsa")


@dataclass(frozen=True)
class World:
    root: Holder
    authority: Holder
    trust: Trust

    def read(self, token: bytes, over: bytes = OVER) -> TimestampFacts:
        return timestamps.read(token, over, self.trust)


@cache
def world(family: Family = "sm2") -> World:
    root = issue(None, {"CN": "根"}, START, END, authority=True, family=family)
    trust = Trust(TrustStore((RootCertificate("here", root.certificate),)))
    return World(root, timestamp_authority(root, START, END), trust)


def stamp(family: Family = "sm2") -> Stamp:
    return Stamp(world(family).authority, AT, OVER)


def proves(found: TimestampFacts) -> bool:
    trusted = found.authority is not None and found.authority.path.outcome == "trusted"
    return found.problem is None and found.imprint_matches is True and found.signature_holds is True and trusted


@pytest.mark.parametrize("family", FAMILIES)
def test_a_token_of_a_trusted_authority_proves_its_time(family: Family) -> None:
    found = world(family).read(stamp(family).der())
    assert proves(found), found
    assert found.at == AT


@pytest.mark.parametrize("family", FAMILIES)
def test_a_token_over_something_else_does_not_match(family: Family) -> None:
    found = world(family).read(stamp(family).der(), OVER + b"!")
    assert found.imprint_matches is False and found.signature_holds is True


def test_a_weak_imprint_proves_nothing() -> None:
    assert world().read(replace(stamp(), imprint="sha1").der()).imprint_matches is None


def test_without_signed_attributes_or_with_those_of_another_it_does_not_hold() -> None:
    assert world().read(replace(stamp(), attributes=False).der()).signature_holds is False
    other = timestamp_authority(world().root, START, END)
    found = world().read(replace(stamp(), names=other).der())
    assert found.signature_holds is None and found.authority is None


def test_a_token_without_its_authoritys_certificate_has_no_authority() -> None:
    found = world().read(replace(stamp(), certificates=()).der())
    assert found.authority is None and found.signature_holds is None


def test_a_token_of_other_content_is_no_timestamp() -> None:
    found = world().read(replace(stamp(), content_type="1.2.840.113549.1.7.1").der())
    assert found.problem is not None and found.problem.code == "unknown_form"


def test_an_authority_for_other_purposes_breaks_the_path() -> None:
    root = world().root
    signer = issue(root, {"CN": "某"}, START, END)
    for authority in (signer, timestamp_authority(root, START, END, extensions=b"")):
        found = world().read(replace(stamp(), authority=authority).der())
        assert found.signature_holds is True
        assert found.authority is not None and found.authority.path.outcome == "broken"


def test_an_authority_that_nobody_here_trusts_is_untrusted() -> None:
    elsewhere = issue(None, {"CN": "别处根"}, START, END, authority=True)
    found = world().read(replace(stamp(), authority=timestamp_authority(elsewhere, START, END)).der())
    assert found.authority is not None and found.authority.path.outcome == "untrusted"


@pytest.mark.parametrize(
    ("time", "accuracy", "expected"),
    [
        ("20231124221320Z", b"", 0),
        ("20231124221320.25Z", b"", 1),
        ("20231124221320Z", sequence(integer(2)), 2),
        ("20231124221320Z", sequence(element(0x80, b"\x01")), 1),
        ("20231124221320.9Z", sequence(integer(1), element(0x80, b"\x01")), 3),
    ],
)
def test_the_latest_moment_that_a_token_allows_counts(time: str, accuracy: bytes, expected: int) -> None:
    found = world().read(replace(stamp(), time=element(0x18, time.encode()), accuracy=accuracy).der())
    assert found.at == AT + expected


@settings(max_examples=300)
@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_changed_bit_proves_no_other_time(at: int, bit: int) -> None:
    token = bytearray(stamp().der())
    at %= len(token)
    token[at] ^= 1 << bit
    found = world().read(bytes(token))
    assert not proves(found) or found.at == AT


@given(st.binary(max_size=300))
def test_any_bytes_are_a_problem_and_no_exception(data: bytes) -> None:
    assert world().read(data).problem is not None


def run(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


CONFIGURATION = """
[tsa]
serial = serial
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
accuracy = secs:1
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
[stamps]
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[req]
distinguished_name = name
[name]
"""


@pytest.fixture(scope="module")
def openssl_token(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A token over OVER and the root of its authority, both made by OpenSSL."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl on the PATH")
    folder = tmp_path_factory.mktemp("stamps")
    (folder / "cnf").write_text(CONFIGURATION)
    (folder / "serial").write_text("01")
    (folder / "over").write_bytes(OVER)
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", "cnf")
    run(folder, "req", "-x509", *key, "-extensions", "root", "-subj", "/CN=root", "-days", "30", "-keyout", "root.key",
        "-out", "root.pem")  # fmt: skip
    run(folder, "req", "-new", *key, "-subj", "/CN=stamps", "-keyout", "tsa.key", "-out", "tsa.csr")
    run(folder, "x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial",
        "-extfile", "cnf", "-extensions", "stamps", "-days", "30", "-out", "tsa.pem")  # fmt: skip
    run(folder, "ts", "-query", "-data", "over", "-sha256", "-cert", "-out", "query")
    run(folder, "ts", "-reply", "-config", "cnf", "-section", "tsa", "-queryfile", "query", "-inkey", "tsa.key",
        "-signer", "tsa.pem", "-token_out", "-out", "token")  # fmt: skip
    run(folder, "x509", "-in", "root.pem", "-outform", "DER", "-out", "root.der")
    return (folder / "token").read_bytes(), (folder / "root.der").read_bytes()


def test_a_token_that_openssl_made_proves_its_time(openssl_token: tuple[bytes, bytes]) -> None:
    token, root = openssl_token
    found = timestamps.read(token, OVER, Trust(TrustStore((RootCertificate("openssl", root),))))
    assert proves(found), found
    assert found.authority is not None and found.at is not None
    assert found.authority.not_before <= found.at <= found.authority.not_after
    assert (
        timestamps.read(token, OVER + b"!", Trust(TrustStore((RootCertificate("openssl", root),)))).imprint_matches
        is False
    )
