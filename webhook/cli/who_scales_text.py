"""Who acts on what, as a person reads it in a terminal."""

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from webhook.cli.output import visible
from webhook.core.finding import Action
from webhook.core.pod import COMPUTE_RESOURCES
from webhook.core.who_scales import Acting, Meeting, Nodes, ReplicasBy, RequestBy

# In a pipe nothing is cut: each workload is one line, whatever its names.
_PIPE_COLUMNS = 100_000

_STYLES = {Action.DENY: "bold red", Action.WARN: "yellow", Action.AUDIT: "blue"}
_NOBODY = "-"


def show(told: list[Acting], console: Console | None = None) -> None:
    """Print a table, one workload to a row, and what rules say where two meet."""
    out = console or _console()
    if not told:
        out.print("nothing scales anything here, and no AI workload is there")
        return
    table = Table(box=SIMPLE_HEAD if out.is_terminal else None, pad_edge=False)
    wrap = "fold" if out.is_terminal else "ignore"
    for title in ("WORKLOAD", "REPLICAS BY", "CPU BY", "MEMORY BY", "NODES BY", "MEET ON"):
        table.add_column(title, overflow=wrap, no_wrap=not out.is_terminal)  # type: ignore[arg-type]
    for one in told:
        table.add_row(
            Text(visible(f"{one.key.kind} {one.key.namespace}/{one.key.name}"), "bold"),
            _joined(_replicas(by) for by in one.replicas_by),
            *(_joined(_request(by) for by in one.requests_by[of]) for of in COMPUTE_RESOURCES),
            _nodes(one.nodes),
            _meet(one),
        )
    out.print(table)
    for one in told:
        for meeting in one.meet:
            _meeting(out, meeting)


def show_one(told: Acting, console: Console | None = None) -> None:
    """Print all of one workload."""
    out = console or _console()
    out.print(Text(visible(f"{told.key.kind} {told.key.namespace}/{told.key.name}"), "bold"))
    now = "" if told.replicas is None else f"{told.replicas} now; "
    for title, cell in (
        ("replicas", Text(now).append_text(_joined(_replicas(by) for by in told.replicas_by))),
        *((of, _joined(_request(by) for by in told.requests_by[of])) for of in COMPUTE_RESOURCES),
        ("nodes", _nodes(told.nodes)),
    ):
        out.print(Text(f"  {title:<9} ", "cyan").append_text(cell))
    for meeting in told.meet:
        _meeting(out, meeting)


def _console() -> Console:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_COLUMNS
    return console


def _joined(parts: Iterable[Text]) -> Text:
    listed = list(parts)
    return Text("; ").join(listed) if listed else Text(_NOBODY, "dim")


def _replicas(by: ReplicasBy) -> Text:
    line = Text(visible(f"{_short(by.ref.kind)} {by.ref.name}: "))
    line.append(visible(", ".join(by.reads) or "its defaults"))
    least = "1" if by.least is None else str(by.least)
    if by.most is not None:
        line.append(f" ({least} to {by.most})", "dim")
    return line.append(visible(f" [{by.rests}]"), "yellow") if by.rests else line


def _request(by: RequestBy) -> Text:
    deed = by.mode if by.writes else "only recommends"
    line = Text(visible(f"VPA {by.ref.name}"), "" if by.writes else "dim")
    line.append(f" ({deed})", "dim")
    if by.containers:
        line.append(visible(f" for {', '.join(by.containers)}"))
    return line.append(" by scaleguard", "green") if by.managed else line


def _nodes(nodes: Nodes) -> Text:
    if nodes.workload_class is None:
        return Text(_NOBODY, "dim")
    devices = [f"{count} x {name}" for name, count in nodes.accelerators.items()]
    line = Text(visible(", ".join(devices) or nodes.workload_class))
    if nodes.tolerations:
        line.append(visible(f" (tolerates {', '.join(nodes.tolerations)})"), "dim")
    return line


def _meet(told: Acting) -> Text:
    strongest: dict[str, Action] = {}
    for meeting in told.meet:
        what = meeting.finding.resource_name or meeting.finding.rule
        before = strongest.get(what, Action.OFF)
        strongest[what] = max(before, meeting.finding.action, key=lambda one: one.strength)
    return _joined(Text(visible(what), _STYLES.get(at, "")) for what, at in strongest.items())


def _meeting(out: Console, meeting: Meeting) -> None:
    finding = meeting.finding
    head = Text("  ").append(f"{finding.action.value} ", _STYLES.get(finding.action, ""))
    out.print(head.append(finding.rule, "bold").append(visible(f"  {finding.message}")))
    if finding.remedy:
        out.print(Text("      fix: ", "bold").append(Text(visible(finding.remedy), "not bold")))


def _short(kind: str) -> str:
    return {"HorizontalPodAutoscaler": "HPA"}.get(kind, kind)
