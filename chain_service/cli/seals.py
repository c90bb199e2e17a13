"""seal: electronic seals of organisations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chain_service.cli import show
from chain_service.cli.door import read_objects, the_door
from chain_service.cli.options import Org, Timeout, Wait

seal = typer.Typer(no_args_is_help=True, help="Electronic seals: registration and state. 电子印章")


@seal.command("register")
def register_seal(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Seal record in JSON.")],
    org: Org,
    wait: Wait = False,
    timeout: Timeout = 60,
) -> None:
    """Register an organisation's seal on chain; personal seals are refused. 登记印章

    FILE: sealCode, sealName, ownerCode, sealType 01-04, digests (sha-256, sm3),
    signerCertificates, validFrom, validUntil.

    Example:

      chain-service seal register seal.json --org 11430000006122244L --wait
    """
    from chain_service.jobs import seals
    from chain_service.jobs.workers import wait_final

    door = the_door(context)
    found = read_objects(file)
    app = door.app()
    done = []
    for one in found:
        made = seals.register_seal(app, door.operator(org), one)
        if wait:
            wait_final(app, "seal", made["sealCode"], timeout)
            made = seals.seal(app, made["sealCode"])
        done.append(made)
    value = done[0] if len(done) == 1 else {"seals": done}
    door.answer(value, lambda out: show.facts(out, value), "\n".join(one["sealCode"] for one in done))


@seal.command("state")
def set_state(
    context: typer.Context,
    code: Annotated[str, typer.Argument(metavar="CODE", help="Seal code.")],
    to: Annotated[str, typer.Option("--to", metavar="STATE", help="in_force, frozen or cancelled (final).")],
    wait: Wait = False,
    timeout: Timeout = 60,
) -> None:
    """Freeze a seal, return it to force, or cancel it for good. 印章状态

    Example:

      chain-service seal state 43000000000001 --to frozen
    """
    from chain_service.jobs import seals
    from chain_service.jobs.workers import wait_final

    door = the_door(context)
    app = door.app()
    owner = seals.seal(app, code)["ownerCode"]
    done = seals.set_seal_state(app, door.operator(owner), code, to)
    if wait:
        wait_final(app, "seal", code, timeout)
        done = seals.seal(app, code)
    door.answer(done, lambda out: show.facts(out, done), to)
