"""The outbox: a submission is what shall happen on chain, a transaction the signed bytes that carry it.

A submission has one live transaction at most. A reverted one stays as history and the submission waits to be signed
again with a new nonce; signed bytes that no final block holds are sent again as they are, never replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, and_, exists, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from chain_service.errors import Conflict, NotFound
from chain_service.store.rows import all_as, chunks, one_or_none, row_count
from chain_service.store.schema import (
    accounts,
    catalog_versions,
    seal_changes,
    seals,
    status_changes,
    submissions,
    transactions,
)


@dataclass(frozen=True)
class NewSubmission:
    """A call to make: `kind` is advance, status, seal_register, seal_state or catalog.

    `subject` orders it: of one kind and subject a later submission is never signed before an earlier one.
    """

    id: str
    account: str
    kind: str
    subject: str
    contract: str
    function: str
    calldata: bytes
    created_at: float


@dataclass(frozen=True)
class Submission(NewSubmission):
    """A submission as it stands; `last_error` is why the last attempt failed, for the operator to read."""

    seq: int
    attempts: int
    next_attempt_at: float
    last_error: str | None
    final_block: int | None
    final_tx: bytes | None
    abandoned_at: float | None
    abandoned_reason: str | None


@dataclass(frozen=True)
class StoredTransaction:
    """Signed bytes. `outcome` is None, `final` or `reverted`; `block` the final block that holds it."""

    hash: bytes
    submission_id: str
    account: str
    nonce: int
    raw: bytes
    signed_at: float
    sent_at: float | None
    outcome: str | None
    block: int | None
    error: str | None


@dataclass(frozen=True)
class UnminedNonce:
    """Of signed bytes that no final block holds yet: whose nonce they use, and since when."""

    account: str
    nonce: int
    signed_at: float


@dataclass(frozen=True)
class Backlog:
    """Open submissions, and since when the oldest waits (unix seconds; None without any)."""

    count: int
    oldest: float | None


_open = and_(submissions.c.final_block.is_(None), submissions.c.abandoned_at.is_(None))


def queue(connection: Connection, new: NewSubmission) -> None:
    """The submission is due at once, after all earlier ones of its kind and subject."""
    connection.execute(insert(submissions), asdict(new) | {"next_attempt_at": new.created_at})


def get(connection: Connection, id: str) -> Submission:
    """The submission of this id. Raises NotFound."""
    submission = one_or_none(connection.execute(select(submissions).where(submissions.c.id == id)), Submission)
    if submission is None:
        raise NotFound("no submission has this id", code="submission_unknown", id=id)
    return submission


def closed(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Those of these submissions that are final or abandoned."""
    found: set[str] = set()
    for part in chunks(ids):
        found.update(connection.execute(select(submissions.c.id).where(submissions.c.id.in_(part), ~_open)).scalars())
    return found


def due(connection: Connection, account: str, now: float, limit: int = 100) -> list[Submission]:
    """The account's submissions to be signed now, in order: without live transaction, and the first waiting one of
    their kind and subject. After signing some, ask again.
    """
    earlier = submissions.alias("earlier")
    live = exists().where(transactions.c.submission_id == submissions.c.id, transactions.c.outcome.is_(None))
    earlier_live = exists().where(transactions.c.submission_id == earlier.c.id, transactions.c.outcome.is_(None))
    overtaken = exists().where(
        earlier.c.account == submissions.c.account,
        earlier.c.kind == submissions.c.kind,
        earlier.c.subject == submissions.c.subject,
        earlier.c.seq < submissions.c.seq,
        earlier.c.final_block.is_(None),
        earlier.c.abandoned_at.is_(None),
        ~earlier_live,
    )
    query = (
        select(submissions)
        .where(submissions.c.account == account, _open, submissions.c.next_attempt_at <= now, ~live, ~overtaken)
        .order_by(submissions.c.seq)
        .limit(limit)
    )
    return all_as(connection.execute(query), Submission)


def accounts_with_work(connection: Connection) -> list[str]:
    """The accounts that have an open submission or signed bytes outside final blocks."""
    waiting = select(submissions.c.account).where(_open)
    unmined = select(transactions.c.account).where(transactions.c.block.is_(None))
    return sorted(connection.execute(waiting.union(unmined)).scalars())


def take_nonce(connection: Connection, account: str, on_chain: int) -> int:
    """The account's next nonce, taken; the account stays locked until the transaction ends.

    `on_chain` is the node's count of the account's transactions: the answer is never below it.
    """
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = {"address": account, "next_nonce": on_chain}
    connection.execute(insert(accounts).values(row).on_conflict_do_nothing())
    locked = select(accounts.c.next_nonce).where(accounts.c.address == account).with_for_update()
    nonce = max(connection.execute(locked).scalar_one(), on_chain)
    connection.execute(update(accounts).where(accounts.c.address == account).values(next_nonce=nonce + 1))
    return int(nonce)


def store_signed(
    connection: Connection, submission_id: str, *, hash: bytes, account: str, nonce: int, raw: bytes, at: float
) -> None:
    """The signed bytes are the submission's live transaction, to be broadcast after the commit.

    Raises Conflict (`constraint`) at the transaction's door where it has one already or the nonce is used.
    """
    row = {"hash": hash, "submission_id": submission_id, "account": account, "nonce": nonce, "raw": raw}
    connection.execute(insert(transactions), row | {"signed_at": at})
    counted = update(submissions).where(submissions.c.id == submission_id)
    connection.execute(counted.values(attempts=submissions.c.attempts + 1, last_error=None))


def mark_sent(connection: Connection, hash: bytes, at: float) -> None:
    """A node has taken the bytes at this moment."""
    connection.execute(update(transactions).where(transactions.c.hash == hash).values(sent_at=at))


def postpone(connection: Connection, id: str, error: str, until: float) -> None:
    """The submission was not signed for this reason and is due again at `until`; those behind it wait too."""
    values = {"last_error": error, "next_attempt_at": until, "attempts": submissions.c.attempts + 1}
    connection.execute(update(submissions).where(submissions.c.id == id).values(values))


def retry_now(connection: Connection, accounts: Sequence[str], now: float) -> None:
    """What these accounts' submissions were refused for may be gone: each is due now."""
    refused = update(submissions).where(_open, submissions.c.account.in_(accounts), submissions.c.next_attempt_at > now)
    connection.execute(refused.values(next_attempt_at=now))


def unconfirmed(connection: Connection, account: str, sent_before: float) -> list[StoredTransaction]:
    """Signed bytes in no final block that were never sent, or last before this moment: send them again by nonce."""
    late = transactions.c.sent_at.is_(None) | (transactions.c.sent_at < sent_before)
    query = select(transactions).where(transactions.c.account == account, transactions.c.block.is_(None), late)
    return all_as(connection.execute(query.order_by(transactions.c.nonce)), StoredTransaction)


def unmined(connection: Connection) -> list[StoredTransaction]:
    """All signed bytes that no final block holds yet, by account and nonce."""
    query = select(transactions).where(transactions.c.block.is_(None))
    return all_as(connection.execute(query.order_by(transactions.c.account, transactions.c.nonce)), StoredTransaction)


def unmined_nonces(connection: Connection) -> list[UnminedNonce]:
    """As `unmined`, without the bytes, in no order."""
    columns = (transactions.c.account, transactions.c.nonce, transactions.c.signed_at)
    return all_as(connection.execute(select(*columns).where(transactions.c.block.is_(None))), UnminedNonce)


def by_hash(connection: Connection, hash: bytes) -> StoredTransaction | None:
    """The transaction of this hash; None where it is not ours."""
    return one_or_none(connection.execute(select(transactions).where(transactions.c.hash == hash)), StoredTransaction)


def history(connection: Connection, id: str) -> list[StoredTransaction]:
    """All transactions that carried the submission, by nonce."""
    query = select(transactions).where(transactions.c.submission_id == id).order_by(transactions.c.nonce)
    return all_as(connection.execute(query), StoredTransaction)


def mark_final(connection: Connection, hash: bytes, block: int) -> Submission | None:
    """A final block holds the transaction and it succeeded: it and its submission are final. None if it is not ours."""
    owner = _mined(connection, hash, "final", block, None)
    if owner is None:
        return None
    final = {"final_block": block, "final_tx": hash, "last_error": None, "abandoned_at": None, "abandoned_reason": None}
    connection.execute(update(submissions).where(submissions.c.id == owner).values(final))
    return get(connection, owner)


def mark_reverted(connection: Connection, hash: bytes, block: int, error: str, retry_at: float) -> Submission | None:
    """A final block holds the transaction and it reverted: kept as history, its submission due again at `retry_at`.
    None if it is not ours.
    """
    owner = _mined(connection, hash, "reverted", block, error)
    if owner is None:
        return None
    waiting = update(submissions).where(submissions.c.id == owner, _open)
    connection.execute(waiting.values(last_error=error, next_attempt_at=retry_at))
    return get(connection, owner)


def _mined(connection: Connection, hash: bytes, outcome: str, block: int, error: str | None) -> str | None:
    mined = update(transactions).where(transactions.c.hash == hash).values(outcome=outcome, block=block, error=error)
    return connection.execute(mined.returning(transactions.c.submission_id)).scalar_one_or_none()


def mark_final_by_other(connection: Connection, id: str, block: int) -> None:
    """What the submission was for stands in this final block by another transaction: it is final and not sent again.

    Of its own transactions a live one stays until it is mined (it will revert).
    """
    done = update(submissions).where(submissions.c.id == id, _open)
    connection.execute(done.values(final_block=block, last_error=None))


_CARRIED = (status_changes, seals, seal_changes, catalog_versions)


def finish_carried(connection: Connection, block: int) -> None:
    """Open submissions whose changes, seals and versions all stand on chain are final in this block, by whatever
    transaction: it may be one that was signed after the backup that this memory comes from.
    """
    stands = [
        exists().where(table.c.submission_id == submissions.c.id, table.c.final_block.is_not(None))
        for table in _CARRIED
    ]
    waits = [
        exists().where(table.c.submission_id == submissions.c.id, table.c.final_block.is_(None)) for table in _CARRIED
    ]
    done = update(submissions).where(_open, or_(*stands), ~or_(*waits))
    connection.execute(done.values(final_block=block, last_error=None))


def abandon(connection: Connection, id: str, reason: str, at: float) -> None:
    """The submission is never signed again. Raises Conflict (`submission_live`) where signed bytes of it are under way
    or it is final: they may still act.
    """
    live = exists().where(transactions.c.submission_id == id, transactions.c.outcome.is_(None))
    given_up = update(submissions).where(submissions.c.id == id, _open, ~live)
    if row_count(connection.execute(given_up.values(abandoned_at=at, abandoned_reason=reason))) == 0:
        raise Conflict("the submission is final, abandoned or under way", code="submission_live", id=id)


def backlog(connection: Connection) -> Backlog:
    """How many submissions are open and since when."""
    row = connection.execute(select(func.count(), func.min(submissions.c.created_at)).where(_open)).one()
    return Backlog(row[0], row[1])


def failing(connection: Connection) -> list[Submission]:
    """Open submissions whose last attempt failed, oldest first: what the operator has to look at."""
    query = select(submissions).where(_open, submissions.c.last_error.is_not(None))
    return all_as(connection.execute(query.order_by(submissions.c.seq)), Submission)


def open_subjects(connection: Connection, kind: str) -> set[str]:
    """The subjects that have an open submission of this kind."""
    return set(connection.execute(select(submissions.c.subject).where(_open, submissions.c.kind == kind)).scalars())


def nonces(connection: Connection, account: str, first: int, last: int) -> set[int]:
    """The account's nonces from `first` to before `last` that signed bytes of ours have."""
    query = select(transactions.c.nonce).where(transactions.c.account == account)
    return set(connection.execute(query.where(transactions.c.nonce >= first, transactions.c.nonce < last)).scalars())
