"""`scaleguard review`: judge manifests before they reach a cluster."""

import sys
from collections.abc import Callable
from pathlib import Path

import click
from click.core import ParameterSource

from webhook import config as configuration
from webhook.cli.judged import (
    DENIED,
    UNREADABLE,
    Output,
    exit_status,
    judge_all,
    output_options,
    show_judged,
    tell_findings,
)
from webhook.cli.options import common, option, set_up_logging
from webhook.cli.output import echo_utf8
from webhook.cli.progress import Progress, progress_bar
from webhook.core.decide import Judge
from webhook.manifests import Entry, Source, Unreadable, files, read_file
from webhook.manifests.paths import STDIN
from webhook.offline.results import Review
from webhook.wiring import build_judge

__all__ = ["DENIED", "UNREADABLE", "command"]

EMPTY_STDIN = (
    "standard input is empty: the command before the pipe printed nothing, and may have failed"
)

_EXAMPLES = """\b
Examples:
  scaleguard review deploy/
  helm template ./chart | scaleguard review -
  kustomize build overlays/prod | scaleguard review - -o json
  scaleguard review deploy/ --diff
  scaleguard review deploy/ && scaleguard review deploy/ --mutate | kubectl apply -f -

\b
Exit status:
  0  nothing is denied
  1  at least one object is denied (with --fail-on warn: or warned of)
  2  a usage error, or something could not be read (the rest is judged all the same)
"""


@click.command(epilog=_EXAMPLES)
@click.argument("paths", nargs=-1, required=True, metavar="PATH… | -")
@option("--mutate", is_flag=True, help="Print all objects as the webhook would make them (YAML).")
@option("--fix", is_flag=True, help="Write remedies into the files, where one is right.")
@option("--diff", is_flag=True, help="Show what --fix would write.")
@output_options
@common
def command(  # noqa: PLR0913 - one parameter per option
    *,
    paths: tuple[str, ...],
    mutate: bool,
    fix: bool,
    diff: bool,
    output: str,
    show_patches: bool,
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
    _refuse_contradictions(mutate=mutate, fix=fix, diff=diff, is_piped=STDIN in paths)
    set_up_logging(log_format, log_level)
    judge = build_judge(configuration.load(config), policies)
    stdin = _Once(sys.stdin.buffer.read)
    with progress_bar() as progress:
        names = files(paths)
        entries = _read(names, stdin, progress)
        judged = judge_all(entries, judge, progress)
    if fix or diff:
        judged = _fixed(names, entries, judged, judge, stdin, only_shown=diff)
    if mutate:
        _print_mutated(judged)
    elif not diff and not (fix and STDIN in names):
        show_judged(judged, judge.settings.rules, Output(output, show_patches, fail_on, verbose))
    sys.exit(exit_status(judged, fail_on))


def _refuse_contradictions(*, mutate: bool, fix: bool, diff: bool, is_piped: bool) -> None:
    """Refuse options of which one would be ignored without a word."""
    named = [name for name, on in (("--mutate", mutate), ("--fix", fix), ("--diff", diff)) if on]
    if len(named) > 1:
        raise click.UsageError(f"{' and '.join(named)} print different things: leave one out")
    source = click.get_current_context().get_parameter_source("output")
    if source is ParameterSource.DEFAULT:
        return
    if mutate:
        raise click.UsageError("--mutate prints the objects themselves: leave out -o")
    if diff:
        raise click.UsageError("--diff prints a diff: leave out -o")
    if fix and is_piped:
        raise click.UsageError("--fix prints the fixed standard input: leave out -o")


class _Once:
    """Standard input, which can be read only once, for whoever asks."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._read = read
        self._content: bytes | None = None

    def __call__(self) -> bytes:
        if self._content is None:
            self._content = self._read()
        return self._content


def _read(names: list[str], stdin: Callable[[], bytes], progress: Progress) -> list[Entry]:
    entries: list[Entry] = []
    for done, name in enumerate(names, start=1):
        if name == STDIN and not stdin().strip():
            entries.append(Unreadable(Source(STDIN, 1), EMPTY_STDIN))
        else:
            entries += read_file(name, stdin)
        progress("reading", done, len(names))
    return entries


def _fixed(  # noqa: PLR0913
    names: list[str],
    entries: list[Entry],
    judged: Review,
    judge: Judge,
    stdin: Callable[[], bytes],
    *,
    only_shown: bool,
) -> Review:
    """Fix what was judged; return the judgement of what is there afterwards."""
    from webhook.cli import fixing as fixed  # noqa: PLC0415 - only for --fix and --diff
    from webhook.offline.fixes import Fixing  # noqa: PLC0415 - the same

    read = fixed.by_file(names, entries)
    fixing = Fixing(
        dict(read),
        lambda file: stdin() if file == STDIN else Path(file).read_bytes(),
        lambda some: judge_all(some, judge, lambda *_: None),
    )
    after = fixing.run(judged)
    if only_shown:
        fixed.print_diff(fixing)
        fixed.tell_left(fixing)
        tell_findings(after)
        return judged
    unwritten = fixed.write(fixing)
    if unwritten:
        fixing.entries.update({file: read[file] for file in unwritten})
        after = fixing.again(one for some in fixing.entries.values() for one in some)
    if STDIN in names:
        fixed.print_stdin(fixing, stdin())
        tell_findings(after)
    return after


def _print_mutated(judged: Review) -> None:
    """Print every object with its patch applied; findings and what was left out go to stderr."""
    from webhook.offline.stream import mutated  # noqa: PLC0415 - only for --mutate

    for text in mutated(judged.results):
        echo_utf8(text, nl=False)
    tell_findings(judged)
