"""SM2 signatures: the standard's own example, OpenSSL as the other implementation, and what must not verify."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import gmssl_pyx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_service.documents.pki import sm2
from document_makers.certificates import new_key
from document_makers.encoding import element, integer, raw_signature, sequence
from support.documents.encodings import INTEGERS

# GM/T 0003.5-2012, annex A.2: the example over the recommended curve.
POINT = bytes.fromhex(
    "04"
    "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
MESSAGE = b"message digest"
R = 0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
S = 0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA
RAW = R.to_bytes(32, "big") + S.to_bytes(32, "big")
DER = sequence(integer(R), integer(S))
SMALL_R, SMALL_S = R >> 9, (S >> 8) | 1 << 247
"""Values that are shorter than 32 bytes: no signature of anybody's."""
OTHER_ID = b"ALICE123@YAHOO.COM"


def pair() -> tuple[bytes, bytes]:
    public, private = gmssl_pyx.sm2_key_generate()
    return b"\x04" + public, private


def sign(point: bytes, private: bytes, message: bytes, user_id: bytes = sm2.DEFAULT_ID) -> bytes:
    return gmssl_pyx.sm2_sign(private, point[1:], message, user_id)


def test_the_example_of_the_standard_holds_in_every_step() -> None:
    assert sm2.user_digest(POINT).hex() == "b2e14c5c79c6df5b85f4fe7ed8db7a262b9da7e07ccb0ea9f4747b8ccda8a4f3"
    assert sm2.digest(POINT, MESSAGE).hex() == "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640"
    assert sm2.verify(POINT, MESSAGE, RAW)
    assert sm2.verify(POINT, MESSAGE, DER)


def test_the_user_id_is_part_of_what_is_signed() -> None:
    point, private = pair()
    signature = sign(point, private, MESSAGE, OTHER_ID)
    assert sm2.verify(point, MESSAGE, signature, OTHER_ID)
    assert not sm2.verify(point, MESSAGE, signature)
    assert not sm2.verify(POINT, MESSAGE, DER, OTHER_ID)
    assert not sm2.verify(point, MESSAGE, signature, b"x" * (sm2.MAX_ID + 1))


@pytest.mark.parametrize(
    ("r", "s"),
    [(0, S), (R, 0), (sm2.ORDER, S), (R, sm2.ORDER), (R + sm2.ORDER, S), (R, S + sm2.ORDER), (R, sm2.ORDER - R)],
)
def test_values_out_of_range_do_not_verify(r: int, s: int) -> None:
    assert not sm2.verify(POINT, MESSAGE, sequence(integer(r), integer(s)))
    if max(r, s) < 2**256:
        assert not sm2.verify(POINT, MESSAGE, r.to_bytes(32, "big") + s.to_bytes(32, "big"))


@pytest.mark.parametrize(
    "signature",
    [
        DER + b"\0",
        DER[:-1],
        b"\x30\x81" + DER[1:],
        sequence(integer(R), integer(S), integer(1)),
        sequence(integer(R)),
        b"\x31" + DER[1:],
        RAW + b"\0",
        RAW[:-1],
        b"",
        b"\x30",
    ],
)
def test_what_is_neither_der_nor_raw_nor_integers_verifies_nothing(signature: bytes) -> None:
    assert not sm2.verify(POINT, MESSAGE, signature)
    assert not sm2.deviates(signature)


@pytest.mark.parametrize("form", INTEGERS)
def test_integers_are_read_however_devices_write_them_and_only_where_that_is_allowed(form: str) -> None:
    large = form in ("without sign byte", "many zeros before")
    values = [R, S] if large else [SMALL_R, SMALL_S]
    written = sequence(*(element(2, INTEGERS[form](one.to_bytes(32, "big"))) for one in values))
    assert sm2.deviates(written) and sm2.readable(written)
    assert sm2.verify(POINT, MESSAGE, written) is large
    assert not sm2.verify(POINT, MESSAGE, written, raw=False)


def test_what_is_der_or_raw_does_not_deviate() -> None:
    assert not sm2.deviates(DER) and not sm2.deviates(RAW)
    assert sm2.verify(POINT, MESSAGE, DER, raw=False) and not sm2.verify(POINT, MESSAGE, RAW, raw=False)


@pytest.mark.parametrize("point", [b"", POINT[1:], b"\x02" + POINT[1:33], b"\x04" + bytes(64), POINT[:-1] + b"\0"])
def test_what_is_no_point_of_the_curve_verifies_nothing(point: bytes) -> None:
    assert not sm2.verify(point, MESSAGE, DER)


@given(at=st.integers(0, 63), bit=st.integers(0, 7))
def test_no_bit_of_a_signature_may_change(at: int, bit: int) -> None:
    changed = bytearray(RAW)
    changed[at] ^= 1 << bit
    assert not sm2.verify(POINT, MESSAGE, bytes(changed))
    r, s = (int.from_bytes(changed[part : part + 32], "big") for part in (0, 32))
    assert not sm2.verify(POINT, MESSAGE, sequence(integer(r), integer(s)))


@given(st.binary(max_size=100), st.binary(max_size=70), st.binary(max_size=40))
def test_any_bytes_are_an_answer_and_no_exception(signature: bytes, point: bytes, user_id: bytes) -> None:
    assert sm2.verify(point, MESSAGE, signature, user_id) is False
    assert sm2.verify(POINT, MESSAGE, signature, user_id) is False


@given(message=st.binary(max_size=300), user_id=st.binary(min_size=1, max_size=60))
def test_what_gmssl_signs_for_any_id_verifies_in_both_forms(message: bytes, user_id: bytes) -> None:
    key = new_key("sm2")
    public, private = key.secret  # type: ignore[misc]
    signature = gmssl_pyx.sm2_sign(private, public, message, user_id)
    assert sm2.verify(b"\x04" + public, message, signature, user_id)
    assert sm2.verify(b"\x04" + public, message, raw_signature(signature), user_id)


def openssl(*arguments: str, cwd: Path) -> None:
    subprocess.run(["openssl", *arguments], cwd=cwd, check=True, capture_output=True)


@pytest.fixture
def openssl_key(tmp_path: Path) -> tuple[Path, bytes]:
    """A folder with `key.pem` and `public.pem` made by OpenSSL, and the point."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl on the PATH")
    try:
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2", "-out", "key.pem", cwd=tmp_path)
        openssl("pkey", "-in", "key.pem", "-pubout", "-outform", "DER", "-out", "public.der", cwd=tmp_path)
    except subprocess.CalledProcessError:
        pytest.skip("this openssl has no SM2")
    return tmp_path, (tmp_path / "public.der").read_bytes()[-65:]


@pytest.mark.parametrize("user_id", [sm2.DEFAULT_ID, OTHER_ID])
def test_what_openssl_signs_verifies_here(openssl_key: tuple[Path, bytes], user_id: bytes) -> None:
    folder, point = openssl_key
    (folder / "message").write_bytes(MESSAGE * 100)
    openssl(
        "pkeyutl", "-sign", "-rawin", "-digest", "sm3", "-inkey", "key.pem", "-in", "message", "-out", "signature",
        "-pkeyopt", f"distid:{user_id.decode()}", cwd=folder,
    )  # fmt: skip
    signature = (folder / "signature").read_bytes()
    assert sm2.verify(point, MESSAGE * 100, signature, user_id)
    assert not sm2.verify(point, MESSAGE * 99, signature, user_id)
