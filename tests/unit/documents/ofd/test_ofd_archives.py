"""The archive around an OFD document: one meaning for every reader, bounded before it is opened."""

from __future__ import annotations

import io
import zipfile

import pytest

from chain_service.documents.ofd.archive import open_archive
from chain_service.errors import MalformedDocument
from document_makers.packages import package
from support.documents import archives

FILES = package().files
WHOLE = package().bytes()


def code_of(data: bytes) -> str:
    with pytest.raises(MalformedDocument) as refused:
        open_archive(data)
    return refused.value.code


def test_a_whole_archive_gives_back_every_file() -> None:
    opened = open_archive(WHOLE)
    assert {name: opened.read(name, 2**20) for name in opened.entries} == FILES
    assert not opened.commented


def test_a_stored_archive_and_one_with_data_descriptors_are_read_alike() -> None:
    class Unseekable(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise OSError

        def tell(self) -> int:
            raise OSError

    streamed = Unseekable()
    with zipfile.ZipFile(streamed, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in FILES.items():
            made.writestr(name, data)
    for data in (streamed.getvalue(), package().bytes(zipfile.ZIP_STORED)):
        opened = open_archive(data)
        assert {name: opened.read(name, 2**20) for name in opened.entries} == FILES


@pytest.mark.parametrize("what", archives.FROM_FILES)
def test_files_that_no_package_may_hold_are_refused(what: str) -> None:
    make, code = archives.FROM_FILES[what]
    assert code_of(make(FILES)) == code


@pytest.mark.parametrize("what", archives.FROM_ARCHIVE)
def test_an_archive_that_two_readers_could_read_in_two_ways_is_refused(what: str) -> None:
    make, code = archives.FROM_ARCHIVE[what]
    assert code_of(make(WHOLE)) == code


def test_a_comment_is_told_of() -> None:
    assert open_archive(archives.with_comment(WHOLE)).commented


def test_a_file_larger_than_its_use_allows_is_not_inflated() -> None:
    opened = open_archive(WHOLE)
    with pytest.raises(MalformedDocument) as refused:
        opened.read("OFD.xml", 10)
    assert refused.value.code == "too_large"


def test_every_truncation_is_refused() -> None:
    for length in range(len(WHOLE)):
        code_of(WHOLE[:length])
