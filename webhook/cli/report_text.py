"""Findings of the audit as a person reads them in a terminal."""

from collections.abc import Iterable
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from webhook.audit.findings import Found
from webhook.audit.forms.shown import Shown, moment, shown
from webhook.cli.output import visible

# In a pipe nothing is cut: each finding is one line, whatever its names.
_PIPE_COLUMNS = 100_000

_TITLES = ("LAST SEEN", "COUNT", "ACTION", "RULE", "OBJECT", "USER")
_GAP = 3
_LEAST_MESSAGE = 24

# As everybody calls them, where there is little room.
_SHORT = {"HorizontalPodAutoscaler ": "HPA ", "VerticalPodAutoscaler ": "VPA "}

_STYLES = {"deny": "bold red", "warn": "yellow", "audit": "blue", "patch": "green"}


def console() -> Console:
    """Return where tables are printed: as wide as the terminal, or as the longest line."""
    made = Console(highlight=False)
    if not made.is_terminal:
        made.width = _PIPE_COLUMNS
    return made


def show(findings: Iterable[Found], out: Console, *, heads: bool = True) -> None:
    """Print a table, one finding to a row; on a terminal messages are cut where it ends."""
    table = Table(
        box=SIMPLE_HEAD if out.is_terminal and heads else None,
        pad_edge=False,
        show_header=heads,
    )
    for title in (*_TITLES, "MESSAGE"):
        is_name = title in {"OBJECT", "USER"} and out.is_terminal
        table.add_column(title, overflow="fold", no_wrap=not is_name, justify=_justified(title))
    rows = [(_cells(one), one.record.message) for one in map(shown, findings)]
    columns = zip(_TITLES, *(cells for cells, _ in rows), strict=True)
    taken = sum(max(cell_len(str(cell)) for cell in column) + _GAP for column in columns)
    for cells, message in rows:
        said = Text(visible(message))
        said.truncate(max(_LEAST_MESSAGE, out.width - taken - _GAP), overflow="ellipsis")
        table.add_row(*cells, said)
    out.print(table)


def _justified(title: str) -> Literal["left", "right"]:
    return "right" if title == "COUNT" else "left"


def _cells(one: Shown) -> tuple[Text, ...]:
    about = one.object
    for kind, short in _SHORT.items():
        about = about.replace(kind, short)
    return (
        Text(moment(one.found.last_seen), "dim"),
        Text(str(one.found.count)),
        _action(one),
        Text(visible(one.rule)),
        Text(visible(about), "bold"),
        Text(visible(one.record.user)),
    )


def show_decision(name: str, findings: Iterable[Found], out: Console) -> None:
    """Print all of what was found in one decision, with the fix."""
    out.print(Text("decision ").append(visible(name), "bold"))
    for found in findings:
        one = shown(found)
        record = one.record
        out.print(Text("\n").append_text(_action(one)).append(f" {visible(one.rule)}", "bold"))
        _indented(out, Text(visible(record.message)))
        if record.remedy:
            _indented(out, Text("fix: ", "bold").append(Text(visible(record.remedy), "not bold")))
        times = f"{found.count} times, {moment(found.first_seen)} to {moment(found.last_seen)}"
        for title, value in (
            ("object", one.object),
            ("workload", record.workload),
            ("with", ", ".join(str(ref) for ref in record.related)),
            ("exempted by", str(record.exempted_by) if record.exempted_by is not None else ""),
            ("path", record.path),
            ("user", f"{record.user} ({record.operation})" if record.operation else ""),
            ("seen", times if found.count != 1 else moment(found.last_seen)),
            ("over since", moment(found.resolved) if found.resolved is not None else ""),
            ("cluster", found.cluster),
            ("mode", record.mode),
        ):
            if value:
                _indented(out, Text(f"{title:<12}", "cyan").append(visible(value), ""))


def _action(one: Shown) -> Text:
    return Text(visible(one.action), _STYLES.get(one.record.would or one.record.action, ""))


def _indented(out: Console, text: Text) -> None:
    if out.is_terminal:
        out.print(Padding(text, (0, 0, 0, 2)))
    else:
        out.print(Text("  ").append_text(text))
