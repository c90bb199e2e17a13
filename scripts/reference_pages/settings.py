"""Every setting: name in `config.toml`, variable of the environment, default, meaning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import SecretStr

from chain_service.config import Settings
from reference_pages.markdown import code, table

INTRODUCTION = """\
`DIR/config.toml`, written by `chain-service init`; variables of the environment win over it. `DIR` is `--data` or
`CHAIN_SERVICE_DATA`. How they work together is told in [operate/install.md](../operate/install.md) and
[operate/networks.md](../operate/networks.md)."""


def page() -> str:
    head = ("setting", "environment", "default", "what")
    return "\n".join(["# Settings 配置", "", INTRODUCTION, "", *table(head, _rows())]) + "\n"


def _rows() -> Iterator[tuple[str, ...]]:
    prefix = str(Settings.model_config.get("env_prefix", ""))
    for name, field in Settings.model_fields.items():
        yield code(name), code(prefix + name.upper()), _shown(field.default), field.description or ""


def _shown(value: Any) -> str:
    if value in (None, "") or isinstance(value, SecretStr):
        return "–"
    if isinstance(value, list):
        return code("[" + ", ".join(f'"{item}"' for item in value) + "]")
    return code(str(value).lower() if isinstance(value, bool) else value)
