"""Mirroring a log: everything it serves is fetched once, recomputed, compared with what was seen before and with the
chain. A log that takes something back is refused by name, its checkpoint kept as evidence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from chain_service.chain.reader import ChainReader
from chain_service.core.chainproof import storage_layout
from chain_service.core.chainproof.evidence import ProvenState
from chain_service.core.encoding.answers import Hex, answer
from chain_service.core.encoding.display import hex0x, moment
from chain_service.core.log import checkpoints
from chain_service.core.log.checkpoints import MAX_NOTE_BYTES, Checkpoint, SignedCheckpoint, VerifierKey
from chain_service.core.records.hashing import LogId, founding_entry, log_id
from chain_service.core.records.identifiers import OrgCode
from chain_service.errors import Conflict, InvalidProof
from chain_service.jobs.context import Progress, silent
from chain_service.jobs.mirroring.directory import CHECKPOINT, Mirror
from chain_service.jobs.proofs.public_logs import origin
from chain_service.remote.tile_server import LogSource

HEADS_AT_ONCE = 1000
EVENT_BLOCKS = 1000
STALLED_AFTER = 600
"""Seconds of chain time that a checkpoint may lag behind the chain."""
_ORIGIN = re.compile(r".+/([0-9A-Z]{18})\.(0|[1-9][0-9]{0,9})")


@dataclass(frozen=True)
class HeadsOnChain:
    """What the chain was shown to say of the log at one final block."""

    state: ProvenState
    compared: int
    """Up to which block every head was."""
    heads: int
    """How many heads of the log were compared, this time."""
    size: int
    """The log's size on chain, which a checkpoint may lag behind."""
    behind_since: int | None
    """Time of the block with the first head that is beyond the served checkpoint, if there is one."""


@answer
class ComparedChain:
    """The final block at which a mirrored log was compared with the chain."""

    block: int
    hash: str
    time: str
    assurance: str
    heads: int
    "How many heads of the log were compared, this time."
    size_on_chain: int
    "The log's size on chain, which a checkpoint may lag behind."
    behind_since: str | None
    "Since when the chain has a head that the server does not serve; nothing where it serves the newest."


@answer
class MirrorReport:
    """What a mirror holds of a log now."""

    url: str
    directory: str
    origin: str
    "The log's name in its checkpoints."
    size: int
    root: Hex
    before: int | None
    "The size that was mirrored before."
    tiles: int
    "How many were recomputed."
    fetched: int
    "How many files were fetched, this time."
    signature_checked: bool
    chain: ComparedChain | None
    "Nothing where no chain was compared."
    stalled: bool
    "The server does not serve what the chain has had for ten minutes: what the mirror holds is right, and old."


def mirror(
    url: str,
    directory: Path,
    *,
    reader: ChainReader | None = None,
    key: VerifierKey | None = None,
    progress: Progress = silent,
) -> MirrorReport:
    """`directory` holds the log as the server has it now, every tile recomputed; running it again goes on from there.

    With a `reader` every head that the chain holds is proven and compared; with a `key` the checkpoint is signed by it.
    Raises `Conflict` (codes `log_forked`, `log_shrunk`, `other_log`, `tile_mismatch`, `head_not_on_chain`,
    `checkpoint_unsigned`), `Corrupt` (code `mirror_damaged`), `Unavailable`, `MalformedDocument`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    copy = Mirror(directory)
    with LogSource(url) as source:
        served = source.get(CHECKPOINT, MAX_NOTE_BYTES)
        note = checkpoints.parse(served)
        try:
            # 1. it is signed by the key asked for, and continues what was seen before
            _authenticate(note, key)
            kept = _continues(copy, note.checkpoint)
            # 2. the chain holds this head
            log = _log_of(note.checkpoint, reader) if reader is not None else None
            if reader is not None and log is not None:
                _prove_heads(reader, log, {note.checkpoint.size: note.checkpoint.root})
            # 3. entries give tiles, tiles give those above, and all of them the root
            tiles = copy.fetch(source, note.checkpoint.size, progress)
            _same_roots(copy, note.checkpoint, kept)
            # 4. every head on chain is one of this log
            seen = _compare_heads(reader, log, copy, note.checkpoint, progress) if reader and log else None
        except Conflict:
            copy.forget()
            copy.refuse(served, note)
            raise
    copy.keep(served)
    if seen is not None:
        copy.set_chain_block(seen.compared)
    return _report(url, copy, note.checkpoint, kept, tiles, seen, key)


def _authenticate(note: SignedCheckpoint, key: VerifierKey | None) -> None:
    if key is None:
        return
    if note.checkpoint.origin != key.name:
        raise Conflict("the checkpoint is that of another log than the key's", code="other_log")
    try:
        note.verify(key)
    except InvalidProof as error:
        raise Conflict(error.message, code="checkpoint_unsigned") from error


def _continues(copy: Mirror, served: Checkpoint) -> Checkpoint | None:
    """The head kept from before, which the served one does not contradict by itself."""
    before = copy.head()
    if before is None:
        return None
    kept = before.checkpoint
    if served.origin != kept.origin:
        raise Conflict("this directory mirrors another log", code="other_log", kept=kept.origin, served=served.origin)
    if served.size < kept.size:
        raise Conflict("the log is shorter than before", code="log_shrunk", kept=kept.size, served=served.size)
    if served.size == kept.size and served.root != kept.root:
        raise _forked(kept, served)
    return kept


def _forked(kept: Checkpoint, served: Checkpoint) -> Conflict:
    return Conflict(
        "the log is not consistent with its earlier checkpoint: entries were changed or removed",
        code="log_forked",
        keptSize=kept.size,
        keptRoot=kept.root.hex(),
        servedSize=served.size,
        servedRoot=served.root.hex(),
    )


def _same_roots(copy: Mirror, served: Checkpoint, kept: Checkpoint | None) -> None:
    if served.size == 0:
        return
    if copy.root(served.size) != served.root:
        if kept is not None:
            raise _forked(kept, served)
        raise Conflict("the tiles do not give the checkpoint's root", code="tile_mismatch", size=served.size)
    if kept is not None and kept.size and copy.root(kept.size) != kept.root:
        raise _forked(kept, served)


def _log_of(served: Checkpoint, reader: ChainReader) -> LogId:
    """The log that the origin names, on the reader's chain and contract. Raises `Conflict` (code `other_log`)."""
    match = _ORIGIN.fullmatch(served.origin)
    trust = reader.trust
    if match is not None and int(match[2]) < 2**32:
        org, generation = match[1], int(match[2])
        contract = trust.contracts[storage_layout.RECORD_LOG].address
        if served.origin == origin(trust.chain_id, contract, org, generation):
            return log_id(OrgCode(org), generation)
    raise Conflict("the log belongs to another chain or contract", code="other_log", served=served.origin)


def _prove_heads(reader: ChainReader, log: LogId, heads: dict[int, bytes]) -> ProvenState:
    """The chain holds these roots at these sizes. Raises `Conflict` (code `head_not_on_chain`)."""
    block = reader.final_head()
    sizes = sorted(heads)
    state: ProvenState | None = None
    for start in range(0, max(len(sizes), 1), HEADS_AT_ONCE):
        part = sizes[start : start + HEADS_AT_ONCE]
        slots = [(storage_layout.RECORD_LOG, storage_layout.head_slot(log, size)) for size in part]
        _, state = reader.prove(block, [*slots, (storage_layout.RECORD_LOG, storage_layout.size_slot(log))])
        for size, (contract, slot) in zip(part, slots, strict=True):
            word = state.word(contract, slot)
            if word != int.from_bytes(heads[size], "big"):
                raise Conflict(
                    "the chain holds no such log head" if word == 0 else "the chain holds another root at this size",
                    code="head_not_on_chain",
                    size=size,
                    root=heads[size].hex(),
                    rootOnChain=f"{word:064x}" if word else None,
                )
    assert state is not None
    return state


def _compare_heads(
    reader: ChainReader, log: LogId, copy: Mirror, served: Checkpoint, progress: Progress
) -> HeadsOnChain:
    """Every head that the chain tells of since last time, up to the served one, is proven and is this log's root."""
    trust = reader.trust
    if copy.first_entry() != founding_entry(trust.chain_id, trust.contracts[storage_layout.RECORD_LOG].address, log):
        raise Conflict("the log's founding entry names another log", code="other_log")
    first, last = copy.chain_block() + 1, reader.final_head()
    sizes, compared, behind = {served.size}, last, None
    for start in range(first, last + 1, EVENT_BLOCKS):
        end = min(start + EVENT_BLOCKS - 1, last)
        for event in reader.events(start, end):
            if event.name == "HeadAdvanced" and event.args["log"] == log:
                if event.args["size"] <= served.size:
                    sizes.add(event.args["size"])
                else:  # the server lags behind: next time's work
                    compared = min(compared, event.block - 1)
                    behind = behind or event.block
        progress("heads", end - first + 1, last - first + 1)
    state = _prove_heads(reader, log, {size: copy.root(size) for size in sizes})
    size = state.word(storage_layout.RECORD_LOG, storage_layout.size_slot(log))
    # what the node says of a later head counts where the proven size says so too
    since = reader.blocks(behind, behind)[0].time if behind is not None and size > served.size else None
    return HeadsOnChain(state, compared, len(sizes), size, since)


def _report(
    url: str,
    copy: Mirror,
    served: Checkpoint,
    kept: Checkpoint | None,
    tiles: int,
    seen: HeadsOnChain | None,
    key: VerifierKey | None,
) -> MirrorReport:
    return MirrorReport(
        url=url,
        directory=str(copy.directory),
        origin=served.origin,
        size=served.size,
        root=served.root,
        before=kept.size if kept is not None else None,
        tiles=tiles,
        fetched=copy.fetched,
        signature_checked=key is not None,
        chain=_shown(seen) if seen is not None else None,
        stalled=seen is not None
        and seen.behind_since is not None
        and seen.state.time - seen.behind_since >= STALLED_AFTER,
    )


def _shown(seen: HeadsOnChain) -> ComparedChain:
    return ComparedChain(
        block=seen.state.block,
        hash=hex0x(seen.state.block_hash),
        time=moment(seen.state.time),
        assurance=seen.state.assurance,
        heads=seen.heads,
        size_on_chain=seen.size,
        behind_since=None if seen.behind_since is None else moment(seen.behind_since),
    )
