"""Tell templates, which are to be rendered first, from YAML that is broken."""

import re
from collections.abc import Iterable

_RENDERERS = (
    (re.compile(r"\{\{"), "render it first (helm template … | scaleguard review -)"),
    (re.compile(r"\{%|\{#|<%"), "render it first"),
    (re.compile(r"\$\{|\$\(|%\{"), "put the values in first (envsubst …)"),
    # @NAME@, and {name} with text that touches it
    (re.compile(r"(?<!\S)@\w+@|(?<!\S)\{\w+\}(?=[^\s,\]}])"), "put the values in first"),
    (re.compile(r"<no value>"), "the template that made it lacked a value"),
)


def explain(text: str, lines: Iterable[int]) -> tuple[int, str] | None:
    """Return (line, what is to be done) where one of the lines that are at fault has a placeholder.

    Lines count from 0, as marks do. Only those lines matter: `{{` inside of strings and block
    scalars is plain YAML (alert rules, workflow parameters) and excuses no fault elsewhere.
    """
    rows = text.split("\n")
    for line in lines:
        row = rows[line] if line < len(rows) else ""
        for pattern, remedy in _RENDERERS:
            if match := pattern.search(row):
                return line, f"found '{match[0]}'; {remedy}"
    return None
