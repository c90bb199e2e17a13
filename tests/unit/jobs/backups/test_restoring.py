"""What an interrupted restore left is finished, and what stood before is never lost by that."""

from __future__ import annotations

from pathlib import Path

import pytest

from chain_service.jobs.backups.back_up import PLAIN_DATABASE
from chain_service.jobs.backups.restoring import _place_database

ENDED = {
    "before anything": {"there": b"old", "there-wal": b"old log"},
    "with the old log beside both": {"there": b"old", "there-wal": b"old log", "aside": b"old"},
    "while the new one was carried": {"there": b"hal", "aside": b"old", "aside-wal": b"old log"},
    "before the old log was removed": {"there-wal": b"old log", "aside": b"old", "aside-wal": b"old log"},
    "before the new one was removed here": {"there": b"new", "aside": b"old", "aside-wal": b"old log"},
}


@pytest.mark.parametrize("when", ENDED)
def test_a_database_outside_dir_takes_its_place_and_the_old_one_stays_aside(when: str, tmp_path: Path) -> None:
    data, aside, target = tmp_path / "data", tmp_path / "data" / "before-restore-1", tmp_path / "disk" / "city.db"
    for folder in (data, aside, target.parent):
        folder.mkdir()
    for name, content in ENDED[when].items():
        place = target if name.startswith("there") else aside / PLAIN_DATABASE
        place.with_name(place.name + name.removeprefix("there").removeprefix("aside")).write_bytes(content)
    (data / PLAIN_DATABASE).write_bytes(b"new")
    _place_database(data, aside, {"sqlite": str(target)})
    assert target.read_bytes() == b"new"
    assert (aside / PLAIN_DATABASE).read_bytes() == b"old"
    assert (aside / f"{PLAIN_DATABASE}-wal").read_bytes() == b"old log"
    assert {path.name for path in target.parent.iterdir()} == {"city.db"}
    assert not (data / PLAIN_DATABASE).exists()
