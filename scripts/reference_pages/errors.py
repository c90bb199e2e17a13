"""Every error code that a caller can meet."""

from __future__ import annotations

from chain_service.error_codes import CODES

INTRODUCTION = """\
Over HTTP an error is a problem as in RFC 9457 (`application/problem+json`) with a stable `code`, both languages in
`message`, and what it concerns (`line`, `field`, …). The command line prints the same code and texts on standard
error, and with `--json` the problem as `{"error": …}` on standard output; its exit codes are in [cli.md](cli.md).

Of what is submitted (records, seals, catalog entries, changes of state) everything wrong is told at once, up to 100 in
`errors`, the first one first: `{"line": 2, "field": "holders.0.certificateHolderCode", "code": "malformed_record",
"message": {"zh": "…", "en": "…"}}`; `line` counts the lines of NDJSON and `entry` the elements of an array, from 1.
Nothing is stored if anything is wrong. What has to be submitted is in [records.md](records.md).

Every write may be repeated safely. What cannot be told of a paper is no error but a verdict:
[verdicts.md](verdicts.md)."""


def page() -> str:
    return f"# Errors 错误码\n\n{INTRODUCTION}\n\n{codes_as_markdown()}"


def codes_as_markdown() -> str:
    """The table of codes for docs/reference; a code that only the command line gives has no HTTP status there."""
    rows = ["| code | HTTP | exit | what 含义 | what to do 处理 |", "|---|---|---|---|---|"]
    rows += [
        f"| `{code}` | {row.status if row.status != 400 else '–'} | {row.exit} "
        f"| {row.zh} · {row.en} | {row.remedy_zh} · {row.remedy_en} |"
        for code, row in CODES.items()
    ]
    return "\n".join(rows) + "\n"
