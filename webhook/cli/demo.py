"""`scaleguard demo`: the main job end to end, as a story for the terminal."""

import difflib
import sys
from pathlib import Path
from typing import Any

import click
import yaml
from rich.console import Console, Group
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from webhook.cli.options import option, set_up_logging
from webhook.demo.client import Answer
from webhook.demo.story import Story, play, write_report

_EXAMPLES = """\b
Examples:
  scaleguard demo
  scaleguard demo --report-dir /tmp/demo
"""

# Pictures are this wide, wherever they are looked at.
WIDTH = 76
WIDTH_IN_A_PIPE = 100


@click.command(epilog=_EXAMPLES)
@option(
    "--report-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("scaleguard-demo"),
    show_default=True,
    help="Folder for the report.",
)
def command(*, report_dir: Path) -> None:
    """See the main job end to end: nothing but this machine is needed.

    Starts the HTTPS webhook on a loopback port with certificates of its own, sends it
    AdmissionReviews that a real API server recorded, shows what comes back, and ends it.
    """
    set_up_logging("text", "warning")
    out = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH_IN_A_PIPE)
    out.print(Rule(Text("scaleguard demo", "bold")))
    with out.status("starting the webhook over HTTPS, asking it as an API server would…"):
        story = play()
    report = write_report(story, report_dir)
    _show(out, story)
    _close(out, story, report)


def _show(out: Console, story: Story) -> None:
    drawn: list[object] = []
    for number, (what, answer) in enumerate(story.answers.items(), start=1):
        head = Text(f"{number}  ", "bold cyan").append(Text(_sentence(what, answer), "bold"))
        out.print(head.append(f"   {answer.seconds * 1000:.1f} ms", "dim"))
        if not answer.allowed:
            out.print(_refused(answer))
        elif answer.patch and answer.patch not in drawn:
            drawn.append(answer.patch)
            out.print(_before_and_after(answer))
        else:
            out.print(Text(f"   {_calm(answer)}", "green"))
        out.print()


def _sentence(what: str, answer: Answer) -> str:
    done = "refused" if not answer.allowed else "fitted" if answer.patch else "let in"
    return f"{what[0].upper()}{what[1:]} arrives: {done}"


def _calm(answer: Answer) -> str:
    if answer.patch:
        return "the same patch again: every pod of a workload is fitted alike"
    if answer.before["kind"] == "Pod":
        return "no accelerator, nothing to fit: it goes through untouched"
    return "HPA on cpu, VPA on memory: each has its own boundary"


def _before_and_after(answer: Answer) -> Panel:
    before, after = _excerpt(answer.before), _excerpt(answer.after)
    lines = []
    for line in difflib.ndiff(before.splitlines(), after.splitlines()):
        if line.startswith("?"):
            continue
        style = {"+": "bold green", "-": "red"}.get(line[0], "")
        lines.append(Text(line, style))
    labels = answer.after["metadata"]["labels"]
    workload = labels["scaleguard.io/workload-class"]
    return Panel(
        Group(*lines),
        title=Text(f"{_name(answer)}  ·  {workload}"),
        title_align="left",
        border_style="green",
        width=WIDTH,
    )


def _excerpt(pod: dict[str, Any]) -> str:
    """What the story is about: the devices, requests and tolerations of a pod."""
    spec = pod["spec"]
    shown: dict[str, Any] = {
        "containers": [
            {"name": one["name"], "resources": one.get("resources", {})}
            for one in spec["containers"]
        ],
        "tolerations": [
            f"{one.get('key')} {one.get('operator')} {one.get('effect')}"
            for one in spec.get("tolerations", [])
        ],
    }
    text: str = yaml.safe_dump(shown, sort_keys=False)
    return text.rstrip()


def _name(answer: Answer) -> str:
    metadata = answer.before["metadata"]
    name = metadata.get("name") or f"{metadata.get('generateName')}…"
    return f"{answer.before['kind']} {metadata['namespace']}/{name}"


def _refused(answer: Answer) -> Panel:
    """Show the denial as kubectl prints it, and under it its parts."""
    message = answer.message
    wrong, _, rest = message.partition("; fix: ")
    fix, _, number = rest.rpartition("; decision ")
    table = Table.grid(padding=(0, 1))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    rule, _, sentence = wrong.partition("] ")
    table.add_row("rule", Text(rule.removeprefix("["), "bold red"))
    table.add_row("why", sentence)
    table.add_row("fix", Text(fix, "green"))
    table.add_row("decision", Text(number, "dim"))
    return Panel(
        table, title=Text(_name(answer)), title_align="left", border_style="red", width=WIDTH
    )


def _close(out: Console, story: Story, report: Path) -> None:
    fitted = sum(bool(answer.patch) for answer in story.answers.values())
    refused = sum(not answer.allowed for answer in story.answers.values())
    out.print(Rule(style="dim"))
    out.print(
        f"{len(story.answers)} requests over TLS in {story.seconds:.1f} s, start and stop of the "
        f"webhook included: {fitted} pods fitted, {refused} refused. Nothing is left running."
    )
    out.print(Text("report   ", "bold").append(Text(str(report), "cyan")))
    out.print(Text("next     ", "bold").append(Text("scaleguard review path/to/manifests", "cyan")))
