"""Checkpoints as signed notes, held to the example of Go's sumdb/note and to C2SP's rules."""

from __future__ import annotations

import base64

import pytest

from chain_service.core.log import checkpoints
from chain_service.core.log.checkpoints import Checkpoint, SignedCheckpoint, VerifierKey
from chain_service.errors import InvalidProof, MalformedDocument
from support.worlds.receipt_world import LOG_KEY, STRANGER

ORIGIN = "eip155:1:0xabc/11430000006122244L.0"
CHECKPOINT = Checkpoint(ORIGIN, 21, bytes(range(32)))
KEY = VerifierKey(ORIGIN, LOG_KEY.public_key)
SIGNED = checkpoints.sign(CHECKPOINT, LOG_KEY)

# golang.org/x/mod/sumdb/note, example of Open
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
SIGNATURE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="


def test_keys_and_signatures_are_those_of_go_s_notes() -> None:
    key = VerifierKey.parse(NEUMANN)
    assert (key.name, str(key)) == ("PeterNeumann", NEUMANN)
    raw = base64.b64decode(SIGNATURE)
    assert raw[:4] == key.key_id
    note = SignedCheckpoint(CHECKPOINT, TEXT, ((key.name, raw[:4], raw[4:]),))
    note.verify(key)
    with pytest.raises(InvalidProof):
        SignedCheckpoint(CHECKPOINT, TEXT + "\n", note.signatures).verify(key)


def test_a_signed_checkpoint_reads_back_and_verifies() -> None:
    note = checkpoints.parse(SIGNED)
    assert note.checkpoint == CHECKPOINT
    note.verify(KEY)
    assert SIGNED.decode().startswith(f"{ORIGIN}\n21\nAAECAwQF")
    assert VerifierKey.parse(str(KEY)) == KEY


def test_only_the_key_expected_counts_and_one_wrong_signature_of_it_refuses() -> None:
    note = checkpoints.parse(SIGNED)
    with pytest.raises(InvalidProof) as refused:
        note.verify(VerifierKey(ORIGIN, STRANGER.public_key))
    assert refused.value.code == "checkpoint_unsigned"
    other = checkpoints.sign(CHECKPOINT, STRANGER).decode().rpartition("\n\n")[2]
    checkpoints.parse(SIGNED + other.encode()).verify(KEY)
    (name, key_id, _signature) = note.signatures[0]
    wrong = (name, key_id, bytes(64))
    with pytest.raises(InvalidProof):
        SignedCheckpoint(note.checkpoint, note.text, (note.signatures[0], wrong)).verify(KEY)


def test_extension_lines_are_signed_text_and_nothing_more() -> None:
    text = CHECKPOINT.to_text() + "extension\n"
    signature = base64.b64encode(KEY.key_id + LOG_KEY.sign(text.encode())).decode()
    note = checkpoints.parse(f"{text}\n— {ORIGIN} {signature}\n".encode())
    assert note.checkpoint == CHECKPOINT
    note.verify(KEY)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\n",
        SIGNED[:-1],
        SIGNED.replace(b"\n21\n", b"\n021\n"),
        SIGNED.replace(b"\n21\n", b"\n-1\n"),
        SIGNED.replace(b"\n21\n", b"\n9007199254740993\n"),
        SIGNED.replace(b"\n21\n", b"\n21\r\n"),
        SIGNED.replace(b"AAEC", b"AAE"),
        SIGNED.replace(b"AAEC", b"AA C"),
        SIGNED.replace("— ".encode(), b"- "),
        SIGNED.replace(b"\n\n", b"\n"),
        SIGNED.replace(b"\n21\n", b"\n21\n\n"),
        SIGNED.rpartition(b"\n\n")[0] + b"\n\n" + SIGNED.rpartition(b"\n\n")[2] * 65,
        SIGNED + b"x" * checkpoints.MAX_NOTE_BYTES,
    ],
)
def test_anything_else_is_no_checkpoint(data: bytes) -> None:
    with pytest.raises(MalformedDocument):
        checkpoints.parse(data)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        NEUMANN.replace("c74f20a3", "c74f20a4"),
        NEUMANN[:-1],
        NEUMANN.replace("ARpc", "Ahpc"),
        "a b" + NEUMANN,
    ],
)
def test_anything_else_is_no_verifier_key(text: str) -> None:
    with pytest.raises(MalformedDocument):
        VerifierKey.parse(text)
