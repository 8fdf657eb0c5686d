"""`scaleguard review`: judge manifests before they reach a cluster."""

import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
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
from webhook.cli.options import EXISTING_FILE, cluster_options, common, option, set_up_logging
from webhook.cli.output import echo_utf8
from webhook.cli.progress import Progress, progress_bar
from webhook.cli.reading import Once, read_paths, renderer
from webhook.core.decide import Judge
from webhook.core.fields import Raw
from webhook.manifests import Entry
from webhook.manifests.paths import STDIN
from webhook.offline.results import Review
from webhook.wiring import build_judge

__all__ = ["DENIED", "UNREADABLE", "command"]

_NO_FILE = "\0"
"""What cannot be read of a cluster stands in no file, and no file has this name."""

_EXAMPLES = """\b
Examples:
  scaleguard review deploy/
  scaleguard review ./chart --helm-values prod.yaml
  scaleguard review overlays/prod -o json
  helm template ./chart --set replicas=3 | scaleguard review -
  scaleguard review deploy/ --against-cluster --context staging
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
@option("--no-render", is_flag=True, help="Leave charts and kustomizations unrendered.")
@option(
    "--helm-values",
    type=EXISTING_FILE,
    multiple=True,
    help="Values for the charts that are rendered. May be repeated.",
)
@option(
    "--against-cluster",
    is_flag=True,
    help="Judge the files against what runs: read-only, through a kubeconfig.",
)
@output_options
@cluster_options
@common
def command(  # noqa: PLR0913 - one parameter per option
    *,
    paths: tuple[str, ...],
    mutate: bool,
    fix: bool,
    diff: bool,
    no_render: bool,
    helm_values: tuple[Path, ...],
    against_cluster: bool,
    output: str,
    show_patches: bool,
    fail_on: str,
    verbose: bool,
    kubeconfig: Path | None,
    context: str | None,
    config: Path | None,
    policies: tuple[Path, ...],
    log_format: str,
    log_level: str,
) -> None:
    """Judge Kubernetes manifests as scaleguard's webhook would, without a cluster.

    PATH is a file or a folder (*.yaml, *.yml, *.json in it and below), `-` is standard input. All
    objects given are one world: an HPA in one file conflicts with a VPA in another. Charts and
    kustomizations in folders are rendered where helm, and kustomize or kubectl, are on the PATH;
    each of them meets the plain files, and not what others render.
    """
    _refuse_contradictions(mutate=mutate, fix=fix, diff=diff, is_piped=STDIN in paths)
    _refuse_idle(no_render=no_render, against_cluster=against_cluster)
    set_up_logging(log_format, log_level)
    judge = build_judge(configuration.load(config), policies)
    stdin = Once(sys.stdin.buffer.read)
    with progress_bar() as progress:
        read = read_paths(paths, stdin, None if no_render else renderer(helm_values), progress)
        running: list[Raw] = []
        if against_cluster:
            running = _running(read, kubeconfig, context, judge, progress)
        judged = judge_all(_all(read), judge, progress, running)
    if fix or diff:
        again = partial(judge_all, judge=judge, progress=lambda *_: None, running=running)
        judged = _fixed(read, judged, again, stdin, only_shown=diff)
    if mutate:
        _print_mutated(judged)
    elif not diff and not (fix and STDIN in read):
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


def _refuse_idle(*, no_render: bool, against_cluster: bool) -> None:
    """Refuse what was asked for on the command line and would do nothing."""
    source = click.get_current_context().get_parameter_source
    if no_render and source("helm_values") is ParameterSource.COMMANDLINE:
        raise click.UsageError("--helm-values is for rendering: leave out --no-render")
    for name in ("kubeconfig", "context"):
        if not against_cluster and source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name} names a cluster: add --against-cluster")


def _all(read: Mapping[str, list[Entry]]) -> list[Entry]:
    return [entry for some in read.values() for entry in some]


def _running(
    read: dict[str, list[Entry]],
    kubeconfig: Path | None,
    context: str | None,
    judge: Judge,
    progress: Progress,
) -> list[Raw]:
    """Read what runs in the namespaces that the files concern; note what cannot be read of it."""
    from webhook.cli import running  # noqa: PLC0415 - only for --against-cluster

    namespaces = running.namespaces_of(_all(read))
    if not namespaces:
        return []
    known = judge.knowledge.kinds
    found = running.read_running(kubeconfig, context, namespaces, known, progress)
    running.tell_forbidden(found)
    read[_NO_FILE] = list(running.unread(running.without_absent_namespaces(found)))
    return list(found.objects)


def _fixed(
    read: dict[str, list[Entry]],
    judged: Review,
    again: Callable[[Iterable[Entry]], Review],
    stdin: Callable[[], bytes],
    *,
    only_shown: bool,
) -> Review:
    """Fix what was judged; return the judgement of what is there afterwards."""
    from webhook.cli import fixing as fixed  # noqa: PLC0415 - only for --fix and --diff
    from webhook.offline.fixes import Fixing  # noqa: PLC0415 - the same

    fixing = Fixing(
        dict(read),
        lambda file: stdin() if file == STDIN else Path(file).read_bytes(),
        again,
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
        after = again(_all(fixing.entries))
    if STDIN in read:
        fixed.print_stdin(fixing, stdin())
        tell_findings(after)
    return after


def _print_mutated(judged: Review) -> None:
    """Print every object with its patch applied; findings and what was left out go to stderr."""
    from webhook.offline.stream import mutated  # noqa: PLC0415 - only for --mutate

    for text in mutated(judged.results):
        echo_utf8(text, nl=False)
    tell_findings(judged)
