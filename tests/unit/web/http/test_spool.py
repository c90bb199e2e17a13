"""Large bodies wait on disk: whole, unreadable there, within bounds, and gone afterwards."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain_service import files
from chain_service.config import Settings
from chain_service.errors import ChainServiceError
from chain_service.web.http.problems import Overloaded, TooManyAtOnce
from chain_service.web.http.spool import BLOCK, Spool, SpooledBody

MARK = "张三，440101199001011234".encode()


@pytest.fixture(scope="module")
def spool(tmp_path_factory: pytest.TempPathFactory) -> Spool:
    folder = tmp_path_factory.mktemp("spool")
    return Spool(Settings(data=folder, spool_bytes=64 * BLOCK, address_spool_bytes=32 * BLOCK))


async def written(spool: Spool, pieces: list[bytes], address: str = "127.0.0.2") -> SpooledBody:
    body = SpooledBody(spool, address)
    for piece in pieces:
        await body.append(piece)
    return body


async def read(body: SpooledBody) -> bytes:
    return b"".join([piece async for piece in body.pieces()])


@given(st.lists(st.tuples(st.integers(0, 3 * BLOCK), st.integers(0, 255)), max_size=5), st.integers(0, 4))
@settings(max_examples=30, deadline=None)
def test_bodies_that_grow_side_by_side_come_back_as_they_were(
    spool: Spool, sizes: list[tuple[int, int]], closed: int
) -> None:
    pieces = [bytes([value]) * size for size, value in sizes]

    async def together() -> None:
        bodies = [await written(spool, [MARK], f"127.0.0.{number}") for number in range(3)]
        for number, piece in enumerate(pieces):
            if number == closed:
                bodies[0].close()
                bodies[0] = await written(spool, [MARK, *pieces[:number]], "127.0.0.0")
            await asyncio.gather(*(body.append(piece) for body in bodies))
        for body in bodies:
            assert await read(body) == MARK + b"".join(pieces)
            body.close()

    asyncio.run(together())
    assert spool.used == 0


def test_nothing_of_a_body_can_be_read_on_the_disk_and_no_file_has_a_name(spool: Spool) -> None:
    async def lying() -> bytes:
        body = await written(spool, [MARK * BLOCK])
        data = os.pread(spool.descriptor(), 64 * BLOCK, 0)
        body.close()
        return data

    data = asyncio.run(lying())
    assert len(data) >= BLOCK
    assert MARK not in data
    assert list(Path(spool.folder).iterdir()) == []
    assert os.fstat(spool.descriptor()).st_size == 0


def test_one_address_and_all_together_have_a_bound(spool: Spool) -> None:
    async def beyond() -> None:
        first = await written(spool, [b"x" * 32 * BLOCK], "127.0.0.2")
        with pytest.raises(TooManyAtOnce):
            await written(spool, [b"x" * BLOCK], "127.0.0.2")
        second = await written(spool, [b"x" * 32 * BLOCK], "127.0.0.3")
        with pytest.raises(Overloaded):
            await written(spool, [b"x" * BLOCK], "127.0.0.4")
        first.close()
        second.close()
        (await written(spool, [b"x" * BLOCK], "127.0.0.2")).close()

    asyncio.run(beyond())
    assert spool.used == 0


def test_a_body_whose_request_is_given_up_leaves_its_blocks_to_no_one_before_they_are_written(spool: Spool) -> None:
    async def given_up() -> None:
        for _ in range(20):
            lost = SpooledBody(spool, "127.0.0.2")
            writing = asyncio.create_task(lost.append(b"a" * 16 * BLOCK))
            await asyncio.sleep(0)
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing
            lost.close()
            kept = await written(spool, [b"b" * 16 * BLOCK], "127.0.0.3")
            assert await read(kept) == b"b" * 16 * BLOCK
            kept.close()

    asyncio.run(given_up())


def test_where_nothing_can_be_written_it_is_the_service_that_cannot(tmp_path: Path) -> None:
    nowhere = Spool(Settings(data=tmp_path / "missing"))
    with pytest.raises(ChainServiceError) as caught:
        asyncio.run(written(nowhere, [b"x" * BLOCK]))
    assert caught.value.code == "overloaded"
    assert caught.value.details["reason"] == "disk"


def test_a_folder_that_takes_no_files_is_no_hindrance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root writes wherever modes forbid it, so the file system's refusal is played."""
    folder, real = tmp_path / "evidence", files.nameless

    def refused(where: Path) -> int:
        if where == folder:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return real(where)

    monkeypatch.setattr("chain_service.web.http.spool.nameless", refused)

    async def there_and_back() -> bytes:
        body = await written(Spool(Settings(data=folder)), [MARK * BLOCK])
        try:
            return await read(body)
        finally:
            body.close()

    assert asyncio.run(there_and_back()) == MARK * BLOCK
