"""Options that commands share. Every option has an environment variable `SCALEGUARD_…`."""

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from webhook.cli.lines import to_stderr
from webhook.core.one_line import one_line

Command = TypeVar("Command", bound=Callable[..., Any])

# A DNS label (RFC 1123), as namespaces are named.
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")

EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
EXISTING_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


def option(*names: str, **settings: Any) -> Callable[[Command], Command]:
    """Declare an option, with the environment variable that belongs to its long name."""
    long = next(name for name in names if name.startswith("--")).partition("/")[0]
    variable = "SCALEGUARD_" + long.removeprefix("--").replace("-", "_").upper()
    return click.option(*names, envvar=variable, show_envvar=True, **settings)


def _with(command: Command, *options: Callable[[Command], Command]) -> Command:
    """Add options, in the order in which `--help` lists them."""
    for add in reversed(options):
        command = add(command)
    return command


def common(command: Command) -> Command:
    """Add the options that every command takes."""
    return _with_common(command, log_level="warning")


def common_of_servers(command: Command) -> Command:
    """Add the same to a server, which logs its decisions unless told to be quieter."""
    return _with_common(command, log_level="info")


def _with_common(command: Command, log_level: str) -> Command:
    return _with(
        logging_options(command, log_level),
        option("--config", type=EXISTING_FILE, help="Configuration file (YAML)."),
        option(
            "--policies",
            type=EXISTING_FOLDER,
            multiple=True,
            help="Folder of extra rules in Rego, beside the built-in ones. May be repeated.",
        ),
    )


def https_options(command: Command) -> Command:
    """Add the options of what serves HTTPS."""
    return _with(
        command,
        option(
            "--cert-dir",
            type=click.Path(file_okay=False, path_type=Path),
            default=Path("scaleguard-certs"),
            show_default=True,
            help="Folder with tls.crt and tls.key; a CA and a leaf are made there when it is "
            "empty.",
        ),
        option(
            "--mounted-certificates",
            is_flag=True,
            help="Somebody else fills --cert-dir, as the kubelet with a Secret: nothing is made "
            "there.",
        ),
        option(
            "--tls-name",
            multiple=True,
            default=("localhost", "127.0.0.1"),
            show_default=True,
            help="DNS name or IP address that the made certificate is for. May be repeated.",
        ),
        option(
            "--workers",
            type=click.IntRange(1, 64),
            default=1,
            show_default=True,
            help="Processes.",
        ),
        option(
            "--threads",
            type=click.IntRange(1, 64),
            default=8,
            show_default=True,
            help="Per process.",
        ),
        option(
            "--drain-seconds",
            type=click.FloatRange(0, 300),
            default=0,
            show_default=True,
            help="How long requests are still answered after SIGTERM.",
        ),
    )


def audit_options(command: Command) -> Command:
    """Add the options of what delivers to `scaleguard audit`."""
    return _with(
        command,
        option("--audit-url", metavar="URL", help="The scaleguard audit that is delivered to."),
        option(
            "--audit-ca",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Certificate of the authority of --audit-url. By default those of the system.",
        ),
        option(
            "--audit-token-file",
            type=click.Path(dir_okay=False, path_type=Path),
            help="File with a token of the audience scaleguard-audit, read at each delivery.",
        ),
        option("--cluster-name", default="", help="The cluster's name in the audit."),
    )


def check_audit_token(url: str | None, token_file: Path | None) -> None:
    """Refuse to send a token in the open; raises `click.BadParameter`."""
    if url is not None and token_file is not None and not url.startswith("https://"):
        raise click.BadParameter("a token goes over https:// only", param_hint="--audit-url")


def logging_options(command: Command, log_level: str = "warning") -> Command:
    """Add the options that say what is logged, for commands that judge nothing."""
    return _with(
        command,
        option(
            "--log-format",
            type=click.Choice(["text", "json"]),
            default="text",
            help="How log lines on stderr look.",
        ),
        option(
            "--log-level",
            type=click.Choice(["debug", "info", "warning", "error"]),
            default=log_level,
            show_default=True,
            help="How much is logged.",
        ),
    )


def output_option(command: Command) -> Command:
    """Add the form of what is told to people or programs."""
    add = option(
        "-o",
        "--output",
        type=click.Choice(["text", "json"]),
        default="text",
        help="Form of the output.",
    )
    return add(command)


def cluster_options(command: Command) -> Command:
    """Add the options that say which cluster is meant."""
    return _with(
        command,
        option(
            "--kubeconfig",
            type=EXISTING_FILE,
            help="Kubeconfig of the cluster; by default found as kubectl finds it.",
        ),
        option("--context", help="Context of the kubeconfig; its current one by default."),
    )


def check_lease_namespace(name: str | None) -> None:
    """Refuse what no namespace can be called; raises `click.BadParameter`."""
    if name is not None and not _LABEL.fullmatch(name):
        raise click.BadParameter("no namespace has this name", param_hint="--lease-namespace")


class _OneLine(logging.Formatter):
    """Writes a record on one line, and its traceback below: names of others make no lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Write a record without its traceback."""
        return one_line(super().formatMessage(record))


def set_up_logging(log_format: str, log_level: str) -> None:
    """Send logs to stderr, so that stdout carries nothing but results."""
    handler = to_stderr()
    if log_format == "json":
        # Imported here: only servers write JSON, and `--help` should be quick.
        from webhook.cli.json_lines import JsonLines  # noqa: PLC0415

        handler.setFormatter(JsonLines())
    else:
        form = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
        handler.setFormatter(_OneLine(form, "%H:%M:%S"))
    logging.basicConfig(level=log_level.upper(), handlers=[handler], force=True)
