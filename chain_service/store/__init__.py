"""What we remember: SQLAlchemy Core and Alembic on SQLite or PostgreSQL.

`Database` opens transactions; each module named after a noun holds its queries as functions that take the connection.
"""
