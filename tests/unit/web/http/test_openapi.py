"""The description of the API says what the service does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chain_service.web.schemas.examples import EXAMPLES
from reference_pages.http import schema

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return schema()


def operations(described: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every object inside."""
    if isinstance(value, dict):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts(one)


def test_the_file_checked_in_is_what_the_service_gives(described: dict[str, Any]) -> None:
    text = (ROOT / "docs" / "reference" / "openapi.json").read_text(encoding="utf-8")
    assert json.loads(text) == described


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    references = {part["$ref"] for part in parts(described) if "$ref" in part}
    assert "#/components/schemas/VerdictView" in references
    for reference in references:
        found: Any = described
        for name in reference.removeprefix("#/").split("/"):
            found = found[name]


def contents(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every body and answer: of which call, of which media type, and what is said of it."""
    for name, operation in operations(described):
        for one in (operation.get("requestBody", {}), *operation["responses"].values()):
            yield from ((name, media_type, content) for media_type, content in one.get("content", {}).items())


def test_lines_say_what_one_line_is(described: dict[str, Any]) -> None:
    lines = [
        (name, content) for name, media_type, content in contents(described) if media_type == "application/x-ndjson"
    ]
    assert [name for name, _ in lines] == ["POST /v1/records"] * 2 + ["POST /v1/verify/bulk"] * 2
    for name, content in lines:
        line = content["itemSchema"]
        assert "$ref" in line or all("$ref" in one for one in line["oneOf"]), name
        assert content["schema"]["format"] == "binary", name


def test_every_json_body_and_answer_has_a_schema(described: dict[str, Any]) -> None:
    for name, media_type, content in contents(described):
        if media_type.endswith("json"):
            assert content.get("schema"), name


def test_every_error_is_the_one_problem(described: dict[str, Any]) -> None:
    problem = {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}
    for name, operation in operations(described):
        for status, response in operation["responses"].items():
            if status >= "400" and (name, status) != ("GET /readyz", "503"):
                assert response["content"] == {"application/problem+json": problem}, (name, status)


def test_whatever_asks_for_a_key_says_so_and_names_the_role(described: dict[str, Any]) -> None:
    scheme = described["components"]["securitySchemes"]["key"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    for name, operation in operations(described):
        keyed = "401" in operation["responses"]
        assert ("security" in operation) == keyed, name
        assert ("Role: " in operation["description"]) == keyed, name


@pytest.mark.parametrize(
    ("name", "media_types"),
    [
        ("POST /v1/records", {"application/json", "application/x-ndjson"}),
        ("POST /v1/verify/bulk", {"application/x-ndjson"}),
        ("GET /v1/records/{record_id}/receipt", {"application/cose", "application/json"}),
        ("GET /v1/logs/{log}/tile/{path}", {"application/octet-stream"}),
        ("GET /v1/logs/{log}/checkpoint", {"text/plain; charset=utf-8"}),
    ],
)
def test_each_answer_names_its_content_type(described: dict[str, Any], name: str, media_types: set[str]) -> None:
    responses = dict(operations(described))[name]["responses"]
    (good,) = (response for status, response in responses.items() if status < "300")
    assert set(good["content"]) == media_types


def test_who_has_to_wait_is_told_how_long(described: dict[str, Any]) -> None:
    responses = dict(operations(described))["POST /v1/verify"]["responses"]
    assert "Retry-After" in responses["429"]["headers"] and "Retry-After" in responses["503"]["headers"]
    assert "WWW-Authenticate" in responses["401"]["headers"]


def test_every_body_has_an_example_and_every_example_a_body(described: dict[str, Any]) -> None:
    bodies = {
        (name.partition(" ")[2], media_type): content.get("example")
        for name, operation in operations(described)
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items()
        if media_type != "multipart/form-data"
    }
    assert bodies == EXAMPLES
