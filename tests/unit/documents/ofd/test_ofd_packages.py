"""What belongs to an OFD package: locations, what is displayed, metadata; its XML read without entities and bounded."""

from __future__ import annotations

import pytest

from chain_service.documents.ofd import xml
from chain_service.documents.ofd.archive import open_archive
from chain_service.documents.ofd.package import Package as Opened
from chain_service.documents.ofd.package import metadata, open_package
from chain_service.errors import MalformedDocument
from document_makers.packages import HEAD, NAMESPACE, Package, package


def opened(made: Package) -> Opened:
    return open_package(open_archive(made.bytes()))


def code_of(data: bytes) -> str:
    with pytest.raises(MalformedDocument) as refused:
        xml.parse(data, "a file", xml.ElementBudget(50_000))
    return refused.value.code


def test_a_file_is_found_by_absolute_and_relative_location_in_any_case() -> None:
    found = opened(package())
    page = "Doc_0/Pages/Page_0/Content.xml"
    for location, folder in (
        ("/Doc_0/Pages/Page_0/Content.xml", "elsewhere"),
        ("Page_0/Content.xml", "Doc_0/Pages"),
        ("../Pages/./Page_0/Content.xml", "Doc_0/Signs"),
        ("Doc_0/Pages/Page_0/Content.xml", "Doc_0/Signs/Sign_0"),
        ("/doc_0/PAGES/Page_0/content.xml", ""),
        ("Pages\\Page_0\\Content.xml", "Doc_0"),
    ):
        assert found.find(location, folder) == page, location
    assert found.find("/Doc_0/None.xml") is None
    assert found.find("../../../OFD.xml", "Doc_0") == "OFD.xml"


def test_pages_resources_and_pictures_are_displayed_and_attachments_are_not() -> None:
    made = package(texts=("一", "二"), attachment=b"data")
    made.files["Doc_0/left_over.xml"] = b"<a/>"
    assert opened(made).displayed().files == {
        "OFD.xml",
        "Doc_0/Document.xml",
        "Doc_0/PublicRes.xml",
        "Doc_0/Pages/Page_0/Content.xml",
        "Doc_0/Pages/Page_1/Content.xml",
        "Doc_0/Res/picture.png",
    }


@pytest.mark.parametrize(
    "element",
    [
        "<ofd:DocumentRes>More.xml</ofd:DocumentRes>",
        "<ofd:TemplatePage ID='7' BaseLoc='More.xml'/>",
        "<x:y z='More.xml'/>",
        "<x:y z=' .\\More.xml '/>",
        "<x:y>\n More.xml <x:z/>\n</x:y>",
        "<x:y>Mo<!-- -->re.xml</x:y>",
    ],
)
def test_whatever_element_names_a_file_that_file_is_displayed(element: str) -> None:
    made = package()
    text = made.files["Doc_0/Document.xml"].decode().replace("<ofd:Pages>", f"{element}<ofd:Pages>")
    made.files["Doc_0/Document.xml"] = text.replace("<ofd:Document ", "<ofd:Document xmlns:x='urn:x' ").encode()
    made.files["Doc_0/More.xml"] = b"<more/>"
    assert "Doc_0/More.xml" in opened(made).displayed().files


def test_files_that_name_each_other_are_each_read_once() -> None:
    made = package()
    made.files["Doc_0/PublicRes.xml"] = f'{HEAD}<ofd:Res xmlns:ofd="{NAMESPACE}"><a>/OFD.xml</a></ofd:Res>'.encode()
    assert "Doc_0/PublicRes.xml" in opened(made).displayed().files


def test_metadata_is_found_by_short_long_and_chinese_names() -> None:
    custom = {
        "ZZBH": "京2026-1",
        "certificateIssuedDate": "2026-01-02",
        "证照标识": "1.2.156",
        "KZ_面积": "12",
        "其他": "x",
    }
    assert dict(metadata(opened(package(custom=custom)))) == {
        "certificateNumber": "京2026-1",
        "certificateIssuedDate": "2026-01-02",
        "certificateIdentifier": "1.2.156",
        "extension.面积": "12",
    }


def test_both_namespaces_are_read_and_no_other() -> None:
    old = "http://www.ofdspec.org"
    assert dict(metadata(opened(package(namespace=old, custom={"ZZBH": "1"})))) == {"certificateNumber": "1"}
    with pytest.raises(MalformedDocument) as refused:
        opened(package(namespace="urn:another"))
    assert refused.value.code == "unknown_form"


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>',
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        '<!DOCTYPE a [<!ENTITY e SYSTEM "http://127.0.0.1/">]><a>&e;</a>',
        '<!DOCTYPE a [<!ENTITY l0 "lol"><!ENTITY l1 "&l0;&l0;&l0;">]><a>&l1;</a>',
    ],
)
def test_a_document_type_is_refused_where_it_begins(text: str) -> None:
    assert code_of(text.encode()) == "xml_entity"


def test_depth_and_counts_are_bounded() -> None:
    assert code_of(b"<a>" * 100 + b"</a>" * 100) == "too_complex"
    assert code_of(b"<a>" + b"<b/>" * 60_000 + b"</a>") == "too_complex"
    assert code_of(b"<a>" + b"x<!---->" * 20 + b"x" * 200_000 + b"</a>") == "too_complex"


@pytest.mark.parametrize(
    "text", [b"", b"<a>", b"<a/><b/>", b"\xff\xfe\x00", b'<?xml version="1.0" encoding="x-none"?><a/>']
)
def test_what_is_no_xml_is_refused(text: bytes) -> None:
    assert code_of(text) == "bad_xml"


def test_chinese_encodings_are_read() -> None:
    text = '<?xml version="1.0" encoding="GBK"?><a>电子证照</a>'
    assert xml.parse(text.encode("gbk"), "a file", xml.ElementBudget(9)).text == "电子证照"
