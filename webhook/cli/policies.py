"""`scaleguard policies`: the rule catalogue, one rule in full, and the policy tests."""

import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from webhook import config as configuration
from webhook.cli.options import EXISTING_FOLDER, common, option, set_up_logging
from webhook.core.finding import Action
from webhook.core.verdict import Rule
from webhook.errors import ScaleguardError
from webhook.policy.catalogue import catalogue
from webhook.policy.source import Module, load

WIDTH_IN_A_PIPE = 200

_STYLES = {Action.DENY: "bold red", Action.WARN: "yellow", Action.AUDIT: "blue", Action.OFF: "dim"}


@click.group(
    epilog="\b\nExamples:\n  scaleguard policies list\n"
    "  scaleguard policies explain hpa-vpa-same-metric\n"
    "  scaleguard policies test --policies my-rules/"
)
def command() -> None:
    """List, explain and test the rules."""


def _console() -> Console:
    """In a pipe lines are not cut to any width."""
    width = None if sys.stdout.isatty() else WIDTH_IN_A_PIPE
    return Console(highlight=False, width=width)


@command.command("list")
@option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="Form.")
@common
def list_(
    *,
    output: str,
    config: Path | None,
    policies: tuple[Path, ...],
    log_format: str,
    log_level: str,
) -> None:
    """List every rule with the action that it has by the configuration."""
    set_up_logging(log_format, log_level)
    actions = configuration.load(config).actions
    rules = catalogue(load(policies))
    if output == "json":
        listed = [
            {
                "rule": rule.rule,
                "title": rule.title,
                "default": rule.default.value,
                "action": actions.get(rule.rule, rule.default).value,
            }
            for rule in rules.values()
        ]
        click.echo(json.dumps(listed, indent=2, ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("RULE", "ACTION", "SAYS"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "SAYS")
    for rule in rules.values():
        action = actions.get(rule.rule, rule.default)
        changed = "" if action is rule.default else f" (default {rule.default.value})"
        table.add_row(rule.rule, Text(action.value + changed, _STYLES[action]), rule.title)
    _console().print(table)


@command.command()
@click.argument("rule")
@common
def explain(
    *,
    rule: str,
    config: Path | None,
    policies: tuple[Path, ...],
    log_format: str,
    log_level: str,
) -> None:
    """Explain one RULE in full: why it exists, what to do, its text."""
    set_up_logging(log_format, log_level)
    modules = load(policies)
    rules = catalogue(modules)
    if rule not in rules:
        raise ScaleguardError(f"no rule {rule!r}; there are: {', '.join(rules)}")
    action = configuration.load(config).actions.get(rule, rules[rule].default)
    _explain(rules[rule], action, _module_of(rule, modules))


def _module_of(rule: str, modules: list[Module]) -> Module:
    return next(module for module in modules if rule in catalogue([module]))


def _explain(rule: Rule, action: Action, module: Module) -> None:
    out = _console()
    head = Text(rule.rule, "bold").append("  ").append(action.value, _STYLES[action])
    out.print(head if action is rule.default else head.append(f" (default {rule.default.value})"))
    out.print(Padding(rule.title, (0, 0, 1, 2)))
    out.print(Padding(rule.description, (0, 0, 1, 2)))
    out.print(Padding(Text("fix: ", "bold").append(Text(rule.remedy, "")), (0, 0, 1, 2)))
    for link in rule.links:
        out.print(Padding(link, (0, 0, 0, 2)))
    out.print(Text(f"  {module.path}", "dim"))
    out.print(Padding(Text(module.text.rstrip(), "dim"), (1, 0, 0, 4)))


@command.command()
@click.option(
    "--policies",
    type=EXISTING_FOLDER,
    multiple=True,
    envvar="SCALEGUARD_POLICIES",
    show_envvar=True,
    help="Folder of extra rules and their tests. May be repeated.",
)
@click.option("-v", "--verbose", is_flag=True, help="Name the tests that pass, too.")
def test(*, policies: tuple[Path, ...], verbose: bool) -> None:
    """Run the tests beside the rules (*_test.rego) in the embedded engine."""
    from webhook.policy.testing import run  # noqa: PLC0415 - the engine is a native library

    out = _console()
    outcomes = list(run(load(policies, tests=True)))
    for outcome in outcomes:
        if outcome.passed and not verbose:
            continue
        sign, style = ("✓", "green") if outcome.passed else ("✗", "bold red")
        line = Text(f"{sign} ", style).append(Text(f"{outcome.module.name}: {outcome.name}", ""))
        out.print(line.append(Text(f"  {outcome.reason}", "dim")))
    failed = sum(not outcome.passed for outcome in outcomes)
    out.print(f"{len(outcomes) - failed} policy tests passed, {failed} failed")
    if failed or not outcomes:
        sys.exit(1)
