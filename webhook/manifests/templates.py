"""Tell templates, which are to be rendered first, from YAML that is broken."""

import re
from collections.abc import Iterable

_REMEDIES = (
    (re.compile(r"\{\{"), "render it first (helm template … | scaleguard review -)"),
    (re.compile(r"\{%|\{#|<%"), "render it first"),
    (re.compile(r"\$\{|\$\(|%\{"), "put the values in first (envsubst …)"),
    # @NAME@, and {name} with text that touches it
    (re.compile(r"(?<!\S)@\w+@|(?<!\S)\{\w+\}(?=[^\s,\]}])"), "put the values in first"),
    (re.compile(r"<no value>"), "the template that made it lacked a value"),
)


def explain(text: str, offsets: Iterable[int]) -> tuple[int, str] | None:
    """Return (offset, what to do) where a line that is at fault has a placeholder.

    Only the lines at fault matter: `{{` inside of strings and block scalars is plain YAML (alert
    rules, workflow parameters) and excuses no fault elsewhere.
    """
    for offset in offsets:
        begin = text.rfind("\n", 0, offset) + 1
        end = text.find("\n", offset)
        for pattern, remedy in _REMEDIES:
            if match := pattern.search(text, begin, len(text) if end < 0 else end):
                return match.start(), f"found '{match[0]}'; {remedy}"
    return None
