"""`/`: the page that verifies, and the files it consists of; `/offline.html`: the one that needs no service.

The offline page carries the trust file of the service that hands it out, so that whoever saved it knows whom it trusts;
any other trust file counts on it only after a person has compared its fingerprint. `/docs` describes the HTTP API.
"""

from __future__ import annotations

import base64
import re
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response

from chain_service.jobs.proofs import trust_files
from chain_service.web.http.auth import OPEN
from chain_service.web.pages.api_page import api_page

STATIC = Path(__file__).with_name("static")
FILES = {
    "app.js": "text/javascript",
    "asking.js": "text/javascript",
    "details.js": "text/javascript",
    "document_sentences.js": "text/javascript",
    "dom.js": "text/javascript",
    "evidence_names.js": "text/javascript",
    "labels.js": "text/javascript",
    "members.js": "text/javascript",
    "record_sentences.js": "text/javascript",
    "texts.js": "text/javascript",
    "verdict.js": "text/javascript",
    "visible.js": "text/javascript",
    "style.css": "text/css",
    "icon.svg": "image/svg+xml",
}

router = APIRouter(include_in_schema=False, dependencies=[OPEN])


def _file(name: str, media_type: str) -> Response:
    return Response(_content(name), media_type=media_type)


@cache
def _content(name: str) -> bytes:
    return (STATIC / name).read_bytes()


@router.get("/")
def first_page() -> Response:
    """The page for departments, counters and auditors."""
    return _file("index.html", "text/html")


@router.get("/docs")
def api_description(request: Request) -> Response:
    """The HTTP API for people; `/openapi.json` is the same for programs."""
    return Response(api_page(request.app.openapi()), media_type="text/html")


@router.get("/offline.html")
def offline_page(request: Request) -> Response:
    """The page as it is to be saved: one file, whose policy allows its own script and styles alone."""
    app = getattr(request.app.state, "app", None)
    built_in = trust_files.in_force(app) if app is not None and trust_files.is_exported(app) else None
    policy = {"Content-Security-Policy": _offline_policy()}
    return Response(page_trusting(built_in), media_type="text/html", headers=policy)


def page_trusting(built_in: bytes | None) -> str:
    """The offline page with this trust file built in, or with none."""
    text = base64.b64encode(built_in or b"").decode()
    return _offline().replace(_TRUST.format(""), _TRUST.format(text), 1)


_TRUST = '<meta name="trust" content="{}">'


@cache
def _offline() -> str:
    page = (STATIC / "offline.html").read_text(encoding="utf-8")
    assert _TRUST.format("") in page
    return page


@cache
def _offline_policy() -> str:
    policy = re.search('http-equiv="Content-Security-Policy" content="([^"]+)"', _offline())
    assert policy is not None
    return f"{policy[1]}; frame-ancestors 'none'"


def _serve(name: str, media_type: str) -> None:
    @router.get(f"/static/{name}", name=name)
    def static_file() -> Response:
        return _file(name, media_type)


for _name, _type in FILES.items():
    _serve(_name, _type)
