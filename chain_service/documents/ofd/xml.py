"""XML out of foreign packages: no entities, no document type, no network; depth and counts bounded while reading.

Expat calls back element by element, so what is refused is refused where it begins, before anything is built of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol
from xml.parsers import expat

from chain_service.errors import MalformedDocument

__all__ = [
    "MAX_ELEMENTS",
    "MAX_SCANNED",
    "OFD_NAMESPACES",
    "Element",
    "ElementBudget",
    "Mentions",
    "first_element",
    "parse",
    "scan",
]  # fmt: skip

OFD_NAMESPACES: Final = frozenset({"http://www.ofdspec.org/2016", "http://www.ofdspec.org"})
"""Of GB/T 33190-2016 and of the drafts before it."""
MAX_DEPTH: Final = 64
MAX_ELEMENTS: Final = 200_000
"""Elements and attributes of all files of a document that are read into trees."""
MAX_SCANNED: Final = 1_000_000
"""Elements and attributes of all files of a document that are only scanned."""
CHUNK: Final = 64 * 1024
MAX_TAG: Final = 512 * 1024
"""Bytes of one tag or comment: expat holds all its attributes before it calls."""
MAX_TEXT: Final = 64 * 1024
"""Characters of one element's own text in a tree."""
MAX_MENTION: Final = 1_024
"""Characters of a text that could be the path of a file."""

MAX_MENTIONS: Final = 20_000
"""Texts of one file that could be paths."""

_GB: Final = re.compile(rb"""^\s*<\?xml[^>]{0,100}encoding\s*=\s*["'](gb2312|gbk|gb18030)["']""", re.IGNORECASE)
_SEPARATOR: Final = "\n"


@dataclass(frozen=True, slots=True)
class Element:
    """An element with its local name; attributes by local name too."""

    name: str
    namespace: str
    attributes: dict[str, str]
    text: str
    children: tuple[Element, ...]

    def all(self, name: str) -> Iterator[Element]:
        """The children of a name in one of OFD's namespaces."""
        return (child for child in self.children if child.name == name and child.namespace in OFD_NAMESPACES)

    def one(self, name: str) -> Element | None:
        """The only child of a name, if there is one. Raises MalformedDocument: there are several."""
        elements = list(self.all(name))
        if len(elements) > 1:
            raise _refused(f"{self.name} has {name} {len(elements)} times")
        return elements[0] if elements else None

    def value(self, name: str) -> str | None:
        """The text of the only child of a name. Raises MalformedDocument: there are several."""
        child = self.one(name)
        return child.text.strip() if child else None


@dataclass(slots=True)
class ElementBudget:
    """What may still be scanned in a document, so that many files cost no more than one."""

    left: int

    def take(self, count: int) -> None:
        """Raises MalformedDocument: too many elements and attributes."""
        self.left -= count
        if self.left < 0:
            raise _refused("the document has too many elements", "too_complex")


@dataclass(frozen=True, slots=True)
class Mentions:
    """Texts and attributes of a file that a caller took for paths."""

    base: str
    """BaseLoc of the root element, `` if it has none."""
    values: tuple[str, ...]
    """Each once."""


def parse(data: bytes, what: str, budget: ElementBudget) -> Element:
    """The tree of a small XML file called `what`. Raises MalformedDocument."""
    builder = _Builder(budget)
    _run(data, what, builder)
    if builder.root is None:
        raise _refused(f"{what} has no root element")
    return builder.root


def scan(
    data: bytes, what: str, budget: ElementBudget, wanted: Callable[[str], bool], skipped: frozenset[str]
) -> Mentions:
    """Every text and attribute that is wanted, subtrees with a skipped name left out. Raises MalformedDocument."""
    scanner = _Scanner(budget, wanted, skipped)
    _run(data, what, scanner)
    return Mentions(scanner.base, tuple(scanner.values))


class _Found(Exception):
    """The first element was reached."""


def first_element(data: bytes) -> str | None:
    """The local name of the root element, if the beginning `data` of an XML file reaches it; None if it does not."""
    names: list[str] = []

    class Handler:
        def start(self, name: str, _: dict[str, str]) -> None:
            names.append(_local(name))
            raise _Found

        def end(self, _: str) -> None:
            """Nothing ends before it begins."""

        def text(self, _: str) -> None:
            """No text stands before the root."""

    try:
        _run(data, "a file", Handler())
    except (_Found, MalformedDocument):
        return names[0] if names else None
    return None


def _refused(detail: str, code: str = "bad_xml") -> MalformedDocument:
    return MalformedDocument(detail, code=code)


class _Builder:
    def __init__(self, budget: ElementBudget) -> None:
        self.root: Element | None = None
        self.budget = budget
        self.stack: list[tuple[str, dict[str, str], list[str], list[Element]]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.budget.take(1 + len(attributes))
        if len(self.stack) >= MAX_DEPTH:
            raise _refused("elements are nested too deeply", "too_complex")
        self.stack.append((name, {_local(key): value for key, value in attributes.items()}, [], []))

    def text(self, text: str) -> None:
        texts = self.stack[-1][2]
        texts.append(text)
        if len(texts) > 1 and sum(map(len, texts)) > MAX_TEXT:
            raise _refused("a text is too long", "too_complex")

    def end(self, _: str) -> None:
        name, attributes, texts, children = self.stack.pop()
        namespace, _, local = name.rpartition(_SEPARATOR)
        element = Element(local, namespace, attributes, "".join(texts), tuple(children))
        if self.stack:
            self.stack[-1][3].append(element)
        else:
            self.root = element


class _Scanner:
    def __init__(self, budget: ElementBudget, wanted: Callable[[str], bool], skipped: frozenset[str]) -> None:
        self.base = ""
        self.values: dict[str, None] = {}
        self.budget, self.wanted, self.skipped = budget, wanted, skipped
        self.depth = 0
        self.skipping = 0
        """Depth at which the skipped subtree began; 0 outside of one."""
        self.held = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.budget.take(1 + len(attributes))
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _refused("elements are nested too deeply", "too_complex")
        self.mention()
        if self.skipping:
            return
        if _local(name) in self.skipped:
            self.skipping = self.depth
            return
        for key, value in attributes.items():
            if self.depth == 1 and _local(key) == "BaseLoc":
                self.base = value
            else:
                self.take(value)

    def text(self, text: str) -> None:
        if len(self.held) <= MAX_MENTION:
            self.held += text

    def end(self, _: str) -> None:
        self.mention()
        if self.skipping == self.depth:
            self.skipping = 0
        self.depth -= 1

    def mention(self) -> None:
        """The text up to here may have been a path."""
        if self.held and not self.skipping:
            self.take(self.held)
        self.held = ""

    def take(self, value: str) -> None:
        value = value.strip()
        if 0 < len(value) <= MAX_MENTION and self.wanted(value):
            self.values[value] = None
            if len(self.values) > MAX_MENTIONS:
                raise _refused("too many files are named", "too_complex")


def _local(name: str) -> str:
    return name.rpartition(_SEPARATOR)[2]


class _Handler(Protocol):
    def start(self, name: str, attributes: dict[str, str]) -> None: ...

    def end(self, name: str) -> None: ...

    def text(self, text: str) -> None: ...


def _run(data: bytes, what: str, handler: _Handler) -> None:
    forced = None
    if _GB.match(data[:256]):
        try:
            data, forced = data.decode("gb18030").encode(), "utf-8"
        except UnicodeDecodeError as error:
            raise _refused(f"{what} is not in the encoding it names") from error
    parser = expat.ParserCreate(forced, _SEPARATOR)
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _document_type
    parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    parser.CharacterDataHandler = handler.text
    try:
        for at in range(0, len(data), CHUNK):
            parser.Parse(data[at : at + CHUNK], False)
            if at + CHUNK - parser.CurrentByteIndex > MAX_TAG:
                raise _refused("a tag is too long", "too_complex")
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise _refused(f"{what} is not well-formed XML: line {error.lineno}") from error
    except (LookupError, ValueError) as error:
        raise _refused(f"{what} has an unsupported encoding") from error
    except MalformedDocument as error:
        raise MalformedDocument(f"{what}: {error.message}", code=error.code) from error


def _document_type(*_: object) -> None:
    raise _refused("a document type is declared: entities are never read", "xml_entity")
