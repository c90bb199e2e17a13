"""key: API keys of organisations."""

from __future__ import annotations

from typing import Annotated

import typer

from chain_service.cli import render
from chain_service.cli.invocation import invocation
from chain_service.cli.options import Org, split_names

keys = typer.Typer(no_args_is_help=True, help="API keys: made, listed, revoked. 接口密钥")


@keys.command()
def create(
    context: typer.Context,
    org: Org,
    role: Annotated[list[str], typer.Option(help="anchor, status, catalog, seal, verify or audit; may be repeated.")],
    label: Annotated[str, typer.Option(help="What the key is for; no personal data.")] = "",
) -> None:
    r"""Make a key. It is printed once and stored only as a hash. 创建密钥

    Examples:

      chain-service key create --org 11430000006122244L --role anchor,status
      KEY=$(chain-service --quiet key create --org 11430000006122244L \
          --role verify)
    """
    from chain_service.jobs.instance import api_keys as jobs

    door = invocation(context)
    roles = [name for given in role for name in split_names(given, "--role")]
    made = jobs.create_key(door.app(), org, roles, label)
    door.answer(made, lambda out: render.facts(out, made), made.key)
    door.note("The key is not shown again. 密钥仅显示一次，请妥善保存。")


@keys.command("list")
def list_keys(context: typer.Context) -> None:
    """List keys without their secrets. 列出密钥

    Example:

      chain-service key list
    """
    from chain_service.jobs.instance import api_keys as jobs

    door = invocation(context)
    found = jobs.list_keys(door.app())
    door.answer({"keys": found}, lambda out: render.listing(out, found), "\n".join(key.id for key in found))


@keys.command()
def revoke(context: typer.Context, key_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Revoke a key at once. 吊销密钥

    Example:

      chain-service key revoke 7f3c2a
    """
    from chain_service.jobs.instance import api_keys as jobs

    door = invocation(context)
    done = jobs.revoke_key(door.app(), key_id)
    door.answer(done, lambda out: render.facts(out, done), key_id)
