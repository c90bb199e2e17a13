"""Errors leave as problems: one code, both languages, nothing that the caller sent."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI, Query
from pydantic import BaseModel

from chain_service import errors
from chain_service.error_codes import CODES
from chain_service.errors import (
    BadRequest,
    Conflict,
    Gone,
    MalformedRecord,
    RateLimited,
    Reverted,
    Unauthorised,
    Unavailable,
)
from chain_service.problem_details import meaning_of, problem_object
from chain_service.web.http.bodies import shaped
from chain_service.web.http.problems import install_problem_handlers
from chain_service.web.schemas.requests import VerifyRequest
from reference_pages.errors import codes_as_markdown


class Shape(BaseModel):
    name: int


def failing(error: Exception) -> FastAPI:
    web = FastAPI()
    install_problem_handlers(web)

    @web.get("/fail")
    def fail() -> None:
        raise error

    @web.get("/ask")
    def ask(limit: int = Query(ge=1)) -> None: ...

    @web.post("/post")
    def post(shape: Shape) -> None: ...

    return web


def test_a_problem_has_the_members_of_rfc_9457_and_ours(client_of: Any) -> None:
    answer = client_of(failing(MalformedRecord("the date is wrong", field="issuedDate", line=3))).get("/fail")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "urn:chain-service:problem:malformed_record"
    assert problem["status"] == 422
    assert problem["code"] == "malformed_record"
    assert problem["detail"] == "the date is wrong"
    assert (problem["field"], problem["line"]) == ("issuedDate", 3)
    assert problem["message"]["zh"] and problem["title"] == problem["message"]["en"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Unauthorised("no"), 401),
        (Conflict("taken", code="identifier_taken"), 409),
        (Gone("erased"), 410),
        (Unavailable("later"), 503),
        (RateLimited("slow down", retryAfter=7), 429),
        (BadRequest("no", code="body_too_large"), 413),
        (Reverted("no", code="SuspendedOrganisation"), 409),
    ],
)
def test_each_kind_of_error_has_its_status(client_of: Any, error: Exception, status: int) -> None:
    assert client_of(failing(error)).get("/fail").status_code == status


def test_a_contract_error_keeps_its_own_name_as_code(client_of: Any) -> None:
    problem = client_of(failing(Reverted("refused", code="SuspendedOrganisation"))).get("/fail").json()
    assert problem["code"] == "SuspendedOrganisation"
    assert problem["message"]["zh"] == CODES["reverted"].message_zh


def test_who_has_to_wait_is_told_how_long(client_of: Any) -> None:
    assert client_of(failing(RateLimited("slow", retryAfter=7))).get("/fail").headers["retry-after"] == "7"
    assert "retry-after" in client_of(failing(Unavailable("later"))).get("/fail").headers


def test_a_missing_key_is_asked_for(client_of: Any) -> None:
    assert client_of(failing(Unauthorised("no"))).get("/fail").headers["www-authenticate"] == "Bearer"


def test_validation_names_the_field_and_never_echoes_the_value(client_of: Any) -> None:
    client = client_of(failing(BadRequest("unused")))
    for answer in (client.get("/ask?limit=张三secret"), client.post("/post", json={"name": "张三secret"})):
        problem = answer.json()
        assert answer.status_code == 422
        assert problem["code"] == "malformed_request"
        assert problem["field"] in ("limit", "name")
        assert "张三" not in answer.text and "secret" not in answer.text


def test_unknown_addresses_and_methods_are_problems_too(client_of: Any) -> None:
    client = client_of(failing(BadRequest("unused")))
    assert client.get("/nothing").json()["code"] == "not_found"
    refused = client.delete("/fail")
    assert refused.json()["code"] == "method_not_allowed"
    assert refused.headers["allow"] == "GET"


def test_a_shape_refuses_unknown_members_and_wrong_types_without_echo() -> None:
    for text, field in ((b'{"surprise": "zhangsan"}', "surprise"), (b'{"identifier": 7734}', "identifier")):
        with pytest.raises(BadRequest) as caught:
            shaped(text, VerifyRequest)
        assert caught.value.details["field"] == field
        assert "zhangsan" not in str(problem_object(caught.value)) and "7734" not in str(problem_object(caught.value))


def test_details_never_displace_the_members_of_a_problem() -> None:
    problem = problem_object(BadRequest("text", status=200, title="x", type="y"))
    assert (problem["status"], problem["type"]) == (422, "urn:chain-service:problem:bad_request")


def test_the_reference_gets_every_code_a_caller_can_meet() -> None:
    table = codes_as_markdown()
    for code, meaning in CODES.items():
        shown = meaning.status if meaning.status != 400 else "–"
        assert f"| `{code}` | {shown} | {meaning.exit} | {meaning.zh} · {meaning.en} |" in table
        assert meaning.remedy_zh and meaning.remedy_en


def test_every_sentence_of_the_table_ends_as_one() -> None:
    for code, meaning in CODES.items():
        assert meaning.zh.endswith("。") and meaning.remedy_zh.endswith("。"), code
        assert meaning.en.endswith(".") and meaning.remedy_en.endswith("."), code


def test_every_error_class_has_a_meaning() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind.__module__ == errors.__name__]
    for kind in kinds:
        assert meaning_of(kind("text")).zh
