"""Whatever a multipart or JSON question is made of, its reader gives a question or one of our errors."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chain_service.config import Settings
from chain_service.web.api.verify import read_asked
from chain_service.web.http.auth import PublicRate
from chain_service.web.http.bodies import BoundBodies
from chain_service.web.http.problems import install_problem_handlers
from chain_service.web.http.request_log import RequestMetrics

NAMES = st.sampled_from(
    [b"file", b"disclosure", b"receipt", b"digest", b"identifier", b"at", b"x", b"\xff", b"", b"\0"]
)
AFTER_NAME = st.sampled_from([b"", b'; filename="f"', b"; filename*=utf-8''%ff", b'; filename="\xff\0"', b"; filename"])
HEADERS = st.sampled_from(
    [b"", b"\r\nContent-Type: text/plain; charset=x", b"\r\nContent-Transfer-Encoding: base64", b"\r\nBroken", b"\r\n:"]
)
CONTENTS = st.binary(max_size=60) | st.sampled_from(
    [b"[" * 300 + b"]" * 300, "１２é".encode(), b"%PDF-1.7\n", b"PK\x03\x04"]
)
PARTS = st.lists(st.tuples(NAMES, AFTER_NAME, HEADERS, CONTENTS), max_size=4)
ENDS = st.sampled_from([b"--b--\r\n", b"--b--", b"--b", b"", b"\r\n"])
TYPES = st.sampled_from(
    [
        "multipart/form-data; boundary=b",
        "multipart/form-data; boundary=b; charset=utf-7",
        "multipart/form-data; boundary=b; charset=idna",
        "multipart/form-data; boundary=b; charset=\xff",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "b" * 300,
        "multipart/form-data",
    ]
)


@pytest.fixture(scope="module")
def web() -> FastAPI:
    web = FastAPI()
    install_problem_handlers(web)
    web.state.app = SimpleNamespace(settings=Settings())
    web.state.rate = PublicRate("1000000/second")

    @web.post("/v1/verify", response_model=str)
    async def read(asked: Annotated[Any, Depends(read_asked)]) -> str:
        return type(asked).__name__

    web.add_middleware(BoundBodies, settings=Settings(), metrics=RequestMetrics(dict))
    return web


@given(PARTS, ENDS, TYPES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_form_brings_out_anything_but_our_errors(
    client_of: Any, web: FastAPI, parts: list[tuple[bytes, bytes, bytes, bytes]], end: bytes, kind: str
) -> None:
    body = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="'
        + name
        + b'"'
        + after
        + headers
        + b"\r\n\r\n"
        + content
        + b"\r\n"
        for name, after, headers, content in parts
    )
    answer = client_of(web).post("/v1/verify", content=body + end, headers={"Content-Type": kind.encode("latin-1")})
    if answer.status_code != 200:
        assert answer.status_code in (413, 415, 422), answer.text
        assert set(answer.json()["message"]) == {"zh", "en"}
