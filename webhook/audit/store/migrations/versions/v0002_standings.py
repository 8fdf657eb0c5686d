"""How things stand: what the background scan tells."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_KEY = ("cluster", "namespace", "api_group", "kind", "name")


def upgrade() -> None:
    """Make the table of standings, and have findings say where they stand."""
    op.add_column("findings", sa.Column("standing", sa.Text(), nullable=False, server_default=""))
    op.add_column("findings", sa.Column("resolved", sa.BigInteger()))
    op.create_index("findings_of_standing", "findings", ["cluster", "standing"])
    op.create_table(
        "standings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _KEY),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("meetings", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.UniqueConstraint(*_KEY, name="standings_one_per_workload"),
        comment="how things stand with each workload",
    )
    op.create_index("standings_by_name", "standings", ["namespace", "name", "id"])
