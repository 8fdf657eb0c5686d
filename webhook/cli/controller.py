"""`scaleguard controller`: makes the VPAs of AI workloads."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from certs.phases import OVERLAP_SECONDS
from webhook.cli.options import (
    audit_options,
    check_lease_namespace,
    cluster_options,
    common_of_servers,
    option,
    set_up_logging,
)

if TYPE_CHECKING:
    from webhook.wiring.certificates import CertificatePlan

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
    "--certificates",
    metavar="NAMESPACE/NAME",
    help="Keep authority, leaf and path of the webhook in the Secrets NAME-authority, "
    "NAME-certificate and NAME-path.",
)
@option(
    "--webhook-configurations",
    metavar="NAME,…",
    default="",
    help="Webhook configurations that are told of them, with --certificates.",
)
@option(
    "--tls-name",
    multiple=True,
    help="DNS name or IP address that the leaf is for, with --certificates. May be repeated. "
    "Without any, only the path is kept: authority and leaf come from somebody else.",
)
@option(
    "--published-ca",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Somebody else's authority, put into the webhook configurations; without --tls-name.",
)
@option(
    "--certificate-overlap",
    type=click.FloatRange(1, 86400),
    default=OVERLAP_SECONDS,
    show_default=True,
    help="Seconds that a new authority or path is known before it is used, and the old one after.",
)
@option(
    "--only-certificates",
    is_flag=True,
    help="Make no VPAs and follow nothing; needs --certificates.",
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
    certificates: str | None,
    webhook_configurations: str,
    tls_name: tuple[str, ...],
    published_ca: Path | None,
    certificate_overlap: float,
    only_certificates: bool,
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

    With --certificates it makes and renews those of the webhook, and tells the API server.

    With --audit-url it judges what exists as well, tells the audit how things stand, and keeps
    Reports of what the audit knows in the cluster.
    """
    set_up_logging(log_format, log_level)
    check_lease_namespace(lease_namespace)
    if audit_url is not None and not audit_url.startswith("https://"):
        raise click.BadParameter("a token goes over https:// only", param_hint="--audit-url")
    kept = _certificates(
        certificates, webhook_configurations, tls_name, published_ca, certificate_overlap
    )
    if only_certificates and kept is None:
        raise click.UsageError("--only-certificates needs --certificates")
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
            certificates=kept,
            only_certificates=only_certificates,
            audit=AuditPlan(audit_url, audit_ca, audit_token_file, cluster_name, reports_every)
            if audit_url is not None
            else None,
        )
    )


def _certificates(
    written: str | None,
    configurations: str,
    names: tuple[str, ...],
    published: Path | None,
    overlap: float,
) -> "CertificatePlan | None":
    """Read what is kept; None where nothing is. Raises `click.UsageError`."""
    if written is None:
        if configurations or names or published is not None:
            raise click.UsageError(
                "--webhook-configurations, --tls-name and --published-ca need --certificates"
            )
        return None
    namespace, _, name = written.partition("/")
    if not namespace or not name or "/" in name:
        raise click.BadParameter("write NAMESPACE/NAME", param_hint="--certificates")
    if names and published is not None:
        raise click.UsageError("--published-ca is somebody else's: leave out --tls-name")
    from webhook.wiring.certificates import CertificatePlan  # noqa: PLC0415 - quick `--help`

    return CertificatePlan(
        namespace=namespace,
        name=name,
        configurations=tuple(filter(None, configurations.split(","))),
        names=names,
        published=published,
        overlap_seconds=overlap,
    )
