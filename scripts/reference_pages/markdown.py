"""Tables in Markdown, of cells that may hold anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table."""
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_shown(cell) or "–" for cell in cells) + " |"


def _shown(cell: str) -> str:
    # Outside of code what looks like a tag, as <type code>, would vanish from the page.
    parts = " ".join(cell.split()).replace("|", "\\|").split("`")
    return "`".join(part if n % 2 else part.replace("<", "&lt;") for n, part in enumerate(parts))


def code(text: object) -> str:
    """The text as code."""
    return f"`{text}`"


def codes(texts: Iterable[object]) -> str:
    """The texts as code, one after the other."""
    return " ".join(map(code, texts))
