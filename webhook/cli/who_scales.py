"""`scaleguard who-scales`: who acts on what, in a cluster or in manifests."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from webhook import config as configuration
from webhook.cli.options import cluster_options, common, option, output_option, set_up_logging
from webhook.cli.output import echo_utf8
from webhook.cli.progress import progress_bar
from webhook.cli.running import read_running, tell_forbidden
from webhook.core.decide import Judge
from webhook.core.fields import Raw
from webhook.core.kinds import Kinds
from webhook.core.verdict import CannotJudge
from webhook.core.who_scales import Acting, who_scales
from webhook.core.world import World
from webhook.errors import ScaleguardError
from webhook.manifests import Document, Unreadable, read
from webhook.wiring import build_judge

VERSION = 1
UNREADABLE = 2

_EXAMPLES = """\b
Examples:
  scaleguard who-scales -A
  scaleguard who-scales llama -n ml
  scaleguard who-scales deployment/llama -n ml -o json
  kustomize build overlays/prod | scaleguard who-scales -f -

\b
Exit status:
  0  it is told
  2  a usage error, no such workload, or something that could not be read
"""


@click.command(name="who-scales", epilog=_EXAMPLES)
@click.argument("workload", metavar="[[KIND/]NAME]", required=False)
@option("-A", "--all-namespaces", is_flag=True, help="Tell of all namespaces.")
@option("-n", "--namespace", help="Namespace; that of the kubeconfig's context by default.")
@option(
    "-f",
    "--filename",
    "files",
    multiple=True,
    help="File or folder of manifests, or `-`, in place of a cluster. May be repeated.",
)
@output_option
@cluster_options
@common
def command(  # noqa: PLR0913 - one parameter per option
    *,
    workload: str | None,
    all_namespaces: bool,
    namespace: str | None,
    files: tuple[str, ...],
    output: str,
    kubeconfig: Path | None,
    context: str | None,
    config: Path | None,
    policies: tuple[Path, ...],
    log_format: str,
    log_level: str,
) -> None:
    """Tell of each workload who moves its replicas, its cpu, its memory and its nodes.

    Told are AI workloads, and all that an HPA, a VPA, a ScaledObject or a PodAutoscaler acts on.
    Where two of them meet, it says so. A cluster is read only, nothing is changed.
    """
    set_up_logging(log_format, log_level)
    if all_namespaces and namespace is not None:
        raise click.UsageError("-A means all namespaces: leave out -n")
    judge = build_judge(configuration.load(config), policies)
    unreadable = 0
    objects: Sequence[Raw]
    if files:
        objects, unreadable = _manifests(files)
    else:
        objects = _running(kubeconfig, context, namespace, judge, everywhere=all_namespaces)
    world = World.of(objects, judge.knowledge.kinds)
    try:
        told = who_scales(objects, judge, world)
    except CannotJudge as error:
        raise ScaleguardError(f"the rules gave no answer: {error}") from error
    if files and namespace is not None:
        told = [one for one in told if one.key.namespace == namespace]
    if workload is not None:
        told = _named(workload, told, judge.knowledge.kinds)
    if output == "json":
        document = {"version": VERSION, "workloads": [one.as_json() for one in told]}
        echo_utf8(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        from webhook.cli.who_scales_text import show, show_one  # noqa: PLC0415 - rich, here alone

        if workload is not None and len(told) == 1:
            show_one(told[0])
        else:
            show(told)
    sys.exit(UNREADABLE if unreadable else 0)


def _manifests(files: tuple[str, ...]) -> tuple[list[Raw], int]:
    """Read manifests; what cannot be read is told on stderr, and counted."""
    objects: list[Raw] = []
    unreadable = 0
    for entry in read(list(files), sys.stdin.buffer.read):
        if isinstance(entry, Document):
            objects.append(entry.raw)
        elif isinstance(entry, Unreadable):
            unreadable += 1
            click.echo(f"unreadable {entry.source}: {entry.reason}", err=True)
    return objects, unreadable


def _running(
    kubeconfig: Path | None,
    context: str | None,
    namespace: str | None,
    judge: Judge,
    *,
    everywhere: bool,
) -> Sequence[Raw]:
    # Imported here: the Kubernetes client takes a second to load.
    from webhook.cli.explain_cluster import usual_namespace  # noqa: PLC0415

    namespaces = [] if everywhere else [namespace or usual_namespace(kubeconfig, context)]
    with progress_bar(steps_for_a_bar=1) as progress:
        found = read_running(kubeconfig, context, namespaces, judge.knowledge.kinds, progress)
    tell_forbidden(found)
    for unread in found.failed:
        click.echo(f"not read: {unread}", err=True)
    return found.objects


def _named(name: str, told: list[Acting], known: Kinds) -> list[Acting]:
    """Those that a name means; raises `ScaleguardError` where there is none."""
    from webhook.cli.explain_cluster import is_kind  # noqa: PLC0415 - as above

    kind, slash, short_name = name.rpartition("/")
    found = [
        one
        for one in told
        if one.key.name == short_name and (not slash or is_kind(kind, one.key.group_kind, known))
    ]
    if not found:
        there = ", ".join(f"{one.key.kind.lower()}/{one.key.name}" for one in told[:10])
        more = f" and {len(told) - 10} more" if len(told) > 10 else ""  # noqa: PLR2004
        hint = f"there are {there}{more}" if told else "nothing scales anything here"
        raise ScaleguardError(f"{name}: no such workload that anything acts on; {hint}")
    return found
