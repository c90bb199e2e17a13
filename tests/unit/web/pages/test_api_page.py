"""The page about the HTTP API names every call and needs nothing but itself."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi import FastAPI

from chain_service.config import Settings
from chain_service.jobs.context import App
from chain_service.web.app import create_app
from chain_service.web.pages.api_page import api_page


class Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def web() -> FastAPI:
    return create_app(cast(App, SimpleNamespace(settings=Settings())))


@pytest.fixture
def page(web: FastAPI, client_of: Any) -> str:
    answer = client_of(web).get("/docs")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["cache-control"] == "public, no-cache"
    text: str = answer.text
    return text


def test_every_call_and_every_model_is_there_and_every_link_leads_somewhere(web: FastAPI, page: str) -> None:
    schema, elements = web.openapi(), Elements(page)
    assert elements.open == []
    ids = {attributes["id"] for _, attributes in elements.found if "id" in attributes}
    calls = [call for methods in schema["paths"].values() for call in methods.values()]
    assert {call["operationId"] for call in calls} <= ids
    assert {f"schema-{name}" for name in schema["components"]["schemas"]} <= ids
    links = {attributes["href"] or "" for tag, attributes in elements.found if tag == "a"}
    assert {link[1:] for link in links if link.startswith("#")} <= ids
    assert {link for link in links if not link.startswith("#")} == {"/", "/openapi.json"}


def test_it_has_no_script_no_style_of_its_own_and_asks_nothing_of_elsewhere(page: str) -> None:
    for tag, attributes in Elements(page).found:
        assert tag not in ("script", "style", "iframe", "form")
        assert not any(name.startswith("on") or name in ("style", "src") for name in attributes)
        if tag == "link":
            assert (attributes["href"] or "").startswith("/static/")
    assert re.findall(r'(?:href|src)="(?:https?:)?//', page) == []


def test_what_the_schema_says_is_text_and_never_markup() -> None:
    told = "<img src=x> & `<b>`"
    call = {"tags": ["a"], "operationId": "a_b", "x-who": told, "description": told, "responses": {}}
    schema = {
        "info": {"title": told, "version": told, "description": told},
        "paths": {"/<i>": {"get": call}},
        "components": {"schemas": {"Model": {"description": told}}},
    }
    shown = api_page(schema)
    assert {tag for tag, _ in Elements(shown).found}.isdisjoint({"img", "b", "i"})
    assert "<code>&lt;b&gt;</code>" in shown
