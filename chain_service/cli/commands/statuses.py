"""status: the states of records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chain_service.cli import render
from chain_service.cli.invocation import invocation
from chain_service.cli.options import Cursor, Limit, Timeout, Wait
from chain_service.core.encoding.answers import to_json
from chain_service.error_codes import INDETERMINATE

if TYPE_CHECKING:
    from chain_service.jobs.anchoring.change_state import ChangeAnswer
    from chain_service.jobs.records.answers import StateOnChain

status = typer.Typer(no_args_is_help=True, help="Revoke, suspend, return, supersede; and the history. 状态变更")

ApprovalId = Annotated[str, typer.Argument(metavar="APPROVAL", help="Id, as `status approvals` lists it.")]


@status.command("set")
def set_status(
    context: typer.Context,
    record: Annotated[str, typer.Argument(metavar="RECORD", help="Record id.")],
    to: Annotated[str, typer.Option("--to", metavar="STATE", help="State to set.")],
    reason_code: Annotated[int, typer.Option("--reason-code", metavar="CODE", help="Number, see below.")],
    text: Annotated[str | None, typer.Option(help="Explanation, kept off chain.")] = None,
    legal_basis: Annotated[str | None, typer.Option("--legal-basis", metavar="B", help="法律依据.")] = None,
    successor: Annotated[str | None, typer.Option(metavar="RECORD", help="Record that takes its place.")] = None,
    wait: Wait = False,
    timeout: Timeout = 60,
) -> None:
    r"""Change a record's state; final on chain a moment later. 变更状态

    States: in_force 有效, suspended 暂扣 *, withdrawn 撤销 *, cancelled 注销 *,
    penalised 吊销 *, lapsed 失效, transferred 转出, superseded 被取代;
    those with * need --legal-basis. From withdrawn, cancelled, penalised,
    lapsed and superseded there is no way back: only a new record can take
    the place of one that ended. Where the organisation asks for a second
    approval, these wait for it (`status approvals`, exit code 3).

    Reasons: 1 issued in error, 2 obtained by fraud, 3 holder's request,
    4 holder ceased, 5 penalty decision, 6 court or review decision,
    7 not renewed, 8 changed, 9 renewed, 10 moved out, 11 move cancelled,
    12 under investigation, 13 returned, 99 other.

    Example:

      chain-service status set 0d7c… --to withdrawn --reason-code 2 \
          --legal-basis "行政许可法 第69条"
    """
    from chain_service.jobs.anchoring import change_state
    from chain_service.jobs.records import state_history
    from chain_service.jobs.workers import wait_final

    door = invocation(context)
    app = door.app()
    by = door.operator_for(app, record)
    told = {"text": text, "legal_basis": legal_basis, "successor": successor}
    done = change_state.change_status(app, by, record, to, reason_code, **told)
    if done.state == "waiting_approval":
        door.answer(done, lambda out: render.facts(out, done), done.approval)
        door.note("Waits for a second approval; the record is as it was. 等待二次审批，记录尚未变更。")
        raise typer.Exit(INDETERMINATE)
    shown: ChangeAnswer | StateOnChain = done
    if wait:
        wait_final(app, "status", record, timeout)
        shown = state_history.status_history(app, record)[-1]
    door.answer(shown, lambda out: render.facts(out, shown), to)


@status.command()
def approvals(
    context: typer.Context,
    org: Annotated[str | None, typer.Option(metavar="CODE", help="Only those of this organisation.")] = None,
    record: Annotated[str | None, typer.Option(metavar="RECORD", help="Only those of this record.")] = None,
    state: Annotated[str | None, typer.Option(metavar="STATE", help="waiting, approved, refused or expired.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> None:
    """List the final ends that took a second approval, newest first. 列出二次审批

    Example:

      chain-service status approvals --state waiting
    """
    from chain_service.jobs.anchoring import second_approval as jobs

    door = invocation(context)
    listed = jobs.list_approvals(door.app(), door.operator(org), record=record, state=state, cursor=cursor, limit=limit)
    columns = ("id", "record", "state", "to", "reasonCode", "legalBasis", "requestedBy", "requestedAt", "expiresAt")
    door.answer(
        listed,
        lambda out: render.listing(out, listed.approvals, columns),
        "\n".join(one.id for one in listed.approvals),
    )
    door.note_next(listed.next)


@status.command()
def approve(context: typer.Context, approval: ApprovalId) -> None:
    """Approve a final end that somebody else asked for; it cannot be undone. 批准终止

    Whoever asked for it cannot approve it: not the same key, nor one that
    it was rotated into, nor the operator what the operator asked for.

    Example:

      chain-service status approve 5b0f6c2e-3f52-4f0e-9b7f-6a1d8f0c2d11
    """
    from chain_service.jobs.anchoring import change_state

    door = invocation(context)
    done = change_state.approve(door.app(), door.operator(), approval)
    door.answer(done, lambda out: render.facts(out, done), done.to or done.status)


@status.command()
def refuse(context: typer.Context, approval: ApprovalId) -> None:
    """Refuse a final end that waits; the record stays as it is. 拒绝终止

    Example:

      chain-service status refuse 5b0f6c2e-3f52-4f0e-9b7f-6a1d8f0c2d11
    """
    from chain_service.jobs.anchoring import change_state

    door = invocation(context)
    done = change_state.refuse(door.app(), door.operator(), approval)
    door.answer(done, lambda out: render.facts(out, done), done.state)


@status.command()
def history(
    context: typer.Context,
    record: Annotated[str, typer.Argument(metavar="RECORD")],
    changes: Annotated[
        bool, typer.Option("--changes", help="With text, legal basis and officer; the reading is logged.")
    ] = False,
) -> None:
    """Every change of a record's state, in order. 状态历史

    Examples:

      chain-service status history 0d7c…
      chain-service status history 0d7c… --changes
    """
    from chain_service.jobs.records import state_history

    door = invocation(context)
    app = door.app()
    if changes:
        disclosed = state_history.disclosed_history(app, record, door.operator())
        door.answer(
            disclosed, lambda out: render.facts(out, disclosed), "\n".join(step.to for step in disclosed.history)
        )
        return
    steps = state_history.status_history(app, record)
    rows = [to_json(step) for step in steps]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    door.answer(
        {"record": record, "history": steps},
        lambda out: (
            render.table(out, columns, [[row.get(name) for name in columns] for row in rows])
            if steps
            else out.print("in force since it was anchored 自上链起有效")
        ),
        "\n".join(step.to for step in steps),
    )
