"""What was measured, as a table and as JSON."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from tests.bench.serving.goals import FLASK, WSGI, Goal, goals
from tests.bench.serving.measure import Measured

_WIDTH = 132


@dataclass(slots=True)
class RowReport:
    """One row: everybody who was asked."""

    name: str
    title: str
    endpoint: str
    body_bytes: int
    rate: int
    """At which latencies were measured, reviews a second."""
    measured: list[Measured]


@dataclass(slots=True)
class Report:
    """A whole run."""

    machine: dict[str, str]
    rounds: dict[str, float]
    rows: list[RowReport] = field(default_factory=list)
    single: dict[str, float] = field(default_factory=dict)
    """What is no figure of a row."""

    def figures(self) -> dict[str, float]:
        """Medians by row, server and figure."""
        found = dict(self.single)
        for row in self.rows:
            for one in row.measured:
                for figure in one.figures:
                    found[f"{row.name}/{one.server}/{figure}"] = one.median(figure) or 0.0
        return found

    def write(self, folder: Path) -> Path:
        """Keep it as JSON; return where."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"serving-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.json"
        path.write_text(json.dumps(asdict(self) | {"medians": self.figures()}, indent=1), "utf-8")
        return path


def show(report: Report, console: Console) -> list[Goal]:
    """Print all there is; return the goals that are missed."""
    for row in report.rows:
        console.print(_table(row))
    if report.single:
        console.print(_singles(report.single))
    table, missed = _goals(report.figures())
    console.print(table)
    return missed


def console() -> Console:
    """Colours on a terminal, none in a pipe; lines are never broken."""
    shown = Console(highlight=False)
    return shown if shown.is_terminal else Console(highlight=False, width=_WIDTH)


def _table(row: RowReport) -> Table:
    title = f"/{row.endpoint}: {row.title} ({row.body_bytes:,} bytes)"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("", min_width=28)
    for name in ("req/s", "/Flask", "/WSGI", "CPU ms", "/Flask", "/WSGI"):
        table.add_column(name, justify="right")
    for name in (f"p50 at {row.rate}/s", "p99", "p99.9", "p99 /Flask"):
        table.add_column(name, justify="right")
    by_name = {one.server: one for one in row.measured}
    for one in row.measured:
        table.add_row(one.server, *_cells(one, by_name.get(FLASK), by_name.get(WSGI)))
    return table


def _cells(one: Measured, flask: Measured | None, wsgi: Measured | None) -> Iterable[str]:
    for figure, form in (("requests per second", "{:,.0f}"), ("CPU milliseconds", "{:.3f}")):
        yield _said(one.median(figure), form)
        for floor in (flask, wsgi):
            yield _said(_over(one, floor, figure), "{:.2f}")
    for figure in ("p50", "p99", "p99.9"):
        yield _said(one.median(figure), "{:.2f} ms")
    yield _said(_over(one, flask, "p99"), "{:.2f}")


def _over(one: Measured, floor: Measured | None, figure: str) -> float | None:
    value, base = one.median(figure), floor.median(figure) if floor is not None else None
    return value / base if value is not None and base else None


def _said(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _singles(single: Mapping[str, float]) -> Table:
    table = Table(title="once", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("")
    table.add_column("", justify="right")
    for name, value in single.items():
        table.add_row(name, f"{value:.2f}")
    return table


def _goals(figures: Mapping[str, float]) -> tuple[Table, list[Goal]]:
    table = Table(title="goals", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("")
    for name in ("goal", "measured", ""):
        table.add_column(name, justify="right")
    missed: list[Goal] = []
    for goal in goals():
        sign = "≥" if goal.at_least else "≤"
        said = f"{sign} {goal.bound:g} {goal.unit}".strip()
        try:
            value = goal.value(figures)
        except KeyError:
            table.add_row(goal.what, said, "-", "[dim]not measured[/]")
            continue
        reached = goal.reached(value)
        if not reached:
            missed.append(goal)
        verdict = "[green]reached[/]" if reached else "[red]missed[/]"
        table.add_row(goal.what, said, f"{value:.2f}", verdict)
    return table, missed
