"""What each signature of an OFD document covers, and what was added after it."""

from __future__ import annotations

from chain_service.documents.facts import DocumentFacts, SignatureFacts
from chain_service.documents.pki.trust_store import TrustStore
from chain_service.documents.read import read_document
from document_makers.packages import NAMESPACE, Package
from support.documents.city import DAY, SIGNED, city, sealed, unsigned

FIRST, SECOND = "Doc_0/Signs/Sign_0", "Doc_0/Signs/Sign_1"
LIST = "Doc_0/Signs/Signatures.xml"


def read(made: Package) -> DocumentFacts:
    return read_document(made.bytes(), TrustStore())


def signatures(made: Package) -> tuple[SignatureFacts, ...]:
    return read(made).signatures


def test_one_signature_covers_all_but_itself_and_the_list() -> None:
    (one,) = signatures(sealed())
    assert one.place == f"{FIRST}/Signature.xml"
    assert one.coverage.whole and not one.coverage.displayed and not one.coverage.added
    assert one.coverage.other == (LIST,)
    assert read(sealed()).uncovered == ()


def test_a_closed_list_is_covered_too() -> None:
    (one,) = signatures(sealed(cover_list=True))
    assert one.coverage.whole and one.coverage.other == ()


def test_a_second_signature_is_an_addition_that_covers_the_first() -> None:
    first, second = signatures(sealed(sealed(), at=SIGNED + DAY))
    assert not first.coverage.whole
    assert set(first.coverage.added) == {
        f"{SECOND}/{name}" for name in ("Signature.xml", "SignedValue.dat", "Seal.esl")
    }
    assert first.coverage.displayed == ()
    assert second.coverage.whole
    assert second.coverage.covers_signatures == (first.place,)
    assert first.coverage.covers_signatures == ()


def test_what_is_displayed_and_not_signed_is_told_from_other_files() -> None:
    made = sealed(unsigned(texts=("一", "二"), attachment=b"x"), leave_out=("Doc_0/Pages/Page_1/Content.xml",))
    made.files["Doc_0/Attachs/later.bin"] = b"later"
    (one,) = signatures(made)
    assert one.coverage.displayed == ("Doc_0/Pages/Page_1/Content.xml",)
    assert set(one.coverage.other) == {LIST, "Doc_0/Attachs/later.bin"}
    assert set(read(made).uncovered) == {"Doc_0/Pages/Page_1/Content.xml", "Doc_0/Attachs/later.bin"}


def test_a_file_that_a_signed_file_names_and_that_came_later_is_displayed() -> None:
    made = unsigned()
    resources = f'<ofd:Res xmlns:ofd="{NAMESPACE}" BaseLoc="Res"><a>picture.png</a><a>later.png</a></ofd:Res>'
    made.files["Doc_0/PublicRes.xml"] = resources.encode()
    made = sealed(made)
    made.files["Doc_0/Res/later.png"] = b"came later"
    (one,) = signatures(made)
    assert one.coverage.displayed == ("Doc_0/Res/later.png",)


def test_pages_between_two_signatures_are_additions_to_the_first() -> None:
    made = sealed(unsigned(texts=("一", "二")), leave_out=("Doc_0/Pages/Page_1/Content.xml",))
    first, second = signatures(sealed(made, at=SIGNED + DAY))
    assert first.coverage.displayed == ("Doc_0/Pages/Page_1/Content.xml",)
    assert "Doc_0/Pages/Page_1/Content.xml" in first.coverage.added
    assert second.coverage.whole


def test_metadata_claimed_times_and_seals_are_facts() -> None:
    facts = read(sealed())
    assert dict(facts.metadata)["certificateNumber"] == "湘2026-000001"
    (one,) = facts.signatures
    assert [(claim.at, claim.source, claim.zoneless) for claim in one.claimed] == [
        (SIGNED, "seal_signature", False),
        (SIGNED, "signature_xml", True),
    ]
    assert one.seal is not None and one.seal.code == city().seal.code
    assert one.seal_file_equal is True and one.signer_in_seal is True


def test_too_many_signatures_are_refused_not_passed_over() -> None:
    made = sealed()
    rows = "".join(f'<ofd:Signature ID="{n}" BaseLoc="/x/{n}.xml"/>' for n in range(70))
    made.files[LIST] = f'<ofd:Signatures xmlns:ofd="{NAMESPACE}">{rows}</ofd:Signatures>'.encode()
    facts = read(made)
    assert facts.problem is not None and facts.problem.code == "too_many_signatures"


def test_white_space_before_a_page_does_not_hide_what_it_shows() -> None:
    for blank in (100, 300_000):
        made = unsigned()
        page = "Doc_0/Pages/Page_0/Content.xml"
        text = made.files[page].decode().partition("?>\n")[2]
        made.files[page] = (
            " " * blank + text.replace("<ofd:Content>", "<ofd:a>../../x.png</ofd:a><ofd:Content>")
        ).encode()
        made.files["Doc_0/x.png"] = b"\x89PNG"
        (one,) = signatures(sealed(made, leave_out=("Doc_0/x.png",)))
        assert one.coverage.displayed == ("Doc_0/x.png",)
