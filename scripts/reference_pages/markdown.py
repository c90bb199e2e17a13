"""Tables in Markdown, of cells that may hold anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table."""
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    # What looks like a tag outside of code, as in `<CODE>`, would vanish from the page.
    shown = (" ".join(cell.split()).replace("|", "\\|") or "–" for cell in cells)
    return "| " + " | ".join(shown) + " |"


def code(text: object) -> str:
    """The text as code."""
    return f"`{text}`"


def codes(texts: Iterable[object]) -> str:
    """The texts as code, one after the other."""
    return " ".join(map(code, texts))
