"""What nginx itself refuses, told as the service tells it: a part of the sample in `scripts/deploy/nginx`."""

from __future__ import annotations

import json

from chain_service.errors import ChainServiceError
from chain_service.problem_details import meaning_of, problem_object

REFUSALS = {
    "malformed_request": "400 414 494",
    "not_found": "403",
    "body_too_large": "413",
    "rate_limited": "429",
    "unavailable": "500 502 504",
}
"""Our code for each status of nginx's own; 403 is what only Prometheus may read."""
HEAD = """\
# Included by chain-service.conf, within its server. Made by scripts/reference.py: change the program, then run it.
"""


def problems() -> str:
    """A named location for each refusal."""
    return HEAD + "\n".join(_location(code, statuses) for code, statuses in REFUSALS.items())


def _location(code: str, statuses: str) -> str:
    error = ChainServiceError("", code=code)
    meaning = meaning_of(error)
    problem = problem_object(ChainServiceError(meaning.en, code=code), "$request_id")
    text = json.dumps(problem, ensure_ascii=False, separators=(",", ":"))
    if "'" in text or "\\" in text:
        raise ValueError(f"{code}: its text cannot stand in quotation marks of nginx")
    retry = "    add_header Retry-After 5 always;\n" if meaning.status in (429, 503) else ""
    return f"""\
error_page {statuses} ={meaning.status} @{code};
location @{code} {{
    default_type application/problem+json;
    add_header Strict-Transport-Security "max-age=31536000" always;
    add_header X-Request-Id $request_id always;
    add_header Cache-Control no-store always;
{retry}    return {meaning.status} '{text}';
}}
"""
