"""The instance's trust file: what makes a new version, who signs it, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chain_service.core.receipts.trust_file import parse
from chain_service.errors import BadRequest, ChainServiceError, Conflict, InvalidProof, NotFound
from chain_service.jobs.proofs import trust_files
from chain_service.jobs.proofs.trust_files import KeptTrustFile
from support.worlds.jobs_city import City

DAY = 86_400


def exported(city: City, **settings: Any) -> KeptTrustFile:
    return trust_files.export(city.on(**settings).app)


def held(city: City) -> bytes:
    return trust_files.in_force(city.app)


def test_before_the_first_export_there_is_none(own_city: City) -> None:
    with pytest.raises(NotFound) as missing:
        trust_files.in_force(own_city.app)
    assert missing.value.code == "no_trust"


def test_it_states_the_chain_as_deployed_and_the_limits_as_set(own_city: City) -> None:
    told = exported(own_city, offline_age_limit=7200)
    terms = parse(held(own_city)).terms
    deployed = own_city.trial.deployment.trust()
    assert (terms.version, terms.threshold, terms.age_limit) == (1, 1, 7200)
    (stated,), (known,) = terms.chain.ranges, deployed.ranges
    assert (stated.validators, terms.chain.contracts) == (known.validators, deployed.contracts)
    assert (stated.from_block, stated.fields, stated.until) == (0, 15, None)
    assert tuple(own_city.app.keystore.root_keys().values()) == terms.root_keys
    assert told.changed and told.trust.fingerprint.startswith(trust_files.fingerprint(told.file)[:4])


def test_it_is_made_anew_only_if_something_changed_or_half_its_time_is_over(own_city: City) -> None:
    first = exported(own_city)
    before = held(own_city)
    own_city.clock.ahead = 100 * DAY
    assert exported(own_city).changed is False and held(own_city) == before
    own_city.clock.ahead = 200 * DAY
    assert (exported(own_city).trust.terms.version, first.trust.terms.version) == (2, 1)
    assert exported(own_city, offline_age_limit=60).trust.terms.version == 3


def test_a_successor_is_taken_and_a_predecessor_is_not(own_city: City, tmp_path: Path) -> None:
    mine = tmp_path / "mine.trust"
    first = exported(own_city)
    old = held(own_city)
    trust_files.update(mine, old, first.trust.fingerprint.upper())
    exported(own_city, offline_age_limit=60)
    new = held(own_city)
    assert trust_files.update(mine, new).trust.terms.version == 2
    assert trust_files.update(mine, new).changed is False
    with pytest.raises(Conflict) as refused:
        trust_files.update(mine, old)
    assert refused.value.code == "trust_rollback" and mine.read_bytes() == new


def test_the_first_one_needs_the_fingerprint_that_a_person_compared(own_city: City, tmp_path: Path) -> None:
    mine = tmp_path / "mine.trust"
    exported(own_city)
    with pytest.raises(BadRequest) as asked:
        trust_files.update(mine, held(own_city))
    with pytest.raises(InvalidProof) as refused:
        trust_files.update(mine, held(own_city), "00" * 32)
    assert (asked.value.code, refused.value.code) == ("fingerprint_missing", "wrong_fingerprint")
    assert not mine.exists()


def test_a_new_root_key_is_vouched_for_by_the_old_one(own_city: City, tmp_path: Path) -> None:
    mine = tmp_path / "mine.trust"
    first = exported(own_city)
    trust_files.update(mine, held(own_city), first.trust.fingerprint)
    assert trust_files.export(own_city.app, rotate=True).trust.terms.version == 2
    update = trust_files.update(mine, held(own_city))
    assert update.trust.terms.root_keys != first.trust.terms.root_keys
    exported(own_city, offline_age_limit=60)
    assert trust_files.update(mine, held(own_city)).trust.terms.version == 3


def test_another_instance_s_file_is_no_successor(own_city: City, city: City, tmp_path: Path) -> None:
    mine = tmp_path / "mine.trust"
    first = exported(own_city)
    trust_files.update(mine, held(own_city), first.trust.fingerprint)
    for ahead in (0.0, 300.0 * DAY):
        city.clock.ahead = ahead
        trust_files.export(city.app)
    with pytest.raises(InvalidProof) as refused:
        trust_files.update(mine, held(city))
    assert refused.value.code == "foreign_trust"


def test_without_the_old_root_key_no_successor_is_made(own_city: City) -> None:
    exported(own_city)
    for file in (own_city.app.settings.data / "keys" / "roots").iterdir():
        file.unlink()
    with pytest.raises(Conflict) as refused:
        exported(own_city, offline_age_limit=60)
    assert refused.value.code == "no_root_key"


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "none.trust"
    with pytest.raises(NotFound):
        trust_files.read(file)
    file.write_bytes(b"nonsense")
    with pytest.raises(ChainServiceError):
        trust_files.read(file)
