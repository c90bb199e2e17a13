"""Every verdict code, check and warning."""

from __future__ import annotations

import re

from chain_service.core.verdicts.verdict import codes_as_markdown
from chain_service.core.verdicts.warnings import WARNINGS
from reference_pages.markdown import code, table

INTRODUCTION = """\
A verdict is `valid`, `invalid` or `indeterminate`, with one code. The worst finding decides: `invalid` before
`indeterminate` before `valid`, and among them the first in this table. A code never changes its meaning; `…` stands
for what varies. `invalid` is said only where something is shown to be wrong; what could not be done is
`indeterminate`, and nothing that applies and was not checked is `valid`.

A check has one of four outcomes: `passed`, `failed`, `indeterminate`, `skipped`. A skipped check did not apply to
what was asked, or cannot be done where the verdict is made (the offline page reads no documents), and then a
warning says so.

Every verdict names its `assurance`: `trial`, one validator seals the chain; `majority`, more than half of the
validators sealed consecutive blocks from this one on (Clique); `quorum`, two thirds of the validators sealed it
(QBFT).

What a clerk does about a verdict is in [for/counter.md](../for/counter.md)."""
WARN = """\
## Warnings 提示

A warning never changes the verdict; it says what a person should know beside it."""


def page() -> str:
    tables = codes_as_markdown().replace("\n\n", "\n\n## Checks 核验项\n\n", 1)
    rows = ((code(name), _readable(text.zh), _readable(text.en)) for name, text in WARNINGS.items())
    warnings = "\n".join(table(("warning", "中文", "English"), rows))
    return f"# Verdicts 结论\n\n{INTRODUCTION}\n\n## Codes 结论代码\n\n{tables}\n{WARN}\n\n{warnings}\n"


def _readable(template: str) -> str:
    return re.sub(r"\{\w+\}", "…", template)
