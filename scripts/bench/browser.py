"""Time to a verdict on the offline page in Chromium, for the receipts that `receipts.py` measures.

The page is opened from a file with the trust file built in, as a service hands it out; what counts is what it says
itself: from the question to the verdict shown, in ms.
Needs Playwright (a development dependency) and Chromium.

    python scripts/bench/browser.py [--n 20] [--chromium /usr/bin/chromium]
"""

from __future__ import annotations

import argparse
import datetime
import statistics
import tempfile
from pathlib import Path
from typing import Any

import orjson
from playwright.sync_api import sync_playwright
from receipts import Consensus, Million  # puts the folder of `support` on the path

from chain_service.core.receipts import trust_file
from chain_service.web.pages.routes import page_trusting
from support.worlds.receipt_world import NOW, ROOTS, terms

PAGE = "offline.html"
DAY = 86_400


def papers(consensus: Consensus, folder: Path) -> list[str]:
    """Receipt and disclosure, beside a page that has the trust file built in."""
    trusted = trust_file.sign(terms(consensus.chain, expires=NOW + 300 * DAY), ROOTS[:2])
    (folder / PAGE).write_text(page_trusting(trusted), encoding="utf-8")
    made = {"a.receipt": consensus.receipt, "disclosure.json": orjson.dumps(consensus.disclosure.to_json())}
    for name, data in made.items():
        (folder / name).write_bytes(data)
    return [str(folder / name) for name in made]


def milliseconds(page: Any, files: list[str], n: int) -> list[int]:
    """What each of `n` verdicts took, all of them valid."""
    taken = []
    page.goto(Path(files[0]).with_name(PAGE).as_uri())
    page.set_input_files("#any", files)
    for _ in range(n):
        page.locator("#took:not(:empty)").wait_for()
        if page.locator(".banner").get_attribute("data-verdict") != "valid":
            raise SystemExit(page.locator(".banner").inner_text())
        taken.append(int(page.locator("#took").inner_text().split()[0]))  # in Chinese the number comes first
        page.evaluate("document.getElementById('took').textContent = ''")
        page.click("#verify")
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description="time to a verdict in the browser")
    parser.add_argument("--n", type=int, default=20)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    million = Million()
    print("| receipt | first verdict, ms | median, ms | goal |\n|---|---|---|---|")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        for name, sealed in (("majority", False), ("quorum", False), ("majority", True), ("quorum", True)):
            page = browser.new_page(locale="zh-CN")
            page.clock.set_fixed_time(datetime.datetime.fromtimestamp(NOW, datetime.UTC))
            taken = milliseconds(page, papers(Consensus(million, name, sealed), Path(folder)), options.n)
            print(f"| {name}{', one seal' if sealed else ''} | {taken[0]} | {statistics.median(taken):.0f} | ≤ 200 |")
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
