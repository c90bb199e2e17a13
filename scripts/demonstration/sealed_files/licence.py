"""The face of a licence: one layout in millimetres, drawn as the page of an OFD package and as the page of a PDF file.

No font is embedded: OFD names one, PDF refers to a standard one of Adobe-GB1, and the reader shows its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter

from chain_service.documents.ofd.metadata_names import SHORT_NAMES
from document_makers.packages import HEAD, NAMESPACE, Package

WIDTH, HEIGHT = 297, 210
SEAL = (217, 128, 42)
"""Left, top and diameter of the seal."""
_POINTS = 72 / 25.4
_FRAMES = ((8, 0.9), (10.5, 0.3))
"""Distance from the edge and line width of each frame."""
_GOLD, _INK, _RED = (176, 138, 62), (32, 32, 32), (200, 22, 29)
_WIDE, _NARROW = 1.0, 0.56
"""Advance of a Chinese and of a Latin character, in sizes."""


@dataclass(frozen=True)
class Words:
    """A text: where its baseline begins, and its size."""

    x: float
    y: float
    size: float
    text: str

    def advances(self) -> list[float]:
        return [self.size * (_NARROW if character.isascii() else _WIDE) for character in self.text]


def words(record: Mapping[str, Any]) -> Iterator[Words]:
    """What is written on the licence that the record describes."""
    holder, more = record["holders"][0], record["extension"]
    issued, until = record["certificateIssuedDate"], record.get("certificateExpiringDate")
    title = record["certificateName"]
    yield _centred(40, 15, title)
    yield _centred(51, 5, "（电子证照）")
    rows = (
        ("证照编号", record["certificateNumber"]),
        ("名称", holder["certificateHolderName"]),
        ("统一社会信用代码", holder["certificateHolderCode"]),
        ("住所", more["address"]),
        ("经营范围", more["scope"]),
        ("有效期限", f"{_day(issued)}至{_day(until) if until else '长期'}"),
    )
    for place, (label, value) in enumerate(rows):
        y = 70 + 12 * place
        yield Words(32, y, 5, label)
        yield Words(80, y, 5.6, value)
    left = SEAL[0] - 20
    yield Words(left, 146, 5, "颁发机构")
    yield Words(left, 155, 5, record["certificateIssuingAuthorityName"])
    yield Words(left, 164, 5, _day(issued))
    yield Words(32, 186, 3.2, f"证照标识 {record['certificateIdentifier']}")
    yield Words(32, 192, 3.2, "演示样张，机构、主体与编号均属虚构。Specimen: every name and number is invented.")


def _centred(y: float, size: float, text: str) -> Words:
    width = sum(Words(0, 0, size, text).advances())
    return Words((WIDTH - width) / 2, y, size, text)


def _day(text: str) -> str:
    day = date.fromisoformat(text)
    return f"{day.year}年{day.month}月{day.day}日"


# ---- OFD (GB/T 33190) ----

PAGE = "Doc_0/Pages/Page_0/Content.xml"


def ofd(record: Mapping[str, Any]) -> Package:
    """The licence as a package, not yet sealed."""
    told = {**record, **record["holders"][0]}
    values = {short: told[member] for short, member in SHORT_NAMES.items() if member in told}
    custom = "".join(
        f'<ofd:CustomData Name="{name}">{escape(value)}</ofd:CustomData>' for name, value in values.items()
    )
    files = {
        "OFD.xml": f'<ofd:OFD xmlns:ofd="{NAMESPACE}" Version="1.0" DocType="OFD"><ofd:DocBody><ofd:DocInfo>'
        f"<ofd:DocID>{record['certificateNumber']:0>32}</ofd:DocID><ofd:CustomDatas>{custom}</ofd:CustomDatas>"
        "</ofd:DocInfo><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>",
        "Doc_0/Document.xml": f'<ofd:Document xmlns:ofd="{NAMESPACE}"><ofd:CommonData><ofd:MaxUnitID>99</ofd:MaxUnitID>'
        f"<ofd:PageArea><ofd:PhysicalBox>0 0 {WIDTH} {HEIGHT}</ofd:PhysicalBox></ofd:PageArea>"
        "<ofd:PublicRes>PublicRes.xml</ofd:PublicRes></ofd:CommonData><ofd:Pages>"
        '<ofd:Page ID="10" BaseLoc="Pages/Page_0/Content.xml"/></ofd:Pages></ofd:Document>',
        "Doc_0/PublicRes.xml": f'<ofd:Res xmlns:ofd="{NAMESPACE}" BaseLoc="Res"><ofd:Fonts>'
        '<ofd:Font ID="3" FontName="宋体" FamilyName="宋体"/></ofd:Fonts></ofd:Res>',
        PAGE: f'<ofd:Page xmlns:ofd="{NAMESPACE}"><ofd:Content><ofd:Layer ID="20">{_ofd_objects(record)}</ofd:Layer>'
        "</ofd:Content></ofd:Page>",
    }
    return Package({name: (HEAD + text).encode() for name, text in files.items()})


def redrawn(made: Package, record: Mapping[str, Any]) -> Package:
    """The package, signed or not, with the face of another record and nothing else changed."""
    return Package(made.files | {PAGE: ofd(record).files[PAGE]}, made.namespace, made.signatures)


def _ofd_objects(record: Mapping[str, Any]) -> str:
    made = []
    for place, (edge, line) in enumerate(_FRAMES):
        width, height = WIDTH - 2 * edge, HEIGHT - 2 * edge
        made.append(
            f'<ofd:PathObject ID="{30 + place}" Boundary="{edge} {edge} {width} {height}" LineWidth="{line}">'
            f'<ofd:StrokeColor Value="{_spaced(_GOLD)}"/><ofd:AbbreviatedData>M 0 0 L {width} 0 L {width} {height} '
            f"L 0 {height} C</ofd:AbbreviatedData></ofd:PathObject>"
        )
    for place, one in enumerate(words(record)):
        advances = one.advances()
        box = f"{one.x:.2f} {one.y - one.size:.2f} {sum(advances):.2f} {1.3 * one.size:.2f}"
        deltas = " ".join(f"{advance:g}" for advance in advances[:-1])
        made.append(
            f'<ofd:TextObject ID="{40 + place}" Boundary="{box}" Font="3" Size="{one.size:g}">'
            f'<ofd:FillColor Value="{_spaced(_INK)}"/><ofd:TextCode X="0" Y="{one.size:g}" DeltaX="{deltas}">'
            f"{escape(one.text)}</ofd:TextCode></ofd:TextObject>"
        )
    return "".join(made)


def _spaced(colour: tuple[int, int, int]) -> str:
    return " ".join(map(str, colour))


# ---- PDF (ISO 32000-2) ----


def pdf(record: Mapping[str, Any], seal: str) -> bytes:
    """The licence as a PDF file, not yet signed, with a picture of the seal whose text is `seal`."""
    made = PdfFileWriter(stream_xrefs=False)
    fonts = generic.DictionaryObject({generic.pdf_name("/F1"): made.add_object(_font())})
    content = made.add_object(generic.StreamObject(stream_data=pdf_content(record, seal)))
    box = (0, 0, WIDTH * _POINTS, HEIGHT * _POINTS)
    made.insert_page(PageObject(content, box, resources=generic.DictionaryObject({generic.pdf_name("/Font"): fonts})))
    out = BytesIO()
    made.write(out)
    return out.getvalue()


def pdf_content(record: Mapping[str, Any], seal: str) -> bytes:
    """The page's content stream."""
    drawn = [f"{_colour(_GOLD)} RG"]
    for edge, line in _FRAMES:
        width, height = WIDTH - 2 * edge, HEIGHT - 2 * edge
        drawn.append(f"{line * _POINTS:.2f} w {_mm(edge, edge, width, height)} re S")
    drawn.append(f"{_colour(_INK)} rg")
    for word in words(record):
        drawn.append(_text(word.text, word.size, (1, 0, 0, 1, word.x, HEIGHT - word.y)))
    drawn += _pdf_seal(seal)
    return "\n".join(drawn).encode("ascii")


def _font() -> generic.DictionaryObject:
    """A standard font of Adobe-GB1, not embedded (ISO 32000-2 §9.7.5.2); Latin characters are half as wide."""
    name, number = generic.pdf_name, _number
    system = {
        "/Registry": generic.pdf_string("Adobe"),
        "/Ordering": generic.pdf_string("GB1"),
        "/Supplement": number(2),
    }
    box = generic.ArrayObject(map(number, (-25, -254, 1000, 880)))
    described = {"/Type": name("/FontDescriptor"), "/FontName": name("/STSong-Light"), "/Flags": number(6),
                 "/FontBBox": box, "/ItalicAngle": number(0), "/Ascent": number(880), "/Descent": number(-120),
                 "/CapHeight": number(880), "/StemV": number(93)}  # fmt: skip
    descendant = {"/Type": name("/Font"), "/Subtype": name("/CIDFontType0"), "/BaseFont": name("/STSong-Light"),
                  "/CIDSystemInfo": _dictionary(system), "/DW": number(1000), "/FontDescriptor": _dictionary(described),
                  "/W": generic.ArrayObject(map(number, (1, 95, int(1000 * _NARROW))))}  # fmt: skip
    return _dictionary({
        "/Type": name("/Font"), "/Subtype": name("/Type0"), "/BaseFont": name("/STSong-Light"),
        "/Encoding": name("/UniGB-UCS2-H"), "/DescendantFonts": generic.ArrayObject([_dictionary(descendant)]),
    })  # fmt: skip


def _number(value: int) -> generic.NumberObject:
    return generic.NumberObject(value)


def _dictionary(entries: Mapping[str, Any]) -> generic.DictionaryObject:
    return generic.DictionaryObject({generic.pdf_name(key): value for key, value in entries.items()})


def _pdf_seal(text: str) -> Iterator[str]:
    """A round seal: a ring, a star, and the name along the ring."""
    left, top, diameter = SEAL
    radius = diameter / 2
    x, y = left + radius, HEIGHT - top - radius
    yield f"{_colour(_RED)} RG {_colour(_RED)} rg {1.2 * _POINTS:.2f} w"
    yield _circle(x, y, radius - 0.6)
    corners = star(x, y, 0.3 * radius)
    yield " ".join(f"{_mm(*corner)} {'l' if place else 'm'}" for place, corner in enumerate(corners)) + " f"
    size = 0.21 * radius
    reach = 0.72 * radius
    step = min(math.radians(26), math.radians(250) / max(len(text) - 1, 1))
    first = math.pi / 2 + step * (len(text) - 1) / 2
    for place, character in enumerate(text):
        angle = first - place * step
        turn = angle - math.pi / 2
        cos, sin = math.cos(turn), math.sin(turn)
        # The middle of the character's foot stands on the circle of reach.
        at_x = x + reach * math.cos(angle) - size / 2 * cos
        at_y = y + reach * math.sin(angle) - size / 2 * sin
        yield _text(character, size, (cos, sin, -sin, cos, at_x, at_y))


def star(x: float, y: float, radius: float) -> list[tuple[float, float]]:
    """The ten corners of a star with one point up."""
    inner = radius * math.sin(math.radians(18)) / math.sin(math.radians(54))
    return [
        (
            x + reach * math.cos(math.radians(90 + 36 * place)),
            y + reach * math.sin(math.radians(90 + 36 * place)),
        )
        for place in range(10)
        for reach in ((radius, inner)[place % 2],)
    ]


def _circle(x: float, y: float, radius: float) -> str:
    bend = 0.5523 * radius
    arcs = [f"{_mm(x + radius, y)} m"]
    for ux, uy in ((1, 0), (0, 1), (-1, 0), (0, -1)):
        vx, vy = -uy, ux
        start = (x + radius * ux + bend * vx, y + radius * uy + bend * vy)
        end = (x + radius * vx + bend * ux, y + radius * vy + bend * uy)
        arcs.append(f"{_mm(*start, *end, x + radius * vx, y + radius * vy)} c")
    return " ".join(arcs) + " s"


def _text(text: str, size: float, matrix: tuple[float, float, float, float, float, float]) -> str:
    turn = " ".join(f"{part:.4f}" for part in matrix[:4])
    return f"BT /F1 {size * _POINTS:.2f} Tf {turn} {_mm(*matrix[4:])} Tm <{text.encode('utf-16-be').hex()}> Tj ET"


def _mm(*lengths: float) -> str:
    return " ".join(f"{length * _POINTS:.2f}" for length in lengths)


def _colour(colour: tuple[int, int, int]) -> str:
    return " ".join(f"{part / 255:.3f}" for part in colour)
