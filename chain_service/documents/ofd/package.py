"""What belongs to what in an OFD package: files found by their location, what a reader displays, metadata."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from chain_service.documents.facts import MAX_TEXT
from chain_service.documents.ofd.archive import ROOT, Archive
from chain_service.documents.ofd.metadata_names import field_name
from chain_service.documents.ofd.xml import (
    MAX_ELEMENTS,
    MAX_SCANNED,
    OFD_NAMESPACES,
    Element,
    ElementBudget,
    first_element,
    parse,
    scan,
)
from chain_service.errors import MalformedDocument

__all__ = ["MAX_TREE_FILE", "Displayed", "Package", "folder_of", "metadata", "open_package"]

MAX_TREE_FILE: Final = 8 * 1024 * 1024
"""Bytes of an XML file that is read into a tree."""
MAX_SCANNED_FILE: Final = 16 * 1024 * 1024
"""Bytes of any other XML file that takes part in what is displayed."""
MAX_METADATA: Final = 500
NOT_DISPLAYED: Final = frozenset({"Signatures", "Attachments", "CustomDatas", "CustomTags", "Extensions"})
"""Elements below which a file is named that no page shows: an attachment is opened, not displayed."""
_SVG: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*+(?:(?:<\?[^>]{0,256}\?>|<!--[^>]{0,1024}-->|<!DOCTYPE svg[^>\[]{0,256}>)\s*+){0,16}"
    rb"<(?:svg:)?svg[\s>]"
)
"""How a picture begins that is XML, and draws nothing from elsewhere by its document type."""


@dataclass(frozen=True, slots=True)
class Displayed:
    """What a reader shows of a package."""

    files: frozenset[str]
    """Every file that takes part."""
    whole: bool
    """False when a file could not be walked through: then any other file may be shown too."""
    entities: frozenset[str] = frozenset()
    """Files that declare a document type: what they show may stand elsewhere, where no signature reaches."""
    lists: frozenset[str] = frozenset()
    """Lists of signatures, which are never shown."""
    templates: dict[str, str] = field(default_factory=dict)
    """Template pages, by the document that names each; looked up where a signature leaves something out."""
    documents: frozenset[str] = frozenset()
    """Files that could be a document; looked up where a signature leaves OFD.xml out."""


@dataclass(frozen=True, slots=True)
class Package:
    """An OFD package with its root read."""

    archive: Archive
    root: Element
    """The OFD element of OFD.xml."""
    root_file: str
    """The name of OFD.xml as it is written."""
    names: dict[str, str] = field(repr=False)
    """Files by folded name: readers on some systems find a file whatever its case, and names are distinct in any."""

    budget: ElementBudget = field(repr=False)
    """For the trees of its files."""

    def find(self, location: str, folder: str = "") -> str | None:
        """The file an ST_Loc (GB/T 33190 §7.1.2) names: absolute, or relative to a folder, or else to the root."""
        for path in _candidates(location, folder):
            name = self.names.get(_folded(path))
            if name is not None:
                return name
        return None

    def tree(self, name: str) -> Element:
        """The XML tree of a file. Raises MalformedDocument."""
        return parse(self.archive.read(name, MAX_TREE_FILE), name, self.budget)

    def bodies(self) -> Iterator[Element]:
        """The documents of the package, usually one."""
        return self.root.all("DocBody")

    def displayed(self) -> Displayed:
        """Every file that takes part in what a reader shows, found from OFD.xml on. Never raises.

        It errs on the side of display: any text or attribute that is the path of a file counts, whatever the element.
        """
        last_parts = {_folded(_last_part(name)) for name in self.archive.entries}
        budget = ElementBudget(MAX_SCANNED)
        seen, open_ends, whole = {self.root_file}, [self.root_file], True
        drawn_in: set[str] = set()
        while open_ends:
            name = open_ends.pop()
            try:
                files = set(self._mentioned(name, budget, last_parts))
            except MalformedDocument as error:
                whole = False
                if error.code == "xml_entity":
                    drawn_in.add(name)
                continue
            open_ends += sorted(files - seen)
            seen |= files
        return Displayed(frozenset(seen), whole, frozenset(drawn_in))

    def document_files(self) -> list[str | None]:
        """The file of each document, as OFD.xml names them; None for one that is missing."""
        roots = [root for body in self.bodies() for root in body.all("DocRoot")]
        return [self.find(root.text) for root in roots]

    def templates(self) -> dict[str, str]:
        """Files of template pages (§7.5) that are no pages, and the document that names each. Never raises."""
        locations: dict[str, str] = {}
        for document in filter(None, self.document_files()):
            try:
                root = self.tree(document)
                common, pages = root.one("CommonData"), root.one("Pages")
            except MalformedDocument:
                continue
            folder = folder_of(document)
            shown = {self.find(row.attributes.get("BaseLoc", ""), folder) for row in _rows(pages, "Page")}
            for row in _rows(common, "TemplatePage"):
                name = self.find(row.attributes.get("BaseLoc", ""), folder)
                if name is not None and name not in shown:
                    locations[name] = document
        return locations

    def possible_documents(self) -> frozenset[str]:
        """Every file that OFD.xml could name as a document."""
        heads = ((name, next(self.archive.chunks(name), b"")) for name in self.archive.entries)
        return frozenset(
            name for name, data in heads if _may_be_xml(data) and first_element(data) in (None, "Document")
        )

    def only_points(self, covered: frozenset[str], possible: frozenset[str]) -> bool:
        """Whether OFD.xml, which shows nothing itself, can lead readers to one document only among covered files.

        Who may change it could otherwise have them show another of the documents or versions that were signed.
        """
        versions = any(True for body in self.bodies() for _ in body.all("Versions"))
        documents = self.document_files()
        return not versions and len(documents) == 1 and possible & covered == {documents[0]}

    def _mentioned(self, name: str, budget: ElementBudget, last_parts: set[str]) -> Iterator[str]:
        if not _may_be_xml(next(self.archive.chunks(name), b"")):
            return
        data = self.archive.read(name, MAX_SCANNED_FILE)
        try:
            mentions = scan(data, name, budget, lambda text: _folded(_last_part(text)) in last_parts, NOT_DISPLAYED)
        except MalformedDocument:
            if name.lower().endswith(".xml") or _SVG.match(data) is None:
                raise
            return  # a picture: it names no file of the package
        folder = folder_of(name)
        for value in mentions.values:
            for base in dict.fromkeys((folder, _joined(folder, mentions.base), mentions.base.strip("/"))):
                for path in _candidates(value, base):
                    file = self.names.get(_folded(path))
                    if file is not None:
                        yield file


def open_package(archive: Archive) -> Package:
    """The package in a checked archive. Raises MalformedDocument: no OFD.xml, or it is not one."""
    names = {_folded(name): name for name in archive.entries}
    root_file = names.get(_folded(ROOT))
    if root_file is None:
        raise MalformedDocument("the archive has no OFD.xml at its root", code="not_ofd")
    budget = ElementBudget(MAX_ELEMENTS)
    root = parse(archive.read(root_file, MAX_TREE_FILE), ROOT, budget)
    if root.name != "OFD" or root.namespace not in OFD_NAMESPACES:
        raise MalformedDocument("OFD.xml is of another kind: its root is not OFD's", code="unknown_form")
    return Package(archive, root, root_file, names, budget)


def metadata(package: Package) -> tuple[tuple[str, str], ...]:
    """Certificate metadata (GB/T 36903) in the custom data of OFD.xml, by our field names; other names are left out."""
    pairs: list[tuple[str, str]] = []
    for body in package.bodies():
        for info in body.all("DocInfo"):
            for datas in info.all("CustomDatas"):
                for data in datas.all("CustomData"):
                    name = field_name(data.attributes.get("Name", ""))
                    value = data.text.strip()
                    if name and value:
                        pairs.append((name[:MAX_TEXT], value[:MAX_TEXT]))
    return tuple(pairs[:MAX_METADATA])


def folder_of(name: str) -> str:
    """The folder a file lies in, without a trailing slash."""
    return name.rpartition("/")[0]


def _rows(element: Element | None, name: str) -> Iterator[Element]:
    return iter(()) if element is None else element.all(name)


def _candidates(location: str, folder: str) -> Iterator[str]:
    location = location.strip()
    if not location.startswith("/"):
        yield _joined(folder, location)
    yield _joined("", location.lstrip("/"))


def _joined(folder: str, location: str) -> str:
    """A normal path; one that leaves the package is cut off at the root, where no foreign file can be."""
    parts: list[str] = []
    for part in f"{folder}/{location}".replace("\\", "/").split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def _last_part(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]


def _folded(name: str) -> str:
    return name.casefold() if name.isascii() else unicodedata.normalize("NFKC", name).casefold()


def _may_be_xml(data: bytes) -> bool:
    """Whether its first chunk, which may be no more than white space, can begin an XML file."""
    begun = data.lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")
    return bool(data) and (not begun or begun.startswith(b"<"))
