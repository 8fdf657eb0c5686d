"""`scaleguard doctor`: what stands in the way of scaleguard in a cluster."""

import difflib
import json
import sys
import time
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from webhook.cli.options import (
    EXISTING_FILE,
    cluster_options,
    logging_options,
    option,
    output_option,
    set_up_logging,
)
from webhook.cli.output import echo_utf8
from webhook.doctor.verdict import Checked, State, is_in_the_way

if TYPE_CHECKING:
    from webhook.doctor.fetching.cluster import Cluster
    from webhook.doctor.fetching.look import Look
    from webhook.doctor.fetching.start import Meant

VERSION = 1

# In the order in which they are told; here, so that help and completion are quick.
CHECKS = (
    *("configurations", "namespaces", "order", "deployments", "certificate", "readiness"),
    *("canary", "rights", "audit", "vpa", "keda", "metrics"),
)
FAULTS = 1

# Between two looks while it waits.
_PAUSE_SECONDS = 2.0

_EXAMPLES = """\b
Examples:
  scaleguard doctor
  scaleguard doctor --only certificate,canary --wait 120
  scaleguard doctor --namespace scaleguard --release scaleguard -o json
  kubectl port-forward -n scaleguard service/scaleguard 8443:443 &
  scaleguard doctor --webhook-url https://localhost:8443

\b
Exit status:
  0  nothing stands in the way; there may be warnings, and checks that could not be made
  1  at least one fault; with --only also where such a check could not be made in full
  2  a usage error, the cluster does not answer, or which installation is meant is not known
"""


@click.command(epilog=_EXAMPLES)
@option(
    "--only",
    metavar="CHECK,…",
    shell_complete=lambda _context, _option, begun: _completed(begun),
    help=f"Checks to make, separated by commas: {', '.join(CHECKS)}. All by default.",
)
@option("-n", "--namespace", help="Namespace of the installation; found by its labels by default.")
@option("--release", help="What its Service is called; found by its labels by default.")
@option("--try-in", help="Namespace of dry runs; `default` by default, if it is judged.")
@option(
    "--webhook-url",
    metavar="URL",
    help="Where the webhook can be dialled from here: https://HOST:PORT.",
)
@option(
    "--webhook-ca", type=EXISTING_FILE, help="PEM that its certificate must be trusted by, too."
)
@option(
    "--wait",
    type=click.FloatRange(0, 3600),
    default=0,
    metavar="SECONDS",
    help="Look again until there is no fault, for so long at most.",
)
@output_option
@cluster_options
@logging_options
def command(  # noqa: PLR0913 - one parameter per option
    *,
    only: str | None,
    namespace: str | None,
    release: str | None,
    try_in: str | None,
    webhook_url: str | None,
    webhook_ca: Path | None,
    wait: float,
    output: str,
    kubeconfig: Path | None,
    context: str | None,
    log_format: str,
    log_level: str,
) -> None:
    """Tell what stands in the way of scaleguard in a cluster, and how to clear it away.

    With whatever rights you have: what you may not see is told, and hinders no other check. Nothing
    is written; objects are tried by dry run.
    """
    set_up_logging(log_format, log_level)
    # Imported here: the Kubernetes client takes a second to load.
    from webhook.cluster.api import connect  # noqa: PLC0415
    from webhook.cluster.credentials import own_namespace  # noqa: PLC0415
    from webhook.doctor.fetching.cluster import Cluster  # noqa: PLC0415
    from webhook.doctor.fetching.start import Meant  # noqa: PLC0415

    names = _names(only)
    in_pod = own_namespace(kubeconfig, context) is not None
    authority = webhook_ca.read_bytes() if webhook_ca is not None else b""
    meant = Meant(namespace, release, try_in, webhook_url, authority, in_pod)
    cluster = Cluster(connect(kubeconfig, context))
    cluster.reach()
    until = time.monotonic() + wait
    look, checks = _look(cluster, meant, names)
    while (
        is_in_the_way(checks, all_needed=only is not None)
        and time.monotonic() + _PAUSE_SECONDS < until
    ):
        time.sleep(_PAUSE_SECONDS)
        look, checks = _look(cluster, meant, names)
    if output == "json":
        echo_utf8(json.dumps(_document(look, checks), indent=2, ensure_ascii=False))
    else:
        from webhook.cli.doctor_text import show  # noqa: PLC0415 - rich, here alone

        show(look, checks)
    sys.exit(FAULTS if is_in_the_way(checks, all_needed=only is not None) else 0)


def _completed(begun: str) -> list[str]:
    """What a shell may complete a list of checks to."""
    before, comma, last = begun.rpartition(",")
    return [f"{before}{comma}{name}" for name in CHECKS if name.startswith(last)]


def _names(only: str | None) -> Sequence[str]:
    """The checks that are asked for; raises `click.BadParameter` for one that there is not."""
    if only is None:
        return CHECKS
    names = [name.strip() for name in only.split(",") if name.strip()]
    for name in names:
        if name not in CHECKS:
            near = difflib.get_close_matches(name, CHECKS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(CHECKS)}"
            raise click.BadParameter(f"{name}: no such check, {hint}", param_hint="--only")
    if not names:
        raise click.BadParameter("names no check", param_hint="--only")
    return names


def _look(
    cluster: "Cluster", meant: "Meant", names: Collection[str]
) -> tuple["Look", list[Checked]]:
    from webhook.doctor.checkup import check  # noqa: PLC0415 - as above
    from webhook.doctor.fetching.start import look_at  # noqa: PLC0415

    look = look_at(cluster, meant, datetime.now(UTC))
    return look, list(check(look, names))


def _document(look: "Look", checks: Sequence[Checked]) -> dict[str, Any]:
    """The checks for programs."""
    found = look.found
    states = Counter(one.state for one in checks)
    return {
        "version": VERSION,
        "server": look.cluster.server,
        "installation": None
        if found is None
        else {"namespace": found.namespace, "release": found.name},
        "summary": {state: states[state] for state in State},
        "checks": [
            {
                "check": one.name,
                "state": one.state,
                "verdicts": [
                    {
                        "state": verdict.state,
                        "message": verdict.message,
                        "fix": verdict.fix or None,
                        "command": verdict.command or None,
                    }
                    for verdict in one.verdicts
                ],
            }
            for one in checks
        ],
    }
