"""A review as a person reads it in a terminal."""

import difflib
from collections import Counter
from collections.abc import Iterable

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from webhook.cli.output import visible
from webhook.core.finding import Finding
from webhook.core.patch import dotted
from webhook.core.vpa_plan.manifest import in_words
from webhook.core.vpa_plan.plan import Planned
from webhook.offline.results import FittedPod, Result, Review
from webhook.offline.stream import dump, patched

_STYLES = {"deny": "bold red", "warn": "yellow", "audit": "blue", "allow": "green"}
_SIGNS = {"deny": "✗", "warn": "!", "audit": "·", "allow": "✓"}
_DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def show(
    judged: Review, *, show_patches: bool, verbose: bool, console: Console | None = None
) -> None:
    """Print a review: what is wrong first, file by file, then the sum."""
    out = console or Console(highlight=False, soft_wrap=True)
    told: set[object] = set()
    file = None
    for result in judged.results:
        if not (verbose or _says_anything(result)):
            continue
        if result.source.file != file:
            file = result.source.file
            out.print(Text(visible(file), style="bold"))
        _object(out, result, told)
        if show_patches and result.object_patch:
            _diff(out, result)
    _left_out(out, judged, verbose=verbose)
    out.print(_sum(judged))


def _object(out: Console, result: Result, told: set[object]) -> None:
    line = Text("  ").append(_SIGNS[result.action] + " ", _STYLES[result.action])
    rendered = "" if result.source.rendered is None else "rendered "
    place = f"  {rendered}document {result.source.document}"
    line.append(visible(str(result.ref))).append(place, "dim")
    if result.source.item is not None:
        line.append(f" item {result.source.item}", "dim")
    out.print(line)
    for finding in result.findings:
        _finding(out, result, finding, told)
    for pod in result.pods:
        _pod(out, pod, where=dotted(pod.path) if len(result.pods) > 1 else "")
    if isinstance(result.plan, Planned):
        vpa = result.plan.vpa
        said = visible(f"VPA {vpa['metadata']['name']}, {in_words(vpa)}")
        out.print(Text("      ").append("+ ", "green").append(said))
    if result.is_held_back:
        out.print(Text("      ").append(f"only recorded in mode {result.mode.value}", "blue"))
    for note in result.notes:
        out.print(Text("    ").append("! ", "yellow").append(visible(note)))


def _says_anything(result: Result) -> bool:
    return bool(result.findings or result.notes or any(map(_says_something, result.pods)))


def _says_something(pod: FittedPod) -> bool:
    """Whether more than the label of its class is added to a pod, or something had to be left."""
    return bool(pod.fitting.brief or pod.fitting.notes)


def _finding(out: Console, result: Result, finding: Finding, told: set[object]) -> None:
    head = Text("    ").append(f"{finding.action.value} ", _STYLES[finding.action.value])
    head.append(finding.rule, "bold")
    if finding.path:
        head.append(visible(f"  {finding.path}"), "dim")
    if finding.exempted_by is not None:
        head.append(visible(f"  exempted by {finding.exempted_by}"), "dim")
    if finding.would is not None:
        head.append(f"  {finding.would.value} in mode enforce", "dim")
    out.print(head)
    counterpart = finding.related[0] if finding.related else None
    alike = finding.rule, finding.resource_name, finding.action
    named = counterpart is not None and counterpart.name is not None and result.ref.name is not None
    if named and (*alike, counterpart, result.ref) in told:
        _indented(out, Text(visible(f"the same as at {counterpart} above"), style="dim"))
        return
    told.add((*alike, result.ref, counterpart))
    _indented(out, Text(visible(finding.message)))
    if finding.remedy:
        remedy = Text(visible(finding.remedy), "not bold")
        _indented(out, Text("fix: ", "bold").append(remedy))


def _indented(out: Console, text: Text) -> None:
    """Wrap a sentence under its indent on a terminal; in a pipe it stays one line."""
    if out.is_terminal:
        out.print(Padding(text, (0, 0, 0, 6)), soft_wrap=False)
    else:
        out.print(Text("      ").append(text))


def _pod(out: Console, pod: FittedPod, where: str) -> None:
    ai_pod = pod.ai_pod
    devices = ", ".join(f"{count} x {name}" for name, count in ai_pod.totals.items())
    line = Text("    ").append(ai_pod.workload_class.value, "cyan")
    if devices:
        line.append(f", {devices}")
    line.append(visible(f"  ({ai_pod.evidence.why})"), "dim")
    out.print(line.append(f"  {where}", "dim") if where else line)
    for brief in pod.fitting.brief:
        out.print(Text("      ").append("+ ", "green").append(visible(brief)))
    for note in pod.fitting.notes:
        out.print(Text("      ").append("! ", "yellow").append(visible(note)))


def _diff(out: Console, result: Result) -> None:
    before, after = dump(result.raw).splitlines(), dump(patched(result)).splitlines()
    for line in list(difflib.unified_diff(before, after, lineterm="", n=2))[2:]:
        out.print(Text(visible(f"      {line}"), style=_DIFF_STYLES.get(line[:1], "dim")))


def _left_out(out: Console, judged: Review, *, verbose: bool) -> None:
    for unreadable in judged.unreadable:
        where = visible(f"{unreadable.source}: {unreadable.reason}")
        out.print(Text("unreadable ", "bold red").append(Text(where, "")))
    if verbose:
        for skipped in judged.skipped:
            out.print(Text(visible(f"skipped {skipped.source}: {skipped.reason}"), style="dim"))
    elif judged.skipped:
        reasons = _by_reason(skipped.reason for skipped in judged.skipped)
        out.print(Text(f"skipped {reasons} (-v lists them)", style="dim"))


def _by_reason(reasons: Iterable[str]) -> str:
    counted = Counter(reason.partition(":")[0] for reason in reasons)
    return ", ".join(f"{count} ({reason})" for reason, count in counted.most_common())


def _fitted(judged: Review) -> int:
    return sum(
        result.mode.acts and any(pod.fitting.brief for pod in result.pods)
        for result in judged.results
    )


def _held_back(judged: Review) -> int:
    return sum(
        result.is_held_back or any(one.would for one in result.findings)
        for result in judged.results
    )


def _sum(judged: Review) -> Text:
    count = len(judged.results)
    line = Text(f"{count} object{'' if count == 1 else 's'}: ")
    parts = [
        ("denied", judged.count("deny"), "bold red"),
        ("warned of", judged.count("warn"), "yellow"),
        ("held back by the mode", _held_back(judged), "blue"),
        ("fitted", _fitted(judged), "green"),
        ("unreadable", len(judged.unreadable), "bold red"),
    ]
    shown = [Text(f"{number} {what}", style) for what, number, style in parts if number]
    return line.append(Text(", ").join(shown) if shown else Text("nothing to say", "green"))
