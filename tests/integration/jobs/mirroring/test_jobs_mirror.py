"""Logs for everybody: served as far as they are anchored, mirrored, and refused when they take something back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from chain_service.chain.reader import ChainReader
from chain_service.core.log import checkpoints
from chain_service.core.log.checkpoints import Checkpoint, VerifierKey
from chain_service.core.log.merkle import leaf_hash, root_of
from chain_service.core.log.tiles import entries_path, entries_tile, tile_path, tiles_of
from chain_service.errors import BadRequest, Conflict, Corrupt, NotFound, Unavailable
from chain_service.jobs.mirroring.mirror import mirror
from chain_service.jobs.proofs import public_logs
from chain_service.jobs.proofs.public_logs import TilePath, parse_tile_path
from support.worlds.jobs_city import City, Org


@dataclass
class Served:
    """A log's files: the instance's own, or what was put in their place (None: gone)."""

    city: City
    log: str
    instead: dict[str, bytes | None] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def file(self, path: str) -> bytes | None:
        self.asked.append(path)
        if path in self.instead:
            return self.instead[path]
        if path == "checkpoint":
            return public_logs.checkpoint(self.city.app, self.log)
        place = parse_tile_path(path.removeprefix("tile/"))
        try:
            return None if place is None else public_logs.tile(self.city.app, self.log, place)
        except NotFound:
            return None

    def forge(self, entries: list[bytes], origin: str | None = None) -> None:
        """From now on a log of these entries is served under the same name, its checkpoint signed by the real key."""
        hashes, level = [leaf_hash(entry) for entry in entries], 0
        self.instead.clear()
        for n in range(0, len(entries), 256):
            part = entries[n : n + 256]
            self.instead[entries_path(n // 256, len(part))] = entries_tile(part)
        while hashes:
            parts = [hashes[at : at + 256] for at in range(0, len(hashes), 256)]
            self.instead |= {tile_path(level, n, len(part)): b"".join(part) for n, part in enumerate(parts)}
            hashes, level = [root_of(part) for part in parts if len(part) == 256], level + 1
        org = self.log.partition(".")[0]
        key = public_logs._signer(self.city.app, org)
        name = origin or public_logs.verifier_key(self.city.app, self.log).name
        root = root_of([leaf_hash(entry) for entry in entries])
        self.instead["checkpoint"] = checkpoints.sign(Checkpoint(name, len(entries), root), key)

    def entries(self) -> list[bytes]:
        size = checkpoints.parse(public_logs.checkpoint(self.city.app, self.log)).checkpoint.size
        found = []
        for n in range(0, size, 256):
            data = public_logs.tile(self.city.app, self.log, TilePath(-1, n // 256, min(256, size - n)))
            found += [data[at + 2 : at + 34] for at in range(0, len(data), 34)]
        return found


@contextmanager
def serving(city: City, org: Org) -> Iterator[Served]:
    log = Served(city, f"{org.code}.0")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = log.file(self.path.removeprefix("/log/"))
            self.send_response(404 if data is None else 200)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    log.url = f"http://127.0.0.1:{server.server_address[1]}/log"
    try:
        yield log
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def org(city: City) -> Org:
    org = city.organisation()
    city.anchor(org, *(org.document() for _ in range(4)))
    return org


@pytest.fixture
def log(city: City, org: Org) -> Iterator[Served]:
    with serving(city, org) as log:
        yield log


@pytest.fixture
def chain(city: City) -> ChainReader:
    return city.app.require_chain().reader


def refused(log: Served, directory: Path, **other: Any) -> str:
    with pytest.raises((Conflict, Corrupt)) as refusal:
        mirror(log.url, directory, **other)
    return refusal.value.code


def test_a_log_is_mirrored_compared_with_the_chain_and_followed(
    city: City, org: Org, log: Served, chain: ChainReader, tmp_path: Path
) -> None:
    key = public_logs.verifier_key(city.app, log.log)
    first = mirror(log.url, tmp_path, reader=chain, key=key)
    assert (first.size, first.before, first.fetched, first.signature_checked) == (5, None, 2, True)
    assert (first.chain.heads, first.chain.size_on_chain) == (1, 5)
    again = mirror(log.url, tmp_path, reader=chain, key=key)
    assert (again.before, again.fetched) == (5, 0)
    city.anchor(org, org.document())
    city.anchor(org, *(org.document() for _ in range(300)))
    grown = mirror(log.url, tmp_path, reader=chain, key=key)
    assert (grown.size, grown.before, grown.chain.heads) == (306, 5, 2)
    shown = sorted(str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file())
    parts = ["tile/0/000", "tile/0/001.p/50", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/50"]
    assert shown == ["chain.json", "checkpoint", *parts]
    for level, n, width in tiles_of(306):
        assert (tmp_path / tile_path(level, n, width)).read_bytes() == log.file(tile_path(level, n, width))


def test_a_log_that_lags_behind_the_chain_says_so_once_it_has_for_long(
    city: City, org: Org, log: Served, chain: ChainReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.instead["checkpoint"] = log.file("checkpoint")
    current = mirror(log.url, tmp_path, reader=chain)
    assert (current.stalled, current.chain.behind_since) == (False, None)
    city.anchor(org, org.document())
    behind = mirror(log.url, tmp_path, reader=chain)
    assert (behind.size, behind.chain.size_on_chain, behind.stalled) == (5, 6, False)
    assert behind.chain.behind_since is not None
    monkeypatch.setattr("chain_service.jobs.mirroring.mirror.STALLED_AFTER", 0)
    assert mirror(log.url, tmp_path, reader=chain).stalled
    log.instead.clear()
    grown = mirror(log.url, tmp_path, reader=chain)
    assert (grown.size, grown.stalled, grown.chain.behind_since) == (6, False, None)
    assert not mirror(log.url, tmp_path / "alone").stalled


def test_an_interrupted_mirroring_goes_on_where_it_stopped(city: City, org: Org, log: Served, tmp_path: Path) -> None:
    city.anchor(org, *(org.document() for _ in range(300)))
    log.instead["tile/0/001.p/49"] = None
    with pytest.raises(NotFound):
        mirror(log.url, tmp_path)
    assert not (tmp_path / "checkpoint").exists()
    log.instead.clear()
    assert mirror(log.url, tmp_path).fetched == 2
    assert log.asked.count("tile/entries/000") == 1


def test_without_a_chain_the_tiles_alone_are_recomputed(log: Served, tmp_path: Path) -> None:
    done = mirror(log.url, tmp_path)
    assert (done.chain, done.signature_checked, done.tiles) == (None, False, 1)


def test_a_log_that_shrinks_is_refused_and_its_checkpoint_kept(log: Served, tmp_path: Path) -> None:
    mirror(log.url, tmp_path)
    kept = (tmp_path / "checkpoint").read_bytes()
    log.forge(log.entries()[:3])
    assert refused(log, tmp_path) == "log_shrunk"
    assert (tmp_path / "checkpoint").read_bytes() == kept
    (evidence,) = (tmp_path / "refused").iterdir()
    assert evidence.read_bytes() == log.instead["checkpoint"]


@pytest.mark.parametrize("more", [0, 1, 400])
def test_a_fork_is_refused_whatever_its_size(log: Served, tmp_path: Path, more: int) -> None:
    mirror(log.url, tmp_path)
    entries = log.entries()
    entries[2] = bytes(32)
    log.forge(entries + [bytes([1]) * 32] * more)
    assert refused(log, tmp_path) == "log_forked"
    log.instead.clear()
    assert mirror(log.url, tmp_path).fetched == 0


def test_a_fork_behind_a_full_tile_is_refused_and_leaves_no_trace(
    city: City, org: Org, log: Served, tmp_path: Path
) -> None:
    city.anchor(org, *(org.document() for _ in range(300)))
    mirror(log.url, tmp_path)
    entries = log.entries()
    log.forge([*entries[:300], *([bytes([7]) * 32] * 300)])
    assert refused(log, tmp_path) == "log_forked"
    log.instead.clear()
    city.anchor(org, *(org.document() for _ in range(300)))
    assert mirror(log.url, tmp_path).size == 605


def test_a_first_contact_with_a_forked_log_fails_at_the_chain(log: Served, chain: ChainReader, tmp_path: Path) -> None:
    entries = log.entries()
    log.forge([*entries[:-1], bytes(32)])
    assert refused(log, tmp_path, reader=chain) == "head_not_on_chain"
    log.forge([*entries, bytes(32)])
    assert refused(log, tmp_path, reader=chain) == "head_not_on_chain"
    assert not (tmp_path / "tile").exists()


def test_a_log_of_another_chain_contract_or_name_is_refused(log: Served, chain: ChainReader, tmp_path: Path) -> None:
    name = checkpoints.parse(log.file("checkpoint") or b"").checkpoint.origin
    for other in ("example.com/log", name.replace("eip155:", "eip155:1"), name[:-1] + "1"):
        log.forge(log.entries(), origin=other)
        assert refused(log, tmp_path, reader=chain) in ("other_log", "head_not_on_chain")
    log.instead.clear()
    mirror(log.url, tmp_path)
    log.forge(log.entries(), origin="example.com/log")
    assert refused(log, tmp_path) == "other_log"


def test_a_checkpoint_that_the_key_did_not_sign_is_refused(city: City, org: Org, log: Served, tmp_path: Path) -> None:
    key = public_logs.verifier_key(city.app, log.log)
    strangers = VerifierKey(key.name, city.app.keystore.log_keys(org.code)[0])
    assert refused(log, tmp_path, key=strangers) == "checkpoint_unsigned"
    note = log.file("checkpoint") or b""
    log.instead["checkpoint"] = note.replace(b"\n5\n", b"\n6\n")
    assert refused(log, tmp_path, key=key) == "checkpoint_unsigned"
    log.instead["checkpoint"] = b"nonsense"
    with pytest.raises(BadRequest):
        mirror(log.url, tmp_path)


@pytest.mark.parametrize("path", ["tile/0/000.p/5", "tile/entries/000.p/5"])
def test_a_tile_that_is_not_what_its_entries_give_is_named(log: Served, tmp_path: Path, path: str) -> None:
    whole = log.file(path) or b""
    for wrong in (whole[:-1] + bytes([whole[-1] ^ 1]), whole[:-34], b""):
        log.instead[path] = wrong
        assert refused(log, tmp_path) == "tile_mismatch"
    log.instead[path] = whole * 60
    with pytest.raises(Unavailable):
        mirror(log.url, tmp_path)
    log.instead.clear()
    mirror(log.url, tmp_path)


def test_a_mirror_whose_files_were_changed_says_so(city: City, org: Org, log: Served, tmp_path: Path) -> None:
    mirror(log.url, tmp_path)
    file = tmp_path / "tile/0/000.p/5"
    file.write_bytes(bytes(160))
    assert refused(log, tmp_path) == "mirror_damaged"
    file.unlink()
    mirror(log.url, tmp_path)
    (tmp_path / "checkpoint").write_bytes(b"")
    assert refused(log, tmp_path) == "mirror_damaged"


def test_what_is_not_final_is_not_served(city: City, org: Org) -> None:
    name = f"{org.code}.0"
    city.submit(org, org.document())
    city.step()
    assert checkpoints.parse(public_logs.checkpoint(city.app, name)).checkpoint.size == 5
    with pytest.raises(NotFound) as refusal:
        public_logs.tile(city.app, name, TilePath(0, 0, 6))
    assert refusal.value.code == "tile_unknown"
    for log in (f"{org.code}.1", f"{org.code}", "x.0", f"{org.code}.{2**32}", f"{org.code}.00"):
        with pytest.raises(NotFound) as unknown:
            public_logs.checkpoint(city.app, log)
        assert unknown.value.code == "log_unknown"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("0/000", TilePath(0, 0, 256)),
        ("0/x001/234.p/7", TilePath(0, 1234, 7)),
        ("entries/255", TilePath(-1, 255, 256)),
        ("63/001.p/255", TilePath(63, 1, 255)),
    ],
)
def test_tile_names_are_read_as_they_are_written(text: str, place: TilePath) -> None:
    assert parse_tile_path(text) == place
    written = entries_path(place.n, place.width) if place.level < 0 else tile_path(*place)
    assert written == f"tile/{text}"


@pytest.mark.parametrize(
    "text",
    ["0/0", "0/0000", "0/x000/001", "64/000", "00/000", "0/000.p/256", "0/000.p/0", "0/000.p/07", "-1/000", "0/1/000"],
)
def test_no_tile_has_two_names(text: str) -> None:
    assert parse_tile_path(text) is None
