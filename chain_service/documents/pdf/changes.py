"""What differs between two states of a PDF file, by meaning: the document as it was signed, and as it is now.

Both states are whole files by themselves: a signature's ranges end where the file ended when it was made. They are
walked side by side from their catalogs, and what differs is named by its place: a page's content, a field's value, an
annotation, the security store. So object numbers that were freed, references that lead nowhere (null by ISO 32000-2
§7.3.10), objects that nothing refers to and the forms of cross-references are no changes, and a replaced object is one
wherever it takes part in what is shown.

For example, a second signature is SIGNATURE, and SEEN too where its picture lies on a page in a place of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import zip_longest
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader

from chain_service.documents.pdf.attachments import attached_files
from chain_service.documents.pdf.drawing import draws_nothing
from chain_service.documents.pdf.objects import Key, entry, is_null, items, key_of, names, raw, resolved
from chain_service.documents.pdf.outline import FieldNode, Outline, outline
from chain_service.errors import MalformedDocument

__all__ = ["Change", "ChangeKind", "ObjectBudget", "compare"]


class ChangeKind(Enum):
    """What a change touches."""

    MATERIAL = auto()
    """Nothing that is shown: validation material, metadata."""
    SIGNATURE = auto()
    """A signature or timestamp was added."""
    PICTURE = auto()
    """Its picture, in the place that was there for it when the earlier state was made."""
    ATTACHED = auto()
    FILLED = auto()
    """A form field's value and its picture."""
    REDRAWN = auto()
    """A form field's picture without its value."""
    SEEN = auto()
    """Something was put on a page: an annotation, the picture of a signature."""
    FONTS = auto()
    """What fields are drawn with that have no picture of their own."""
    BESIDE = auto()
    """Not on a page, and not certainly without effect on what is shown: bookmarks, structure, whatever is unknown."""
    SHOWN = auto()
    """What was shown is another: pages, annotations that were there, attached files that were there."""
    ACTION = auto()
    """What happens when the document is opened or used."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference."""

    kind: ChangeKind
    what: str
    """In a few English words, with at most a name from the document."""
    name: str = ""
    """Of the form field or attached file."""
    specification: Any = field(default=None, compare=False)
    """Of an attached file."""


@dataclass(slots=True)
class ObjectBudget:
    """How many objects may still be looked at: what would take longer cannot be told."""

    left: int

    def spend(self, count: int = 1) -> None:
        """Raises MalformedDocument (`too_complex`) when nothing is left."""
        self.left -= count
        if self.left < 0:
            raise MalformedDocument("comparing its states takes too long", code="too_complex")


_MATERIAL: Final = frozenset({"/DSS", "/Metadata", "/Version", "/Extensions", "/MarkInfo", "/PieceInfo", "/Lang"})
_DRAWN: Final = frozenset({"/OCProperties", "/OutputIntents", "/NeedsRendering", "/Collection", "/Requirements"})
"""Entries of the catalog that decide what is drawn, or whether the pages are shown at all."""
_PAGE_MATERIAL: Final = frozenset({"/Metadata", "/PieceInfo", "/LastModified", "/Tabs", "/StructParents", "/ID"})
_VALUE: Final = frozenset({"/V", "/RV", "/I", "/Ff", "/F", "/DV"})
_PICTURE: Final = frozenset({"/AP", "/AS", "/DA", "/Q", "/MK", "/DS"})
_UNSEEN: Final = frozenset({"/Lock", "/SV", "/TU", "/TM", "/Ff", "/StructParent", "/NM", "/M", "/Type", "/DA", "/Q"})
"""Entries of a signed field that draw nothing."""
_LINKS: Final = frozenset({"/Parent", "/Kids", "/P", "/T", "/Popup"})
_BACK: Final = frozenset({"/P", "/Popup"})
"""Entries that lead from an annotation to its page and to its own window."""
_HIDDEN: Final = 2
_PUSH_BUTTON: Final = 1 << 16


@dataclass(slots=True)
class _Comparison:
    """Two states, and what was found so far."""

    old: PdfFileReader
    new: PdfFileReader
    budget: ObjectBudget
    before: Outline
    after: Outline
    found: list[Change] = field(default_factory=list)
    equal: dict[bool, set[tuple[Key, Key]]] = field(default_factory=lambda: {False: set(), True: set()})

    def note(self, kind: ChangeKind, what: str, name: str = "", specification: Any = None) -> None:
        self.found.append(Change(kind, what, name, specification))

    # values

    def same(self, one: Any, other: Any, *, drawn: bool = False) -> bool:
        """Whether two values mean the same, all that they refer to included.

        Pages, annotations and fields are compared in their own places, so a reference to one is only a link; but not
        in what is `drawn`, where such an object may stand for something else.
        """
        known, assumed, stack = self.equal[drawn], set[tuple[Key, Key]](), [(one, other)]
        while stack:
            x, y = stack.pop()
            self.budget.spend()
            before, after = key_of(x), key_of(y)
            if before is not None and after is not None:
                if not drawn and (before in self.before.places or after in self.after.places):
                    if before != after:
                        return False
                    continue
                if (before, after) in known or (before, after) in assumed:
                    continue
                assumed.add((before, after))
                if before == after and self._unmoved(x):
                    stack += [(ref, ref) for ref in _references(resolved(self.new, y))]
                    continue
            if not _alike(resolved(self.old, x), resolved(self.new, y), stack):
                return False
        known |= assumed
        return True

    def _unmoved(self, ref: Any) -> bool:
        """Whether both states read the object from the same bytes."""
        place = self.old.xrefs[ref.reference]
        if place is None or place != self.new.xrefs[ref.reference]:
            return False
        if isinstance(place, int):
            return True
        container = generic.Reference(place.obj_stream_id, 0, self.new)
        if self.old.xrefs[container] != self.new.xrefs[container]:
            return False
        packed = resolved(self.new, generic.IndirectObject(container.idnum, 0, self.new))
        return not any(isinstance(raw(packed, name), generic.IndirectObject) for name in names(packed))

    def differing(self, old: Any, new: Any, *, but: frozenset[str] = frozenset(), drawn: bool = False) -> list[str]:
        """The entries of two dictionaries that do not mean the same."""
        return [
            name
            for name in sorted((names(old) | names(new)) - but)
            if not self.same(raw(old, name), raw(new, name), drawn=drawn)
        ]

    # the catalog

    def catalog(self) -> None:
        old, new = self.old.root, self.new.root
        for name in self.differing(old, new, but=frozenset({"/Pages", "/AcroForm", "/Names", "/AF"})):
            if name in _MATERIAL:
                self.note(ChangeKind.MATERIAL, "validation material or metadata")
            elif name in _DRAWN:
                self.note(ChangeKind.SHOWN, f"the catalog's entry {name[1:]}")
            elif name == "/AA" or (name == "/OpenAction" and isinstance(entry(new, name), dict)):
                self.note(ChangeKind.ACTION, "an action")
            else:
                self.note(ChangeKind.BESIDE, f"the catalog's entry {name[1:40]}")
        if not self.same(_trailer(self.old, "/Info"), _trailer(self.new, "/Info")):
            self.note(ChangeKind.MATERIAL, "validation material or metadata")
        self.catalog_names(entry(old, "/Names"), entry(new, "/Names"))
        self.attachments()
        self.form(entry(old, "/AcroForm"), entry(new, "/AcroForm"))

    def catalog_names(self, old: Any, new: Any) -> None:
        for name in self.differing(old, new, but=frozenset({"/EmbeddedFiles"})):
            kind = ChangeKind.ACTION if name == "/JavaScript" else ChangeKind.BESIDE
            self.note(kind, f"the names of {name[1:40]}")

    def attachments(self) -> None:
        old, new = list(attached_files(self.old.root)), list(attached_files(self.new.root))
        left = list(new)
        for name, specification in old:
            match = next(
                (
                    attachment
                    for attachment in left
                    if attachment[0] == name and self.same(specification, attachment[1])
                ),
                None,
            )
            if match is None:
                self.note(ChangeKind.SHOWN, f"the attached file {name}", name)
            else:
                left.remove(match)
        taken = {name for name, _ in old}
        portfolio = entry(self.new.root, "/Collection") is not None
        for name, specification in left:
            if name in {change.name for change in self.found if change.what.startswith("the attached file")}:
                continue
            kind = ChangeKind.SHOWN if name in taken or portfolio else ChangeKind.ATTACHED
            self.note(kind, f"attached file {name}", name, specification)

    # the form

    def form(self, old: Any, new: Any) -> None:
        for name in self.differing(old, new, but=frozenset({"/Fields", "/SigFlags", "/DR"})):
            self.note(ChangeKind.SHOWN if name == "/XFA" else ChangeKind.BESIDE, f"the form's entry {name[1:40]}")
        for kind in names(entry(old, "/DR")) | names(entry(new, "/DR")):
            before, after = entry(entry(old, "/DR"), kind), entry(entry(new, "/DR"), kind)
            lost = [name for name in names(before) if not self.same(raw(before, name), raw(after, name), drawn=True)]
            if lost or (names(after) - names(before) and entry(new, "/NeedAppearances")):
                self.note(ChangeKind.FONTS, "what the form's fields are drawn with")
        for key, node in self.before.fields.items():
            later = self.after.fields.get(key)
            if later is None:
                self.note(ChangeKind.SHOWN, f"the form field {node.name}", node.name)
            else:
                self.kept_field(node, later)
        for key, node in self.after.fields.items():
            if key not in self.before.fields:
                self.new_field(node)

    def kept_field(self, old: FieldNode, new: FieldNode) -> None:
        what, name = f"form field {new.name}", new.name
        before, after = resolved(self.old, old.value), resolved(self.new, new.value)
        if old.name != new.name or old.kind != new.kind:
            self.note(ChangeKind.BESIDE, f"the name or kind of the {what}", name)
        if isinstance(before, generic.StreamObject) or isinstance(after, generic.StreamObject):
            if not self.same(old.value, new.value, drawn=True):
                self.note(ChangeKind.SHOWN, what, name)
            return
        if not self._linked_alike(before, after) or _above(old) != _above(new):
            self.note(ChangeKind.SHOWN, what, name)
        changed = set(self.differing(before, after, but=_LINKS | _PICTURE))
        changed |= set(self.differing(*(_only(state, _PICTURE) for state in (before, after)), drawn=True))
        if not changed:
            return
        if old.kind == "/Sig" and old.signed:
            seen = changed - _UNSEEN
            self.note(ChangeKind.SHOWN if seen else ChangeKind.MATERIAL, f"the signature field {name}", name)
        elif changed - _VALUE - _PICTURE - (_UNSEEN if old.kind == "/Sig" else frozenset()):
            self.note(ChangeKind.ACTION if changed & {"/A", "/AA"} else ChangeKind.SHOWN, what, name)
        elif old.kind == "/Sig":
            if new.signed:
                self.note(ChangeKind.SIGNATURE, f"signature {name}", name)
            if changed & (_PICTURE | {"/F"}) and _visible(after):
                self.note(
                    ChangeKind.PICTURE if new.signed else ChangeKind.SEEN, f"the picture of signature {name}", name
                )
        else:
            filled = changed & {"/V", "/RV", "/I", "/AS"} and not _is_push_button(new, after)
            self.note(
                ChangeKind.FILLED if filled else ChangeKind.REDRAWN, what if filled else f"the picture of {what}", name
            )

    def new_field(self, node: FieldNode) -> None:
        value = resolved(self.new, node.value)
        if node.kind == "/Sig" and node.signed and not node.inherited:
            self.note(ChangeKind.SIGNATURE, f"signature {node.name}", node.name)
        if isinstance(value, generic.StreamObject):
            self.note(ChangeKind.BESIDE, f"the form field {node.name}", node.name)
        elif _only_signs(node, value) or (
            entry(value, "/Kids") is not None and not names(value) & {"/Subtype", "/Rect"}
        ):
            if names(value) & {"/A", "/AA"}:
                self.note(ChangeKind.ACTION, f"an action of the field {node.name}", node.name)
            if _visible(value):
                self.note(ChangeKind.SEEN, f"the picture of signature {node.name}", node.name)
        else:
            what = f"the form field {node.name}" if node.name else "an annotation in the form"
            self.note(ChangeKind.SEEN, what, node.name)

    def _linked_alike(self, before: Any, after: Any) -> bool:
        """Whether what an annotation or field inherits comes from the same place, and its links are no more than that.

        Readers take values from where /Parent leads, whether or not that lies in the tree.
        """
        if not self.same(raw(before, "/Parent"), raw(after, "/Parent")):
            return False
        for name in self.differing(*(_only(state, _BACK) for state in (before, after))):
            one, other = key_of(raw(before, name)), key_of(raw(after, name))
            if not (is_null(raw(before, name)) or one in self.before.places):
                return False
            if not (is_null(raw(after, name)) or other in self.after.places):
                return False
        return True

    # pages

    def pages(self) -> None:
        old, new = self.before.nodes, self.after.nodes
        if [key for key, _ in old] != [key for key, _ in new]:
            self.note(ChangeKind.SHOWN, "the pages")
            return
        number = 0
        for (_, before), (_, after) in zip(old, new, strict=True):
            if not self.same(raw(before, "/Parent"), raw(after, "/Parent")):
                self.note(ChangeKind.SHOWN, "what the pages share")
            streams = isinstance(before, generic.StreamObject) or isinstance(after, generic.StreamObject)
            if streams and not self.same(before, after, drawn=True):
                self.note(ChangeKind.SHOWN, "a page that is a stream")
            if entry(before, "/Kids") is not None:
                but = frozenset({"/Kids", "/Parent", "/Count"})
                if self.differing(before, after, but=but, drawn=True):
                    self.note(ChangeKind.SHOWN, "what the pages share")
                continue
            number += 1
            self.page(f"page {number}", before, after)

    def page(self, what: str, old: Any, new: Any) -> None:
        linked = frozenset({"/Annots", "/Parent", "/B", "/AF", "/Metadata", "/PieceInfo", "/AA", "/Dur", "/Trans"})
        for name in self.differing(old, new, but=linked, drawn=True):
            kind = ChangeKind.MATERIAL if name in _PAGE_MATERIAL else ChangeKind.SHOWN
            self.note(
                kind, "validation material or metadata" if kind is ChangeKind.MATERIAL else f"{what}: {name[1:40]}"
            )
        for name in self.differing(*(_only(state, linked - {"/Annots", "/Parent"}) for state in (old, new))):
            kind = (
                ChangeKind.ACTION
                if name == "/AA"
                else ChangeKind.MATERIAL
                if name in _PAGE_MATERIAL
                else ChangeKind.BESIDE
            )
            self.note(
                kind, "validation material or metadata" if kind is ChangeKind.MATERIAL else f"{what}: {name[1:40]}"
            )
        self.annotations(what, list(items(entry(old, "/Annots"))), list(items(entry(new, "/Annots"))))

    def annotations(self, what: str, old: list[Any], new: list[Any]) -> None:
        kept: list[int] = []
        places = {key: place for place, one in enumerate(new) if (key := key_of(one)) is not None}
        for number, one in enumerate(old):
            key = key_of(one)
            place = places.get(key) if key is not None else _position(new, number)
            if place is None:
                if not is_null(resolved(self.old, one)):
                    self.note(ChangeKind.SHOWN, f"an annotation of {what}")
                continue
            kept.append(place)
            if key is None or key not in self.before.fields or key not in self.after.fields:
                self.kept_annotation(what, one, new[place])
        if kept != sorted(kept):
            self.note(ChangeKind.SHOWN, f"the order of the annotations of {what}")
        known = {key_of(one) for one in old} - {None}
        for place in sorted(set(range(len(new))) - set(kept)):
            key = key_of(new[place])
            if key is None or key not in known:
                self.new_annotation(what, resolved(self.new, new[place]), key)

    def kept_annotation(self, what: str, old: Any, new: Any) -> None:
        before, after = resolved(self.old, old), resolved(self.new, new)
        if isinstance(before, generic.StreamObject) or isinstance(after, generic.StreamObject):
            changed = not self.same(old, new, drawn=True)
        else:
            pictures = (_only(state, _PICTURE) for state in (before, after))
            changed = bool(
                not self._linked_alike(before, after)
                or self.differing(before, after, but=_PICTURE | _BACK | {"/Parent"})
                or self.differing(*pictures, drawn=True)
            )
        if changed:
            self.note(ChangeKind.SHOWN, f"an annotation of {what}")

    def new_annotation(self, what: str, annotation: Any, key: Key | None) -> None:
        field = None if key is None else self.after.fields.get(key)
        if is_null(annotation) or (field is not None and key not in self.before.fields):
            return  # a new field is told by the form
        if field is not None and _only_signs(field, annotation):
            if _visible(annotation):
                self.note(ChangeKind.SEEN, f"the picture of signature {field.name}", field.name)
            return
        subtype = str(entry(annotation, "/Subtype"))[1:21]
        if names(annotation) & {"/A", "/AA"}:
            self.note(ChangeKind.ACTION, f"an annotation with an action on {what}")
        self.note(ChangeKind.SEEN, f"annotation {subtype} on {what}")


def compare(old: PdfFileReader, new: PdfFileReader, budget: ObjectBudget) -> tuple[Change, ...]:
    """What differs in the later state. Raises MalformedDocument (`too_complex`) or PDF_ERRORS: it cannot be told."""
    found = _Comparison(old, new, budget, outline(old, budget.spend), outline(new, budget.spend))
    if not found.same(_decryption(old), _decryption(new)):
        raise MalformedDocument("a later state is encrypted in another way", code="irregular")
    found.catalog()
    found.pages()
    return tuple(dict.fromkeys(found.found))


def _trailer(reader: PdfFileReader, name: str) -> Any:
    try:
        return reader.trailer.raw_get(name, decrypt=generic.EncryptedObjAccess.TRANSPARENT)
    except KeyError:
        return None


def _decryption(reader: PdfFileReader) -> Any:
    """What decides how everything is decrypted: the file's first identifier takes part in it (ISO 32000-2 §7.6.4)."""
    encrypted = _trailer(reader, "/Encrypt")
    identifiers = [] if is_null(encrypted) else list(items(resolved(reader, _trailer(reader, "/ID"))))
    return generic.ArrayObject([encrypted or generic.NullObject(), *identifiers[:1]])


def _above(node: FieldNode) -> Key | None:
    """The object that the field above this one stands in."""
    if node.parent is None:
        return None
    place = node.parent.container_ref
    return (place.idnum, place.generation)


def _only_signs(node: FieldNode, value: Any) -> bool:
    """A signature field that is nothing else: annotations of other kinds are drawn without a picture."""
    return node.kind == "/Sig" and entry(value, "/Subtype") in (None, "/Widget")


def _is_push_button(node: FieldNode, value: Any) -> bool:
    """It has no value: what is written into it draws another picture (ISO 32000-2 §12.7.5.2.2)."""
    flags = [entry(state, "/Ff") for state in (value, node.parent)]
    return node.kind == "/Btn" and any(isinstance(flag, int) and flag & _PUSH_BUTTON for flag in flags)


def _only(dictionary: Any, wanted: frozenset[str]) -> Any:
    return {name: raw(dictionary, name) for name in names(dictionary) & wanted}


def _position(new: list[Any], number: int) -> int | None:
    """A direct annotation is known by its position alone."""
    return number if number < len(new) and key_of(new[number]) is None else None


def _references(value: Any) -> Iterator[Any]:
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, generic.IndirectObject):
            yield one
        elif isinstance(one, dict):
            stack += [raw(one, name) for name in one]
        elif isinstance(one, generic.ArrayObject):
            stack += list(items(one))


def _alike(one: Any, other: Any, stack: list[tuple[Any, Any]]) -> bool:
    """Whether two values are equal but for their parts, which are put on the stack."""
    if is_null(one) or is_null(other):
        return is_null(one) and is_null(other)
    if isinstance(one, generic.StreamObject) or isinstance(other, generic.StreamObject):
        if not (isinstance(one, generic.StreamObject) and isinstance(other, generic.StreamObject)):
            return False
        if one.encoded_data != other.encoded_data:
            return False
        stack += [(raw(one, name), raw(other, name)) for name in (names(one) | names(other)) - {"/Length"}]
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        stack += [(raw(one, name), raw(other, name)) for name in names(one) | names(other)]
        return True
    if isinstance(one, generic.ArrayObject) and isinstance(other, generic.ArrayObject):
        stack += zip_longest(items(one), items(other))
        return len(one) == len(other)
    strings = (generic.TextStringObject, generic.ByteStringObject)
    if isinstance(one, strings) and isinstance(other, strings):
        return bool(one.original_bytes == other.original_bytes)
    numbers = (generic.NumberObject, generic.FloatObject)
    if isinstance(one, numbers) and isinstance(other, numbers):
        return float(one) == float(other)
    return type(one) is type(other) and bool(one == other)


def _visible(widget: Any) -> bool:
    """Whether a widget may show anything on a page: it has an area and draws into it."""
    flags = entry(widget, "/F")
    if isinstance(flags, int) and flags & _HIDDEN:
        return False
    corners = [
        float(item) for item in items(entry(widget, "/Rect")) if isinstance(item, (int, float, generic.FloatObject))
    ]
    if len(corners) == 4 and (corners[0] == corners[2] or corners[1] == corners[3]):
        return False
    if entry(widget, "/MK") is not None or names(entry(widget, "/AP")) - {"/N"}:
        return True
    drawn = entry(entry(widget, "/AP"), "/N")
    return drawn is not None and not draws_nothing(drawn)
