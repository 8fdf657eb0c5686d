"""`scaleguard review`: judge manifests before they reach a cluster."""

import json
import sys
from pathlib import Path

import click

from webhook import config as configuration
from webhook.cli.options import common, option, set_up_logging
from webhook.cli.output import echo_utf8
from webhook.cli.progress import Progress, progress_bar
from webhook.core.verdict import CannotJudge
from webhook.errors import ScaleguardError
from webhook.manifests import Document, Skipped, Unreadable, files, read_file
from webhook.offline.judge import review
from webhook.offline.results import Review
from webhook.wiring import build_judge

DENIED, UNREADABLE = 1, 2

_EXAMPLES = """\b
Examples:
  scaleguard review deploy/
  helm template ./chart | scaleguard review -
  kustomize build overlays/prod | scaleguard review - -o json
  scaleguard review deploy/ && scaleguard review deploy/ --mutate | kubectl apply -f -

\b
Exit status:
  0  nothing is denied
  1  at least one object is denied (with --fail-on warn: or warned of)
  2  a usage error, or something could not be read (the rest is judged all the same)
"""


@click.command(epilog=_EXAMPLES)
@click.argument("paths", nargs=-1, required=True, metavar="PATH… | -")
@option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    help="Form of the output.",
)
@option("--show-patches", is_flag=True, help="Show what the webhook would add, as a diff.")
@option("--mutate", is_flag=True, help="Print all objects as the webhook would make them (YAML).")
@option(
    "--fail-on",
    type=click.Choice(["deny", "warn"]),
    default="deny",
    help="The weakest action that makes the exit status 1.",
)
@option("-v", "--verbose", is_flag=True, help="Show objects without findings, and all skipped.")
@common
def command(  # noqa: PLR0913 - one parameter per option
    *,
    paths: tuple[str, ...],
    output: str,
    show_patches: bool,
    mutate: bool,
    fail_on: str,
    verbose: bool,
    config: Path | None,
    policies: tuple[Path, ...],
    log_format: str,
    log_level: str,
) -> None:
    """Judge Kubernetes manifests as scaleguard's webhook would, without a cluster.

    PATH is a file or a folder (*.yaml, *.yml, *.json in it and below), `-` is standard input. All
    objects given are one world: an HPA in one file conflicts with a VPA in another.
    """
    set_up_logging(log_format, log_level)
    judge = build_judge(configuration.load(config), policies)
    try:
        with progress_bar() as progress:
            entries = _read(paths, progress)
            judged = review(entries, judge, lambda done, all_: progress("judging", done, all_))
    except CannotJudge as error:
        raise ScaleguardError(f"the rules gave no answer: {error}") from error
    if mutate:
        _print_mutated(judged)
    elif output == "json":
        echo_utf8(json.dumps(judged.as_json(), indent=2, ensure_ascii=False))
    else:
        from webhook.cli.text import show  # noqa: PLC0415 - rich is needed only here

        show(judged, show_patches=show_patches, verbose=verbose)
    sys.exit(exit_status(judged, fail_on))


def exit_status(judged: Review, fail_on: str) -> int:
    """2 where something could not be read, else 1 where something fails, else 0."""
    if judged.unreadable:
        return UNREADABLE
    failing = judged.count("deny") + (judged.count("warn") if fail_on == "warn" else 0)
    return DENIED if failing else 0


def _read(paths: tuple[str, ...], progress: Progress) -> list[Document | Skipped | Unreadable]:
    names = files(paths)
    entries: list[Document | Skipped | Unreadable] = []
    for done, name in enumerate(names, start=1):
        entries += read_file(name, sys.stdin.buffer.read)
        progress("reading", done, len(names))
    return entries


def _print_mutated(judged: Review) -> None:
    """Print every object with its patch applied; findings and what was left out go to stderr."""
    from webhook.offline.stream import mutated  # noqa: PLC0415 - only for --mutate

    for text in mutated(judged.results):
        echo_utf8(text, nl=False)
    for result in judged.results:
        for finding in result.findings:
            click.echo(f"{finding.action.value}: {result.source}: {finding.sentence()}", err=True)
    left_out: list[Skipped | Unreadable] = [*judged.skipped, *judged.unreadable]
    for entry in left_out:
        click.echo(f"left out: {entry.source}: {entry.reason}", err=True)
