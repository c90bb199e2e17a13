"""The register of samples: a recipe makes one document and says what must be found in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from support.documents.city import City


@dataclass(frozen=True)
class Sample:
    """A document and what it must be found to be."""

    name: str
    data: bytes
    code: str
    warnings: tuple[str, ...] = ()
    anchored_by: int | None = None
    """By when it is taken to be anchored."""


Recipe = Callable[[City], bytes]
RECIPES: dict[str, Callable[[City], Sample]] = {}


def recipe(code: str, *warnings: str, anchored_by: int | None = None) -> Callable[[Recipe], Recipe]:
    """Registers the maker of a sample under its name in words."""

    def register(make: Recipe) -> Recipe:
        name = make.__name__.replace("_", " ")
        RECIPES[name] = lambda of: Sample(name, make(of), code, warnings, anchored_by)
        return make

    return register
