"""The page stands alone: no foreign host, no markup from data, every word in both languages."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from chain_service.core.records.states import State
from chain_service.web.http.caching import Caching
from chain_service.web.pages import routes

STATIC = Path(routes.__file__).with_name("static")
HTML = (STATIC / "index.html").read_text(encoding="utf-8")
SCRIPT = (STATIC / "app.js").read_text(encoding="utf-8")
TEXTS = (STATIC / "texts.js").read_text(encoding="utf-8")
LABELS = (STATIC / "labels.js").read_text(encoding="utf-8")
STYLE = (STATIC / "style.css").read_text(encoding="utf-8")


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(HTML)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


ELEMENTS = Elements().found


def keys_of(language: str) -> set[str]:
    block = re.search(rf"^  {language}: {{\n(.*?)^  }},", TEXTS, re.DOTALL | re.MULTILINE)
    assert block is not None
    return set(re.findall(r"^    (\w+):", block[1], re.MULTILINE))


def test_nothing_is_loaded_from_elsewhere() -> None:
    for text in (HTML, SCRIPT, TEXTS, LABELS, STYLE):
        addresses = re.findall(r"(?:https?:)?//[\w.-]+\.\w+", re.sub(r"http://www\.w3\.org/2000/svg", "", text))
        assert addresses == []
    assert "@import" not in STYLE and "url(" not in STYLE


def test_the_page_obeys_its_own_policy_of_no_inline_code_or_style() -> None:
    for tag, attributes in ELEMENTS:
        assert not any(name.startswith("on") for name in attributes)
        assert "style" not in attributes and tag != "style"
        if tag == "script":
            assert attributes["src"] == "/static/app.js"


def test_data_is_set_as_text_and_never_as_markup() -> None:
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("):
        assert forbidden not in SCRIPT


def test_both_languages_say_the_same_things() -> None:
    assert keys_of("zh") == keys_of("en")
    used = {attributes["data-text"] for _, attributes in ELEMENTS if "data-text" in attributes}
    used |= set(re.findall(r'say\("(\w+)"\)', SCRIPT))
    assert used <= keys_of("zh")


def test_every_state_has_words_in_both_languages() -> None:
    for state in State:
        assert re.search(rf"^  {state.code}: \[\"[^\"]+\", \"[^\"]+\"\]", LABELS, re.MULTILINE)


def test_every_check_has_words_in_both_languages() -> None:
    from chain_service.core.verdicts.check_rules import CHECKS

    for rule in CHECKS:
        assert re.search(rf"^  {rule.name}: \[\"[^\"]+\", \"[^\"]+\"\]", LABELS, re.MULTILINE), rule


def test_every_field_has_a_label_and_every_control_a_name() -> None:
    labels = {attributes.get("for") for tag, attributes in ELEMENTS if tag == "label"}
    for tag, attributes in ELEMENTS:
        if tag == "input":
            assert attributes["id"] in labels
    ids = [attributes["id"] for _, attributes in ELEMENTS if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in ELEMENTS:
        for name in ("aria-controls", "aria-labelledby", "aria-describedby", "for"):
            assert attributes.get(name) is None or attributes[name] in ids


@pytest.mark.parametrize(
    ("path", "media_type"),
    [("/", "text/html"), *((f"/static/{name}", kind) for name, kind in routes.FILES.items())],
)
def test_the_files_are_served_and_asked_for_again(client_of: Any, path: str, media_type: str) -> None:
    web = FastAPI()
    web.include_router(routes.router)
    web.add_middleware(Caching)
    answer = client_of(web).get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == media_type
    assert answer.headers["cache-control"] == "public, no-cache"


def test_only_the_page_s_own_files_are_served(client_of: Any) -> None:
    web = FastAPI()
    web.include_router(routes.router)
    assert client_of(web).get("/static/..%2f..%2fcodes.py").status_code == 404
    assert {file.name for file in STATIC.iterdir()} == {"index.html", "offline.html", *routes.FILES}
