"""anchor --documents: records that name their documents by path get the documents' digests instead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from chain_service.cli.invocation import read_input
from chain_service.core.encoding.canonical import read_json
from chain_service.core.encoding.digests import file_digests
from chain_service.core.records.record import MAX_TEXT_BYTES
from chain_service.errors import BadRequest, ChainServiceError, MalformedRecord

_MEDIA_TYPES = {".ofd": "application/ofd", ".pdf": "application/pdf", ".xml": "application/xml", ".txt": "text/plain"}


class DirectoryDocuments:
    """The documents below one directory, each read once."""

    def __init__(self, directory: Path, limit: int) -> None:
        """Raises BadRequest (`file_not_found`) if there is no such directory."""
        if not directory.is_dir():
            raise BadRequest(f"{directory} is not a directory", code="file_not_found", field="--documents")
        self._directory = directory.resolve()
        self._limit = limit
        self._known: dict[str, dict[str, str]] = {}

    def attached(self, lines: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
        """The lines, with both digests of a document where `files` names its path.

        Raises BadRequest (`file_not_found`, `file_too_large`), MalformedRecord; each names the line.
        """
        for number, text in lines:
            try:
                yield number, self._with_digests(text)
            except ChainServiceError as error:
                error.details["line"] = number
                raise

    def _with_digests(self, text: bytes) -> bytes:
        record: Any = read_json(text, limit=MAX_TEXT_BYTES)
        files = record.get("files") if isinstance(record, dict) else None
        if not isinstance(files, list) or not any(isinstance(file, dict) and "path" in file for file in files):
            return text
        return orjson.dumps({**record, "files": [self._file(place, file) for place, file in enumerate(files)]})

    def _file(self, place: int, file: Any) -> Any:
        if not isinstance(file, dict) or "path" not in file:
            return file
        named, field = file["path"], f"files.{place}.path"
        if not isinstance(named, str) or not named or "\0" in named:
            raise MalformedRecord(f"{field} must be the path of a document below --documents", field=field)
        if "digests" in file:
            raise MalformedRecord(f"{field}: give the path of a document or its digests, not both", field=field)
        kept = {name: value for name, value in file.items() if name != "path"}
        media_type = _MEDIA_TYPES.get(Path(named).suffix.lower())
        if media_type is not None:
            kept.setdefault("mediaType", media_type)
        return kept | {"digests": self._digests(named, field)}

    def _digests(self, named: str, field: str) -> dict[str, str]:
        if named not in self._known:
            path = (self._directory / named).resolve()
            if not path.is_relative_to(self._directory):
                raise MalformedRecord(f"{field} leads out of {self._directory.name}", field=field)
            self._known[named] = file_digests(read_input(path, self._limit))
        return self._known[named]
