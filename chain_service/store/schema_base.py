"""What all tables share: how constraints are named, how bytes are kept."""

from __future__ import annotations

from typing import Any

from sqlalchemy import LargeBinary, MetaData, TypeDecorator
from sqlalchemy.engine import Dialect

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Bytes(TypeDecorator[bytes]):
    """A byte string, even where somebody wrote text into SQLite's column behind the service's back.

    SQLite keeps whatever type it is given; what was tampered with has to reach the audit, not end it.
    """

    impl = LargeBinary
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        return value.encode() if isinstance(value, str) else value
