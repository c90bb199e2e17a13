"""`python next_version.py chain-service-arguments…` runs the program as its next version would be.

It has one migration more, which only adds: a column to the table that takes every submission, and a table that refers
to it. The version before is this program, unchanged.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from chain_service.cli.main import main
from chain_service.store import database

NEXT = "9000"
MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision = "{next}"
down_revision = "{newest}"


def upgrade():
    op.add_column("records", sa.Column("note", sa.Text(), nullable=False, server_default="none"))
    op.create_table("notes", sa.Column("record_id", sa.Text(), sa.ForeignKey("records.id"), primary_key=True))
    op.create_index("ix_records_note", "records", ["note"])
"""


def run() -> None:
    """The program of the next version, until it ends."""
    with tempfile.TemporaryDirectory(prefix="chain-service-next-") as folder:
        migrations = Path(folder) / "migrations"
        shutil.copytree(database.MIGRATIONS, migrations)
        newer = MIGRATION.format(next=NEXT, newest=database._versions()[0])
        (migrations / "versions" / f"v{NEXT}_notes.py").write_text(newer)
        database.MIGRATIONS = migrations
        database._versions.cache_clear()
        main()


if __name__ == "__main__":
    run()
