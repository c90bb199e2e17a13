"""The command line has the commands it promises, teaches them, and ends as it says."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console

from chain_service.cli import render
from chain_service.cli.commands.instance import check_listening
from chain_service.cli.failures import exit_code, unforeseen
from chain_service.cli.invocation import Invocation, read_objects
from chain_service.cli.main import cli, hoisted, run
from chain_service.cli.options import parse_day, parse_moment_option, split_names
from chain_service.config import Settings
from chain_service.errors import (
    BadRequest,
    ChainServiceError,
    Conflict,
    Corrupt,
    Forbidden,
    InvalidProof,
    NotFound,
    Reverted,
    Unavailable,
)
from chain_service.jobs.auditing.audit import AuditedBlock, AuditReport
from chain_service.jobs.auditing.logs import AuditedLog

COMMANDS = {
    "anchors list",
    "init",
    "chain run",
    "chain export",
    "network init",
    "network join",
    "network up",
    "network down",
    "network status",
    "network grow",
    "network propose",
    "keystore separate",
    "deploy",
    "org add",
    "org grant",
    "org suspend",
    "org resume",
    "org new-generation",
    "org set",
    "org permit",
    "org end-permit",
    "type add",
    "type list",
    "keystore password",
    "key create",
    "key list",
    "key rotate",
    "key show",
    "key revoke",
    "serve",
    "worker",
    "anchor",
    "verify",
    "present",
    "status set",
    "status approvals",
    "status approve",
    "status refuse",
    "status history",
    "seal list",
    "seal register",
    "seal state",
    "catalog publish",
    "catalog trace",
    "catalog findings",
    "alerts list",
    "alerts show",
    "alerts settle",
    "readings list",
    "erase",
    "ready",
    "audit",
    "rebuild",
    "backup make",
    "backup verify",
    "restore",
    "receipts refresh",
    "log mirror",
    "trust export",
    "trust update",
    "trust validators",
}


def commands(group: Any, path: tuple[str, ...] = ()) -> dict[str, Any]:
    """Every command below `group` by its words."""
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        words = (*path, name)
        if hasattr(command, "commands"):
            found |= commands(command, words)
        else:
            found[" ".join(words)] = command
    return found


ALL = commands(typer.main.get_command(cli))


def test_there_is_what_the_interface_names_and_nothing_else() -> None:
    assert set(ALL) == COMMANDS


@pytest.mark.parametrize("words", sorted(COMMANDS))
def test_every_command_teaches_by_example_in_two_languages(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Example" in shown
    assert f"chain-service {words}" in " ".join(shown.split()) or f"chain-service --data /srv/chain {words}" in shown
    assert any("\u4e00" <= letter <= "\u9fff" for letter in shown)


def test_no_help_line_is_broken_by_a_narrow_terminal() -> None:
    for words, command in ALL.items():
        for line in command.help.splitlines()[2:]:
            assert len(line) <= 78, f"{words}: {line}"


def test_global_options_stand_anywhere_but_behind_the_dashes() -> None:
    assert hoisted(["key", "list", "--json", "--data", "x"]) == ["--json", "--data", "x", "key", "list"]
    assert hoisted(["verify", "--data=x", "f", "--quiet"]) == ["--data=x", "--quiet", "verify", "f"]
    assert hoisted(["verify", "--", "--json"]) == ["verify", "--", "--json"]
    assert hoisted(["verify", "--data"]) == ["verify", "--data"]


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("chain-service ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["verify", "--nonsense"],
        ["key", "create"],
        ["status", "set", "x", "--to", "y", "--reason-code", "z"],
    ],
)
def test_wrong_usage_ends_with_2_and_points_to_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "usage" in told.err and "--help" in told.err and "用法" in told.err


def test_with_json_a_failure_is_json_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["key", "list", "--json", "--data", str(tmp_path)]) == 2
    told = capsys.readouterr()
    error = json.loads(told.out)["error"]
    assert error["code"] == "not_initialised" and error["message"]["zh"]
    assert run(["nonsense", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "usage"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadRequest("x"), 2),
        (InvalidProof("x"), 4),
        (NotFound("x", code="not_initialised"), 2),
        (Forbidden("x", code="wrong_password"), 2),
        (NotFound("x"), 1),
        (Conflict("x"), 1),
        (Forbidden("x"), 1),
        (Reverted("x"), 1),
        (Corrupt("x"), 1),
        (Unavailable("x"), 4),
        (Conflict("x", code="wrong_chain"), 4),
        (unforeseen(RuntimeError("x")), 4),
    ],
)
def test_each_kind_of_failure_has_its_exit_code(error: ChainServiceError, code: int) -> None:
    assert exit_code(error) == code


def test_an_unforeseen_failure_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.toml").mkdir()
    assert run(["--data", str(tmp_path), "key", "list"]) in (2, 4)
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("text", ["port = 'x'\n", "nonsense = 1\n", "port = = 1\n"])
def test_a_wrong_setting_is_named(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.toml").write_text(text, encoding="utf-8")
    assert run(["--data", str(tmp_path), "key", "list", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "bad_settings"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_loopback_needs_no_protection(host: str) -> None:
    check_listening(Settings(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org"])
def test_everything_else_needs_tls_or_the_word_that_a_proxy_does_it(host: str) -> None:
    with pytest.raises(BadRequest) as caught:
        check_listening(Settings(host=host))
    assert caught.value.code == "insecure_listen"
    check_listening(Settings(host=host, behind_proxy=True))
    check_listening(Settings(host=host, tls_certificate=Path("c.pem"), tls_key=Path("k.pem")))
    with pytest.raises(BadRequest):
        check_listening(Settings(host=host, tls_certificate=Path("c.pem")))


def test_days_moments_and_lists_are_read_strictly() -> None:
    assert parse_day("2026-02-28", "--from").isoformat() == "2026-02-28"
    assert parse_moment_option("1970-01-01T00:00:10Z") == 10
    assert split_names("a, b,,c", "--reveal") == ["a", "b", "c"]
    for wrong in ("2026-02-30", "20260228", "tomorrow", "2026-2-3"):
        with pytest.raises(BadRequest):
            parse_day(wrong, "--from")
    with pytest.raises(BadRequest):
        split_names(" , ", "--reveal")
    with pytest.raises(BadRequest):
        parse_moment_option("tomorrow")


@pytest.mark.parametrize(
    ("text", "count"), [('{"a": 1}', 1), ('[{"a": 1}, {"b": 2}]', 2), ('{"a": 1}\n\n{"b": 2}\n', 2)]
)
def test_objects_come_alone_in_an_array_or_one_a_line(text: str, count: int, tmp_path: Path) -> None:
    file = tmp_path / "objects.json"
    file.write_text(text, encoding="utf-8")
    assert len(read_objects(file)) == count


@pytest.mark.parametrize("text", ["", "[]", "7", "[1]", '{"a": 1}\n{"b": \n'])
def test_what_is_no_object_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "objects.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadRequest):
        read_objects(file)


def test_quiet_tells_only_the_essential(capsys: pytest.CaptureFixture[str]) -> None:
    door = Invocation(None, json=False, quiet=True)
    door.answer({"id": "7"}, lambda out: out.print("many words"), "7")
    door.note("by the way")
    told = capsys.readouterr()
    assert (told.out, told.err) == ("7\n", "")


def test_an_interrupted_command_ends_with_130_and_one_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["chain_service.cli.main"], "cli", interrupted)
    assert run(["audit"]) == 130
    told = capsys.readouterr().err
    assert "interrupted" in told and "Traceback" not in told


def report(*logs: AuditedLog, seals: int = 0) -> AuditReport:
    block = AuditedBlock(7, "0x" + "0a" * 32, "2026-01-31T08:00:00Z")
    return AuditReport(ok=True, findings=(), logs=logs, seals=seals, catalog_entries=0, unproven={}, chain=block)


def test_an_audit_says_how_much_it_proved_and_that_nothing_is_nothing() -> None:
    def shown(found: AuditReport) -> str:
        console = Console(file=io.StringIO(), width=200)
        render.audit(console, found)
        return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]

    nothing = shown(report())
    assert "nothing was audited" in nothing and "无可审计内容" in nothing and "proven" not in nothing
    told = shown(report(AuditedLog("x", 0, b"\x0a" * 32, size=13, heads=2, records=12, erased=0, since=0), seals=1))
    assert "the chain can prove of the database agrees with it: 12 records, 1 seals, 0 catalog entries" in told
