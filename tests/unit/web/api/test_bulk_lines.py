"""What is wrong in a line of many questions is told with the line, all of it, in both languages."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from chain_service.config import Settings
from chain_service.jobs.asker import KeyHolder
from chain_service.jobs.context import App
from chain_service.web.app import create_app
from chain_service.web.http.auth import key_sent

MISTYPED = "1.2.156.3005.2.11100000000013127D001.11440300455767004B.0000001.001.0"


def test_a_mistyped_line_is_named_with_what_is_wrong_in_it(client_of: Any) -> None:
    web = create_app(cast(App, SimpleNamespace(settings=Settings(), now=0)))
    web.dependency_overrides[key_sent] = lambda: KeyHolder("an organisation", frozenset({"verify"}), "a key")
    lines = f'{{"digest": "sha-256:{"0" * 64}"}}\n{{"identifier": "{MISTYPED}", "useCause": "核验"}}\n'
    headers = {"Content-Type": "application/x-ndjson"}
    answer = client_of(web).post("/v1/verify/bulk", content=lines, headers=headers)
    told = answer.json()
    assert (answer.status_code, told["code"], told["line"]) == (422, "identifier_mistyped", 2)
    (one,) = told["errors"]
    assert (one["line"], one["field"], one["code"]) == (2, "identifier", "identifier_mistyped")
    assert "校验字符" in one["message"]["zh"] and "check character" in one["message"]["en"]
    several = '{"identifer": "x", "att": 1}\n'
    told = client_of(web).post("/v1/verify/bulk", content=several, headers=headers).json()
    assert {(one["line"], one["field"]) for one in told["errors"]} == {(1, "identifer"), (1, "att")}
