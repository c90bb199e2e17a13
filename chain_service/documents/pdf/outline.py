"""The parts of one state of a PDF file that are compared place by place: page tree, annotations, form fields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.rw_common import PdfHandler

from chain_service.documents.facts import MAX_TEXT
from chain_service.documents.pdf.objects import Key, entry, is_null, items, key_of, raw
from chain_service.errors import MalformedDocument

__all__ = ["FieldNode", "Outline", "form_fields", "outline"]

MAX_DEPTH: Final = 32
MAX_FIELDS: Final = 10_000


@dataclass(frozen=True, slots=True)
class FieldNode:
    """A node of the form: a field, or one of its widgets."""

    name: str
    """Fully qualified, at most MAX_TEXT characters."""
    kind: str
    """`/Sig`, `/Tx`, …, inherited ones included; empty if nothing says it."""
    signed: bool
    """A signature field that has a value, which is not looked at."""
    inherited: bool
    """A widget whose field stands above it."""
    value: Any
    """The node as it stands in its array: a reference, as a rule."""
    parent: Any
    """The dictionary that the value stands in; None at the top."""

    @property
    def dictionary(self) -> Any:
        """What the reference leads to; None where that is the null object."""
        found = self.value.get_object()
        return None if is_null(found) else found


@dataclass(frozen=True, slots=True)
class Outline:
    """Where what stands in one state."""

    nodes: tuple[tuple[Key, Any], ...]
    """The page tree from the first page to the last, each node with its dictionary."""
    fields: dict[Key, FieldNode]
    places: frozenset[Key]
    """Every object that is a node of the page tree, an annotation, a field or the catalog."""


def form_fields(root: Any) -> list[FieldNode]:
    """Every node of the form, parents first.

    Raises MalformedDocument (`too_large`, `too_complex`): fields that share their kids would otherwise be met more
    often than there are any.
    """
    found: list[FieldNode] = []
    level: list[tuple[Any, str, str, bool, Any]]
    level = [(item, "", "", False, None) for item in items(entry(entry(root, "/AcroForm"), "/Fields"))]
    for _ in range(MAX_DEPTH):
        below = []
        if len(found) + len(level) > MAX_FIELDS:
            raise MalformedDocument(f"the form has more than {MAX_FIELDS} fields", code="too_large")
        for value, above, kind, signed, parent in level:
            dictionary = value.get_object()
            if not isinstance(dictionary, generic.DictionaryObject):
                continue
            partial = entry(dictionary, "/T")
            own = partial is not None
            name = ".".join(filter(None, (above, str(partial) if own else "")))[:MAX_TEXT]
            kind = str(entry(dictionary, "/FT") or kind)
            holds = isinstance(raw(dictionary, "/V"), (generic.IndirectObject, generic.DictionaryObject))
            signed = kind == "/Sig" and (signed or holds)
            found.append(FieldNode(name, kind, signed, not holds, value, parent))
            kids = entry(dictionary, "/Kids")
            below += [(item, name, kind, signed, dictionary) for item in items(kids)]
            if len(found) + len(below) > 2 * MAX_FIELDS:
                raise MalformedDocument(f"the form has more than {MAX_FIELDS} fields", code="too_large")
        level = below
        if not level:
            return found
    raise MalformedDocument(f"the form's fields lie more than {MAX_DEPTH} deep", code="too_complex")


def outline(handler: PdfHandler, spend: Callable[[int], None]) -> Outline:
    """The outline of one state. Raises MalformedDocument or PDF_ERRORS."""
    nodes: list[tuple[Key, Any]] = []
    annotations: set[Key] = set()
    stack, met = [raw(handler.root, "/Pages")], set[Key]()
    while stack:
        one = stack.pop()
        key = key_of(one) or (-len(nodes) - 1, 0)
        if key in met:
            raise MalformedDocument("a page occurs twice in the page tree", code="too_complex")
        met.add(key)
        spend(1)
        node = None if one is None else one.get_object()
        nodes.append((key, node))
        stack += reversed(list(items(entry(node, "/Kids"))))
        annotations |= {found for each in items(entry(node, "/Annots")) if (found := key_of(each)) is not None}
    fields = {}
    for place, each in enumerate(form_fields(handler.root)):
        fields[key_of(each.value) or (-place - 1, 1)] = each
    spend(len(fields) + len(annotations))
    root = handler.root_ref
    places = met | annotations | fields.keys() | {(root.idnum, root.generation)}
    return Outline(tuple(nodes), fields, frozenset(places))
