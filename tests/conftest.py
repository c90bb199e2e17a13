"""What every test may ask for."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]

LONGEST_TEST = 1800
"""Seconds that a long test may take on a busy machine."""

if "CI" not in os.environ:  # there Hypothesis brings a profile of its own
    settings.register_profile("patient", deadline=None)
    settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also run the tests that take minutes")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if not item.get_closest_marker("long"):
            continue
        if not config.getoption("--long"):
            item.add_marker(pytest.mark.skip(reason="long: runs with --long"))
        elif not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(LONGEST_TEST))


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The folder with the vectors that are part of this repository."""
    return ROOT / "tests" / "vectors" / "data"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with third-party vectors beside the repository that it may not hand on."""
    folder = ROOT.parent / "shared" / "vectors"
    if not folder.is_dir():
        pytest.skip("third-party vectors are not beside this checkout (../shared/vectors)")
    return folder


@pytest.fixture(autouse=True)
def logging_as_at_the_start() -> None:
    """No test hears less because a command that ran in this process before it has set up its own logs."""
    root = logging.getLogger()
    root.setLevel(logging.WARNING)
    for handler in [handler for handler in root.handlers if type(handler) is logging.StreamHandler]:
        root.removeHandler(handler)
