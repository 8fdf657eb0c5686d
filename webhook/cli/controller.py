"""`scaleguard controller`: makes the VPAs of AI workloads."""

from pathlib import Path

import click

from webhook.cli.options import (
    audit_options,
    check_lease_namespace,
    cluster_options,
    common_of_servers,
    option,
    set_up_logging,
)

_EXAMPLES = """\b
Examples:
  scaleguard controller --kubeconfig ~/.kube/config
  scaleguard controller --config scaleguard.yaml --metrics-bind 127.0.0.1:9091
"""


@click.command(epilog=_EXAMPLES)
@option(
    "--metrics-bind",
    default=None,
    help="HOST:PORT to serve /metrics, /healthz and /readyz on, over plain HTTP. Off by default.",
)
@option(
    "--lease-namespace",
    metavar="NAMESPACE",
    help="Namespace of the Lease by which replicas choose who writes; that of this pod by default,"
    " elsewhere `default`.",
)
@option(
    "--workers",
    type=click.IntRange(1, 64),
    default=4,
    show_default=True,
    help="Workloads that are looked at at a time.",
)
@option(
    "--writes-per-second",
    type=click.FloatRange(0.1, 1000),
    default=50.0,
    show_default=True,
    help="How fast VPAs are written at most, whatever happens in the cluster.",
)
@option(
    "--reports-every",
    type=click.FloatRange(0, 3600),
    default=60.0,
    show_default=True,
    help="Seconds between looks at --audit-url, by which a Report is kept in each namespace where "
    "the cluster has such a kind; 0: none.",
)
@audit_options
@cluster_options
@common_of_servers
def command(  # noqa: PLR0913 - one parameter per option
    *,
    metrics_bind: str | None,
    lease_namespace: str | None,
    workers: int,
    writes_per_second: float,
    reports_every: float,
    audit_url: str | None,
    audit_ca: Path | None,
    audit_token_file: Path | None,
    cluster_name: str,
    kubeconfig: Path | None,
    context: str | None,
    config: Path | None,
    policies: tuple[Path, ...],
    log_format: str,
    log_level: str,
) -> None:
    """Keep one VPA for every AI workload, which leaves to HPAs what they scale on.

    Of several replicas one writes, the holder of a Lease; the others follow the cluster and take
    over. What is made for which workload, `scaleguard review` shows before.

    With --audit-url it judges what exists as well, tells the audit how things stand, and keeps
    Reports of what the audit knows in the cluster.
    """
    set_up_logging(log_format, log_level)
    check_lease_namespace(lease_namespace)
    if audit_url is not None and not audit_url.startswith("https://"):
        raise click.BadParameter("a token goes over https:// only", param_hint="--audit-url")
    from webhook.wiring.controller import AuditPlan, ControlPlan, control  # noqa: PLC0415 - quick `--help`

    control(
        ControlPlan(
            metrics_bind=metrics_bind,
            config=config,
            policies=policies,
            kubeconfig=kubeconfig,
            context=context,
            lease_namespace=lease_namespace,
            workers=workers,
            writes_per_second=writes_per_second,
            audit=AuditPlan(audit_url, audit_ca, audit_token_file, cluster_name, reports_every)
            if audit_url is not None
            else None,
        )
    )
