"""Asking OCSP responders at a counter: who may be asked, for whom, and what their answers change."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp as answers
from pydantic import ValidationError

from chain_service.config import Settings
from chain_service.core.encoding.digests import file_digests
from chain_service.core.verdicts.check_rules import SIGNATURE
from chain_service.core.verdicts.verdict import Verdict
from chain_service.jobs.parsing import ocsp_responders
from chain_service.jobs.parsing.ocsp_responders import OcspQuery, Responders
from chain_service.jobs.verifying.request import VerificationRequest
from document_makers.certificates import Holder, extension, issue
from document_makers.encoding import element, identifier, sequence
from support.chains.lying_node import http_server
from support.documents import city as test_city
from support.documents.city import DAY, pem
from support.worlds.jobs_city import City, Org, verify
from support.worlds.offices import Office, write_trust_store

RESPONDS = extension("2.5.29.37", sequence(identifier("1.3.6.1.5.5.7.3.9")))
NO_CHECK = extension("1.3.6.1.5.5.7.48.1.5", b"\x05\x00")
_codes = iter(range(43_990_000_081_230, 43_990_000_091_230))


@dataclass
class Responder:
    """A responder on loopback, and the authority whose signers name it: it publishes no list."""

    authority: Holder
    says: Callable[[bytes], tuple[int, bytes]] = lambda _: (500, b"")
    asked: list[bytes] = field(default_factory=list)
    url: str = ""

    def __call__(self, question: bytes) -> tuple[int, bytes]:
        self.asked.append(question)
        return self.says(question)


@pytest.fixture(scope="module")
def responder() -> Iterator[Responder]:
    now, root = int(time.time()), test_city.city().root
    named = {"C": "CN", "O": "测试", "CN": "应答CA"}
    authority = issue(root, named, now - 900 * DAY, now + 900 * DAY, authority=True, family="ecdsa")
    made = Responder(authority)
    with http_server(made) as url:
        made.url = f"{url}/ocsp"
        yield made


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory, responder: Responder) -> Path:
    directory = write_trust_store(tmp_path_factory.mktemp("trust"))
    (label,) = (directory / "anchors").iterdir()
    (label / "intermediates" / "ocsp.pem").write_text(pem(responder.authority.certificate))
    return directory


@pytest.fixture
def stage(city: City, trusted: Path, responder: Responder) -> Iterator[Callable[..., City]]:
    """The shared instance with that trust store and these responders allowed, nothing remembered."""
    responder.asked.clear()
    with ExitStack() as stack:

        def made(*allowed: str) -> City:
            other = city.on(trust_store=trusted, ocsp_responders=list(allowed))
            stack.callback(other.app.parsers.close)
            return other

        yield made


def sealed(city: City, org: Org, responder: Responder, at: str = "") -> tuple[bytes, Holder]:
    """An anchored document whose signer names the responder, or the one `at` another address."""
    address = element(0x86, (at or responder.url).encode())
    access = extension("1.3.6.1.5.5.7.1.1", sequence(sequence(identifier("1.3.6.1.5.5.7.48.1"), address)))
    changes = (("authority", responder.authority), ("extensions", access))
    office = Office(org.code, str(next(_codes)), changes)
    content = office.sealed().bytes()
    city.anchor(org, org.certificate(files=[{"digests": file_digests(content)}]))
    return content, office.signer


def answer(
    signer: Holder, issuer: Holder, by: Holder | None = None, revoked: int | None = None, at: int | None = None
) -> bytes:
    """What a responder, by default the issuer itself, says for a day from `at`, by default a minute ago."""
    by = by or issuer
    first = int(time.time()) - 60 if at is None else at
    certificate, authority, who = (x509.load_der_x509_certificate(one.certificate) for one in (signer, issuer, by))
    status = answers.OCSPCertStatus.GOOD if revoked is None else answers.OCSPCertStatus.REVOKED
    builder = (
        answers.OCSPResponseBuilder()
        .add_response(
            certificate, authority, hashes.SHA256(), status, moment(first), moment(first + DAY),
            None if revoked is None else moment(revoked), None,
        )
        .responder_id(answers.OCSPResponderEncoding.HASH, who)
    )  # fmt: skip
    if by is not issuer:
        builder = builder.certificates([who])
    return builder.sign(by.key.secret, hashes.SHA256()).public_bytes(Encoding.DER)  # type: ignore[arg-type]


def moment(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None)


def revocation(verdict: Verdict) -> tuple[str, str]:
    """The verdict's code and that of the check `revocation`."""
    return verdict.code, verdict.groups[1][SIGNATURE.REVOCATION].code


def judged(city: City, org: Org, content: bytes) -> tuple[str, str]:
    return revocation(verify(city.app, VerificationRequest(file=content), org.caller))


def test_a_good_answer_makes_the_verdict_and_is_kept_for_the_next_one(
    stage: Callable[..., City], responder: Responder
) -> None:
    city = stage(responder.url)
    org = city.organisation()
    content, signer = sealed(city, org, responder)
    responder.says = lambda _: (200, answer(signer, responder.authority))
    assert judged(city, org, content) == ("in_force", "not_revoked")
    asked = answers.load_der_ocsp_request(responder.asked[0])
    assert (len(responder.asked), asked.serial_number) == (1, signer.serial)
    assert judged(city, org, content) == ("in_force", "not_revoked")
    assert revocation(city.verify(file=content)) == ("in_force", "not_revoked")  # without a key, from what is kept
    assert len(responder.asked) == 1
    responder.says = lambda _: (500, b"")
    city.clock.ahead = DAY + 60
    try:
        assert judged(city, org, content)[1] == "revocation_unknown"  # the answer's day is over, and no other came
        assert len(responder.asked) == 2
    finally:
        city.clock.ahead = 0.0


@pytest.mark.parametrize(
    ("later", "told"), [(-60, ("signer_revoked",) * 2), (30, ("in_force_signer_expired", "revoked_after_signing"))]
)
def test_a_revocation_counts_if_it_is_older_than_the_proven_time(
    stage: Callable[..., City], responder: Responder, later: int, told: tuple[str, str]
) -> None:
    city = stage(responder.url)
    org = city.organisation()
    content, signer = sealed(city, org, responder)
    revoked = int(time.time()) + later
    city.clock.ahead = 60
    try:
        responder.says = lambda _: (200, answer(signer, responder.authority, revoked=revoked))
        assert judged(city, org, content) == told
    finally:
        city.clock.ahead = 0.0


def test_what_is_no_believable_answer_leaves_it_unknown(stage: Callable[..., City], responder: Responder) -> None:
    city = stage(responder.url)
    org = city.organisation()
    content, signer = sealed(city, org, responder)
    now, authority = int(time.time()), responder.authority
    stranger = issue(None, {"CN": "外人"}, now - DAY, now + DAY, authority=True, family="ecdsa")
    outsider = issue(stranger, {"CN": "应答者"}, now - DAY, now + DAY, family="ecdsa", extensions=RESPONDS + NO_CHECK)
    stale = now - 30 * DAY
    for body in (
        answer(signer, authority, by=stranger),
        answer(signer, authority, by=outsider),
        answer(outsider, stranger),
        answer(signer, authority, at=stale),
        b"",
        b"<html>not now</html>",
        b"\x30" * 200_000,
        bytes(ocsp_responders.MAX_ANSWER + 1),
    ):
        responder.says = lambda _, body=body: (200, body)
        assert judged(city, org, content) == ("revocation_unknown",) * 2
    helper = issue(authority, {"CN": "应答者"}, now - DAY, now + DAY, family="ecdsa", extensions=RESPONDS + NO_CHECK)
    responder.says = lambda _: (200, answer(signer, authority, by=helper))
    assert judged(stage(responder.url), org, content) == ("in_force", "not_revoked")


@pytest.mark.parametrize("status", [301, 307, 404, 500])
def test_an_answer_with_another_status_is_none_and_no_redirection_is_followed(
    stage: Callable[..., City], responder: Responder, status: int
) -> None:
    city = stage(responder.url)
    org = city.organisation()
    content, signer = sealed(city, org, responder)
    responder.says = lambda _: (status, answer(signer, responder.authority))
    assert judged(city, org, content) == ("revocation_unknown",) * 2
    assert judged(city, org, content) == ("revocation_unknown",) * 2
    assert len(responder.asked) == 1  # it rests for a while


def test_nobody_is_asked_who_is_not_allowed_and_for_nobody_without_a_key(
    stage: Callable[..., City], responder: Responder
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        here = f"http://127.0.0.1:{listening.getsockname()[1]}"
        org = stage().organisation()
        content, _ = sealed(stage(), org, responder, f"{here}/ocsp")
        for allowed in ((), (responder.url,), (f"{here}/other",), (f"{here}/ocs",), (here.replace("http", "https"),)):
            assert judged(stage(*allowed), org, content) == ("revocation_unknown",) * 2
        allowed_one = stage(here)
        assert revocation(allowed_one.verify(file=content)) == ("revocation_unknown",) * 2
        with pytest.raises(TimeoutError):
            listening.accept()
        # the same socket is asked as soon as it may be, and one that says nothing costs seconds only
        began = time.monotonic()
        assert judged(allowed_one, org, content) == ("revocation_unknown",) * 2
        assert time.monotonic() - began < ocsp_responders.SECONDS + 60
        with closing(listening.accept()[0]) as connection:
            assert connection.recv(4) == b"POST"
    assert responder.asked == []


def test_a_signer_whom_nobody_trusts_makes_nobody_ask(city: City, responder: Responder, tmp_path: Path) -> None:
    responder.asked.clear()
    (tmp_path / "anchors").mkdir()
    other = city.on(trust_store=tmp_path, ocsp_responders=[responder.url])
    org = other.organisation()
    content, _ = sealed(other, org, responder)
    verify(other.app, VerificationRequest(file=content), org.caller)
    other.app.parsers.close()
    assert responder.asked == []


def test_an_endless_trickle_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocsp_responders, "SECONDS", 0.6)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        with ExitStack() as stack:
            process = stack.enter_context(trickling(listening))
            began = time.monotonic()
            asked = [OcspQuery(b"question", (url,))]
            assert Responders([url]).answers(asked, int(time.time()), fetch=True) == {}
            assert time.monotonic() - began < 60
            assert process.poll() is None


def trickling(listening: socket.socket) -> subprocess.Popen[bytes]:
    """A process that answers the next connection with a byte of a header every tenth of a second, for ever."""
    script = (
        "import socket, sys, time\n"
        "one = socket.socket(fileno=int(sys.argv[1])).accept()[0]\n"
        "one.sendall(b'HTTP/1.1 200 OK\\r\\nX: ')\n"
        "while True:\n"
        "    try:\n"
        "        one.sendall(b'x')\n"
        "    except OSError:\n"
        "        time.sleep(60)\n"
        "    time.sleep(0.1)\n"
    )
    number = listening.fileno()
    python = shutil.which("python3") or "python3"
    return _Ending([python, "-c", script, str(number)], pass_fds=[number])


class _Ending(subprocess.Popen[bytes]):
    """A process that ends with the block it is used in."""

    def __exit__(self, *unused: Any) -> None:
        self.kill()
        super().__exit__(*unused)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command as another responder")
@pytest.mark.parametrize(("row", "told"), [("V", ("in_force", "not_revoked")), ("R", ("signer_revoked",) * 2)])
def test_openssl_answers_our_question_and_we_believe_it(
    stage: Callable[..., City], responder: Responder, tmp_path: Path, row: str, told: tuple[str, str]
) -> None:
    city = stage(responder.url)
    org = city.organisation()
    content, signer = sealed(city, org, responder)
    secret = responder.authority.key.secret
    assert isinstance(secret, ec.EllipticCurvePrivateKey)
    (tmp_path / "ca.pem").write_text(pem(responder.authority.certificate))
    (tmp_path / "ca.key").write_bytes(
        secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # a test's own key
    )
    serial = f"{signer.serial:X}"
    revoked = "250101000000Z" if row == "R" else ""
    padded = serial.zfill(len(serial) + len(serial) % 2)
    (tmp_path / "index.txt").write_text(f"{row}\t491231000000Z\t{revoked}\t{padded}\tunknown\t/CN=signer\n")
    (tmp_path / "index.txt.attr").write_text("unique_subject = no\n")

    def says(question: bytes) -> tuple[int, bytes]:
        (tmp_path / "question.der").write_bytes(question)
        command = "openssl ocsp -index index.txt -CA ca.pem -rsigner ca.pem -rkey ca.key -nmin 60"
        command += " -reqin question.der -respout answer.der"
        subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
        return 200, (tmp_path / "answer.der").read_bytes()

    responder.says = says
    assert judged(city, org, content) == told


@pytest.mark.parametrize(
    ("prefix", "address", "may"),
    [
        ("http://ocsp.test/", "http://ocsp.test/a", True),
        ("http://ocsp.test", "http://OCSP.test:80", True),
        ("http://ocsp.test/a", "http://ocsp.test/a", True),
        ("http://ocsp.test/a", "http://ocsp.test/a/b?c", True),
        ("http://ocsp.test/a", "http://ocsp.test/ab", False),
        ("http://ocsp.test/a/", "http://ocsp.test/a/../b", False),
        ("http://ocsp.test/a/", "http://ocsp.test/a/%2e%2e/b", False),
        ("http://ocsp.test/", "https://ocsp.test/", False),
        ("http://ocsp.test/", "http://ocsp.test:8080/", False),
        ("http://ocsp.test", "http://ocsp.test.evil/", False),
        ("http://ocsp.test", "http://ocsp.test@evil/", False),
        ("http://ocsp.test", "http://evil\\ocsp.test/", False),
        ("http://ocsp.test/", "http://ocsp.test/\r\nHost: evil", False),
        ("http://ocsp.test/", "ldap://ocsp.test/", False),
        ("http://ocsp.test/", "http:///", False),
        ("http://[::1]:80/", "http://[::1]/", True),
    ],
)
def test_an_address_is_allowed_by_exact_origin_and_path(prefix: str, address: str, may: bool) -> None:
    assert Responders([prefix]).allows(address) is may


@pytest.mark.parametrize("prefix", ["", "ocsp.test", "ftp://ocsp.test", "http://", "http://a@b/", "http://a/../b"])
def test_a_setting_that_is_no_prefix_is_refused(prefix: str) -> None:
    with pytest.raises(ValidationError, match="ocsp_responders"):
        Settings(ocsp_responders=[prefix])
