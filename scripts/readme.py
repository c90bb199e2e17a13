"""Writes into README what the program knows better: settings, error codes, verdict codes. Run it after changing one.

python scripts/readme.py            rewrites the parts between their marks
python scripts/readme.py --check    changes nothing, ends with 1 if README differs from what it would be
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from chain_service import error_codes
from chain_service.config import Settings
from chain_service.core.verdicts import verdict

README = Path(__file__).resolve().parents[1] / "README.md"


def settings_as_markdown() -> str:
    """One row for each setting: name in `config.toml`, variable, default, meaning."""
    rows = ["| setting | environment | default | what |", "|---|---|---|---|"]
    prefix = str(Settings.model_config.get("env_prefix", ""))
    for name, field in Settings.model_fields.items():
        default = _shown(field.default)
        rows.append(f"| `{name}` | `{prefix}{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows) + "\n"


def _shown(value: Any) -> str:
    if value in (None, "") or isinstance(value, SecretStr):
        return "–"
    if isinstance(value, list):
        return "`[" + ", ".join(f'"{one}"' for one in value) + "]`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


PARTS = {
    "settings": settings_as_markdown,
    "error codes": error_codes.codes_as_markdown,
    "verdict codes": verdict.codes_as_markdown,
}


def rewritten(text: str) -> str:
    """The text with every part made anew. Raises ValueError for a part whose marks are missing."""
    for name, make in PARTS.items():
        begin, end = f"<!-- {name}: made by scripts/readme.py -->\n", f"<!-- end of {name} -->\n"
        pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"README has no marks for {name}")
        part = begin + "\n" + make() + "\n" + end
        text = pattern.sub(part.replace("\\", r"\\"), text)
    return text


def main() -> int:
    before = README.read_text(encoding="utf-8")
    after = rewritten(before)
    if before == after:
        return 0
    if "--check" in sys.argv[1:]:
        print("README differs from what the program says: run python scripts/readme.py", file=sys.stderr)
        return 1
    README.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
