"""Markdown: a comment on a change, or the summary of a CI job."""

import re
from collections.abc import Iterator, Mapping

from webhook.core.verdict import Rule
from webhook.offline.formats import in_words, placed, printable
from webhook.offline.results import Review

_SIGNS = {"deny": "❌", "warn": "⚠️", "audit": "🔎"}

# What Markdown or HTML would take for markup. Text of manifests is shown as text.
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|<>~&$])")

# What code hosts make links and notifications of, after the markup is gone: people, issues, bare
# addresses. A character without width breaks these, where a backslash does not.
_LINKS = re.compile(r"(@|\\#|:(?=//)|www(?=\.))", re.IGNORECASE)
_BREAK = "&#8203;"


def render(judged: Review, _rules: Mapping[str, Rule], _fail_on: str) -> str:
    """Write a summary, a table of the findings and what could not be read."""
    return "\n".join(_lines(judged))


def _lines(judged: Review) -> Iterator[str]:
    yield "## scaleguard review"
    yield ""
    count = len(judged.results)
    yield (
        f"{count} object{'' if count == 1 else 's'}: {judged.count('deny')} denied, "
        f"{judged.count('warn')} warned of, {judged.mutated} fitted, "
        f"{len(judged.unreadable)} unreadable"
    )
    findings = list(placed(judged))
    if findings:
        yield ""
        yield "| | Rule | Object | Where | What is wrong | Fix |"
        yield "|---|---|---|---|---|---|"
    for one in findings:
        finding = one.finding
        yield _row(
            f"{_SIGNS[finding.action.value]} {finding.action.value}",
            _text(finding.rule),
            _text(str(one.result.ref)),
            _text(f"{in_words(one.file)}:{one.line}"),
            _text(finding.message),
            _text(finding.remedy),
        )
    if judged.unreadable:
        yield ""
        yield "| Unreadable | Why |"
        yield "|---|---|"
    for entry in judged.unreadable:
        document = "" if entry.source.whole else f" document {entry.source.document}"
        where = f"{in_words(entry.source.file)}{document}"
        yield _row(_text(where), _text(entry.reason))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    shown = _MARKUP.sub(r"\\\1", printable(re.sub(r"\s", " ", text)))
    return _LINKS.sub(rf"\1{_BREAK}", shown)
