"""`scaleguard explain`: why a pod is or is not an AI pod, where injected values come from."""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from webhook import config as configuration
from webhook.cli.options import cluster_options, common, option, output_option, set_up_logging
from webhook.cli.output import echo_utf8
from webhook.core.decide import Judge
from webhook.core.explain import Explanation, explain
from webhook.core.fields import Raw
from webhook.core.frozen import frozen
from webhook.core.objects import reference
from webhook.core.verdict import CannotJudge
from webhook.core.world import World
from webhook.errors import ScaleguardError
from webhook.manifests import Document, Skipped, Source, Unreadable, read
from webhook.wiring import build_judge

VERSION = 1
UNREADABLE = 2

_STDIN = "-"
_MANIFESTS = (".yaml", ".yml", ".json")

_EXAMPLES = """\b
Examples:
  scaleguard explain deploy/llm.yaml
  helm template ./chart | scaleguard explain -
  scaleguard explain llm-6d5f7c9b4-x2x8q -n ml
  scaleguard explain deployment/llm -n ml -o json

\b
Exit status:
  0  everything that was meant is explained
  2  a usage error, nothing to explain, or something that could not be read
"""


@frozen
class Explained:
    """A pod that was explained, and where it was read; None stands for a cluster."""

    source: Source | None
    explanation: Explanation


@dataclass
class Told:
    """Everything that was explained, and what was not."""

    pods: list[Explained] = field(default_factory=list)
    left_out: list[Skipped | Unreadable] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    """What of a cluster might have mattered and could not be read."""

    def as_json(self) -> dict[str, Any]:
        """The whole document of `-o json`."""
        return {
            "version": VERSION,
            "pods": [
                {"source": one.source.as_json() if one.source is not None else None}
                | one.explanation.as_json()
                for one in self.pods
            ],
            "skipped": [
                {"source": one.source.as_json(), "reason": one.reason} for one in self.left_out
            ],
            "unread": self.unread,
        }


@click.command(epilog=_EXAMPLES)
@click.argument("pod", metavar="FILE | - | [KIND/]NAME")
@option(
    "-n",
    "--namespace",
    help="Namespace of a pod of a cluster; that of the kubeconfig's context by default.",
)
@output_option
@cluster_options
@common
@click.pass_context
def command(  # noqa: PLR0913 - one parameter per option
    ctx: click.Context,
    *,
    pod: str,
    namespace: str | None,
    output: str,
    kubeconfig: Path | None,
    context: str | None,
    config: Path | None,
    policies: tuple[Path, ...],
    log_format: str,
    log_level: str,
) -> None:
    """Tell of one pod why it is or is not an AI pod, and where each injected value comes from.

    What is a file (or `-`, standard input) is a manifest: each pod and pod template in it is
    explained, in the world of all its objects. Anything else is the name of a pod in a cluster, or
    KIND/NAME of what makes pods, as kubectl writes it. A cluster is read only, nothing is changed.
    """
    set_up_logging(log_format, log_level)
    judge = build_judge(configuration.load(config), policies)
    try:
        if pod == _STDIN or Path(pod).exists():
            _no_cluster_options(ctx, pod)
            told = _manifests(pod, judge)
        elif pod.endswith(_MANIFESTS):
            raise ScaleguardError(f"{pod}: there is no such file")
        else:
            told = _in_cluster(pod, namespace, kubeconfig, context, judge)
    except CannotJudge as error:
        raise ScaleguardError(f"the rules gave no answer: {error}") from error
    if output == "json":
        echo_utf8(json.dumps(told.as_json(), indent=2, ensure_ascii=False))
    else:
        from webhook.cli.explain_text import show  # noqa: PLC0415 - rich is needed only here

        show([one.explanation for one in told.pods])
    for entry in told.left_out:
        click.echo(f"left out: {entry.source}: {entry.reason}", err=True)
    for unread in told.unread:
        click.echo(f"not read: {unread}", err=True)
    sys.exit(UNREADABLE if any(isinstance(one, Unreadable) for one in told.left_out) else 0)


def _no_cluster_options(ctx: click.Context, pod: str) -> None:
    """Refuse what would be ignored; variables of the environment are meant for other commands."""
    given = [
        name
        for name in ("namespace", "kubeconfig", "context")
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]
    if given:
        what = "standard input" if pod == _STDIN else f"the file {pod}"
        raise click.UsageError(
            f"{what} needs no cluster: leave out --{given[0]}, or write pod/NAME for a pod of that "
            "name in a cluster"
        )


def _manifests(path: str, judge: Judge) -> Told:
    told = Told()
    documents = []
    for entry in read([path], sys.stdin.buffer.read):
        if isinstance(entry, Document):
            documents.append(entry)
        else:
            told.left_out.append(entry)
    world = World.of((document.raw for document in documents), judge.knowledge.kinds)
    for document in documents:
        told.pods += [
            Explained(document.source, one)
            for one in explained(document.raw, judge, world, is_new=True)
        ]
    if not told.pods:
        raise ScaleguardError(_nothing(path, documents, told.left_out, judge))
    return told


def explained(raw: Raw, judge: Judge, world: World, *, is_new: bool) -> Iterable[Explanation]:
    """Explain the pod that an object is, or those of its templates."""
    return [explain(pod, judge, world, is_new=is_new) for pod in judge.pods(raw, world)]


def _nothing(
    path: str,
    documents: Iterable[Document],
    left_out: Iterable[Skipped | Unreadable],
    judge: Judge,
) -> str:
    """Say what there was instead of pods."""
    name = "standard input" if path == _STDIN else path
    refs = [reference(document.raw) for document in documents]
    lines = [f"{entry.source}: {entry.reason}" for entry in left_out]
    lines += [
        f"{ref}: {no_template(ref.kind)}"
        if judge.knowledge.kinds.get(ref.group_kind) is not None
        else f"{ref}: makes no pods"
        for ref in refs
    ]
    listed = "".join(f"\n  {line}" for line in lines) or " at all"
    return f"{name}: no pod and no pod template in it{':' if lines else ''}{listed}"


def no_template(kind: str) -> str:
    """Say why an object that makes pods cannot be explained."""
    return f"the controller of {kind} writes the pod template; explain one of its pods"


def _in_cluster(
    name: str, namespace: str | None, kubeconfig: Path | None, context: str | None, judge: Judge
) -> Told:
    # Imported here: the Kubernetes client takes a second to load.
    from webhook.cli.explain_cluster import look_up  # noqa: PLC0415

    found = look_up(name, namespace, kubeconfig, context, judge)
    told = Told(unread=found.unread)
    told.pods = [
        Explained(None, one) for one in explained(found.raw, judge, found.world, is_new=False)
    ]
    if not told.pods:
        ref = reference(found.raw)
        raise ScaleguardError(f"{ref}: no pod template in it: {no_template(ref.kind)}")
    return told
