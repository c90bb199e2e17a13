"""`/`: the page that verifies, and the three files it consists of."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse, Response

STATIC = Path(__file__).with_name("static")
FILES = {
    "app.js": "text/javascript",
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


def _serve(name: str, media_type: str) -> None:
    @router.get(f"/static/{name}", name=name)
    def static_file() -> Response:
        return _file(name, media_type)


for _name, _type in FILES.items():
    _serve(_name, _type)
