"""Documents that are whole, in the forms that makers write."""

from __future__ import annotations

from document_makers.packages import add_signature
from document_makers.seals import HASHES
from support.cms.plain_signatures import signed_data
from support.documents.archives import with_comment
from support.documents.city import DAY, SIGNED, City, sealed, unsigned
from support.documents.recipes import recipe

# whole


@recipe("valid")
def sealed_with_a_seal_of_version_4(_: City) -> bytes:
    return sealed().bytes()


@recipe("valid")
def sealed_with_a_seal_of_version_1(of: City) -> bytes:
    return sealed(seal=of.make_seal(version=1)).bytes()


@recipe("valid")
def sealed_with_a_seal_of_version_5(of: City) -> bytes:
    return sealed(seal=of.make_seal(version=5)).bytes()


@recipe("valid")
def signatures_written_as_r_and_s(of: City) -> bytes:
    return sealed(seal=of.make_seal(raw=True), raw=True).bytes()


@recipe("valid")
def a_seal_that_lists_hashes_of_certificates(of: City) -> bytes:
    return sealed(seal=of.make_seal(list_type=HASHES)).bytes()


@recipe("valid")
def the_older_namespace(_: City) -> bytes:
    return sealed(unsigned(namespace="http://www.ofdspec.org")).bytes()


@recipe("valid")
def relative_paths(_: City) -> bytes:
    return sealed(relative=True).bytes()


@recipe("valid")
def check_method_as_object_identifier(_: City) -> bytes:
    return sealed(method="1.2.156.10197.1.401").bytes()


@recipe("valid")
def sha_256_digests(_: City) -> bytes:
    return sealed(method="SHA-256").bytes()


@recipe("signature_unsupported", "weak_digest")
def sha_1_digests(_: City) -> bytes:
    return sealed(method="SHA1").bytes()


@recipe("valid", "weak_digest", anchored_by=SIGNED + DAY)
def sha_1_digests_of_an_anchored_file(_: City) -> bytes:
    return sealed(method="SHA1").bytes()


@recipe("signature_unsupported", "weak_digest", anchored_by=SIGNED + DAY)
def digests_without_a_method_are_md5(_: City) -> bytes:
    return sealed(method=None).bytes()


@recipe("valid")
def a_list_of_signatures_that_is_closed(_: City) -> bytes:
    return sealed(cover_list=True).bytes()


@recipe("valid")
def a_second_signature_over_the_first(_: City) -> bytes:
    return sealed(sealed(), at=SIGNED + DAY).bytes()


@recipe("valid")
def signed_without_a_seal(of: City) -> bytes:
    return add_signature(unsigned(), lambda data, _: of.signer.sign(data), kind="Sign", at=SIGNED).bytes()


@recipe("valid")
def signed_data_of_gbt_35275(of: City) -> bytes:
    return add_signature(unsigned(), lambda data, _: signed_data(data, of.signer), kind="Sign", at=SIGNED).bytes()


@recipe("valid")
def signed_data_with_attributes(of: City) -> bytes:
    made = add_signature(unsigned(), lambda data, _: signed_data(data, of.signer, at=SIGNED), kind="Sign", at=SIGNED)
    return made.bytes()


@recipe("valid", "uncovered_files")
def a_file_that_nothing_displays_is_not_covered(_: City) -> bytes:
    made = sealed()
    made.files["Doc_0/Attachs/extra.xml"] = b"<extra/>"
    return made.bytes()


@recipe("valid", "uncovered_files")
def a_comment_in_the_archive(_: City) -> bytes:
    return with_comment(sealed().bytes())


@recipe("valid", "uncovered_files")
def an_attachment_that_was_left_out(_: City) -> bytes:
    return sealed(unsigned(attachment=b"data"), leave_out=("Doc_0/Attachs/a.bin",)).bytes()


@recipe("valid")
def a_picture_written_in_xml(_: City) -> bytes:
    """Its document type is that of every such picture, and draws in nothing."""
    kind = b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
    picture = b'<?xml version="1.0"?>\n' + kind + b'\n<svg xmlns="http://www.w3.org/2000/svg"/>'
    return sealed(unsigned(picture=picture)).bytes()
