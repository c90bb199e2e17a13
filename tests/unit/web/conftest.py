"""A client without sockets for small applications made of the real parts."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI

with warnings.catch_warnings():
    # either client library serves; the notice about which one is newer is no concern of these tests
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

ClientMaker = Callable[[FastAPI], Any]


@pytest.fixture
def client_of() -> ClientMaker:
    return lambda web: TestClient(web, raise_server_exceptions=False)
