"""OpenSSL judges the certificates and lists of the test authorities as we do: two implementations, one finding."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path

import pytest

from chain_service.documents.asn1 import der
from chain_service.documents.pki.trust import Trust
from chain_service.documents.pki.trust_store import RootCertificate, TrustStore
from document_makers.certificates import Family, Holder, issue, new_key, revocation_list

DAY = 86_400
START = 1_700_000_000
END = START + 3_650 * DAY
AT = START + 100 * DAY
FAMILIES: tuple[Family, ...] = ("sm2", "ecdsa", "rsa")
INTERNATIONAL: tuple[Family, ...] = ("ecdsa", "rsa")
"""OpenSSL's `verify` gives the user id of SM2 to the leaf alone, so that its SM2 paths have no links and no lists."""
SM2_ID = "distid:1234567812345678"


def openssl(folder: Path, *arguments: str) -> tuple[bool, str]:
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl on the PATH")
    ran = subprocess.run(["openssl", *arguments], cwd=folder, check=False, capture_output=True, text=True)
    if "unsupported" in ran.stderr.lower():
        pytest.skip("this openssl has no SM2")
    return ran.returncode == 0, ran.stdout + ran.stderr


def write(folder: Path, name: str, kind: str, *ders: bytes) -> None:
    blocks = (base64.encodebytes(der).decode() for der in ders)
    lines = (f"-----BEGIN {kind}-----\n{block}-----END {kind}-----\n" for block in blocks)
    (folder / name).write_text("".join(lines))


def root_of(family: Family) -> Holder:
    return issue(None, {"C": "CN", "CN": "根"}, START, END, authority=True, family=family, path_length=1)


def both(folder: Path, root: Holder, links: tuple[Holder, ...], leaf: Holder, lists: tuple[bytes, ...] = ()) -> str:
    """What OpenSSL and we say of the path, which has to be the same."""
    write(folder, "root.pem", "CERTIFICATE", root.certificate)
    write(folder, "links.pem", "CERTIFICATE", *(one.certificate for one in links))
    write(folder, "leaf.pem", "CERTIFICATE", leaf.certificate)
    write(folder, "lists.pem", "X509 CRL", *lists)
    more = ("-CRLfile", "lists.pem", "-crl_check_all") if lists else ()
    known = ("-CAfile", "root.pem", *(("-untrusted", "links.pem") if links else ()))
    identity = ("-vfyopt", SM2_ID) if root.key.family == "sm2" else ()
    good, told = openssl(folder, "verify", *identity, *known, *more, "-attime", str(AT), "leaf.pem")
    store = TrustStore((RootCertificate("here", root.certificate),), tuple(one.certificate for one in links), lists)
    path = Trust(store).certificate(leaf.certificate).path
    ours = path.outcome
    if ours == "trusted" and lists and any(one.outcome != "good" for one in path.revocations):
        ours = "revoked"
    assert good is (ours == "trusted"), (told, path)
    return ours


@pytest.mark.parametrize("family", FAMILIES)
def test_openssl_and_we_agree_on_what_an_anchor_issued(family: Family, tmp_path: Path) -> None:
    root = root_of(family)
    assert both(tmp_path, root, (), issue(root, {"CN": "某"}, START, END, family=family)) == "trusted"
    forger = Holder(new_key(family), b"", root.name, 1)
    assert both(tmp_path, root, (), issue(forger, {"CN": "某"}, START, END, family=family)) == "broken"
    user = issue(None, {"CN": "三"}, START, END, family=family)
    assert both(tmp_path, user, (), issue(user, {"CN": "某"}, START, END, family=family)) == "broken"


@pytest.mark.parametrize("family", INTERNATIONAL)
def test_openssl_and_we_agree_on_paths(family: Family, tmp_path: Path) -> None:
    root = root_of(family)
    more = {"family": family, "authority": True}
    link = issue(root, {"CN": "一"}, START, END, **more)  # type: ignore[arg-type]
    lower = issue(link, {"CN": "二"}, START, END, **more)  # type: ignore[arg-type]
    user = issue(root, {"CN": "三"}, START, END, family=family)
    leaf = issue(link, {"CN": "某"}, START, END, family=family)
    assert both(tmp_path, root, (link,), leaf) == "trusted"
    assert both(tmp_path, root, (), leaf) == "untrusted"
    assert both(tmp_path, root, (link, lower), issue(lower, {"CN": "某"}, START, END, family=family)) == "broken"
    assert both(tmp_path, root, (user,), issue(user, {"CN": "某"}, START, END, family=family)) == "broken"


@pytest.mark.parametrize("family", INTERNATIONAL)
def test_openssl_and_we_agree_on_revocation_lists(family: Family, tmp_path: Path) -> None:
    root = root_of(family)
    link = issue(root, {"CN": "一"}, START, END, authority=True, family=family)
    leaf = issue(link, {"CN": "某"}, START, END, family=family)
    clean = (revocation_list(root, AT - DAY, AT + DAY), revocation_list(link, AT - DAY, AT + DAY))
    assert both(tmp_path, root, (link,), leaf, clean) == "trusted"
    revoked = revocation_list(link, AT - DAY, AT + DAY, {leaf.serial: (AT - 2 * DAY, "keyCompromise")})
    assert both(tmp_path, root, (link,), leaf, (clean[0], revoked)) == "revoked"
    assert both(tmp_path, root, (link,), leaf, (clean[0],)) == "revoked"
    forged = revocation_list(Holder(leaf.key, b"", link.name, 1), AT - DAY, AT + DAY)
    assert both(tmp_path, root, (link,), leaf, (clean[0], forged)) == "revoked"


def test_openssl_verifies_what_an_sm2_authority_signs(tmp_path: Path) -> None:
    root = root_of("sm2")
    list_ = revocation_list(root, AT - DAY, AT + DAY)
    tbs, _, signature = der.members(list_)
    write(tmp_path, "key.pem", "PUBLIC KEY", root.key.public)
    (tmp_path / "signature").write_bytes(signature[3:])
    for message, good in ((tbs, True), (tbs + b"!", False)):
        (tmp_path / "message").write_bytes(message)
        arguments = (
            "-rawin",
            "-digest",
            "sm3",
            "-pubin",
            "-inkey",
            "key.pem",
            "-in",
            "message",
            "-sigfile",
            "signature",
        )
        verified, told = openssl(tmp_path, "pkeyutl", "-verify", *arguments, "-pkeyopt", SM2_ID)
        assert verified is good, told
