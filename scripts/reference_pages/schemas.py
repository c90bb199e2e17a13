"""The JSON Schema documents of what is submitted."""

from __future__ import annotations

import json

from chain_service.core.registries.schemas import json_schemas


def page(name: str) -> str:
    """The document of this name as a file."""
    return json.dumps(json_schemas()[name], ensure_ascii=False, indent=2) + "\n"
