"""Sending what waits in the outbox: sign with the next nonce, store the bytes, then broadcast; the same bytes again."""

from __future__ import annotations

import structlog

from chain_service.chain.rpc import RpcError
from chain_service.chain.sender import SignedTransaction
from chain_service.errors import Conflict, NotFound, Reverted
from chain_service.jobs.alerts import NONCE_GAP
from chain_service.jobs.context import App
from chain_service.jobs.sending import refusals
from chain_service.jobs.sending.group_changes import group_status_changes
from chain_service.store import alerts, chain_index, submissions
from chain_service.store.submissions import StoredTransaction, Submission

log = structlog.get_logger("dispatch")

LARGEST_FILL = 256
TRANSFER_GAS = 21_000
RESEND_AFTER = 10.0
"""Seconds without a final block after which signed bytes are sent again, through every node and validator's socket: one
that says it knows them already may have told nobody."""


def dispatch(app: App) -> int:
    """Everything that can be sent now was handed to a node; how many transactions that took.

    A transaction is stored before it is sent, and sent again unchanged after a crash. Raises `Unavailable` when no node
    answers: nothing is lost, the next call goes on.
    """
    app.require_chain()
    group_status_changes(app)
    with app.database.reading() as connection:
        accounts = submissions.accounts_with_work(connection)
    return sum(_resend(app, account) + _send_due(app, account) for account in accounts)


def _resend(app: App, account: str) -> int:
    """Bytes that no final block holds and that were never sent, or long ago, are sent again."""
    with app.database.reading() as connection:
        waiting = submissions.unconfirmed(connection, account, app.clock() - RESEND_AFTER)
    late = [transaction for transaction in waiting if transaction.sent_at is not None]
    if late:
        _fill_gap(app, account, min(transaction.nonce for transaction in late))
    for transaction in waiting:
        _broadcast(app, transaction, everywhere=transaction.sent_at is not None)
    return len(waiting)


def _fill_gap(app: App, account: str, nonce: int) -> None:
    """Nonces before `nonce` that nobody used are spent on transfers of nothing, so that what waits can be mined.

    A node that once told too high a count, of another branch or by mistake, would otherwise hold the account for ever.
    """
    sender = app.require_chain().sender
    used = sender.transaction_count(account)
    if used >= nonce:
        return
    with app.database.transaction() as connection:
        ours = submissions.nonces(connection, account, used, nonce)
        alerts.put(connection, NONCE_GAP, account, {"used": used, "waiting": nonce}, app.clock())
    key = app.keystore.account(account)
    for missing in range(used, min(nonce, used + LARGEST_FILL)):
        if missing in ours:
            continue
        try:
            sender.broadcast(sender.sign(key, missing, account, b"", TRANSFER_GAS))
        except (Conflict, RpcError) as error:
            log.warning("a nonce could not be filled", account=account, nonce=missing, code=error.code)


def _broadcast(app: App, transaction: StoredTransaction, *, everywhere: bool) -> None:
    sender = app.require_chain().sender
    try:
        sender.broadcast(SignedTransaction(transaction.raw, transaction.hash), everywhere=everywhere)
    except RpcError as error:
        # no contract's word: the account cannot pay, the node's pool is full; other accounts go on
        with app.database.reading() as connection:
            submission = submissions.get(connection, transaction.submission_id)
        refusals.postpone(app, submission, error.reason, by_node=True)
        return
    except Conflict as error:
        if error.code != "nonce_taken":
            raise
        _nonce_taken(app, transaction)
        return
    with app.database.transaction() as connection:
        submissions.mark_sent(connection, transaction.hash, app.clock())


def _nonce_taken(app: App, transaction: StoredTransaction) -> None:
    """The account was used elsewhere, if final blocks say so too: their submission needs new bytes.

    Until then they are sent again: a block that is not final may yet leave the chain.
    """
    with app.database.reading() as connection:
        head = chain_index.newest_block(connection)
    block = head.number if head is not None else 0
    final = app.require_chain().sender.transaction_count(transaction.account, hex(block))
    with app.database.transaction() as connection:
        if final > transaction.nonce:
            submissions.mark_reverted(connection, transaction.hash, block, "nonce_taken", app.clock())
        else:
            submissions.mark_sent(connection, transaction.hash, app.clock())


def _send_due(app: App, account: str) -> int:
    """The account's submissions are signed and sent, one of a kind and subject at a time."""
    with app.database.reading() as connection:
        live = {transaction.submission_id for transaction in submissions.unmined(connection)}
        busy = {(waiting.kind, waiting.subject) for waiting in (submissions.get(connection, id) for id in live)}
        due = submissions.due(connection, account, app.clock())
    sent = 0
    for submission in due:
        if (submission.kind, submission.subject) not in busy:
            sent += _send(app, submission)
            busy.add((submission.kind, submission.subject))
    return sent


def _send(app: App, submission: Submission) -> int:
    chain = app.require_chain()
    to = chain.deployment.address(submission.contract)
    try:
        account = app.keystore.account(submission.account)
        gas = chain.sender.preflight(submission.account, to, submission.calldata)
    except Reverted as refusal:
        refusals.handle(app, submission, refusal)
        return 0
    except RpcError as error:
        refusals.postpone(app, submission, error.reason, by_node=True)
        return 0
    except NotFound as error:
        refusals.postpone(app, submission, error.message)
        return 0
    on_chain = chain.sender.transaction_count(submission.account)
    with app.database.transaction() as connection:
        if submissions.get(connection, submission.id).abandoned_at is not None:
            return 0
        nonce = submissions.take_nonce(connection, submission.account, on_chain)
        signed = chain.sender.sign(account, nonce, to, submission.calldata, gas)
        submissions.store_signed(
            connection,
            submission.id,
            hash=signed.hash,
            account=submission.account,
            nonce=nonce,
            raw=signed.raw,
            at=app.clock(),
        )
        stored = submissions.by_hash(connection, signed.hash)
    assert stored is not None
    _broadcast(app, stored, everywhere=False)
    return 1
