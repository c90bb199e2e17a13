"""The instance's trust file: exported, renewed, replaced by a successor. Its root keys lie in the keystore."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from chain_service.core.chainproof.consensus import proof_length, provable_from, prove_block
from chain_service.core.chainproof.headers import decode_fields
from chain_service.core.chainproof.trust import ChainTrust, Until, ValidatorRange, joined
from chain_service.core.encoding.cose import Signer
from chain_service.core.receipts import trust_file as core
from chain_service.core.receipts.trust_file import MAX_TRUST_BYTES, TrustFile, TrustTerms
from chain_service.errors import BadRequest, Conflict, NotFound
from chain_service.files import SHARED, replace_file

if TYPE_CHECKING:
    from chain_service.chain.reader import ChainReader
    from chain_service.jobs.context import App

FILE = "trust.cose"
"""The trust file in force, below the instance's directory."""
FREE_VERSION = "trust-version"
"""What restoring a backup leaves beside it: the least version that nobody can have been given."""


@dataclass(frozen=True)
class KeptTrustFile:
    """The trust file that stands at a path."""

    file: Path
    trust: TrustFile
    changed: bool
    """False where it stood there before."""


def export(app: App, *, rotate: bool = False) -> KeptTrustFile:
    """`DIR/trust.cose` states what holds now; a new version, signed by the old keys too, only if something changed.

    Half its lifetime before it expires counts as a change, and so does a backup that was restored: versions given out
    since are not known, and none is ever given out twice. The first export makes the root key; `rotate` replaces it.
    Raises `Unavailable` without a node, `Conflict` (code `no_root_key`) if the keystore lacks the old file's keys.
    """
    file = app.settings.data / FILE
    old = read(file) if file.is_file() else None
    keystore = app.root_keystore
    keystore.unlock()
    keys = keystore.root_keys()
    known = old is None or len(set(old.terms.root_keys) & set(keys.values())) >= old.terms.threshold
    if known and (rotate or not keys):
        n = max(keys, default=-1) + 1
        keys[n] = keystore.create_root_key(n)
    if not keys or (rotate and not known):
        raise _no_root_key()
    newest = max(keys)
    signers = {public_key: Signer(public_key, partial(keystore.sign_root, n)) for n, public_key in keys.items()}
    following = 1 if old is None else old.terms.version + 1
    free = first_free_version(app.settings.data)
    terms = _terms(app, max(following, free), keys[newest])
    if old is None:
        return _written(file, core.sign(terms, [signers[keys[newest]]]), None)
    if not _differ(old.terms, terms) and free <= following:
        return KeptTrustFile(file, old, changed=False)
    if not known:
        raise _no_root_key()
    needed = {keys[newest], *old.terms.root_keys} & signers.keys()
    return _written(file, core.sign(terms, [signers[key] for key in sorted(needed)]), old)


def _no_root_key() -> Conflict:
    return Conflict("this keystore lacks the root keys that signed the trust file in force", code="no_root_key")


def first_free_version(data: Path) -> int:
    """The least version that was surely never given out, by what restoring a backup wrote down; 0 where none was."""
    file = data / FREE_VERSION
    return int(file.read_text("ascii")) if file.is_file() else 0


def is_exported(app: App) -> bool:
    """Whether this instance has a trust file."""
    return (app.settings.data / FILE).is_file()


def in_force(app: App) -> bytes:
    """The bytes of the instance's trust file. Raises `NotFound` (code `no_trust`) before the first export."""
    file = app.settings.data / FILE
    if not file.is_file():
        raise NotFound("this instance has no trust file yet: run `chain-service trust export`", code="no_trust")
    return file.read_bytes()


def update(file: Path, newer: bytes, fingerprint: str | None = None) -> KeptTrustFile:
    """`file` is the trust file in `newer`, signed by enough of the root keys of the one before.

    The first one is accepted by its fingerprint, which a person has compared. Raises as
    `core.receipts.trust_file.update` and `accept_first`; `BadRequest` (code `fingerprint_missing`).
    """
    if not file.is_file():
        if fingerprint is None:
            raise BadRequest(
                "the first trust file needs --fingerprint, compared with what its issuer shows by another way",
                code="fingerprint_missing",
            )
        trust = core.accept_first(newer, fingerprint)
    elif file.read_bytes() == newer:
        return KeptTrustFile(file, core.parse(newer), changed=False)
    else:
        trust = core.update(read(file), newer)
    replace_file(file, newer, mode=SHARED)
    return KeptTrustFile(file, trust, changed=True)


def read(file: Path) -> TrustFile:
    """The trust file at this path. Raises `NotFound` (code `no_trust`), `MalformedDocument`, `InvalidProof`."""
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_TRUST_BYTES + 1)
    except OSError as error:
        raise NotFound(f"{file}: {error.strerror}", code="no_trust", file=str(file)) from None
    return core.parse(data)


def fingerprint(file: Path) -> str:
    """What a person compares, in groups of four digits. Raises as `read`."""
    return grouped(read(file).fingerprint)


def grouped(digits: str) -> str:
    """Hex digits in groups of four, as a person compares them."""
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def _written(file: Path, data: bytes, old: TrustFile | None) -> KeptTrustFile:
    made = core.parse(data) if old is None else core.update(old, data)
    replace_file(file, data, mode=SHARED)
    return KeptTrustFile(file, made, changed=True)


def _terms(app: App, version: int, root_key: bytes) -> TrustTerms:
    from chain_service.jobs.validators import refresh_trust

    settings = app.settings
    reader = app.require_chain().reader
    with app.database.reading() as connection:
        refresh_trust(app, connection)
    return TrustTerms(
        version=version,
        chain=as_stated(reader),
        age_limit=int(settings.offline_age_limit),
        trusting_period=int(settings.trusting_period),
        issued=app.now,
        expires=app.now + int(settings.trust_lifetime),
        root_keys=(root_key,),
        threshold=1,
    )


def _differ(old: TrustTerms, new: TrustTerms) -> bool:
    aged = 2 * (new.issued - old.issued) > old.expires - old.issued
    return aged or replace(new, version=old.version, issued=old.issued, expires=old.expires) != old


def as_stated(reader: ChainReader) -> ChainTrust:
    """The chain's trust as a file states it: the ranges that have begun, with the number of header fields by height and
    the last block of each that has ended, all of it read from headers that lead to proven blocks.

    A range is left out until the end of the one before it is proven. Raises `InvalidProof`, `Unavailable`.
    """
    head = reader.final_head()
    trust = _with_fields(reader, reader.trust.as_of(head), head)
    ranges: list[ValidatorRange] = []
    for closed, after in pairwise(trust.ranges):
        end = _end_before(reader, trust, after.from_block, head)
        if end is None:
            return replace(trust, ranges=(*ranges, closed))
        ranges.append(replace(closed, until=end))
    return replace(trust, ranges=(*ranges, trust.open))


def _end_before(reader: ChainReader, trust: ChainTrust, begin: int, head: int) -> Until | None:
    """The block before `begin`: a header on which blocks are built that the validators after it prove.

    None if none of these is final yet, at block `head`.
    """
    proven = provable_from(trust, begin)
    if proven > head:
        return None
    headers = reader.blocks(begin - 1, proven + proof_length(trust, proven) - 1)
    prove_block([header.raw for header in headers[proven - begin + 1 :]], trust, trust.range_at(proven).form)
    return Until(begin - 1, headers[0].block_hash, headers[0].time)


def _with_fields(reader: ChainReader, trust: ChainTrust, head: int) -> ChainTrust:
    """The trust with the number of header fields by height, read from sealed headers up to block `head`."""
    if trust.open.fields is not None:
        return trust
    counts = [(0, _fields(reader, 0))]
    while counts[-1][1] != _fields(reader, head):
        low, high = counts[-1][0], head  # fields are only ever added: the next change lies in (low, high]
        while high - low > 1:
            middle = (low + high) // 2
            if _fields(reader, middle) == counts[-1][1]:
                low = middle
            else:
                high = middle
        counts.append((high, _fields(reader, high)))
    sets = [(range_.from_block, range_.validators) for range_ in trust.ranges]
    return replace(trust, ranges=joined(sets, counts, trust.form))


def _fields(reader: ChainReader, number: int) -> int:
    return len(decode_fields(reader.blocks(number, number)[0].raw))
