"""Every name that a certificate type was listed under."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    names = op.create_table(
        "certificate_type_names",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("code", "n", name="pk_certificate_type_names"),
    )
    listed = sa.table("certificate_types", sa.column("code"), sa.column("body"), sa.column("created_at"))
    for code, body, since in op.get_bind().execute(sa.select(listed.c.code, listed.c.body, listed.c.created_at)):
        try:
            name = json.loads(body)["certificateTypeName"]
        except (ValueError, TypeError, KeyError, RecursionError):
            continue  # an altered row keeps nobody from migrating
        if isinstance(name, str):
            op.bulk_insert(names, [{"code": code, "n": 0, "name": name, "since": since}])
