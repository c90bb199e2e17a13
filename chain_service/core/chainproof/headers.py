"""What block headers of every consensus share. What differs is in `consensus`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Literal, NoReturn

import coincurve

from chain_service.core.chainproof.trust import UnknownSealers, ValidatorRange
from chain_service.core.encoding import rlp
from chain_service.core.encoding.decoding import read_hex, read_quantity
from chain_service.core.encoding.digests import keccak256
from chain_service.errors import InvalidProof

Assurance = Literal["trial", "majority", "quorum"]

MAX_HEADER_BYTES: Final = 4096
MAX_HEADERS: Final = 16
"""Headers in one proof; enough for a majority of 31 validators."""

NO_OMMERS: Final = bytes.fromhex("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347")
ZERO_NONCE: Final = bytes(8)

_JSON_FIELDS: Final = (
    ("parentHash", 32),
    ("sha3Uncles", 32),
    ("miner", 20),
    ("stateRoot", 32),
    ("transactionsRoot", 32),
    ("receiptsRoot", 32),
    ("logsBloom", 256),
    ("difficulty", None),
    ("number", None),
    ("gasLimit", None),
    ("gasUsed", None),
    ("timestamp", None),
    ("extraData", 0),
    ("mixHash", 32),
    ("nonce", 8),
    ("baseFeePerGas", None),
    ("withdrawalsRoot", 32),
    ("blobGasUsed", None),
    ("excessBlobGas", None),
    ("parentBeaconBlockRoot", 32),
    ("requestsHash", 32),
)
"""Name and length of every field: None an integer, 0 any length. The first 15 are always there."""
FIELD_COUNTS: Final = (15, 16, 17, 20, 21)
"""Berlin, London, Shanghai, Cancun, Prague."""
_FORMS: Final = tuple((size, 256 if place in (7, 15) else 64) for place, (_, size) in enumerate(_JSON_FIELDS))
"""Of every field its length, as above, and the bits of an integer."""


@dataclass(frozen=True, slots=True)
class ProvenHeader:
    """A block that enough validators stand behind."""

    block: int
    block_hash: bytes
    state_root: bytes
    time: int
    assurance: Assurance
    validators: int
    """How many validators there are."""
    signers: int
    """How many different ones sealed."""
    counts: bool = True
    """It shows by itself what stood at this block; see `core.chainproof.trust`."""
    speaks_until: int | None = None
    """The last moment (unix seconds) that it says anything of, -1 if that is not known; None: no end."""


@dataclass(frozen=True, slots=True)
class SealedHeader:
    """A header sealed by those who may seal it: the form that every consensus shares. Genesis is sealed by nobody."""

    raw: bytes
    """The header's RLP."""
    number: int
    block_hash: bytes
    parent_hash: bytes
    time: int
    """Unix seconds, set by the proposer."""
    bloom: bytes
    """The 256 bytes of logsBloom."""
    validators: tuple[bytes, ...]
    """Who may seal this block, ascending."""
    signers: tuple[bytes, ...]
    """Who sealed it."""
    named: tuple[bytes, ...] = ()
    """Clique: the validators that the header names; empty except at epoch blocks."""
    vote: tuple[bytes, bool] | None = None
    """The address voted on, and whether to add it."""


def may_hold(bloom: bytes, item: bytes) -> bool:
    """Whether a block with this logsBloom may hold an event of this address or topic (Yellow Paper §4.3.1)."""
    digest = keccak256(item)
    bits = (int.from_bytes(digest[at : at + 2], "big") & 2047 for at in (0, 2, 4))
    return all(bloom[255 - bit // 8] >> bit % 8 & 1 for bit in bits)


def decode_fields(raw: bytes) -> list[bytes]:
    """The fields of a header, each of its length, integers minimal. Raises InvalidProof."""
    if len(raw) > MAX_HEADER_BYTES:
        raise InvalidProof("header is too large", bytes=len(raw))
    fields = rlp.decode_list(raw)
    count = len(fields)
    if count not in FIELD_COUNTS:
        raise InvalidProof("a header has 15, 16, 17, 20 or 21 fields", fields=count)
    flat: list[bytes] = []
    for field, (size, bits) in zip(fields, _FORMS, strict=False):
        if not isinstance(field, bytes):
            raise InvalidProof("a header field is a list")
        if size is None:
            rlp.integer(field, bits)
        elif size and len(field) != size:
            raise InvalidProof("a header field has the wrong length", bytes=len(field))
        flat.append(field)
    return flat


def require_field_count(fields: int, block: int, within: ValidatorRange) -> None:
    """Returns only if the header has as many fields as the range states. Raises UnknownSealers."""
    if within.fields is not None and fields != within.fields:
        raise UnknownSealers("a header has another number of fields than trusted", block=block, fields=fields)


def require_validators(validators: Sequence[bytes]) -> None:
    """Returns only if the trusted addresses are ascending and not empty. Raises InvalidProof."""
    if not validators or any(left >= right for left, right in pairwise(validators)):
        raise InvalidProof("the trusted validators must be ascending and not empty")


def recover_address(seal: bytes, digest: bytes) -> bytes:
    """The 20-byte address whose secp256k1 key signed the digest; `seal` is r ‖ s ‖ v, v 0 or 1. Raises InvalidProof."""
    if len(seal) != 65 or seal[64] > 1:
        raise InvalidProof("a seal has 65 bytes, the last of them 0 or 1", bytes=len(seal))
    try:
        key = coincurve.PublicKey.from_signature_and_message(seal, digest, hasher=None)
    except ValueError as error:
        raise InvalidProof("a seal is not a signature") from error
    return keccak256(key.format(compressed=False)[1:])[12:]


def header_rlp_from_json(block: Mapping[str, Any], hash_of: Callable[[bytes], bytes] = keccak256) -> bytes:
    """The RLP of a header as `eth_getBlockByNumber` gives it; `hash_of` it equals the block's `hash`.

    `hash_of` is the `block_hash` of the chain's consensus. Raises InvalidProof for a block that is malformed or does
    not have that hash.
    """
    count = 15
    while count < len(_JSON_FIELDS) and block.get(_JSON_FIELDS[count][0]) is not None:
        count += 1
    raw = rlp.encode([_json_field(block, name, size) for name, size in _JSON_FIELDS[:count]])
    if hash_of(raw) != _json_field(block, "hash", 32):
        raise InvalidProof("the header fields of a block do not give its hash")
    return raw


def _json_field(block: Mapping[str, Any], name: str, size: int | None) -> bytes:
    """Bytes of `size` (0 = any), or with None the minimal bytes of an integer."""
    text = block.get(name)
    if not isinstance(text, str) or not text.startswith("0x"):
        _malformed_field(name)
    if size is None:
        return rlp.integer_bytes(read_quantity(text, refuse=lambda _: _field_error(name)))
    data = read_hex(text[2:], limit=len(text), refuse=lambda _: _field_error(name))
    if size and len(data) != size:
        _malformed_field(name)
    return data


def _malformed_field(name: str) -> NoReturn:
    raise _field_error(name)


def _field_error(name: str) -> InvalidProof:
    return InvalidProof("a header field is missing or malformed", field=name)
