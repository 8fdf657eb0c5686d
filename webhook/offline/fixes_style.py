"""Values as text, in the style of the manifest that they are written into."""

import json
import re
from collections.abc import Iterator
from typing import Any

from webhook.core.frozen import frozen
from webhook.manifests.scalars import plain

# What every YAML reads as text without quotes: words, paths, and quantities such as 100m.
_WORD = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*|[0-9]+[A-Za-z]{1,2}")


@frozen
class Style:
    """How a manifest is written."""

    step: int = 2
    """Columns by which a mapping is indented below its key."""
    dash: int = 2
    """Columns by which a list is indented below its key; 0 where the dash stands below it."""


def scalar(value: Any, quote: str | None = None) -> str:
    """Write a scalar; with the quotes that stood there before, where there were any."""
    if not isinstance(value, str):
        return json.dumps(value)
    if quote == "'" and value.isprintable() and "'" not in value:
        return f"'{value}'"
    bare = quote is None and _WORD.fullmatch(value) and plain(value) == value
    return value if bare else json.dumps(value, ensure_ascii=not value.isprintable())


def flow(value: Any) -> str:
    """Write a value on one line."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{scalar(name)}: {flow(one)}' for name, one in value.items())}}}"
    return f"[{', '.join(map(flow, value))}]" if isinstance(value, list) else scalar(value)


def block(value: dict[str, Any], style: Style) -> Iterator[str]:
    """Yield the lines of a mapping; lists of scalars stay on one line."""
    for name, member in value.items():
        if isinstance(member, dict) and member:
            yield f"{scalar(name)}:"
            for line in block(member, style):
                yield " " * style.step + line
        elif isinstance(member, list) and any(isinstance(one, dict | list) for one in member):
            yield f"{scalar(name)}:"
            for one in member:
                for line in item(one, style):
                    yield " " * style.dash + line
        else:
            yield f"{scalar(name)}: {flow(member)}"


def item(value: Any, style: Style) -> Iterator[str]:
    """Yield the lines of a list's member."""
    lines = block(value, style) if isinstance(value, dict) and value else iter([flow(value)])
    for number, line in enumerate(lines):
        yield f"  {line}" if number else f"- {line}"
