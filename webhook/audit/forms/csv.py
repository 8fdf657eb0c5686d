"""Findings for a spreadsheet, in which no cell is a formula."""

import csv
import io
from collections.abc import Iterable
from typing import Final

from webhook.audit.findings import Found
from webhook.audit.forms.shown import moment, shown

COLUMNS: Final = (
    *("lastSeen", "firstSeen", "count", "kind", "action", "would", "rule", "cluster"),
    *("namespace", "objectKind", "object", "ownerKind", "owner", "workload", "operation"),
    *("user", "message", "fix", "path", "decision", "resolved"),
)

# A cell that begins so is run by spreadsheets, blanks before it notwithstanding; the wide forms
# are taken for the narrow ones by some.
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def render(findings: Iterable[Found]) -> str:
    """Write a table with a header, as RFC 4180 has it."""
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(COLUMNS)
    for found in findings:
        table.writerow(map(harmless, _row(found)))
    return written.getvalue()


def harmless(cell: str) -> str:
    """Put an apostrophe before what a spreadsheet would run: it is shown as text then."""
    is_formula = cell.startswith(_FORMULAS) or cell.lstrip().startswith(_FORMULAS)
    return f"'{cell}" if is_formula else cell


def _row(found: Found) -> tuple[str, ...]:
    one = shown(found)
    record, ref, owner = one.record, one.record.object, one.record.owner
    return (
        moment(found.last_seen),
        moment(found.first_seen),
        str(found.count),
        record.kind.value,
        record.action,
        record.would,
        record.rule,
        found.cluster,
        ref.namespace or "",
        ref.kind,
        ref.name or ref.generate_name or "",
        owner.kind if owner is not None else "",
        owner.name if owner is not None else "",
        record.workload,
        record.operation,
        record.user,
        record.message,
        record.remedy,
        record.path,
        found.last_decision,
        moment(found.resolved) if found.resolved is not None else "",
    )
