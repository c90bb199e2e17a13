"""What the page on the network asks about papers is what the API understands: the same papers, told by their bytes."""

from __future__ import annotations

import asyncio
import base64
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from starlette.requests import Request

from chain_service.config import Settings
from chain_service.core.encoding.digests import file_digests
from chain_service.core.verdicts.paper_kinds import PaperKind, take
from chain_service.jobs.verifying.several_papers import MAX_PAPERS
from chain_service.web.api.verify import MultipartForm, read_asked
from support.offline.offline_node import ROOT, run_with
from support.offline.offline_papers import altered, forged, holder, subsets

Papers = list[tuple[str, bytes]]
MAX_FILE = 20 * 2**20


def asked(folder: Path, lists: list[Papers], longest: int | None = None) -> list[Any]:
    """What the page sends about each list; files longer than `longest` by their digest."""
    encoded = [[[name, base64.b64encode(data).decode()] for name, data in one] for one in lists]
    answers: list[Any] = run_with("asked", folder, [{"given": one, "longest": longest} for one in encoded])
    return answers


def understood(sent: dict[str, Any]) -> MultipartForm:
    """What the API takes from these bytes."""
    body = base64.b64decode(sent["body"])
    given = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Any:
        return next(given)

    app = SimpleNamespace(state=SimpleNamespace(app=SimpleNamespace(settings=SimpleNamespace(max_file=MAX_FILE))))
    headers = [(b"content-type", sent["type"].encode()), (b"content-length", str(len(body)).encode())]
    scope = {"type": "http", "method": "POST", "path": "/v1/verify", "headers": headers, "app": app}
    found = asyncio.run(read_asked(Request(scope, receive), None))
    assert isinstance(found, MultipartForm)
    return found


def lists() -> list[Papers]:
    """Each paper alone, every pair, and many in any order, genuine and altered, under names that tell nothing."""
    chance = random.Random(20_266)
    papers = [*holder()[1].items(), *forged().items(), ("empty", b""), ("扫描件（盖章）.pdf", b"\xff\xd8 a scan")]
    papers += [(f"{name} altered.receipt", altered(chance, data)) for name, data in papers if data]
    pairs = [[one, other] for one in papers for other in papers if one is not other]
    several = [chance.sample(papers, chance.randint(3, MAX_PAPERS)) for _ in range(150)]
    genuine = [one for one in subsets(chance, 150) if len(one) <= MAX_PAPERS]
    return [*([one] for one in papers), *chance.sample(pairs, 200), *several, *genuine]


def test_the_api_takes_what_the_page_sends_for_the_papers_that_were_chosen(tmp_path: Path) -> None:
    given = lists()
    for papers, sent in zip(given, asked(tmp_path, given), strict=True):
        form = understood(sent)
        assert form.papers == [take(name, data) for name, data in papers]
        assert (form.fields, sent["byDigest"]) == ({}, [])
        assert sent["bytes"] == sum(len(data) for _, data in papers)


def test_one_file_that_is_too_large_is_asked_about_by_its_digest_beside_the_others(tmp_path: Path) -> None:
    large = ("large.ofd", b"PK" + bytes(30_000))
    small = [(name, data) for name, data in holder()[1].items() if len(data) <= 20_000][: MAX_PAPERS - 1]
    given = [[*small[:place], large, *small[place:]] for place in range(len(small) + 1)]
    for sent in asked(tmp_path, given, 20_000):
        form = understood(sent)
        assert form.papers == [take(name, data) for name, data in small]
        assert form.fields == {"digest": f"sha-256:{file_digests(large[1])['sha-256']}"}
        assert sent["byDigest"] == ["large.ofd"]
    (refused,) = asked(tmp_path, [[large, ("another", large[1] + b"x")]], 20_000)
    assert refused == {"refused": "two large files"}


def test_a_name_says_nothing_and_cannot_end_its_part(tmp_path: Path) -> None:
    data = holder()[1]["disclosure"]
    names = ["disclosure", "receipt", 'a"; name="receipt', "line\r\nbreak", "…/..", "用\u202e户.pdf"]
    for sent in asked(tmp_path, [[(name, data)] for name in names]):
        (paper,) = understood(sent).papers
        assert (paper.kind, paper.data) == (PaperKind.DISCLOSURE, data)


def test_page_and_service_agree_on_how_much_is_asked_at_once(tmp_path: Path) -> None:
    (sent,) = asked(tmp_path, [[("file", b"a file")]])
    assert sent["most"] == MAX_PAPERS
    source = (ROOT / "chain_service" / "web" / "pages" / "static" / "asking.js").read_text(encoding="utf-8")
    assert "const LONGEST_FILE = 20 * 1024 * 1024;" in source
    assert Settings.model_fields["max_file"].default == MAX_FILE
