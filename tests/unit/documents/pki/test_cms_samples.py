"""CMS as the field writes it: genuine signatures are good or cannot be told, and changed ones are always found."""

from __future__ import annotations

from functools import cache

import pytest

from chain_service.documents.pki.trust_store import TrustStore
from chain_service.documents.read import read_document
from support.cms.cms_samples import SAMPLES
from support.documents.city import NOW, city
from support.documents.judged import judged


@cache
def store() -> TrustStore:
    """Made once: nobody of these samples is on a list of it."""
    return city("rsa").store


@pytest.mark.parametrize("name", SAMPLES)
def test_a_signature_gets_its_right_answer(name: str) -> None:
    sample = SAMPLES[name]
    facts = read_document(sample.make(city("rsa")), store())
    code, warnings, checks = judged(facts)
    assert code == sample.code, [(one.name, one.code, one.evidence) for one in checks if one.outcome.value != "passed"]
    assert warnings >= set(sample.warned)
    anchored, _, _ = judged(facts, anchored_by=NOW)
    assert anchored == (sample.anchored or sample.code)


@pytest.mark.parametrize("name", [name for name, sample in SAMPLES.items() if sample.code == "valid"])
def test_a_good_signature_over_a_changed_file_is_found(name: str) -> None:
    data = SAMPLES[name].make(city("rsa"))
    changed = data.replace(b"2026-0001", b"2026-0002")
    assert changed != data
    for anchored_by in (None, NOW):
        assert judged(read_document(changed, store()), anchored_by=anchored_by)[0] == "content_altered"
