"""Puts into the offline page what it shares with the service: style, verdict table, words, storage positions, policy.

`python scripts/embed_offline.py` rewrites chain_service/web/pages/static/offline.html; a test asks that nothing
changes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from chain_service.core.chainproof.storage_layout import POSITIONS
from chain_service.core.records.member_names import MEMBERS
from chain_service.core.verdicts.check_rules import CHECKS, ESSENTIAL
from chain_service.core.verdicts.verdict_codes import CODES
from chain_service.core.verdicts.warnings import WARNINGS

STATIC = Path(__file__).resolve().parents[1] / "chain_service" / "web" / "pages" / "static"
PAGE = STATIC / "offline.html"


def embedded(page: str) -> str:
    """The page with every generated part made anew; what stands around them is left as it is."""
    page = _between(page, "<style>", "</style>", _style())
    page = _between(page, '<link rel="icon" href="data:image/svg+xml,', '">', _icon())
    page = _between(page, "// <generated>\n", "// </generated>", _tables())
    return _between(page, '<meta http-equiv="Content-Security-Policy" content="', '">', _policy(page))


def _between(page: str, begin: str, end: str, content: str) -> str:
    """The page with other content in the first place between these two marks, which have to be there."""
    start = page.index(begin) + len(begin)
    return page[:start] + content + page[page.index(end, start) :]


def _style() -> str:
    return " ".join((STATIC / "style.css").read_text(encoding="utf-8").split())


def _icon() -> str:
    svg = (STATIC / "icon.svg").read_text(encoding="utf-8").strip()
    return svg.replace('"', "'").replace("#", "%23").replace("<", "%3c").replace(">", "%3e")


def _tables() -> str:
    rules: dict[str, dict[str, Any]] = {}
    for rule in CHECKS:
        notes = {
            note.code: {"outcome": note.outcome.value, "best": note.best, "text": note.text.to_json()}
            for note in rule.notes
        }
        rules.setdefault(rule.group, {})[rule.name] = {"notes": notes}
    codes = {
        code: {"answer": row.answer.value, "message": row.message.to_json(), "nextStep": row.next_step.to_json()}
        for code, row in CODES.items()
    }
    lines = ["// prettier-ignore", "const TABLE = {"]
    lines += [f"  codes: {_listed(codes)},"]
    lines += ["  rules: {", *(f"    {group}: {_listed(rows)}," for group, rows in rules.items()), "  },"]
    lines += [f"  warnings: {_listed({code: text.to_json() for code, text in WARNINGS.items()})},"]
    lines += [f"  members: {_json({name: [text.zh, text.en] for name, text in MEMBERS.items()})},"]
    lines += [f"  essential: {_json(sorted(map(str, ESSENTIAL)))},"]
    lines += [f"  positions: {_json(POSITIONS)},", "};"]
    texts = (STATIC / "texts.js").read_text(encoding="utf-8")
    for name in ("CHECKS", "MEMBERS", "PARTS", "VALUES"):
        found = re.search(rf"export const {name} = \{{\n(.*?)\n\}};", texts, re.DOTALL)
        if found is None:
            raise SystemExit(f"texts.js has no {name}")
        lines.append(f"const {name} = {{ {' '.join(found[1].split())} }}; // prettier-ignore")
    details = (STATIC / "details.js").read_text(encoding="utf-8").replace("export ", "")
    lines += [
        "// prettier-ignore",
        "const SENTENCES = (() => {",
        details,
        "return { EVIDENCE, CODED, TOLD, inChinese };",
    ]
    lines.append("})();")
    return "\n".join(lines) + "\n"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _listed(rows: dict[str, Any]) -> str:
    return "{\n" + "".join(f"    {name}: {_json(row)},\n" for name, row in rows.items()) + "  }"


def _policy(page: str) -> str:
    """Nothing but the page's own script and styles, by their digests; nothing is fetched, sent or framed."""
    scripts, styles = (
        " ".join(f"'sha256-{_digest(part)}'" for part in re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL))
        for tag in ("script", "style")
    )
    return (
        f"default-src 'none'; script-src {scripts}; style-src {styles}; img-src data:; connect-src 'none'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


if __name__ == "__main__":
    PAGE.write_text(embedded(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
