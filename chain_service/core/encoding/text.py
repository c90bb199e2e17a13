"""Texts for people, always in both languages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Text:
    """One sentence in Chinese and English."""

    zh: str
    en: str

    def to_json(self) -> dict[str, str]:
        """Both languages as `{zh, en}`."""
        return {"zh": self.zh, "en": self.en}
