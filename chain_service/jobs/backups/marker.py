"""What stands in DIR while a restore has begun and not ended: no other command uses the instance until it has."""

from __future__ import annotations

from pathlib import Path

from chain_service.errors import Conflict

MARKER = "restoring.json"


def refuse_unfinished(data: Path) -> None:
    """Raises `Conflict` (`restore_unfinished`) while a restore into this directory has begun and not ended."""
    if (data / MARKER).exists():
        raise Conflict(f"{data} is half restored: run `restore` with the same backup again", code="restore_unfinished")
