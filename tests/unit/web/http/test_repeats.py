"""The header `Idempotency-Key`: which texts are one, and how one process tells that a request is still running."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI

from chain_service.errors import Conflict
from chain_service.web.http.problems import install_problem_handlers
from chain_service.web.http.repeats import LONGEST_KEY, RunningRequests, idempotency_key


@pytest.fixture(scope="module")
def echo() -> FastAPI:
    """Answers with the key that it was sent."""
    from fastapi import Depends

    web = FastAPI()
    install_problem_handlers(web)
    needed = Depends(idempotency_key)

    @web.post("/")
    def key_of(key: str | None = needed) -> dict[str, str | None]:
        return {"key": key}

    return web


@pytest.mark.parametrize(
    ("sent", "key"),
    [
        ("8e03978e-40d5-43e8-bc93-6894a57f9324", "8e03978e-40d5-43e8-bc93-6894a57f9324"),
        ('"8e03978e-40d5-43e8-bc93-6894a57f9324"', "8e03978e-40d5-43e8-bc93-6894a57f9324"),
        ('"a \\"b\\" \\\\"', 'a "b" \\'),
        ("case 17", "case 17"),
        ("k" * LONGEST_KEY, "k" * LONGEST_KEY),
        (f'"{"k" * LONGEST_KEY}"', "k" * LONGEST_KEY),
    ],
)
def test_a_key_is_the_same_with_quotes_and_without(echo: FastAPI, client_of: Any, sent: str, key: str) -> None:
    assert client_of(echo).post("/", headers={"Idempotency-Key": sent}).json() == {"key": key}


@pytest.mark.parametrize("sent", ["", '""', "k" * (LONGEST_KEY + 1), "a\tb", "证照".encode(), '" "'])
def test_what_is_no_key_is_refused(echo: FastAPI, client_of: Any, sent: str | bytes) -> None:
    answer = client_of(echo).post("/", headers={"Idempotency-Key": sent})
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed_request")


def test_two_keys_are_refused_and_none_is_none(echo: FastAPI, client_of: Any) -> None:
    two = [("Idempotency-Key", "one"), ("Idempotency-Key", "two")]
    assert client_of(echo).post("/", headers=two).status_code == 422
    assert client_of(echo).post("/").json() == {"key": None}


def test_a_key_runs_once_at_a_time_and_again_after_an_error() -> None:
    running = RunningRequests()
    with running.alone(b"one"), running.alone(b"other"), pytest.raises(Conflict, match="still being processed"):
        running.alone(b"one").__enter__()
    with pytest.raises(ValueError, match="failed"), running.alone(b"one"):
        raise ValueError("failed")
    with running.alone(b"one"):
        pass
