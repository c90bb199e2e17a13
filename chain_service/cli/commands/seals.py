"""seal: electronic seals of organisations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chain_service.cli import render
from chain_service.cli.invocation import invocation, read_input, read_objects
from chain_service.cli.options import Cursor, IfState, Limit, Org, Timeout, Wait

_DER = b"\x30"

seal = typer.Typer(no_args_is_help=True, help="Electronic seals: registration, list and state. 电子印章")


@seal.command("register")
def register_seal(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The seal itself (.esl), or seal records in JSON.")],
    org: Org,
    seal_type: Annotated[
        str | None, typer.Option("--type", metavar="01-04", help="For an .esl: its type, where it does not say.")
    ] = None,
    wait: Wait = False,
    timeout: Timeout = 60,
) -> None:
    """Register an organisation's seal on chain; personal seals are refused. 登记印章

    An .esl is read: code, name, type, period, both digests and the signers'
    certificates come from it; one whose maker's signature does not hold is
    refused. JSON: sealCode, sealName, ownerCode, sealType 01-04, digests
    (sha-256, sm3), signerCertificates, validFrom, validUntil.

    Examples:

      chain-service seal register office.esl --org 11430000006122244L --wait
      chain-service seal register seal.json --org 11430000006122244L --wait
    """
    from chain_service.jobs.anchoring import register_seals
    from chain_service.jobs.registries import seals
    from chain_service.jobs.workers import wait_final

    door = invocation(context)
    app = door.app()
    data = read_input(file, app.settings.max_file)
    delivered = data[:1] == _DER
    entries = [register_seals.seal_entry(app, data, org, seal_type)] if delivered else read_objects(file)
    register_seals.check_seals(door.operator(org), entries)
    done = []
    for entry in entries:
        made = register_seals.register_seal(app, door.operator(org), entry)
        if wait:
            wait_final(app, "seal", made.seal_code, timeout)
            made = seals.seal(app, made.seal_code)
        done.append(made)
    value = done[0] if len(done) == 1 else {"seals": done}
    door.answer(value, lambda out: render.facts(out, value), "\n".join(registered.seal_code for registered in done))


@seal.command("list")
def list_seals(
    context: typer.Context,
    org: Annotated[str | None, typer.Option("--org", metavar="CODE", help="Only seals of this owner.")] = None,
    status: Annotated[
        str | None, typer.Option(metavar="STATE", help="Only those in_force, frozen or cancelled on chain.")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> None:
    """List the seals registered here, by code. 列出印章

    Example:

      chain-service seal list --org 11430000006122244L --status frozen
    """
    from chain_service.jobs.registries import seals

    door = invocation(context)
    listed = seals.list_seals(door.app(), org=org, status=status, cursor=cursor, limit=limit)
    columns = ("sealCode", "sealName", "ownerCode", "sealType", "validUntil", "state", "status")
    rows = [
        (row.seal_code, row.seal_name, row.owner_code, row.seal_type, row.valid_until, row.state, row.status)
        for row in listed.seals
    ]
    rows += [(lost.seal_code, "", lost.owner_code, "", "", "final", lost.status) for lost in listed.missing]
    door.answer(listed, lambda out: render.table(out, columns, rows), "\n".join(row[0] for row in rows))
    if listed.missing:
        door.note("无名称者在本实例中丢失，请原样重新登记")
        door.note("without a name: lost here, told by the chain; register these seals again as they were")
    door.note_next(listed.next)


@seal.command("state")
def set_state(
    context: typer.Context,
    code: Annotated[str, typer.Argument(metavar="CODE", help="Seal code.")],
    to: Annotated[str, typer.Option("--to", metavar="STATE", help="in_force, frozen or cancelled (final).")],
    if_state: IfState = None,
    wait: Wait = False,
    timeout: Timeout = 60,
) -> None:
    """Freeze a seal, return it to force, or cancel it for good. 印章状态

    Example:

      chain-service seal state 43000000000001 --to frozen
    """
    from chain_service.jobs.anchoring.register_seals import set_seal_state
    from chain_service.jobs.registries import seals
    from chain_service.jobs.workers import wait_final

    door = invocation(context)
    app = door.app()
    found = seals.seal(app, code)
    code = found.seal_code
    done = set_seal_state(app, door.operator(found.owner_code), code, to, if_state)
    if wait:
        wait_final(app, "seal", code, timeout)
        done = seals.seal(app, code)
    door.answer(done, lambda out: render.facts(out, done), to)
