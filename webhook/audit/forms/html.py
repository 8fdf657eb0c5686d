"""Findings as one page without anything from outside: it opens offline, and runs nothing."""

from collections.abc import Iterable, Iterator
from html import escape
from typing import Final

from webhook.audit.findings import Found
from webhook.audit.forms.shown import Shown, moment, shown

_STYLE: Final = """
:root { color-scheme: light dark; --edge: #d0d7de; --dim: #59636e; --deny: #b3261e; --warn: #7a4d00;
  --back: #fff; --text: #1f2328; --head: #f6f8fa }
@media (prefers-color-scheme: dark) { :root { --edge: #3d444d; --dim: #9198a1; --deny: #ff8a80;
  --warn: #f0b72f; --back: #0d1117; --text: #f0f6fc; --head: #151b23 } }
body { margin: 2rem; font: 0.95rem/1.5 system-ui, sans-serif;
  background: var(--back); color: var(--text) }
h1 { font-size: 1.4rem; margin: 0 } p { margin: 0.3rem 0 } .dim { color: var(--dim) }
table { border-collapse: collapse; width: 100%; margin-top: 1.5rem }
th, td { text-align: left; vertical-align: top; padding: 0.5rem 0.75rem;
  border-bottom: 1px solid var(--edge) }
th { background: var(--head); position: sticky; top: 0 }
td { overflow-wrap: anywhere } td.count { text-align: right } .time { white-space: nowrap }
.deny { color: var(--deny); font-weight: 600 } .warn { color: var(--warn); font-weight: 600 }
code { font-family: ui-monospace, monospace; font-size: 0.85em }
"""

_COLUMNS: Final = ("Last seen", "Count", "Action", "Rule", "Object", "User", "What, and the fix")


def render(findings: Iterable[Found], made: float) -> str:
    """Write the page; `made` is when, in seconds since 1970."""
    listed = list(findings)
    heads = "".join(f'<th scope="col">{name}</th>' for name in _COLUMNS)
    rows = "\n".join(_row(shown(one)) for one in listed)
    decisions = sum(one.count for one in listed)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>scaleguard: what was found</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>What was found</h1>
<p class="dim">{len(listed):,} findings, {decisions:,} decisions; written {moment(made)}</p>
<table>
<thead><tr>{heads}</tr></thead>
<tbody>
{rows}
</tbody>
</table>
</main>
</body>
</html>
"""


def _row(one: Shown) -> str:
    found, record = one.found, one.record
    style = "deny" if "deny" in {record.action, record.would} else record.action
    cells = (
        f'<td class="time">{moment(found.last_seen)}</td>',
        f'<td class="count">{found.count:,}</td>',
        f'<td class="{escape(style)}">{escape(one.action)}</td>',
        f"<td><code>{escape(one.rule)}</code></td>",
        f"<td>{escape(one.object)}</td>",
        f"<td>{escape(record.user)}</td>",
        f"<td>{''.join(_what(one))}</td>",
    )
    return f"<tr>{''.join(cells)}</tr>"


def _what(one: Shown) -> Iterator[str]:
    yield f"<p>{escape(one.record.message)}</p>"
    if one.record.remedy:
        yield f"<p><strong>Fix:</strong> {escape(one.record.remedy)}</p>"
    yield f'<p class="dim">decision <code>{escape(one.found.last_decision)}</code></p>'
