"""Every route, from the schema that the service itself gives at `/openapi.json`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

from chain_service.config import Settings
from chain_service.jobs.context import App
from chain_service.web.app import create_app
from reference_pages.markdown import code, codes, table

INTRODUCTION = """\
JSON in UTF-8; times are RFC 3339 in UTC; digests `sha-256:<hex>` or `sm3:<hex>`. Errors are problems as in RFC
9457: [errors.md](errors.md). [openapi.json](openapi.json), which a running service gives at `/openapi.json` too,
describes every request and answer; this page lists them, and `/docs` of a service shows them.

HEAD is answered wherever GET is; OPTIONS and 405 name in `Allow` what an address takes. Every complete answer to GET
has a strong `ETag`: sent back in `If-None-Match` it gives 304 without content. Full tiles may be kept for ever, other
tiles for an hour, checkpoints for seconds; receipts, proofs and registries by anybody who asks again each time
(`public, no-cache`); records and all that depends on a key by nobody (`private, no-store`, `Vary: Authorization`).

A key (`chain-service key create --org CODE --role …`) is sent as `Authorization: Bearer KEY` and acts for its
organisation only. Every write may be repeated safely: a record is known by its identity and content, a change
by its target state; with an `Idempotency-Key` of its own (a UUID) the same bytes get the first answer again for
30 days, with `Idempotency-Replayed: true`, also under the key that its API key was rotated into. So do refusals
with 403, 404, 409 and 410, which say what the request met then: once their cause is gone,
send a new key. `ifState` (the `stateTag` that was seen) and `previous` keep a late duplicate from undoing a
later change. Accepted (202) means durable; what was accepted is anchored soon after and final a little later.

Without a key verifications are counted per client address (`public_rate`). Bodies are bounded by `max_body`,
`max_file` and `max_lines` ([settings.md](settings.md))."""
VERIFY = """\
## Asking for a verdict

`POST /v1/verify` takes a form with up to 10 papers of one holder, each told by its bytes, or JSON. It answers 200
with a verdict whenever the request could be read. By identifier a caller without a key gives number and holder name
too, and a wrong name and an unknown identifier answer alike; with a key of role `verify` the identifier and a
`useCause` (事由) suffice, and the answer shows the anchored members to compare. `at` is the moment asked about, now
by default; one in the future is refused (`at_in_future`).

```json
{"verdict": "valid | invalid | indeterminate", "code": "in_force", "message": {"zh": "…", "en": "…"},
 "nextStep": {"zh": "…", "en": "…"}, "at": "…",
 "chain": {"id": 0, "block": 0, "hash": "0x…", "time": "…", "assurance": "trial | majority | quorum"},
 "includedBy": "…", "statusAsOf": "…", "warnings": [{"code": "…", "message": {"zh": "…", "en": "…"}}],
 "groups": [{"name": "record | signature", "subject": "…", "checks": [{"name": "inclusion",
   "outcome": "passed | failed | indeterminate | skipped", "code": "…", "message": {}, "evidence": {}}]}],
 "record": {"kind": "certificate", "org": "…", "type": "…", "anchoredAt": "…", "status": "in_force", "members": {}}}
```"""
PAGES = """\
## Pages

`/` verifies, in Chinese and English; `/offline.html` verifies a receipt without any server and can be saved;
`/docs` describes this API. `/metrics` is for Prometheus."""


def schema() -> dict[str, Any]:
    """The OpenAPI schema, of an application over no instance."""
    return create_app(cast(App, SimpleNamespace(settings=Settings()))).openapi()


def openapi_json() -> str:
    """The schema as a file."""
    return json.dumps(schema(), ensure_ascii=False, indent=1) + "\n"


def page() -> str:
    paths = schema()["paths"]
    lines = ["# HTTP", "", INTRODUCTION, "", *table(("call", "role", "what", "answers"), _rows(paths)), "", VERIFY, ""]
    lines += ["## Parameters", "", *table(("call", "in the query", "what"), _parameters(paths)), "", PAGES]
    return "\n".join(lines) + "\n"


def _calls(paths: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in paths.items():
        for method, call in methods.items():
            yield method.upper(), path, call


def _rows(paths: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for method, path, call in _calls(paths):
        yield code(f"{method} {path}"), call["x-who"], _told(call), codes(sorted(call["responses"]))


def _told(call: dict[str, Any]) -> str:
    """What the call does; who may call it has a column of its own."""
    return str(call.get("description", "")).partition("\n\nRole: ")[0]


def _parameters(paths: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for method, path, call in _calls(paths):
        for parameter in call.get("parameters", []):
            if parameter["in"] == "query":
                told = parameter.get("description") or _bounds(parameter["schema"])
                yield code(f"{method} {path}"), code(parameter["name"]), told


def _bounds(shape: dict[str, Any]) -> str:
    options = [part for part in shape.get("anyOf", [shape]) if part.get("type") != "null"]
    told: list[str] = []
    for part in options:
        told += [str(part.get("type", ""))]
        told += ["one of " + ", ".join(part["enum"])] if "enum" in part else []
        told += [f"from {part['minimum']}"] if "minimum" in part else []
        told += [f"at most {part['maximum']}"] if "maximum" in part else []
        told += [f"at most {part['maxLength']} characters"] if "maxLength" in part else []
    if shape.get("default") is not None:
        told.append(f"default {shape['default']}")
    return ", ".join(word for word in told if word)
