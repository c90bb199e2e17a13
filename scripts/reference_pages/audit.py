"""What `audit` proves of every column of every table."""

from __future__ import annotations

from collections.abc import Iterator

from chain_service.core.encoding.text import Text
from chain_service.jobs.auditing.coverage import COVERAGE, TableProof
from reference_pages.markdown import code, codes, table

INTRODUCTION = """\
`chain-service audit` re-derives every column of the database that something else proves: the headers, events and
storage of the chain, signed bytes, or the content of a record. An edit of such a column is a finding that names table,
row and column; so is a row that is gone. Of rows that are not on chain yet only that is proven which their own content
gives: whoever writes to the database can add one that waits, or take it away. What nothing proves is listed with the
reason. A test edits every column once and asks for exactly this table."""


def page() -> str:
    proven = table(
        ("table", "proven by 依据", "columns"),
        ((code(name), _both(one.by), codes(one.proven)) for name, one in COVERAGE.items() if one.proven),
    )
    unproven = table(
        ("table", "columns", "why not 原因"), [row for entry in COVERAGE.items() for row in _unproven(*entry)]
    )
    lines = ["# What audit proves 审计证明的范围", "", INTRODUCTION, "", "## Proven 可证明", "", *proven, ""]
    return "\n".join([*lines, "## Not proven 无法证明", "", *unproven]) + "\n"


def _unproven(name: str, proof: TableProof) -> Iterator[tuple[str, str, str]]:
    by_reason: dict[Text, list[str]] = {}
    for column, reason in proof.unproven.items():
        by_reason.setdefault(reason, []).append(column)
    for reason, columns in by_reason.items():
        yield code(name), codes(columns), _both(reason)


def _both(text: Text) -> str:
    return f"{text.zh} · {text.en}"
