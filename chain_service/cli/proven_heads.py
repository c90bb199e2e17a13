"""Blocks that receipts have proven, kept in a file: where two of one height turn up, both stay as evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from chain_service.cli.invocation import read_input, replace_file
from chain_service.core.encoding.canonical import read_json
from chain_service.core.encoding.decoding import read_hex
from chain_service.core.receipts.verify_offline import SeenBlock
from chain_service.errors import BadRequest, MalformedDocument, MalformedRecord

MAX_BYTES = 256 * 2**20
MOST_AT_ONE_HEIGHT = 8
"""Blocks of one height that are kept; two of them prove what there is to prove."""


@dataclass
class Heads:
    """Proven blocks by height, oldest acquaintance first, in a file if one is named.

    JSON: `{height: [{hash, headers}]}`, the headers in hex as RLP: the block itself first, then those that make its
    majority on a Clique chain. Anybody who trusts the validators of that height can check them again.
    """

    file: Path | None
    known: dict[int, list[SeenBlock]] = field(default_factory=dict)

    @classmethod
    def load(cls, file: Path | None) -> Heads:
        """Raises BadRequest (`malformed_request`) for a file that this program did not write."""
        if file is None or not file.exists():
            return cls(file)
        try:
            listed = read_json(read_input(file, MAX_BYTES), limit=MAX_BYTES)
            return cls(
                file, {int(number): [_block(int(number), block) for block in of] for number, of in listed.items()}
            )
        except (MalformedRecord, MalformedDocument, ValueError, AttributeError, TypeError, KeyError):
            raise BadRequest(f"{file} is no list of heads", code="malformed_request", file=str(file)) from None

    @property
    def remembered(self) -> Mapping[int, bytes]:
        """The hash first seen at each height."""
        return {number: of[0].block_hash for number, of in self.known.items() if of}

    def learn(self, seen: tuple[SeenBlock, ...]) -> None:
        """Keeps what was not known, whether or not it agrees with what was."""
        for block in seen:
            of = self.known.setdefault(block.number, [])
            if len(of) < MOST_AT_ONE_HEIGHT and all(block.block_hash != one.block_hash for one in of):
                of.append(block)

    def save(self) -> None:
        """Writes the file, if one is named."""
        if self.file is not None:
            listed = {str(number): [_shown(block) for block in of] for number, of in sorted(self.known.items())}
            replace_file(self.file, orjson.dumps(listed, option=orjson.OPT_INDENT_2))


def _block(number: int, value: Any) -> SeenBlock:
    block_hash = read_hex(value["hash"], limit=32)
    return SeenBlock(number, block_hash, tuple(read_hex(raw, limit=MAX_BYTES) for raw in value["headers"]))


def _shown(block: SeenBlock) -> dict[str, Any]:
    return {"hash": block.block_hash.hex(), "headers": [raw.hex() for raw in block.headers]}
