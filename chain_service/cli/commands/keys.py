"""key: API keys of organisations."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from chain_service.cli import render
from chain_service.cli.invocation import invocation, read_input
from chain_service.cli.options import (
    Cursor,
    Limit,
    Org,
    Registrar,
    parse_end,
    parse_moment_option,
    parse_period,
    split_names,
)
from chain_service.errors import BadRequest

LONGEST_PASSWORD = 4096

keys = typer.Typer(no_args_is_help=True, help="API keys: made, listed, rotated, revoked. 接口密钥")
keystore = typer.Typer(no_args_is_help=True, help="Keystores: the encrypted keys in DIR. 密钥库")

KeyId = Annotated[str, typer.Argument(metavar="ID", help="Id of the key.")]
ExpiresOption = Annotated[
    str | None, typer.Option(metavar="TIME", help="When it stops working: a moment, or a period such as 365d.")
]


@keys.command()
def create(
    context: typer.Context,
    org: Org,
    role: Annotated[list[str], typer.Option(help="anchor, status, catalog, seal, verify or audit; may be repeated.")],
    label: Annotated[str, typer.Option(help="What the key is for; no personal data.")] = "",
    rate: Annotated[
        str | None, typer.Option(metavar="RATE", help="Requests, as 600/minute; else as its roles have it.")
    ] = None,
    daily_lookups: Annotated[
        int | None,
        typer.Option("--daily-lookups", metavar="N", min=0, help="Look-ups by identifier in a day; else the setting."),
    ] = None,
    expires: ExpiresOption = None,
    types: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help="Looks up only certificates of this type; may be repeated."),
    ] = None,
) -> None:
    r"""Make a key. It is printed once and stored only as a hash. 创建密钥

    Without --rate a key makes 12000 requests a minute with a role that
    submits, 1200 with verify or audit alone.

    Examples:

      chain-service key create --org 11430000006122244L --role anchor,status
      KEY=$(chain-service --quiet key create --org 11430000006122244L \
          --role verify --rate 60/minute --daily-lookups 500 --expires 365d)
    """
    from chain_service.jobs.instance import api_keys as jobs

    door = invocation(context)
    app = door.app()
    made = jobs.create_key(
        app,
        org,
        [name for given in role for name in split_names(given, "--role")],
        label,
        rate=rate,
        daily_lookups=daily_lookups,
        expires_at=parse_end(expires, "--expires", app.clock()),
        types=[name for given in types or () for name in split_names(given, "--type")],
    )
    door.answer(made, lambda out: render.facts(out, made), made.key)
    door.note("The key is not shown again. 密钥仅显示一次，请妥善保存。")


@keys.command()
def rotate(
    context: typer.Context,
    key_id: KeyId,
    overlap: Annotated[str, typer.Option(metavar="PERIOD", help="How long the old key works on: 7d, 12h, 0m.")] = "7d",
    expires: ExpiresOption = None,
) -> None:
    """Make a key that takes another's place; the old one ends later. 更换密钥

    The new key may do what the old one may. One that expires is followed
    by one that lives as long, unless --expires says otherwise.

    Example:

      chain-service key rotate 7f3c2a1b5d6e7f80 --overlap 2d
    """
    from chain_service.jobs.instance import api_keys as jobs

    door = invocation(context)
    app = door.app()
    seconds = parse_period(overlap, "--overlap")
    made = jobs.rotate_key(app, key_id, seconds, expires_at=parse_end(expires, "--expires", app.clock()))
    door.answer(made, lambda out: render.facts(out, made), made.key)
    door.note(
        f"The key is not shown again; the old one ends at {made.replaced_ends_at}. "
        "密钥仅显示一次，请妥善保存；旧密钥届时失效。"
    )


@keys.command("list")
def list_keys(
    context: typer.Context,
    org: Annotated[str | None, typer.Option(metavar="CODE", help="Only keys of this organisation.")] = None,
    role: Annotated[str | None, typer.Option(metavar="ROLE", help="Only keys with this role.")] = None,
    state: Annotated[str | None, typer.Option(metavar="STATE", help="standing, expired or revoked.")] = None,
    unused_since: Annotated[
        str | None, typer.Option("--unused-since", metavar="TIME", help="Never used, or last before this moment.")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> None:
    """List keys without their secrets, oldest first. 列出密钥

    Example:

      chain-service key list --state standing --unused-since 2026-06-30
    """
    from chain_service.jobs.instance import api_keys as jobs

    door = invocation(context)
    unused = parse_moment_option(unused_since, "--unused-since")
    listed = jobs.list_keys(door.app(), org, role=role, state=state, unused_since=unused, cursor=cursor, limit=limit)
    columns = ("id", "org", "roles", "state", "expiresAt", "lastUsedAt", "label")
    door.answer(listed, lambda out: render.listing(out, listed.keys, columns), "\n".join(key.id for key in listed.keys))
    door.note_next(listed.next)


@keys.command("show")
def show_key(context: typer.Context, key_id: KeyId) -> None:
    """Show one key: its limits, what it used of them, when last. 查看密钥

    Example:

      chain-service key show 7f3c2a1b5d6e7f80
    """
    from chain_service.jobs.instance import api_keys as jobs

    door = invocation(context)
    shown = jobs.show_key(door.app(), key_id)
    door.answer(shown, lambda out: render.facts(out, shown), shown.state)


@keys.command()
def revoke(context: typer.Context, key_id: KeyId) -> None:
    """Revoke a key at once. 吊销密钥

    Example:

      chain-service key revoke 7f3c2a
    """
    from chain_service.jobs.instance import api_keys as jobs

    door = invocation(context)
    done = jobs.revoke_key(door.app(), key_id)
    door.answer(done, lambda out: render.facts(out, done), key_id)


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
    if done.former_password_file is not None:
        door.note(
            f"Registrar's or sealing key was not here: the former password is kept in {done.former_password_file} "
            "for it. Delete it when nothing needs it. 未找到登记员或出块密钥，旧密码已保留，确认无用后请删除。"
        )
    if done.password_file is None:
        door.note("Set CHAIN_SERVICE_PASSWORD to the new password. 请将环境变量改为新密码。")


@keystore.command("separate")
def separate_keys(context: typer.Context) -> None:
    """Give registrar's, root and sealing keys places and passwords of their own. 密钥分离

    The first two move to operator_directory (DIR/operator), to be kept where
    the service's user has no access: serve and worker never open them. Their
    new passwords are written beside them, mode 0600, unless the settings have
    one. A run that was interrupted is finished by the next. Back up first.

    Example:

      chain-service --data /srv/chain keystore separate
    """
    from chain_service.jobs.instance import separation

    door = invocation(context)
    done = separation.separate(door.settings())
    door.answer(done, lambda out: render.facts(out, done), done.operator)
