"""Which findings a word occurs in, alike in every database."""

import json
from collections.abc import Iterator
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
    if word.isascii():
        # All of that is in the record as well: reading JSON and eight columns of the few that are
        # left takes a third of the time.
        told = FINDINGS.c.record.icontains(json.dumps(word)[1:-1], autoescape=True)
        shown = and_(told, shown)
    return or_(mine, shown, *_named_by(word))


def _named_by(word: str) -> Iterator[ColumnElement[bool]]:
    """Whether it is part of `namespace/name`, as rows show it and no column has it.

    A workload stands with its kind before its name.
    """
    namespace, slash, name = word.partition("/")
    if slash:
        columns = FINDINGS.c
        named = or_(
            columns.object_name.istartswith(name, autoescape=True),
            columns.owner_name.istartswith(name, autoescape=True),
            columns.workload.icontains(f" {name}", autoescape=True),
        )
        above = columns.namespace.iendswith(namespace, autoescape=True)
        yield and_(columns.namespace != "", above, named)
