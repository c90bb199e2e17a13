"""What a clerk at a counter does with the page."""

from __future__ import annotations

from typing import Any


def verify_files(page: Any, *files: str) -> Any:
    """The banner that answers these files."""
    page.set_input_files("#files", list(files))
    page.click("#panel-files button[type=submit]")
    page.wait_for_selector(".banner")
    return page.locator(".banner")
