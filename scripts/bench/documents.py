"""Sealed OFD and signed PDF documents of about 40 kB read and judged per second on one core; memory over many files.

Each document is another one: its own content, sealed with version 4 or signed by one of the signers of a test city with
SM2 authorities. `changed` are the PDF documents with a text put over the page after signing, whose revisions have to be
compared. What is known of a certificate is remembered, so with as many signers as documents and one round every
certificate is new. Reading is what the parsing process does: limits, digests, signatures, paths, revocation, facts as
JSON and back; judging is all ten checks without a chain. The floor of the same run is the bare cryptography: SHA-256
and SM3 of the file, SM3 of every file in it (PDF: of what is signed), two SM2 verifications (PDF: one). Times are CPU
seconds of this process, rounds are interleaved and the median counts.

    python scripts/bench/documents.py [--documents 200] [--signers 20] [--rounds 5] [--files 10000] [--json]
"""

from __future__ import annotations

import argparse
import io
import json
import random
import statistics
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
sys.path.insert(1, str(Path(__file__).resolve().parents[1]))

from chain_service.core.encoding.digests import sha256, sm3
from chain_service.documents.facts import from_json, to_json
from chain_service.documents.pki import certificates, sm2
from chain_service.documents.read import read_document
from support.documents.city import DAY, SIGNED, city, sealed, unsigned
from support.documents.judged import judged
from support.pdf import pdfs

CONTENT = 8_000
SEAL_PICTURE = 15_000
ATTACHED = 25_000
CODES = {"OFD": "valid", "PDF": "valid", "PDF, changed": "content_altered"}
"""What is judged of each kind."""


def make(kind: str, count: int, signing: int) -> list[bytes]:
    """Documents that differ, of a kind in `CODES`."""
    of, chance = city(), random.Random(1)
    signers = [of.person() for _ in range(signing)]
    picture = chance.randbytes(SEAL_PICTURE)
    seals = [of.make_seal(signer, picture=picture) for signer in signers]
    made = []
    for number in range(count):
        who, at = number % signing, SIGNED + number % DAY
        if kind == "OFD":
            body = unsigned(texts=(f"第 {number} 号",) * 3, picture=chance.randbytes(CONTENT))
            made.append(sealed(body, seal=seals[who], signer=signers[who], at=at).bytes())
        else:
            signed = pdfs.sign(pdfs.document(ballast=ATTACHED + number), signers[who], at=at)
            changed = kind == "PDF, changed"
            made.append(pdfs.overlaid(signed, pdfs.field_number(signed)) if changed else signed)
    return made


def verify(data: bytes, store: Any, expected: str) -> None:
    code, _, _ = judged(from_json(to_json(read_document(data, store))))
    assert code == expected, code


class Floor:
    """The bare cryptography of one document, with what it needs already available."""

    def __init__(self, data: bytes) -> None:
        self.files, self.signatures = [data], 1
        if zipfile.is_zipfile(io.BytesIO(data)):
            with zipfile.ZipFile(io.BytesIO(data)) as opened:
                self.files, self.signatures = [opened.read(row) for row in opened.infolist()], 2
        self.data = data
        self.point = certificates.parse(city().signer.certificate).key[-sm2.POINT_BYTES :]
        self.message = random.Random(2).randbytes(SEAL_PICTURE if self.signatures == 2 else 200)
        self.signature = city().signer.sign(self.message)

    def __call__(self) -> None:
        sha256(self.data)
        sm3(self.data)
        for file in self.files:
            sm3(file)
        for _ in range(self.signatures):
            assert sm2.verify(self.point, self.message, self.signature)


def rate(work: Callable[[], int]) -> float:
    started = time.process_time()
    return work() / (time.process_time() - started)


def resident() -> float:
    """MB of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("--signers", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    figures = {kind: measured(kind, chosen) for kind in CODES}
    if chosen.json:
        print(json.dumps(figures))
        return
    print(
        "| | document, bytes | floor/s | verified/s | of the floor | target "
        "| resident MB at the start, at each quarter |"
    )
    print("|---|---|---|---|---|---|---|")
    for kind, found in figures.items():
        resident_text = ", ".join(str(megabytes) for megabytes in found["residentMB"])
        print(
            f"| {kind} | {found['bytes']:,} | {found['floorPerSecond']:,} | {found['perSecond']:,} "
            f"| {found['ofTheFloor']} | {'150' if kind == 'OFD' else ''} | {resident_text} |"
        )


def measured(kind: str, chosen: argparse.Namespace) -> dict[str, Any]:
    """Size, rates and memory of one kind of document."""
    documents = make(kind, chosen.documents, chosen.signers)
    store = city().store
    floor = Floor(documents[0])

    def all_of() -> int:
        for document in documents:
            verify(document, store, CODES[kind])
        return len(documents)

    def all_floors() -> int:
        for _ in documents:
            floor()
        return len(documents)

    rounds = [(rate(all_of), rate(all_floors)) for _ in range(chosen.rounds)]
    verified, bare = (statistics.median(column) for column in zip(*rounds, strict=True))
    memory = [resident()]
    for number in range(chosen.files):
        verify(documents[number % len(documents)], store, CODES[kind])
        if (number + 1) % max(1, chosen.files // 4) == 0:
            memory.append(resident())
    return {
        "bytes": round(statistics.median(map(len, documents))),
        "perSecond": round(verified),
        "floorPerSecond": round(bare),
        "ofTheFloor": round(statistics.median(one / floor for one, floor in rounds), 2),
        "residentMB": [round(megabytes) for megabytes in memory],
    }


if __name__ == "__main__":
    main()
