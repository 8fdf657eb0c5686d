"""What the doctor found, as a person reads it in a terminal."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from webhook.cli.output import visible
from webhook.doctor.fetching.look import Look
from webhook.doctor.verdict import Checked, State, Verdict

STYLES = {
    State.OK: "green",
    State.WARNING: "yellow",
    State.FAULT: "bold red",
    State.UNSEEN: "blue",
}
SIGNS = {State.OK: "✓", State.WARNING: "!", State.FAULT: "✗", State.UNSEEN: "?"}
_WIDTH = 16  # of the longest name, and the sign before it


def show(look: Look, checks: Sequence[Checked], console: Console | None = None) -> None:
    """Print each check, with what to do where it is not fine, then the sum."""
    out = console or Console(highlight=False, soft_wrap=True)
    out.print(_head(look))
    for one in checks:
        _check(out, one)
    out.print(_sum(checks))


def _head(look: Look) -> Text:
    line = Text().append(visible(look.cluster.server), "bold")
    if look.found is not None:
        line.append(visible(f"  scaleguard is {look.found.namespace}/{look.found.name}"), "dim")
    return line


def _check(out: Console, checked: Checked) -> None:
    for number, verdict in enumerate(checked.verdicts):
        head = Text("  ").append(f"{SIGNS[verdict.state]} ", STYLES[verdict.state])
        name = checked.name if number == 0 else ""
        head.append(f"{name:<{_WIDTH}}", "bold")
        said = visible(verdict.message)
        if verdict.state is State.UNSEEN:
            said = f"not looked at: {said}"
        _hanging(out, head, Text(said, "dim" if verdict.state is State.OK else ""))
        _fix(out, verdict)


def _fix(out: Console, verdict: Verdict) -> None:
    if verdict.fix:
        head = Text(" " * (_WIDTH + 4)).append("fix: ", "bold")
        _hanging(out, head, Text(visible(verdict.fix)))
    if verdict.command:
        # One line, however long: it is to be copied.
        line = Text(" " * (_WIDTH + 4)).append("$ ", "dim").append(visible(verdict.command), "cyan")
        out.print(line, soft_wrap=True)


def _hanging(out: Console, head: Text, text: Text) -> None:
    """Print a text beside its head, broken on a terminal; in a pipe it stays one line."""
    if not out.is_terminal or out.width <= len(head) + 20:
        out.print(head.append_text(text))
        return
    indent = " " * len(head)
    first, *others = text.wrap(out, out.width - len(indent))
    for line in (head.append_text(first), *(Text(indent).append_text(one) for one in others)):
        line.rstrip()
        out.print(line)


def _sum(checks: Sequence[Checked]) -> Text:
    states = Counter(one.state for one in checks)
    count = len(checks)
    line = Text(f"{count} check{'' if count == 1 else 's'}: ")
    warnings, faults = states[State.WARNING], states[State.FAULT]
    parts = [
        (states[State.OK], "fine", "green"),
        (warnings, f"warning{'' if warnings == 1 else 's'}", "yellow"),
        (faults, f"fault{'' if faults == 1 else 's'}", "bold red"),
        (states[State.UNSEEN], "not looked at", "blue"),
    ]
    return line.append_text(
        Text(", ").join(Text(f"{number} {what}", style) for number, what, style in parts if number)
    )
