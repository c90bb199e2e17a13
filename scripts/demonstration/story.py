"""What the demonstration prints: chapters, facts, and expectations that held or did not."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape

MARKS = {"valid": ("✓ 有效", "green"), "invalid": ("✗ 无效", "red"), "indeterminate": ("? 无法判定", "yellow")}


class Failed(Exception):
    """The demonstration cannot go on; the message says why."""


class Story:
    """Tells what happens, and keeps count of the expectations."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True, emoji=False)
        self.held = 0
        self.broken: list[str] = []
        self._began = time.monotonic()
        self._chapter = 0

    def title(self, zh: str, en: str) -> None:
        self.console.print(f"\n[bold]{zh}[/]\n[dim]{en}[/]")

    def chapter(self, zh: str, en: str) -> None:
        self._chapter += 1
        since = time.monotonic() - self._began
        self.console.print(f"\n[bold cyan]{self._chapter} {zh}[/] [bold]{en}[/]  [dim]{since:.0f} s[/]")

    def say(self, zh: str, en: str = "") -> None:
        self.console.print(f"  {escape(zh)}" + (f" [dim]{escape(en)}[/]" if en else ""))

    def expect(self, held: bool, zh: str, en: str, found: object = None) -> bool:
        """Counts and shows one expectation; `found` is shown where it did not hold."""
        if held:
            self.held += 1
            self.console.print(f"  [green]✓[/] {escape(zh)} [dim]{escape(en)}[/]")
        else:
            self.broken.append(en)
            self.console.print(f"  [bold red]✗ {escape(zh)} {escape(en)}[/]")
            self.console.print(f"      found: {escape(str(found))}")
        return held

    def expect_verdict(self, verdict: Mapping[str, Any], expected: tuple[str, str], zh: str, en: str) -> None:
        """One verification: its answer and code must be these; the clerk's sentence and next step are shown."""
        found = (verdict["verdict"], verdict["code"])
        self.expect(found == expected, zh, en, found)
        word, style = MARKS[verdict["verdict"]]
        message, step = verdict["message"], verdict["nextStep"]
        self.console.print(
            f"      [{style}]{word} {escape(verdict['code'])}[/]  {escape(message['zh'])} · {escape(message['en'])}"
            f"  [dim]→ {escape(step['zh'])} · {escape(step['en'])}[/]"
        )

    @contextmanager
    def timed(self) -> Iterator[list[float]]:
        """A list that holds the seconds that the block took, once it has ended."""
        spent: list[float] = []
        start = time.monotonic()
        yield spent
        spent.append(time.monotonic() - start)

    def end(self) -> None:
        seconds = time.monotonic() - self._began
        total = self.held + len(self.broken)
        if self.broken:
            self.console.print(f"\n[bold red]✗ {len(self.broken)} / {total} 项未达预期[/] not as expected:")
            for promise in self.broken:
                self.console.print(f"    {escape(promise)}")
        else:
            self.console.print(
                f"\n[bold green]✓ {total} 项全部符合预期[/] all {total} expectations held  [dim]{seconds:.0f} s[/]"
            )
