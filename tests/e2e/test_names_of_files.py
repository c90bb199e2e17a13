"""Names of files that are no UTF-8, as disks from elsewhere have them: every command and door works and tells them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from support.worlds.running_instance import ISSUER, OTHER, Instance

NAME = os.fsdecode(b"licence \xff\xe8")
SHOWN = "licence \\xff\\xe8"


@pytest.fixture(scope="module")
def odd(service: Instance, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of such a name with a holder's papers, all of such names."""
    out = tmp_path_factory.mktemp("out")
    service.done("anchor", service.samples / f"certificates-{OTHER}.ndjson", "--org", OTHER, "--out", out)
    folder = tmp_path_factory.mktemp("odd") / NAME
    folder.mkdir()
    one = sorted(out.glob("*.disclosure.json"))[0]
    shutil.copy(one, folder / f"{NAME}.disclosure.json")
    shutil.copy(out / one.name.replace("disclosure.json", "receipt"), folder / f"{NAME}.receipt")
    service.done("trust", "export", "--out", folder / f"{NAME}.cose")
    (folder / NAME).write_bytes(b"nothing known")
    return folder


COMMANDS: dict[str, tuple[Callable[[Path], list[str | Path]], int]] = {
    "verify": (lambda odd: ["verify", odd / f"{NAME}.disclosure.json"], 0),
    "verify several": (lambda odd: ["verify", odd / NAME, odd / f"{NAME}.disclosure.json"], 1),
    "verify a missing file": (lambda odd: ["verify", odd / "missing"], 2),
    "verify an option": (lambda odd: ["verify", "--disclosure", odd / f"{NAME}.disclosure.json"], 0),
    "verify offline": (
        lambda odd: ["verify", "--offline", "--trust", odd / f"{NAME}.cose", odd / f"{NAME}.disclosure.json"], 0,
    ),
    "verify with what lies beside": (
        lambda odd: ["verify", "--offline", "--trust", odd / f"{NAME}.cose", odd / NAME], 3,
    ),
    "verify offline by no trust file": (lambda odd: ["verify", "--offline", "--trust", odd / NAME, odd / NAME], 2),
    "verify by no trust store": (
        lambda odd: ["verify", "--offline", "--trust", odd / f"{NAME}.cose", "--anchors", odd / "none", odd / NAME], 2,
    ),
    "heads": (
        lambda odd: ["verify", "--offline", "--trust", odd / f"{NAME}.cose", "--heads", odd / f"{NAME}.heads",
                     odd / f"{NAME}.disclosure.json"], 0,
    ),
    "anchor": (lambda odd: ["anchor", odd / NAME, "--org", ISSUER], 2),
    "anchor, documents": (lambda odd: ["anchor", odd / NAME, "--org", ISSUER, "--documents", odd / "none"], 2),
    "anchors add": (lambda odd: ["anchors", "add", odd / NAME], 2),
    "receipts refresh": (lambda odd: ["receipts", "refresh", odd], 0),
    "seal register": (lambda odd: ["seal", "register", odd / NAME, "--org", ISSUER], 2),
    "catalog publish": (lambda odd: ["catalog", "publish", odd / NAME, "--org", ISSUER], 2),
    "type add": (lambda odd: ["type", "add", odd / NAME], 2),
    "trust update": (lambda odd: ["trust", "update", odd / NAME], 2),
    "trust export": (lambda odd: ["trust", "export", "--out", odd / f"{NAME}.again"], 0),
    "trust export nowhere": (lambda odd: ["trust", "export", "--out", odd / "none" / NAME], 2),
    "chain export nowhere": (lambda odd: ["chain", "export", odd / "none" / NAME], 2),
    "log mirror": (lambda odd: ["log", "mirror", "http://127.0.0.1:9/", odd / "mirror"], 4),
    "a word that is none": (lambda odd: ["verify", "--no-such-option", odd / NAME], 2),
    "a record that is none": (lambda odd: ["status", "history", NAME], 2),
    "a reason": (lambda odd: ["erase", "0d7c", "--reason", NAME], 1),
}  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_works_with_such_names_and_tells_them(service: Instance, odd: Path, name: str) -> None:
    made, code = COMMANDS[name]
    told = service.run("--json", *made(odd))
    assert "internal_error" not in told.out, told
    assert isinstance(json.loads(told.out), dict | list)
    json.loads(told.out.encode())  # and no lone surrogate is left, which strict readers refuse
    assert "\\ud" not in told.out
    if "file" in json.loads(told.out):
        assert SHOWN in json.loads(told.out)["file"]
    human = service.run(*made(odd))
    assert (told.code, human.code) == (code, code), (told, human)
    assert "internal_error" not in human.out + human.err and "Traceback" not in human.err


def test_a_process_of_its_own_prints_them_too(service: Instance, odd: Path) -> None:
    paper = odd / f"{NAME}.disclosure.json"
    told = service.run_apart("--json", "verify", "--offline", "--trust", odd / f"{NAME}.cose", paper)
    assert (told.code, SHOWN in json.loads(told.out)["file"]) == (0, True)
    for arguments, code in ((["verify", paper], 0), (["verify", odd / "missing"], 2)):
        told = service.run_apart(*arguments)
        assert (told.code, "internal_error" in told.err, "\\udcff" in told.out + told.err) == (code, False, True)


def test_an_instance_may_lie_in_such_a_folder(tmp_path: Path) -> None:
    apart = Instance(tmp_path / NAME, tmp_path)
    for command in ("init", "deploy"):
        told = apart.run_apart("--json", command)
        assert "internal_error" not in told.out and json.loads(told.out), told


@pytest.mark.parametrize("charset", ["utf-8", "unicode_escape", "utf-16-le", "idna"])
def test_over_http_any_name_of_a_file_is_an_answer(service: Instance, odd: Path, charset: str) -> None:
    def part(name: bytes, data: bytes) -> bytes:
        head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="' + name + b'"\r\n'
        return head + b"Content-Type: application/octet-stream\r\n\r\n" + data + b"\r\n"

    disclosure = (odd / f"{NAME}.disclosure.json").read_bytes()
    body = part(b"a\xff.json", disclosure) + part(rb"\udcff.pdf", b"nothing known") + b"--x--\r\n"
    form = {"Content-Type": f"multipart/form-data; boundary=x; charset={charset}"}
    with service.client() as client:
        told = client.post("/v1/verify", content=body, headers=form)
    assert told.status_code in (200, 400, 422), told.text
    assert str(told.json()).encode()  # no lone surrogate is left
    if told.status_code == 200:
        assert told.json()["code"] == "content_altered"
