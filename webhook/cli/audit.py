"""`scaleguard audit`: the server that takes records in and shows them."""

from functools import partial
from pathlib import Path

import click

from webhook.cli.options import (
    cluster_options,
    https_options,
    logging_options,
    option,
    set_up_logging,
)

_EXAMPLES = """\b
Examples:
  scaleguard audit --writers system:serviceaccount:scaleguard:scaleguard
  scaleguard audit --store postgresql://scaleguard@db/scaleguard --writers USER,USER
  scaleguard audit --bind 127.0.0.1:8444 --insecure-no-auth-on-loopback
"""

DATA = Path("scaleguard-audit")
FILE = "audit.db"


@click.command(epilog=_EXAMPLES)
@option("--bind", default="0.0.0.0:8443", show_default=True, help="HOST:PORT to serve HTTPS on.")
@option(
    "--metrics-bind",
    default=None,
    help="HOST:PORT to serve Prometheus metrics on, over plain HTTP. Off by default.",
)
@option(
    "--store",
    metavar="URL",
    help="Database: sqlite:///FILE, for one replica, or postgresql://USER@HOST/DATABASE. By default"
    f" {FILE} in --data.",
)
@option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=DATA,
    show_default=True,
    help="Folder of the SQLite file.",
)
@option(
    "--writers",
    metavar="USER,…",
    default="",
    help="Users who may deliver records: the webhook's and the controller's"
    " (system:serviceaccount:NAMESPACE:NAME).",
)
@option(
    "--retention-days",
    type=click.FloatRange(min=0, min_open=True),
    default=90.0,
    show_default=True,
    help="Decisions that are older are forgotten.",
)
@option(
    "--retention-rows",
    type=click.IntRange(min=1),
    default=1_000_000,
    show_default=True,
    help="The oldest decisions are forgotten where there are more.",
)
@option(
    "--insecure-no-auth-on-loopback",
    is_flag=True,
    help="Show everything to whoever comes from this machine without a token: to every process and"
    " user here, and to what a proxy in the pod lets through.",
)
@https_options
@cluster_options
@partial(logging_options, log_level="info")
def command(  # noqa: PLR0913 - one parameter per option
    *,
    bind: str,
    metrics_bind: str | None,
    store: str | None,
    data: Path,
    writers: str,
    retention_days: float,
    retention_rows: int,
    insecure_no_auth_on_loopback: bool,
    cert_dir: Path,
    mounted_certificates: bool,
    tls_name: tuple[str, ...],
    workers: int,
    threads: int,
    drain_seconds: float,
    kubeconfig: Path | None,
    context: str | None,
    log_format: str,
    log_level: str,
) -> None:
    """Keep what was refused, and show it: over HTTPS, to those who may see it.

    Who delivers or asks sends a token of the audience scaleguard-audit; the API server says whose
    it is, and by RBAC who may read: verbs get and list on findings.scaleguard.io. Nothing is
    written in the cluster.
    """
    set_up_logging(log_format, log_level)
    # Imported here: the server is a large part of the program, and `--help` should be quick.
    from webhook.wiring.auditing import AuditPlan, audit  # noqa: PLC0415

    audit(
        AuditPlan(
            store=store if store is not None else store_in(data),
            bind=bind,
            metrics_bind=metrics_bind,
            certificate_folder=cert_dir,
            mounted=mounted_certificates,
            tls_names=tls_name,
            workers=workers,
            threads=threads,
            drain_seconds=drain_seconds,
            writers=frozenset(filter(None, map(str.strip, writers.split(",")))),
            retention_days=retention_days,
            retention_rows=retention_rows,
            trusts_loopback=insecure_no_auth_on_loopback,
            kubeconfig=kubeconfig,
            context=context,
        )
    )


def store_in(folder: Path) -> str:
    """Return the store in a folder, which is made where it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{folder.resolve() / FILE}"
