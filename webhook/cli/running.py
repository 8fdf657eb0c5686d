"""What runs in a cluster, read for `scan` and for `review --against-cluster`."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from webhook.cli.progress import Progress
from webhook.core.kinds import Kinds
from webhook.core.objects import reference
from webhook.errors import ScaleguardError
from webhook.manifests import Document, Entry, Skipped, Source, Unreadable

if TYPE_CHECKING:
    from webhook.cluster.scan import Scanned

CLUSTER = "cluster"
"""Stands for the file in sources."""


def read_running(
    kubeconfig: Path | None,
    context: str | None,
    namespaces: Sequence[str],
    known: Kinds,
    progress: Progress,
) -> "Scanned":
    """Read a cluster, or some namespaces; raises `ScaleguardError` where nothing is to be had."""
    # Imported here: the Kubernetes client takes a second to load.
    from webhook.cluster.api import connect  # noqa: PLC0415
    from webhook.cluster.errors import ApiError  # noqa: PLC0415
    from webhook.cluster.scan import Scan  # noqa: PLC0415

    api = connect(kubeconfig, context)
    scan = Scan(api, known, namespaces)
    try:
        found = scan.read(lambda done, all_: progress("reading the cluster", done, all_))
    except ApiError as error:
        raise ScaleguardError(
            f"{api.server}: {error}; see whether `kubectl get namespaces` works with the same "
            "kubeconfig and context"
        ) from error
    if found.forbidden and not found.answered:
        lines = "".join(f"\n  {unread}" for unread in found.forbidden)
        raise ScaleguardError(
            f"{api.server} lets nothing be read:{lines}\nAsk for these rights (webhook/cluster/"
            "README.md lists them all), or name with -n a namespace in which you have them."
        )
    return found


def tell_forbidden(found: "Scanned") -> None:
    """Tell on stderr what there is no right to read."""
    for unread in found.forbidden:
        click.echo(f"not read: {unread}", err=True)


def unread(found: "Scanned") -> Iterator[Skipped | Unreadable]:
    """Yield what is not known of a cluster."""
    for number, one in enumerate(found.forbidden, 1):
        yield Skipped(Source(CLUSTER, number), str(one))
    for number, one in enumerate(found.failed, 1):
        yield Unreadable(Source(CLUSTER, number), str(one))


def namespaces_of(entries: Iterable[Entry]) -> list[str]:
    """Return the namespaces that manifests concern: what runs elsewhere never meets them."""
    refs = (reference(entry.raw) for entry in entries if isinstance(entry, Document))
    return sorted({ref.namespace for ref in refs if ref.namespace is not None})


def without_absent_namespaces(found: "Scanned") -> "Scanned":
    """Take it that namespaces which do not exist are those that the manifests are to make."""
    found.failed = [
        one for one in found.failed if not (one.resource == "namespaces" and one.error.is_absent)
    ]
    return found
