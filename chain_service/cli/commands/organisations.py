"""org and type: who may issue what."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chain_service.cli import render
from chain_service.cli.invocation import Invocation, invocation, read_objects
from chain_service.cli.options import Registrar, parse_day, split_names
from chain_service.errors import BadRequest, Unavailable

if TYPE_CHECKING:
    from chain_service.jobs.context import App
    from chain_service.jobs.instance.registrar import GrantedRights, OrganisationStanding, PermitHistory

org = typer.Typer(no_args_is_help=True, help="Organisations, their rights and permits (registrar). 机构管理")
types = typer.Typer(no_args_is_help=True, help="Certificate types. 证照类型")


class OnOff(StrEnum):
    """A switch at the command line."""

    ON = "on"
    OFF = "off"


Code = Annotated[str, typer.Argument(metavar="CODE", help="Unified social credit code, 18 characters.")]


def _answer(
    door: Invocation, app: App, done: OrganisationStanding | GrantedRights | PermitHistory, essential: str
) -> None:
    """Shows what the registrar did, once the index has read it too."""
    from chain_service.jobs.workers import wait_indexed

    try:
        wait_indexed(app)
    except Unavailable as error:
        door.note(f"done on chain; the index will follow 已上链，索引稍后更新 ({error.message})")
    door.answer(done, lambda out: render.facts(out, done), essential)


@org.command()
def add(
    context: typer.Context,
    code: Code,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    account: Annotated[
        str | None, typer.Option(metavar="ADDR", help="Account that acts for it; by default one is made here.")
    ] = None,
    registrar: Registrar = None,
) -> None:
    """Register an organisation with an account that holds every right over it. 登记机构

    Example:

      chain-service org add 11430000006122244L "Example City Administration"
    """
    from chain_service.jobs.instance import registrar as office

    door = invocation(context)
    app = door.app()
    _answer(door, app, office.add(app, code, name, account=account, registrar=registrar), code)


@org.command()
def grant(
    context: typer.Context,
    code: Code,
    address: Annotated[str, typer.Argument(metavar="ADDR", help="Account 0x…")],
    rights: Annotated[str, typer.Option(help="Of anchor,status,seal,catalog; `none` stops the account.")],
    registrar: Registrar = None,
) -> None:
    """Set which rights an account has over an organisation, and fund it. 授权

    The list replaces what the account had.

    Example:

      chain-service org grant 11430000006122244L 0x5290…9EE7 --rights anchor
    """
    from chain_service.jobs.instance import registrar as office

    names = [] if rights == "none" else split_names(rights, "--rights")
    door = invocation(context)
    app = door.app()
    _answer(door, app, office.grant(app, code, address, names, registrar=registrar), code)


@org.command()
def suspend(context: typer.Context, code: Code, registrar: Registrar = None) -> None:
    """Stop an organisation from writing anything; what it anchored stays valid. 暂停机构

    Example:

      chain-service org suspend 11430000006122244L
    """
    from chain_service.jobs.instance import registrar as office

    door = invocation(context)
    app = door.app()
    _answer(door, app, office.suspend(app, code, registrar=registrar), code)


@org.command()
def resume(context: typer.Context, code: Code, registrar: Registrar = None) -> None:
    """Let a suspended organisation write again. 恢复机构

    Example:

      chain-service org resume 11430000006122244L
    """
    from chain_service.jobs.instance import registrar as office

    door = invocation(context)
    app = door.app()
    _answer(door, app, office.resume(app, code, registrar=registrar), code)


@org.command("set")
def set_rule(
    context: typer.Context,
    code: Code,
    second_approval: Annotated[
        OnOff | None,
        typer.Option("--second-approval", metavar="on|off", help="Whether another key has to approve a final end."),
    ] = None,
    daily_ends: Annotated[
        str | None, typer.Option("--daily-ends", metavar="N|none", help="Final ends in a day of UTC.")
    ] = None,
) -> None:
    r"""Set what an organisation asks before a record of its own ends finally. 终止变更规则

    A record that was withdrawn, cancelled, penalised, lapsed or superseded
    is never in force again. Without options the rule is shown. A record that
    its replacement supersedes needs no approval. Here, at this instance, not
    on chain.

    Example:

      chain-service org set 11430000006122244L --second-approval on \
          --daily-ends 50
    """
    from chain_service.jobs.anchoring import second_approval as ends

    unlimited = daily_ends == "none"
    if daily_ends is not None and not unlimited and not (daily_ends.isascii() and daily_ends.isdigit()):
        raise BadRequest("--daily-ends is a number or `none`", code="usage", field="--daily-ends")
    door = invocation(context)
    done = ends.set_rule(
        door.app(),
        code,
        second_approval=None if second_approval is None else second_approval is OnOff.ON,
        daily_ends=None if daily_ends is None or unlimited else int(daily_ends),
        unlimited=unlimited,
    )
    door.answer(done, lambda out: render.facts(out, done), code)


@org.command("new-generation")
def new_generation(context: typer.Context, code: Code, registrar: Registrar = None) -> None:
    """Open the next generation of an organisation's log, after its key was stolen. 开启新一代日志

    What is not anchored yet goes into the new log; the old stays provable.

    Example:

      chain-service org new-generation 11430000006122244L
    """
    from chain_service.jobs.instance import registrar as office

    door = invocation(context)
    app = door.app()
    _answer(door, app, office.new_generation(app, code, registrar=registrar), code)


@org.command()
def permit(
    context: typer.Context,
    code: Code,
    type_code: Annotated[str, typer.Argument(metavar="TYPE", help="Certificate type code.")],
    from_: Annotated[str, typer.Option("--from", metavar="DATE", help="First day, YYYY-MM-DD.")],
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Last day; open without.")] = None,
    registrar: Registrar = None,
) -> None:
    r"""Permit an organisation to issue a certificate type in a period, both days included. 颁发许可

    Example:

      chain-service org permit 11430000006122244L 11100000000013338W011 \
          --from 2020-01-01
    """
    from chain_service.jobs.instance import registrar as office

    first = parse_day(from_, "--from")
    last = parse_day(until, "--until") if until is not None else None
    if last is not None and last < first:
        raise BadRequest("--until lies before --from", code="usage", field="--until")
    door = invocation(context)
    app = door.app()
    _answer(door, app, office.permit(app, code, type_code, first, last, registrar=registrar), code)


@org.command("end-permit")
def end_permit(
    context: typer.Context,
    code: Code,
    type_code: Annotated[str, typer.Argument(metavar="TYPE", help="Certificate type code.")],
    on: Annotated[str, typer.Option("--on", metavar="DATE", help="Last permitted day, YYYY-MM-DD.")],
    registrar: Registrar = None,
) -> None:
    r"""End the permit that is open. 终止许可

    Example:

      chain-service org end-permit 11430000006122244L 11100000000013338W011 \
          --on 2026-06-30
    """
    from chain_service.jobs.instance import registrar as office

    door = invocation(context)
    day = parse_day(on, "--on")
    app = door.app()
    _answer(door, app, office.end_permit(app, code, type_code, day, registrar=registrar), code)


@types.command("add")
def add_type(context: typer.Context, file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON.")]) -> None:
    """Add certificate types from a JSON object, an array or one object a line. 添加证照类型

    Members: certificateTypeCode, certificateTypeName, definingOrganCode,
    holderCategory, validity, level, and labels, which name the sector fields
    for people: {"area": {"zh": "经营面积", "en": "floor space"}}.

    Example:

      chain-service type add types.json
    """
    from chain_service.jobs.instance import certificate_types as jobs

    door = invocation(context)
    entries = read_objects(file)
    app = door.app()
    done = [jobs.add_type(app, entry) for entry in entries]
    shown = [
        {name: value for name, value in certificate_type.to_json().items() if value is not None}
        for certificate_type in done
    ]
    door.answer({"types": shown}, lambda out: out.print(f"{len(done)} types 类证照"))


@types.command("list")
def list_types(context: typer.Context) -> None:
    """List the certificate types known here. 列出证照类型

    Example:

      chain-service type list
    """
    from chain_service.jobs.instance import certificate_types as jobs

    door = invocation(context)
    listed = jobs.list_types(door.app())
    door.answer({"types": listed}, lambda out: render.listing(out, listed, without="labels"))
