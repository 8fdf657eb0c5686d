"""An explanation as a person reads it in a terminal."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from webhook.cli.output import visible
from webhook.core.ai_pod import AiPod
from webhook.core.explain import Asked, Explanation, Injected
from webhook.core.explain_left import LeftAlone
from webhook.core.fields import mapping, text
from webhook.core.finding import Finding
from webhook.core.mutations.marks import MUTATIONS_ANNOTATION
from webhook.core.patch import dotted

_STYLES = {"deny": "bold red", "warn": "yellow", "audit": "blue"}
_INDENT = 6

_SHORTER = (
    (re.compile(r"^spec\.(.*\])\.resources\.requests\."), r"\1 requests."),
    (re.compile(r"^spec\.(toleration|volume)s$"), r"\1"),
    (re.compile(r"\.volumeMounts$"), " mount"),
    (re.compile(r"^metadata\.(label|annotation)s\[(.*)\]$"), r"\1 \2"),
    (re.compile(r"^spec\."), ""),
)
_OF_TOLERATIONS = ("key", "operator", "value", "effect")

# Less than this is no column to read a sentence in.
_NARROWEST = 24

Row = tuple[str, ...]


def show(explanations: Sequence[Explanation], console: Console | None = None) -> None:
    """Print explanations, one after the other."""
    out = console or Console(highlight=False, soft_wrap=True)
    for number, each in enumerate(explanations):
        if number:
            out.print()
        _show(out, each)


def _show(out: Console, each: Explanation) -> None:
    head = Text(visible(str(each.subject.ref)), "bold")
    if each.subject.path:
        assembled = each.subject.template.assembled
        how = ", put together as its operator does it" if assembled else ""
        head.append(visible(f"  {dotted(each.subject.path)}{how}"), "not bold dim")
    out.print(head)
    if each.ai_pod is None:
        _line(out, Text("no AI pod", "yellow").append(": it gets nothing", "default"))
        _section(out, "why not", [(step.looked_at, step.says) for step in each.why_not])
    else:
        _ai_pod(out, each, each.ai_pod)
    meant = [(name, f"did you mean {known}?") for name, known in each.did_you_mean.items()]
    notes = [(note,) for note in each.notes]
    _section(out, "notes", [*(meant if each.ai_pod is not None else ()), *notes], "yellow")
    _findings(out, each.findings)


def _ai_pod(out: Console, each: Explanation, ai_pod: AiPod) -> None:
    why = ai_pod.evidence.why + (", a guess" if ai_pod.evidence.guessed else "")
    line = Text("AI pod: ").append(ai_pod.workload_class.value, "bold cyan")
    _line(out, line.append(visible(f" ({why})"), "not bold"))
    _accelerators(out, each.accelerators)
    if each.ignored:
        _line(out, Text(visible(f"left alone: {each.ignored}"), "yellow"))
        return
    name, who = each.profile
    said = f"{name} ({who})" if name else "none, the configuration's own values"
    _line(out, Text(visible(f"profile: {said}")))
    if each.before:
        _section(out, "was injected when the pod was made", map(_injected, each.before), "green")
    elif each.before_brief:
        brief = f"was injected when the pod was made: {each.before_brief}"
        _line(out, Text(visible(brief)))
    is_fitted = bool(each.before or each.before_brief)
    if each.injected:
        title = "what would be injected now" if is_fitted else "what is injected"
        _section(out, title, map(_injected, each.injected), "green")
    else:
        _line(out, Text("nothing more would be injected" if is_fitted else "nothing is injected"))
    _section(out, "left alone", map(_left, each.left_alone), "dim")


def _accelerators(out: Console, asked: Sequence[Asked]) -> None:
    if not asked:
        _line(out, Text("accelerators: none"))
        return
    said = []
    for each in asked:
        plural = "s" if len(each.containers) > 1 else ""
        who = f"container{plural} {', '.join(each.containers)}" if each.containers else "a claim"
        said.append(f"{each.resource} {each.count} ({who}; {each.family} {each.counts})")
    _line(out, Text(visible(f"accelerators: {', '.join(said)}")))


def _injected(one: Injected) -> Row:
    addition = one.addition
    is_list = addition.path[-1] == MUTATIONS_ANNOTATION
    value = "the list of all this" if is_list else _brief(addition.value)
    return _short(one.field), value, addition.why


def _left(one: LeftAlone) -> Row:
    what = f" {_brief(one.wanted)}" if one.wanted is not None else ""
    return f"{_short(one.field)}{what}", one.reason


def _short(field: str) -> str:
    """Write a field as people call it; `-o json` has its path."""
    for pattern, shorter in _SHORTER:
        field = pattern.sub(shorter, field)
    return field


def _brief(value: Any) -> str:
    """Write a value in one line: tolerations and volumes as people speak of them."""
    if not isinstance(value, dict):
        return str(value)
    if "mountPath" in value:
        return f"{value.get('name')} at {value['mountPath']}"
    if "emptyDir" in value:
        size = mapping(value, "emptyDir").get("sizeLimit")
        return f"{value.get('name')}, in memory" + (f" up to {size}" if size else "")
    return " ".join(filter(None, (text(value, name) for name in _OF_TOLERATIONS)))


def _findings(out: Console, findings: Iterable[Finding]) -> None:
    listed = list(findings)
    if not listed:
        return
    _line(out, Text("findings"))
    for finding in listed:
        line = Text(finding.action.value, _STYLES[finding.action.value])
        line.append(f" {finding.rule}: ", "bold").append(visible(finding.message), "not bold")
        if finding.remedy:
            line.append(visible(f"; fix: {finding.remedy}"), "not bold")
        _indented(out, line)


def _section(out: Console, title: str, rows: Iterable[Row], style: str = "") -> None:
    """Print rows in columns under a title."""
    listed = [tuple(map(visible, row)) for row in rows]
    if not listed:
        return
    _line(out, Text(title))
    widths = [max(map(len, column)) + 2 for column in zip(*listed, strict=True)][:-1]
    for *leading, last in listed:
        cells = (Text(cell.ljust(width)) for cell, width in zip(leading, widths, strict=True))
        start = Text().join(cells)
        if leading:
            start.stylize(style, 0, widths[0])
        _row(out, start, Text(last, "" if leading else style))


def _row(out: Console, start: Text, last: Text) -> None:
    """Print a row: on a terminal the last column wraps in its place, or below where that is narrow.

    In a pipe a row is one line.
    """
    room = out.width - _INDENT - len(start)
    if not out.is_terminal:
        out.print(Text(" " * _INDENT).append(start).append(last))
    elif room < _NARROWEST and len(last) > room:
        out.print(Text(" " * _INDENT).append(start))
        out.print(Padding(last, (0, 0, 0, _INDENT + 4)), soft_wrap=False)
    else:
        table = Table.grid()
        table.add_column(width=len(start), no_wrap=True)
        table.add_column(overflow="fold")
        table.add_row(start, last)
        out.print(Padding(table, (0, 0, 0, _INDENT)), soft_wrap=False)


def _line(out: Console, line: Text) -> None:
    out.print(Text("  ").append(line))


def _indented(out: Console, line: Text) -> None:
    if out.is_terminal:
        out.print(Padding(line, (0, 0, 0, _INDENT)), soft_wrap=False)
    else:
        out.print(Text(" " * _INDENT).append(line))
