"""The tables of the store; `migrations/` makes them.

Times are whole milliseconds since 1970: they compare and divide alike in every database.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

METADATA: Final = MetaData()

# SQLite numbers rows by itself only where the type is called just that.
_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def _text(name: str) -> Column[str]:
    """Make a column of text; what is absent is the empty string."""
    return Column(name, Text, nullable=False)


FINDINGS: Final = Table(
    "findings",
    METADATA,
    Column("id", _NUMBER, primary_key=True),
    _text("cluster"),
    _text("fingerprint"),
    _text("kind"),
    _text("rule"),
    _text("action"),
    _text("would"),
    _text("namespace"),
    _text("object_kind"),
    _text("object_name"),
    _text("owner_kind"),
    _text("owner_name"),
    _text("workload"),
    _text("username"),
    Column("count", BigInteger, nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False),
    # Of the newest repeat: who told of it, its decision, and all that was told, in JSON.
    _text("replica"),
    _text("last_decision"),
    _text("record"),
    # Of the background scan: the workload it stands at (empty: of a request), and when it was over.
    Column("standing", Text, nullable=False, server_default=""),
    Column("resolved", BigInteger),
    UniqueConstraint("cluster", "fingerprint", name="findings_one_per_fingerprint"),
    Index("findings_newest", "last_seen", "id"),
    Index("findings_newest_of_namespace", "namespace", "last_seen", "id"),
    Index("findings_of_standing", "cluster", "standing"),
    comment="one row for all repeats of one finding",
)

DECISIONS: Final = Table(
    "decisions",
    METADATA,
    Column("decision", Text, primary_key=True),
    Column("finding", _NUMBER, ForeignKey("findings.id"), primary_key=True),
    Column("seen", BigInteger, nullable=False),
    Index("decisions_oldest", "seen"),
    Index("decisions_of_finding", "finding"),
    comment="each decision in which a finding was made",
)

STANDINGS: Final = Table(
    "standings",
    METADATA,
    Column("id", _NUMBER, primary_key=True),
    _text("cluster"),
    _text("namespace"),
    _text("api_group"),
    _text("kind"),
    _text("name"),
    Column("seen", BigInteger, nullable=False),
    Column("meetings", Integer, nullable=False),
    # Who scales it, in JSON; empty where there is nothing to tell any more, until a pass is over.
    _text("document"),
    UniqueConstraint(
        *("cluster", "namespace", "api_group", "kind", "name"), name="standings_one_per_workload"
    ),
    Index("standings_by_name", "namespace", "name", "id"),
    comment="how things stand with each workload",
)
