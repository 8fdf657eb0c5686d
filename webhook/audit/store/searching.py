"""Which findings a word occurs in, alike in every database."""

import json
from typing import Any, Final

from sqlalchemy import ColumnElement, Text, and_, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from webhook.audit.store.tables import DECISIONS, FINDINGS

_SEARCHED: Final = tuple(
    FINDINGS.c[name]
    for name in (
        *("rule", "namespace", "object_kind", "object_name", "owner_name"),
        *("workload", "username"),
    )
)


class _Message(FunctionElement[str]):
    """The message in a record, which is JSON in a column of text."""

    type = Text()
    inherit_cache = True


@compiles(_Message, "sqlite")
def _in_sqlite(element: _Message, compiler: SQLCompiler, **how: Any) -> str:
    return f"json_extract({compiler.process(element.clauses, **how)}, '$.message')"


@compiles(_Message, "postgresql")
def _in_postgresql(element: _Message, compiler: SQLCompiler, **how: Any) -> str:
    return f"({compiler.process(element.clauses, **how)})::json ->> 'message'"


def contains(word: str) -> ColumnElement[bool]:
    """Whether a word occurs in what is shown of a finding, in any case, or names its decision."""
    mine = FINDINGS.c.id.in_(select(DECISIONS.c.finding).where(DECISIONS.c.decision == word))
    texts = (*_SEARCHED, _Message(FINDINGS.c.record))
    shown = or_(*(text.icontains(word, autoescape=True) for text in texts))
    if not word.isascii():
        return or_(mine, shown)
    # All that is shown is in the record as well: reading JSON and eight columns of the few that are
    # left takes a third of the time.
    told = FINDINGS.c.record.icontains(json.dumps(word)[1:-1], autoescape=True)
    return or_(mine, and_(told, shown))
