"""What we remember: SQLAlchemy Core and Alembic on SQLite or PostgreSQL.

`Database` opens transactions; each module named after a noun holds its queries as functions that take the connection.
"""

from __future__ import annotations

from sqlalchemy import Connection

from chain_service.store.database import Database

__all__ = ["Connection", "Database"]
