"""`scaleguard scan`: judge a running cluster with nothing installed in it."""

import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import click

from webhook import config as configuration
from webhook.cli.judged import Output, exit_status, judge_all, output_options, show_judged
from webhook.cli.options import cluster_options, common, option, set_up_logging
from webhook.cli.progress import progress_bar
from webhook.cli.running import CLUSTER, read_running, tell_forbidden, unread
from webhook.core.objects import reference
from webhook.manifests import Document, Part, Skipped, Source, Unreadable
from webhook.wiring import build_judge

if TYPE_CHECKING:
    from webhook.cluster.scan import Scanned

_EXAMPLES = """\b
Examples:
  scaleguard scan
  scaleguard scan -n shop -n ml --fail-on warn
  scaleguard scan --context staging -o json

\b
Exit status:
  0  nothing is denied
  1  at least one object is denied (with --fail-on warn: or warned of)
  2  a usage error, the cluster does not answer, or something in it could not be read
     (what there is no right to read is listed as skipped, and counts only if that is everything)
"""


@click.command(epilog=_EXAMPLES)
@option(
    "-n",
    "--namespace",
    "namespaces",
    multiple=True,
    help="Namespace to judge; all of them by default. May be repeated.",
)
@output_options
@cluster_options
@common
def command(  # noqa: PLR0913 - one parameter per option
    *,
    namespaces: tuple[str, ...],
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
    """Judge a running cluster through a kubeconfig: reading only, with nothing installed.

    Read are HPAs, VPAs, ScaledObjects, PodAutoscalers, namespaces, LimitRanges, Services and the
    workloads that autoscalers act on or that make pods; no pods, no secrets, and nothing is
    written.
    """
    set_up_logging(log_format, log_level)
    judge = build_judge(configuration.load(config), policies)
    with progress_bar(steps_for_a_bar=1) as progress:
        found = read_running(kubeconfig, context, namespaces, judge.knowledge.kinds, progress)
        judged = judge_all(_entries(found), judge, progress, whole=found.has_all_traffic)
    tell_forbidden(found)
    show_judged(judged, judge.settings.rules, Output(output, show_patches, fail_on, verbose))
    sys.exit(exit_status(judged, fail_on))


def _entries(found: "Scanned") -> Iterator[Document | Skipped | Unreadable]:
    """Give every object a place: `cluster/<namespace>`, and its number there."""
    objects = [(reference(raw).namespace or "", raw) for raw in found.objects]
    objects.sort(key=lambda one: one[0])  # a stable sort: kinds stay in their order
    numbers: dict[str, Iterator[int]] = {}
    for namespace, raw in objects:
        number = next(numbers.setdefault(namespace, count(1)))
        place = Source(f"{CLUSTER}/{namespace}" if namespace else CLUSTER, number)
        yield Document(place, raw, Part("", 1))
    yield from unread(found)
