"""What `review` and `scan` have in common: judging, how a judgement is printed, the exit status."""

import importlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from webhook.cli.options import option
from webhook.cli.output import echo_utf8, visible
from webhook.cli.progress import Progress
from webhook.core.decide import Judge
from webhook.core.fields import Raw
from webhook.core.frozen import frozen
from webhook.core.verdict import CannotJudge, Rule
from webhook.errors import ScaleguardError
from webhook.manifests import Entry, Skipped, Unreadable
from webhook.offline.judge import review
from webhook.offline.results import Review

DENIED, UNREADABLE = 1, 2

# Modules of webhook.offline.formats with a function `render`, loaded when they are wanted.
_RENDERED = ("sarif", "junit", "github", "markdown")

_Command = TypeVar("_Command", bound=Callable[..., Any])


@frozen
class Output:
    """How a judgement is to be printed."""

    form: str
    show_patches: bool
    fail_on: str
    verbose: bool


def output_options(command: _Command) -> _Command:
    """Add the options that say how a judgement is printed, and what fails."""
    for add in (
        option(
            "-v", "--verbose", is_flag=True, help="Show objects without findings, and all skipped."
        ),
        option(
            "--fail-on",
            type=click.Choice(["deny", "warn"]),
            default="deny",
            help="The weakest action that makes the exit status 1.",
        ),
        option("--show-patches", is_flag=True, help="Show what the webhook would add, as a diff."),
        option(
            "-o",
            "--output",
            type=click.Choice(["text", "json", *_RENDERED]),
            default="text",
            help="Form of the output.",
        ),
    ):
        command = add(command)
    return command


def judge_all(
    entries: Iterable[Entry],
    judge: Judge,
    progress: Progress,
    running: Sequence[Raw] = (),
    *,
    whole: bool = False,
) -> Review:
    """Judge what was read; where the rules give no answer, that is what a person is told."""
    try:
        return review(
            entries,
            judge,
            lambda done, all_: progress("judging", done, all_),
            running,
            whole=whole,
        )
    except CannotJudge as error:
        raise ScaleguardError(f"the rules gave no answer: {error}") from error


def show_judged(judged: Review, rules: Mapping[str, Rule], output: Output) -> None:
    """Print a judgement on stdout; on stderr that it would be a stronger one in another mode."""
    _tell_mode(judged)
    if output.form == "json":
        echo_utf8(json.dumps(judged.as_json(), indent=2, ensure_ascii=False))
    elif output.form == "text":
        from webhook.cli.text import show  # noqa: PLC0415 - rich is needed only here

        show(judged, show_patches=output.show_patches, verbose=output.verbose)
    else:
        from webhook.offline.formats import seen_from  # noqa: PLC0415 - as rich

        renderer = importlib.import_module(f"webhook.offline.formats.{output.form}")
        text: str = renderer.render(seen_from(judged, Path.cwd()), rules, output.fail_on)
        echo_utf8(text, nl=bool(text))


def _tell_mode(judged: Review) -> None:
    found = [finding for result in judged.results for finding in result.findings]
    held_back = Counter(one.would.value for one in found if one.would is not None)
    if held_back:
        said = ", ".join(f"{count} {action}" for action, count in sorted(held_back.items()))
        click.echo(f"the configuration's mode holds findings back; enforce: {said}", err=True)


def exit_status(judged: Review, fail_on: str) -> int:
    """2 where something could not be read, else 1 where something fails, else 0."""
    if judged.unreadable:
        return UNREADABLE
    failing = judged.count("deny") + (judged.count("warn") if fail_on == "warn" else 0)
    return DENIED if failing else 0


def tell_findings(judged: Review) -> None:
    """Tell findings and what was left out on stderr, where stdout carries manifests."""
    for result in judged.results:
        for finding in result.findings:
            line = f"{finding.action.value}: {result.source}: {finding.sentence()}"
            click.echo(visible(line), err=True)
    left_out: list[Skipped | Unreadable] = [*judged.skipped, *judged.unreadable]
    for entry in left_out:
        click.echo(visible(f"left out: {entry.source}: {entry.reason}"), err=True)
