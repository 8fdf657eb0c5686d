"""`scaleguard webhook`: the admission server."""

from pathlib import Path

import click

from webhook.cli.options import EXISTING_FOLDER, common, option, set_up_logging

_EXAMPLES = """\b
Examples:
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
@option(
    "--cert-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("scaleguard-certs"),
    show_default=True,
    help="Folder with tls.crt and tls.key; a CA and a leaf are made there when it is empty.",
)
@option(
    "--tls-name",
    multiple=True,
    default=("localhost", "127.0.0.1"),
    show_default=True,
    help="DNS name or IP address that the made certificate is for. May be repeated.",
)
@option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes.")
@option("--threads", type=click.IntRange(1, 64), default=8, show_default=True, help="Per process.")
@option(
    "--manifests",
    type=EXISTING_FOLDER,
    required=True,
    help="Folder of manifests that stand for the cluster's state.",
)
@common
def command(  # noqa: PLR0913 - one parameter per option
    *,
    bind: str,
    metrics_bind: str | None,
    cert_dir: Path,
    tls_name: tuple[str, ...],
    workers: int,
    threads: int,
    manifests: Path,
    config: Path | None,
    policies: tuple[Path, ...],
    log_format: str,
    log_level: str,
) -> None:
    """Serve /mutate and /validate for an API server, over HTTPS.

    The state of the cluster comes from --manifests: no API server is contacted.
    """
    set_up_logging(log_format, log_level)
    # Imported here: the server is the largest part of the program, and `--help` should be quick.
    from webhook.wiring import ServePlan, serve  # noqa: PLC0415

    serve(
        ServePlan(
            bind, metrics_bind, cert_dir, tls_name, workers, threads, manifests, config, policies
        )
    )
