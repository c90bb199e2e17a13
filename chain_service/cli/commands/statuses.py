"""status: the states of records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chain_service.cli import render
from chain_service.cli.invocation import invocation
from chain_service.cli.options import IfState, Timeout, Wait
from chain_service.core.encoding.answers import to_json

if TYPE_CHECKING:
    from chain_service.jobs.anchoring.change_state import ChangeAnswer
    from chain_service.jobs.records.answers import StateOnChain

status = typer.Typer(no_args_is_help=True, help="Revoke, suspend, return, supersede; and the history. 状态变更")


@status.command("set")
def set_status(
    context: typer.Context,
    record: Annotated[str, typer.Argument(metavar="RECORD", help="Record id.")],
    to: Annotated[str, typer.Option("--to", metavar="STATE", help="State to set.")],
    reason_code: Annotated[int, typer.Option("--reason-code", metavar="CODE", help="Number, see below.")],
    text: Annotated[str | None, typer.Option(help="Explanation, kept off chain.")] = None,
    legal_basis: Annotated[str | None, typer.Option("--legal-basis", metavar="B", help="法律依据.")] = None,
    successor: Annotated[str | None, typer.Option(metavar="RECORD", help="Record that takes its place.")] = None,
    if_state: IfState = None,
    wait: Wait = False,
    timeout: Timeout = 60,
) -> None:
    r"""Change a record's state; final on chain a moment later. 变更状态

    States: in_force 有效, suspended 暂扣 *, withdrawn 撤销 *, cancelled 注销 *,
    penalised 吊销 *, lapsed 失效, transferred 转出, superseded 被取代;
    those with * need --legal-basis.

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
    done: ChangeAnswer | StateOnChain = change_state.change_status(
        app,
        door.operator_for(app, record),
        record,
        to,
        reason_code,
        text=text,
        legal_basis=legal_basis,
        successor=successor,
        if_state=if_state,
    )
    if wait:
        wait_final(app, "status", record, timeout)
        done = state_history.status_history(app, record)[-1]
    door.answer(done, lambda out: render.facts(out, done), to)


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
