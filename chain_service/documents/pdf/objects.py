"""Values of a PDF file (ISO 32000-2 §7.3) as pyHanko reads them, taken in one way whatever is missing or null."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.rw_common import PdfHandler

__all__ = ["Key", "entry", "is_null", "items", "key_of", "names", "raw", "resolved"]

Key = tuple[int, int]
"""Number and generation of an object."""


def key_of(value: Any) -> Key | None:
    """The object that a reference names; None for what is no reference."""
    return (value.idnum, value.generation) if isinstance(value, generic.IndirectObject) else None


def is_null(value: Any) -> bool:
    """Whether the value is absent, which the null object says too (ISO 32000-2 §7.3.9)."""
    return value is None or isinstance(value, generic.NullObject)


def resolved(handler: PdfHandler, value: Any) -> Any:
    """What a value is in one state of the file: a reference that leads nowhere is null (§7.3.10)."""
    if isinstance(value, generic.IndirectObject):
        return handler.get_object(value.reference)
    return value


def raw(dictionary: Any, name: str) -> Any:
    """An entry as it stands there; None if there is none. A signature's value is never encrypted (§7.6.2)."""
    if isinstance(dictionary, generic.DictionaryObject):
        plain = name == "/Contents" and "/ByteRange" in dictionary
        access = generic.EncryptedObjAccess.RAW if plain else generic.EncryptedObjAccess.TRANSPARENT
        return dictionary.raw_get(name, decrypt=access) if name in dictionary else None
    return dictionary.get(name) if isinstance(dictionary, dict) else None


def entry(dictionary: Any, name: str) -> Any:
    """An entry, references followed; None if there is none or it is null."""
    content = raw(dictionary, name)
    if isinstance(content, generic.IndirectObject):
        content = content.get_object()
    return None if is_null(content) else content


def names(dictionary: Any) -> frozenset[str]:
    """The names of a dictionary's entries; none for what is no dictionary."""
    return frozenset(map(str, dictionary)) if isinstance(dictionary, dict) else frozenset()


def items(array: Any) -> Iterator[Any]:
    """What stands in an array, references as they are; nothing for what is no array."""
    if isinstance(array, generic.ArrayObject):
        for place in range(len(array)):
            yield array.raw_get(place)
