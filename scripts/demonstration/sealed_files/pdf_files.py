"""What happens to a PDF file: it is signed, gets an attachment, or is changed; each by an incremental update."""

from __future__ import annotations

from io import BytesIO

from asn1crypto import keys, x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.pdf_utils.embed import EmbeddedFileObject, FileSpec, embed_file
from pyhanko.pdf_utils.generic import StreamObject, pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko_certvalidator.registry import SimpleCertificateStore

from document_makers.certificates import Holder


def signed(content: bytes, by: Holder, reason: str) -> bytes:
    """The file with a PAdES signature over all of it; the holder's key is one of ECDSA."""
    secret = by.key.secret
    assert isinstance(secret, ec.EllipticCurvePrivateKey)
    key = secret.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    signer = signers.SimpleSigner(
        x509.Certificate.load(by.certificate), keys.PrivateKeyInfo.load(key), SimpleCertificateStore()
    )
    terms = signers.PdfSignatureMetadata(
        field_name="Signature1", reason=reason, subfilter=SigSeedSubFilter.PADES, md_algorithm="sha256"
    )
    made: BytesIO = signers.sign_pdf(IncrementalPdfFileWriter(BytesIO(content)), terms, signer=signer)
    return made.getvalue()


def with_receipt(content: bytes, receipt: bytes) -> bytes:
    """The file with a receipt attached to it."""
    writer = IncrementalPdfFileWriter(BytesIO(content))
    attached = EmbeddedFileObject.from_file_data(writer, receipt, mime_type="application/cose")
    embed_file(writer, FileSpec("licence.receipt", file_name="licence.receipt", embedded_data=attached))
    return _written(writer)


def redrawn(content: bytes, page: bytes) -> bytes:
    """The file with another content stream of its only page."""
    writer = IncrementalPdfFileWriter(BytesIO(content))
    shown = writer.root["/Pages"]["/Kids"][0]
    shown[pdf_name("/Contents")] = writer.add_object(StreamObject(stream_data=page))
    writer.update_container(shown)
    return _written(writer)


def _written(writer: IncrementalPdfFileWriter) -> bytes:
    out = BytesIO()
    writer.write(out)
    return out.getvalue()
