"""Findings, and the decisions in which they were made."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TEXTS_BEFORE = (
    *("cluster", "fingerprint", "kind", "rule", "action", "would", "namespace"),
    *("object_kind", "object_name", "owner_kind", "owner_name", "workload", "username"),
)
_TIMES = ("count", "first_seen", "last_seen")
_TEXTS_BEHIND = ("replica", "last_decision", "record")


def upgrade() -> None:
    """Make both tables."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "findings",
        sa.Column("id", number, primary_key=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _TEXTS_BEFORE),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _TIMES),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _TEXTS_BEHIND),
        sa.UniqueConstraint("cluster", "fingerprint", name="findings_one_per_fingerprint"),
        comment="one row for all repeats of one finding",
    )
    op.create_index("findings_newest", "findings", ["last_seen", "id"])
    op.create_index("findings_newest_of_namespace", "findings", ["namespace", "last_seen", "id"])
    op.create_table(
        "decisions",
        sa.Column("decision", sa.Text(), primary_key=True),
        sa.Column("finding", number, sa.ForeignKey("findings.id"), primary_key=True),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        comment="each decision in which a finding was made",
    )
    op.create_index("decisions_oldest", "decisions", ["seen"])
    op.create_index("decisions_of_finding", "decisions", ["finding"])
