"""`scaleguard certs`: the life of certificates, in a folder and in a cluster."""

import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from certs.pair import Bundle
from webhook.cli.certs_folder import issued, rotated, stored
from webhook.cli.options import (
    cluster_options,
    logging_options,
    option,
    output_option,
    set_up_logging,
)
from webhook.cli.output import echo_utf8
from webhook.core.objects import ROTATE_AUTHORITY, ROTATE_LEAF
from webhook.doctor.inspected import Inspected, inspect_bundle, inspect_pem
from webhook.doctor.verdict import State, Verdict
from webhook.errors import ScaleguardError

if TYPE_CHECKING:
    from webhook.doctor.fetching.look import Look

VERSION = 1
PROBLEMS = 1

_FOLDER = Path("scaleguard-certs")

Command = Callable[..., object]


@click.group(
    epilog="\b\nExamples:\n  scaleguard certs issue --cert-dir certs-here --tls-name web.example\n"
    "  scaleguard certs inspect -n scaleguard\n"
    "  scaleguard certs rotate -n scaleguard --wait 900"
)
def command() -> None:
    """Make, inspect and renew certificates, in a folder or in a cluster."""


_cert_dir = option(
    "--cert-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Folder with tls.crt, tls.key, ca.crt and ca.key; {_FOLDER} by default.",
)
_namespace = option("-n", "--namespace", help="Namespace of an installation, in place of a folder.")
_release = option("--release", help="What its Service is called; found by its labels by default.")


@command.command(
    epilog="\b\nExamples:\n  scaleguard certs issue --cert-dir certs-here --tls-name web.example"
)
@_cert_dir
@option(
    "--tls-name",
    multiple=True,
    default=("localhost", "127.0.0.1"),
    show_default=True,
    help="DNS name or IP address that the certificate is for. May be repeated.",
)
@option("--force", is_flag=True, help="Write over what is there; nobody trusts it any more.")
@output_option
def issue(cert_dir: Path | None, tls_name: tuple[str, ...], output: str, *, force: bool) -> None:
    """Make an authority and a certificate in a folder."""
    folder, now = cert_dir or _FOLDER, datetime.now(UTC)
    bundle = issued(folder, tls_name, now, force=force)
    _show(str(folder), inspect_bundle(bundle, now), (), output)


@command.command(
    epilog="\b\nExamples:\n  scaleguard certs inspect server.crt\n"
    "  scaleguard certs inspect --cert-dir certs-here\n  scaleguard certs inspect -n scaleguard\n"
    "\n\b\nExit status:\n  0  nothing is wrong with them\n  1  at least one problem\n"
    "  2  a usage error, or there is nothing to inspect"
)
@click.argument(
    "file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@_cert_dir
@_namespace
@_release
@output_option
@cluster_options
@logging_options
def inspect(  # noqa: PLR0913 - one parameter per option
    *,
    file: Path | None,
    cert_dir: Path | None,
    namespace: str | None,
    release: str | None,
    output: str,
    kubeconfig: Path | None,
    context: str | None,
    log_format: str,
    log_level: str,
) -> None:
    """Tell what certificates are for, how long, and what is wrong with them.

    Those of a PEM file, of a folder, or of an installation: then also whether the webhook
    configurations trust what is served.
    """
    set_up_logging(log_format, log_level)
    now = datetime.now(UTC)
    verdicts: Sequence[Verdict] = ()
    in_cluster = namespace is not None or release is not None
    _only_one(file is not None, cert_dir is not None, in_cluster)
    if file is not None:
        place, found = str(file), _inspected(str(file), lambda: inspect_pem(file.read_bytes(), now))
    elif in_cluster:
        look, bundle = _installed(kubeconfig, context, namespace, release)
        place = f"Secret {look.installation.namespace}/{look.installation.name}-certificate"
        found = _inspected(place, lambda: inspect_bundle(bundle, now))
        verdicts = _trusted(look)
    else:
        folder = cert_dir or _FOLDER
        place, bundle = str(folder), stored(folder)
        found = _inspected(place, lambda: inspect_bundle(bundle, now))
    _show(place, found, verdicts, output)
    wrong = any(one.problems for one in found)
    sys.exit(PROBLEMS if wrong or any(one.state is State.FAULT for one in verdicts) else 0)


@command.command(
    epilog="\b\nExamples:\n  scaleguard certs rotate --cert-dir certs-here\n"
    "  scaleguard certs rotate -n scaleguard --authority --wait 1800"
)
@_cert_dir
@option(
    "--tls-name",
    multiple=True,
    help="DNS name or IP address that a folder's certificate is for; those that it has by default.",
)
@option("--authority", is_flag=True, help="Renew the authority as well.")
@_namespace
@_release
@option(
    "--wait",
    type=click.FloatRange(0, 3600),
    default=0,
    metavar="SECONDS",
    help="In a cluster: follow until it is done, for so long at most.",
)
@output_option
@cluster_options
@logging_options
def rotate(  # noqa: PLR0913 - one parameter per option
    *,
    cert_dir: Path | None,
    tls_name: tuple[str, ...],
    authority: bool,
    namespace: str | None,
    release: str | None,
    wait: float,
    output: str,
    kubeconfig: Path | None,
    context: str | None,
    log_format: str,
    log_level: str,
) -> None:
    """Renew the certificate of a folder, or have an installation renew its own.

    The authority that there was stays trusted beside the new one, so that nobody is cut off: in a
    folder in ca.crt, in a cluster until every replica serves what the new one issued.
    """
    set_up_logging(log_format, log_level)
    in_cluster = namespace is not None or release is not None
    _only_one(cert_dir is not None, in_cluster)
    if not in_cluster:
        folder, now = cert_dir or _FOLDER, datetime.now(UTC)
        bundle = rotated(folder, tls_name, now, with_authority=authority)
        _show(str(folder), inspect_bundle(bundle, now), (), output)
        return
    from webhook.doctor.fetching import rotating  # noqa: PLC0415 - the Kubernetes client

    look, before = _installed(kubeconfig, context, namespace, release)
    what = ROTATE_AUTHORITY if authority else ROTATE_LEAF
    rotation = rotating.Rotation(look.cluster, look.installation, what, before)
    rotation.ask()
    place = f"{look.installation.namespace}/{look.installation.name}"
    click.echo(f"{place}: the controller was asked for a new {what}", err=True)
    if not wait:
        return

    def tell(step: str) -> None:
        click.echo(f"{place}: {step}", err=True)

    after = rotation.follow(wait, tell)
    _show(place, inspect_bundle(after, datetime.now(UTC)), (), output)


def _only_one(*given: bool) -> None:
    if sum(given) > 1:
        raise click.UsageError("name one: a file, --cert-dir, or --namespace and --release")


def _inspected(place: str, look: Callable[[], list[Inspected]]) -> list[Inspected]:
    try:
        return look()
    except (OSError, ValueError) as error:
        raise ScaleguardError(f"{place}: {error}") from error


def _installed(
    kubeconfig: Path | None, context: str | None, namespace: str | None, release: str | None
) -> tuple["Look", Bundle]:
    """An installation and what its Secret holds; raises `ScaleguardError`."""
    # Imported here: the Kubernetes client takes a second to load.
    from webhook.cluster.api import connect  # noqa: PLC0415
    from webhook.doctor.fetching.cluster import Cluster  # noqa: PLC0415
    from webhook.doctor.fetching.rotating import stored as in_secret  # noqa: PLC0415
    from webhook.doctor.fetching.start import Meant, look_at  # noqa: PLC0415

    cluster = Cluster(connect(kubeconfig, context))
    cluster.reach()
    look = look_at(cluster, Meant(namespace, release), datetime.now(UTC))
    if look.found is None:
        raise ScaleguardError("no installation of scaleguard is found in this cluster")
    return look, in_secret(cluster, look.found)


def _trusted(look: "Look") -> Sequence[Verdict]:
    """Whether the webhook configurations trust what the Secret holds."""
    from webhook.doctor.checkup import check  # noqa: PLC0415 - as above

    return [verdict for one in check(look, ("certificate",)) for verdict in one.verdicts]


def _show(place: str, found: Sequence[Inspected], verdicts: Sequence[Verdict], output: str) -> None:
    if output == "json":
        document = {
            "version": VERSION,
            "place": place,
            "certificates": [one.as_json() for one in found],
            "trust": [{"state": one.state, "message": one.message} for one in verdicts],
        }
        echo_utf8(json.dumps(document, indent=2, ensure_ascii=False))
        return
    from webhook.cli.certs_text import show  # noqa: PLC0415 - rich, here alone

    show(place, found, verdicts)
