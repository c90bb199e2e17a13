"""Makes `docs/images/verdict.png`: the page of a running demonstration with a verdict, in Chromium.

scripts/demo &                                        wait until it serves the page
.venv/bin/python scripts/screenshot.py --papers data/papers
"""

from __future__ import annotations

import argparse
from pathlib import Path

from playwright.sync_api import FloatRect, sync_playwright

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "verdict.png"
CHROMIUM = Path("/usr/bin/chromium")
PAPERS = ("01-good.disclosure.json", "02-good.receipt")
WIDTH, HEIGHT, MARGIN = 880, 1000, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000/")
    parser.add_argument("--papers", type=Path, default=Path("data/papers"), help="as the demonstration left them")
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(locale="zh-CN", viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(options.url)
        page.set_input_files("#files", [str(options.papers / name) for name in PAPERS])
        page.click("#panel-files button[type=submit]")
        page.wait_for_selector('.banner[data-verdict="valid"]')
        bottom = page.evaluate("document.querySelector('.banner').getBoundingClientRect().bottom + scrollY")
        clip: FloatRect = {"x": 0, "y": 0, "width": WIDTH, "height": bottom + MARGIN}
        page.screenshot(path=str(PICTURE), full_page=True, clip=clip)
        browser.close()


if __name__ == "__main__":
    main()
