"""Whole and broken documents read and judged: each is found to be what it is, and nothing broken is found valid."""

from __future__ import annotations

import pytest

from chain_service.documents import facts as facts_
from chain_service.documents.pki.trust_store import TrustStore
from chain_service.documents.read import read_document
from support.documents.city import city
from support.documents.judged import judged
from support.documents.samples import names, sample, samples

ABOUT_THE_CHAIN = {"sealed_not_anchored", "anchored_but_broken"}


@pytest.fixture(scope="module")
def store() -> TrustStore:
    samples()
    return city().store


@pytest.mark.parametrize("name", names())
def test_a_document_is_found_to_be_what_it_is(name: str, store: TrustStore) -> None:
    one = sample(name)
    facts = read_document(one.data, store)
    code, warnings, checks = judged(facts, anchored_by=one.anchored_by)
    assert code == one.code, [(check.name, check.code, dict(check.evidence)) for check in checks]
    if code == "valid":
        assert warnings - ABOUT_THE_CHAIN == set(one.warnings)


def test_facts_survive_the_way_from_process_to_process(store: TrustStore) -> None:
    for one in samples():
        facts = read_document(one.data, store)
        assert facts_.from_json(facts_.to_json(facts)) == facts
