"""key: API keys of organisations."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from chain_service.cli import render
from chain_service.cli.invocation import invocation, read_input
from chain_service.cli.options import Org, Registrar, split_names
from chain_service.errors import BadRequest

LONGEST_PASSWORD = 4096

keys = typer.Typer(no_args_is_help=True, help="API keys: made, listed, revoked. 接口密钥")
keystore = typer.Typer(no_args_is_help=True, help="Keystores: the encrypted keys in DIR. 密钥库")


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
    keys_listed = jobs.list_keys(door.app())
    door.answer(
        {"keys": keys_listed}, lambda out: render.listing(out, keys_listed), "\n".join(key.id for key in keys_listed)
    )


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


@keystore.callback()
def _group() -> None:
    """Keeps `password` a word of its own."""


@keystore.command()
def password(
    context: typer.Context,
    new_password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File with the new password; otherwise it is asked for.")
    ] = None,
    registrar: Registrar = None,
) -> None:
    """Change the password of all keystores of the instance at once. 更改密钥库密码

    The organisations' keys, the registrar's and the trial chain's get it all or
    none, also when this is interrupted: the next command finishes it. The
    password file is changed along; where CHAIN_SERVICE_PASSWORD gives the
    password, change it there before the next start. What runs goes on.

    Example:

      chain-service keystore password --new-password-file new.txt
    """
    from chain_service.jobs.instance.keystore_password import change_password

    door = invocation(context)
    if new_password_file is not None:
        new = read_input(new_password_file, LONGEST_PASSWORD).decode("utf-8", "replace").strip()
    elif sys.stdin.isatty():
        new = typer.prompt("New password 新密码", hide_input=True, confirmation_prompt=True, err=True)
    else:
        raise BadRequest("name the file with the new password", code="usage", field="--new-password-file")
    done = change_password(door.settings(), new, registrar)
    door.answer(done, lambda out: render.facts(out, done))
    if done.password_file is None:
        door.note("Set CHAIN_SERVICE_PASSWORD to the new password. 请将环境变量改为新密码。")
