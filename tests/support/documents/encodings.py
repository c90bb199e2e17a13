"""Values as devices and libraries encode them: the same values, in other bytes than the standard has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from document_makers.certificates import Holder
from document_makers.encoding import element, sequence


def integers_of(signature: bytes) -> tuple[bytes, bytes]:
    """r and s of a signature in DER, 32 bytes each."""
    length = signature[3]
    r, s = signature[4 : 4 + length], signature[6 + length :]
    return r[-32:].rjust(32, b"\0"), s[-32:].rjust(32, b"\0")


def _signed_integer(value: bytes) -> bytes:
    """The contents that DER has for 32 bytes."""
    short = value.lstrip(b"\0") or b"\0"
    return (b"\0" if short[0] >= 0x80 else b"") + short


INTEGERS: Mapping[str, Callable[[bytes], bytes]] = {
    "always a zero before": lambda value: b"\0" + value,
    "padded to 32 bytes": lambda value: (b"\0" if value[0] >= 0x80 else b"") + value,
    "without sign byte": lambda value: value,
    "shortened without sign byte": lambda value: value.lstrip(b"\0"),
    "many zeros before": lambda value: bytes(8) + value,
}
"""How a device writes the contents of r and s."""


@dataclass(frozen=True)
class Device:
    """A signer whose device writes integers in its own way; it signs until that shows."""

    holder: Holder
    form: str

    @property
    def certificate(self) -> bytes:
        return self.holder.certificate

    def sign(self, message: bytes) -> bytes:
        while True:
            made = self.holder.sign(message)
            parts = integers_of(made)
            written = sequence(*(element(2, INTEGERS[self.form](one)) for one in parts))
            if written != made:
                return written


def trimmed_bits(value: bytes) -> bytes:
    """As OpenSSL writes a BIT STRING unless told not to: zero bits at the end are no bits of it."""
    kept = value.rstrip(b"\0")
    unused = (kept[-1] & -kept[-1]).bit_length() - 1
    return element(3, bytes([unused]), kept)


def counted_bits(value: bytes) -> bytes:
    """With the length where unused bits are counted."""
    return element(3, bytes([len(value)]), value)
