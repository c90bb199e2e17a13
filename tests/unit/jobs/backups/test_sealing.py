"""What is sealed opens whole with its password under its name, and in no other way."""

from __future__ import annotations

import io
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_service.errors import Corrupt
from chain_service.jobs.backups import sealing
from chain_service.jobs.backups.sealing import MAGIC, PREFIX, TAG, OpeningStream, SealingStream, Secret


@pytest.fixture(autouse=True, scope="module")
def small() -> object:
    """Chunks of eight bytes and a cheap password, so that every boundary is met."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sealing, "CHUNK", 8)
        patched.setattr(sealing, "COST", 2)
        yield


def sealed(data: bytes, secret: Secret, name: str = "a") -> bytes:
    target = io.BytesIO()
    stream = SealingStream(target, secret, name)
    for at in range(0, len(data), 5):
        stream.write(data[at : at + 5])
    stream.finish()
    return target.getvalue()


def opened(data: bytes, secret: Secret, name: str = "a") -> bytes:
    return cast(bytes, OpeningStream(io.BytesIO(data), secret, name).readall())


@given(data=st.binary(max_size=40))
def test_what_is_sealed_opens_again(data: bytes) -> None:
    secret = Secret.new("p")
    assert opened(sealed(data, secret), Secret("p", secret.salt)) == data


@given(data=st.binary(min_size=1, max_size=40), at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_bit_of_it_can_be_changed(data: bytes, at: int, bit: int) -> None:
    secret = Secret.new("p")
    changed = bytearray(sealed(data, secret))
    changed[at % len(changed)] ^= 1 << bit
    with pytest.raises(Corrupt):
        opened(bytes(changed), secret)


@given(data=st.binary(min_size=9, max_size=40), left=st.integers(0, 10_000))
def test_it_cannot_be_cut_short_or_go_on(data: bytes, left: int) -> None:
    secret = Secret.new("p")
    whole = sealed(data, secret)
    with pytest.raises(Corrupt):
        opened(whole[: left % len(whole)], secret)
    with pytest.raises(Corrupt):
        opened(whole + whole[-TAG - 1 :], secret)


def test_chunks_keep_their_order_and_their_file() -> None:
    secret = Secret.new("p")
    whole = sealed(bytes(range(24)), secret)
    start, step = len(MAGIC) + PREFIX, 8 + TAG
    swapped = whole[:start] + whole[start + step : start + 2 * step] + whole[start : start + step]
    with pytest.raises(Corrupt):
        opened(swapped + whole[start + 2 * step :], secret)
    with pytest.raises(Corrupt):
        opened(whole, secret, "b")
    with pytest.raises(Corrupt):
        opened(whole, Secret("q", secret.salt))
