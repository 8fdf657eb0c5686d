"""The program `scaleguard`, also `kubectl scaleguard`."""

import importlib
import logging
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from webhook.cli.output import print_anything
from webhook.errors import ScaleguardError

# Command → (module, function, what `--help` says). Modules are loaded only when they run.
_COMMANDS = {
    "review": ("webhook.cli.review", "Judge manifests before they reach a cluster."),
    "scan": ("webhook.cli.scan", "Judge a running cluster, with nothing installed in it."),
    "explain": ("webhook.cli.explain", "Tell why a pod is or is not an AI pod, and what it gets."),
    "who-scales": ("webhook.cli.who_scales", "Tell who acts on replicas, cpu, memory and nodes."),
    "doctor": ("webhook.cli.doctor", "Tell what stands in the way of scaleguard in a cluster."),
    "certs": ("webhook.cli.certs", "Make, inspect and renew certificates."),
    "webhook": ("webhook.cli.webhook", "Serve the admission webhook over HTTPS."),
    "controller": ("webhook.cli.controller", "Make the VPAs that complement the HPAs."),
    "audit": ("webhook.cli.audit", "Keep what was refused, and show it over HTTPS."),
    "report": ("webhook.cli.report", "Tell what was refused, and why."),
    "policies": ("webhook.cli.policies", "List, explain and test the rules."),
    "demo": ("webhook.cli.demo", "See the main job end to end on this machine."),
    "completion": ("webhook.cli.completion", "Print the completion script for a shell."),
}


_REPORT = "Run it again with --log-level debug and report what that prints."


class LazyGroup(click.Group):
    """A group whose commands are imported when they are wanted."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order in which people meet them."""
        return [*_COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in _COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, _ = _COMMANDS[cmd_name]
        command: click.Command = importlib.import_module(module).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, short) for name, (_, short) in _COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; a mistyped one is answered with the nearest."""
        import difflib  # noqa: PLC0415 - only for a mistake

        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExamples:\n  scaleguard demo\n  scaleguard review path/to/manifests",
)
@click.version_option(version("scaleguard"), prog_name="scaleguard")
def cli() -> None:
    """Draw the boundaries between HPA, VPA and node autoscaling for AI workloads on Kubernetes.

    scaleguard refuses HPA and VPA configurations that fight over one metric, and gives GPU pods the
    tolerations and requests that they need. It is an admission webhook, and judges manifests before
    they reach a cluster.
    """


def main(arguments: list[str] | None = None) -> Any:
    """Run the program; faults that a person can mend are told without a traceback, status 2."""
    print_anything()
    name = "kubectl scaleguard" if Path(sys.argv[0]).name == "kubectl-scaleguard" else "scaleguard"
    try:
        return cli.main(arguments, prog_name=name)
    except ScaleguardError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except Exception as error:  # an exit status of 1 would mean "denied"
        logging.getLogger(__name__).debug("the whole story", exc_info=True)
        what = f"{type(error).__name__}: {error}"
        click.echo(f"Error: {what}\nThis is a fault of scaleguard. {_REPORT}", err=True)
        sys.exit(2)
