"""`/`: the page that verifies, and the files it consists of; `/offline.html`: the one that needs no service."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse, Response

STATIC = Path(__file__).with_name("static")
FILES = {
    "app.js": "text/javascript",
    "dom.js": "text/javascript",
    "texts.js": "text/javascript",
    "style.css": "text/css",
    "icon.svg": "image/svg+xml",
}

router = APIRouter(include_in_schema=False)


def _file(name: str, media_type: str) -> Response:
    return FileResponse(STATIC / name, media_type=media_type, headers={"Cache-Control": "no-cache"})


@router.get("/")
def first_page() -> Response:
    return _file("index.html", "text/html")


@router.get("/offline.html")
def offline_page() -> Response:
    """The page as it is to be saved: one file, whose policy allows its own script and styles alone."""
    headers = {"Cache-Control": "no-cache", "Content-Security-Policy": _offline_policy()}
    return FileResponse(STATIC / "offline.html", media_type="text/html", headers=headers)


@cache
def _offline_policy() -> str:
    page = (STATIC / "offline.html").read_text(encoding="utf-8")
    policy = re.search('http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    return f"{policy[1]}; frame-ancestors 'none'"


def _serve(name: str, media_type: str) -> None:
    @router.get(f"/static/{name}", name=name)
    def static_file() -> Response:
        return _file(name, media_type)


for _name, _type in FILES.items():
    _serve(_name, _type)
