"""The process that reads foreign documents: `python -I -m chain_service.jobs.parsing.worker MEGABYTES`.

It has nothing worth stealing: no database, no key, no network, no file; it may be killed at any time.
Frames on standard input and output are a length (4 bytes, big-endian) and that many bytes. `T` and a trust store in
JSON is answered by an empty frame; `D`, the seconds of computing allowed (1 byte), the number of OCSP answers (1 byte),
each of them framed likewise, and a file by its facts in JSON.
"""

from __future__ import annotations

import io
import resource
import struct
import sys
from typing import IO

OUT_OF_MEMORY = 3
"""Exit code when a document needs more memory than the limit."""
_LENGTH = struct.Struct(">I")


def main() -> int:
    """Answers frames until standard input ends; the exit code is 0 then."""
    # here, so that the service, which shares the frames below, never holds a parser
    from chain_service.documents.facts import to_json
    from chain_service.documents.pki import trust_store
    from chain_service.documents.read import read_document

    bound(int(sys.argv[1]))
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    store = trust_store.TrustStore()
    while (frame := read_frame(requests)) is not None:
        try:
            if frame[:1] == b"T":
                store, answer = trust_store.from_json(frame[1:]), b""
                read_document(b"", store)  # the store is read now, not in the time of the first document
            else:
                allow_computing(frame[1])
                rest, told = io.BytesIO(frame[3:]), []
                for _ in range(frame[2]):
                    told.append(read_frame(rest) or b"")
                answer = to_json(read_document(rest.read(), store, tuple(told)))
        except MemoryError:
            return OUT_OF_MEMORY
        write_frame(answers, answer)
    return 0


def bound(megabytes: int) -> None:
    """The process can neither grow beyond this nor write a file, start another process or leave its memory behind."""
    resource.setrlimit(resource.RLIMIT_AS, (megabytes * 2**20,) * 2)
    for limit in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_NPROC):
        resource.setrlimit(limit, (0, 0))


def allow_computing(seconds: int) -> None:
    """From here on the process may compute that many seconds; beyond them the system kills it (SIGXCPU)."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def read_frame(stream: IO[bytes]) -> bytes | None:
    """The next frame; None when the stream has ended, in the middle of one too."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    body = stream.read(length)
    return body if len(body) == length else None


def framed(body: bytes) -> bytes:
    """The body as a part of a frame that `read_frame` finds."""
    return _LENGTH.pack(len(body)) + body


def write_frame(stream: IO[bytes], *parts: bytes) -> None:
    """One frame of these parts. Raises OSError when nobody reads."""
    stream.write(_LENGTH.pack(sum(map(len, parts))))
    for part in parts:
        stream.write(part)
    stream.flush()


if __name__ == "__main__":
    sys.exit(main())
