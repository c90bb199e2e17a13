"""What we remember: SQLAlchemy Core and Alembic on SQLite or PostgreSQL."""
