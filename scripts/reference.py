"""Writes `docs/reference`, and what nginx refuses: what the program knows better than anybody who describes it.

python scripts/reference.py            writes every page
python scripts/reference.py --check    changes nothing, ends with 1 if a page differs from what it would be
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from chain_service.core.registries.schemas import SUBMITTED
from reference_pages import alerts, audit, cli, errors, http, nginx, records, schemas, settings, verdicts

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "reference"
PAGES: Mapping[str, Callable[[], str]] = {
    "verdicts.md": verdicts.page,
    "errors.md": errors.page,
    "alerts.md": alerts.page,
    "audit.md": audit.page,
    "settings.md": settings.page,
    "http.md": http.page,
    "cli.md": cli.page,
    "records.md": records.page,
    **{f"schemas/{name}.json": partial(schemas.page, name) for name in SUBMITTED},
    "openapi.json": http.openapi_json,
}
ELSEWHERE: Mapping[str, Callable[[], str]] = {"scripts/deploy/nginx/chain-service-problems.conf": nginx.problems}
MADE = "<!-- made by scripts/reference.py: change the program, then run it -->\n\n"


def main() -> int:
    # What this machine's operator has set is no default of the program.
    for name in [name for name in os.environ if name.startswith("CHAIN_SERVICE_")]:
        del os.environ[name]
    differing = []
    made = {FOLDER / name: make() if name.endswith(".json") else MADE + make() for name, make in PAGES.items()}
    made |= {ROOT / name: make() for name, make in ELSEWHERE.items()}
    for path, text in made.items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        differing.append(str(path.relative_to(ROOT)))
        if "--check" not in sys.argv[1:]:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if differing and "--check" in sys.argv[1:]:
        print(f"{', '.join(differing)}: run python scripts/reference.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
