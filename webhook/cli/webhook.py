"""`scaleguard webhook`: the admission server."""

from pathlib import Path

import click

from webhook.cli.options import (
    EXISTING_FILE,
    EXISTING_FOLDER,
    audit_options,
    check_audit_token,
    check_lease_namespace,
    cluster_options,
    common_of_servers,
    https_options,
    option,
    set_up_logging,
)

_EXAMPLES = """\b
Examples:
  scaleguard webhook --kubeconfig ~/.kube/config --metrics-bind 127.0.0.1:9090
  scaleguard webhook --manifests deploy/ --bind 127.0.0.1:8443 --cert-dir /tmp/certs
  SCALEGUARD_CONFIG=scaleguard.yaml scaleguard webhook --manifests deploy/
"""


@click.command(epilog=_EXAMPLES)
@option("--bind", default="0.0.0.0:8443", show_default=True, help="HOST:PORT to serve HTTPS on.")
@option(
    "--metrics-bind",
    default=None,
    help="HOST:PORT to serve Prometheus metrics on, over plain HTTP. Off by default.",
)
@https_options
@option(
    "--manifests",
    type=EXISTING_FOLDER,
    help="Folder of manifests that stand for the cluster's state; no API server is contacted.",
)
@option(
    "--mounted-path",
    is_flag=True,
    help="Answer reviews at /SEGMENT/mutate and /SEGMENT/validate alone: the segments are in "
    "files path, next and before of --cert-dir.",
)
@option(
    "--client-ca",
    type=EXISTING_FILE,
    help="Authorities in PEM: reviews are answered for clients alone that show a certificate which "
    "one of them signed; /livez and /readyz for anybody.",
)
@option(
    "--client-name",
    multiple=True,
    help="Common name of a certificate of --client-ca with which reviews may be asked for. May be "
    "repeated. By default any.",
)
@option(
    "--webhook-configurations",
    metavar="NAME,…",
    default="",
    help="Webhook configurations of this webhook: /readyz says where they do not fit what is "
    "served here.",
)
@option(
    "--lease-namespace",
    metavar="NAMESPACE",
    help="Namespace of the Leases by which replicas agree (consistency: strict), the same for all "
    "of them. By default that of this pod, elsewhere default.",
)
@option(
    "--controller-user",
    metavar="USER",
    help="The user as which the controller makes VPAs (system:serviceaccount:NAMESPACE:NAME). "
    "Nobody else may label a VPA as managed, and without this no VPA counts as managed.",
)
@option(
    "--audit-spool",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder in which decisions are recorded until they are delivered. Without it they are in "
    "the log alone.",
)
@option(
    "--audit-store",
    metavar="URL",
    help="The store that gets the records instead of --audit-url, on one machine: sqlite:///FILE.",
)
@audit_options
@cluster_options
@common_of_servers
def command(  # noqa: PLR0913 - one parameter per option
    *,
    bind: str,
    metrics_bind: str | None,
    cert_dir: Path,
    tls_name: tuple[str, ...],
    workers: int,
    threads: int,
    manifests: Path | None,
    mounted_certificates: bool,
    mounted_path: bool,
    client_ca: Path | None,
    client_name: tuple[str, ...],
    webhook_configurations: str,
    lease_namespace: str | None,
    controller_user: str | None,
    drain_seconds: float,
    audit_spool: Path | None,
    audit_url: str | None,
    audit_store: str | None,
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
    """Serve /mutate and /validate for an API server, over HTTPS.

    The cluster's state comes from its API server: in a pod by its service account, elsewhere by a
    kubeconfig as kubectl finds it.
    """
    set_up_logging(log_format, log_level)
    if manifests is not None and (kubeconfig is not None or context is not None):
        raise click.UsageError("--manifests needs no cluster: leave out --kubeconfig and --context")
    if manifests is not None and lease_namespace is not None:
        raise click.UsageError("--lease-namespace is in a cluster: leave out --manifests")
    check_lease_namespace(lease_namespace)
    if audit_spool is None and (audit_url is not None or audit_store is not None):
        raise click.UsageError("--audit-url and --audit-store need --audit-spool")
    if audit_spool is not None and (audit_url is None) == (audit_store is None):
        raise click.UsageError("--audit-spool needs --audit-url or --audit-store, one of them")
    check_audit_token(audit_url, audit_token_file)
    if manifests is not None and webhook_configurations:
        raise click.UsageError("--webhook-configurations are in a cluster: leave out --manifests")
    if client_name and client_ca is None:
        raise click.UsageError("--client-name says who of --client-ca: give both")
    # Imported here: the server is the largest part of the program, and `--help` should be quick.
    from webhook.wiring.recording import RecordingPlan  # noqa: PLC0415
    from webhook.wiring.serving import ServePlan, serve  # noqa: PLC0415

    recording = None
    if audit_spool is not None:
        recording = RecordingPlan(
            spool=audit_spool,
            url=audit_url,
            store=audit_store,
            authority=audit_ca,
            token=audit_token_file,
            cluster=cluster_name,
        )

    serve(
        ServePlan(
            bind=bind,
            metrics_bind=metrics_bind,
            certificate_folder=cert_dir,
            tls_names=tls_name,
            workers=workers,
            threads=threads,
            config=config,
            policies=policies,
            manifests=manifests,
            kubeconfig=kubeconfig,
            context=context,
            mounted=mounted_certificates,
            mounted_path=mounted_path,
            client_authorities=client_ca,
            client_names=client_name,
            webhook_configurations=tuple(filter(None, webhook_configurations.split(","))),
            drain_seconds=drain_seconds,
            lease_namespace=lease_namespace,
            controller=controller_user,
            recording=recording,
        )
    )
