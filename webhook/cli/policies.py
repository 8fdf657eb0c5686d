"""`scaleguard policies`: the rule catalogue, and one rule in full."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from webhook import config as configuration
from webhook.cli.options import common, option, set_up_logging
from webhook.cli.output import echo_utf8
from webhook.cli.policy_documents import input_, schema
from webhook.cli.policy_tests import test
from webhook.core.finding import Action
from webhook.core.verdict import Rule
from webhook.errors import ScaleguardError
from webhook.policy.catalogue import catalogue
from webhook.policy.places import places
from webhook.policy.source import Module, load

# Longer than any line here: a width is a must for rich, and in a pipe nothing is to be cut.
WIDTH_IN_A_PIPE = 100_000

_STYLES = {Action.DENY: "bold red", Action.WARN: "yellow", Action.AUDIT: "blue", Action.OFF: "dim"}


@click.group(
    epilog="\b\nExamples:\n  scaleguard policies list\n"
    "  scaleguard policies explain hpa-vpa-same-metric\n"
    "  scaleguard policies test --policies my-rules/"
)
def command() -> None:
    """List, explain and test the rules, and show what they read."""


for each in (test, schema, input_):
    command.add_command(each)


def _console() -> Console:
    """In a pipe lines are not cut to any width."""
    width = None if sys.stdout.isatty() else WIDTH_IN_A_PIPE
    return Console(highlight=False, markup=False, emoji=False, width=width)


def _indented(out: Console, text: str | Text, by: int = 2) -> None:
    """Wrap a text under its indent on a terminal; in a pipe its lines stay as they are."""
    if out.is_terminal:
        out.print(Padding(text, (0, 0, 0, by)))
        return
    for line in str(text).splitlines():
        out.print(f"{' ' * by}{line}".rstrip())


@command.command(
    "list",
    epilog="\b\nExamples:\n  scaleguard policies list\n"
    "  scaleguard policies list --policies my-rules/ -o json",
)
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
    modules = load(policies)
    rules = catalogue(modules)
    places(modules)
    if output == "json":
        _print_json([_as_json(rule, actions) for rule in rules.values()])
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("RULE", "ACTION", "SAYS"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "SAYS")
    for rule in rules.values():
        action = actions.get(rule.rule, rule.default)
        changed = "" if action is rule.default else f" (default {rule.default.value})"
        table.add_row(rule.rule, Text(action.value + changed, _STYLES[action]), rule.title)
    _console().print(table)


@command.command(
    epilog="\b\nExamples:\n  scaleguard policies explain hpa-vpa-same-metric\n"
    "  scaleguard policies explain custom/my_rule --policies my-rules/",
)
@click.argument("rule")
@option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="Form.")
@common
def explain(  # noqa: PLR0913 - one parameter per option
    *,
    rule: str,
    output: str,
    config: Path | None,
    policies: tuple[Path, ...],
    log_format: str,
    log_level: str,
) -> None:
    """Explain one RULE in full: why it exists, what to do, its text."""
    set_up_logging(log_format, log_level)
    modules = load(policies)
    rules = catalogue(modules)
    places(modules)
    if rule not in rules:
        raise ScaleguardError(f"no rule {rule!r}; there are: {', '.join(rules)}")
    actions = configuration.load(config).actions
    module = next(module for module in modules if str(module.path) == rules[rule].path)
    if output == "json":
        _print_json(_as_json(rules[rule], actions) | {"rego": module.text})
        return
    _explain(rules[rule], actions.get(rule, rules[rule].default), module)


def _as_json(rule: Rule, actions: Mapping[str, Action]) -> dict[str, Any]:
    return {
        "rule": rule.rule,
        "title": rule.title,
        "description": rule.description,
        "default": rule.default.value,
        "action": actions.get(rule.rule, rule.default).value,
        "remedy": rule.remedy,
        "links": list(rule.links),
        "path": rule.path,
    }


def _print_json(value: Any) -> None:
    echo_utf8(json.dumps(value, indent=2, ensure_ascii=False))


def _explain(rule: Rule, action: Action, module: Module) -> None:
    out = _console()
    head = Text(rule.rule, "bold").append("  ").append(action.value, _STYLES[action])
    out.print(head if action is rule.default else head.append(f" (default {rule.default.value})"))
    paragraphs = rule.title, rule.description, Text("fix: ", "bold").append(Text(rule.remedy, ""))
    for paragraph in paragraphs:
        _indented(out, paragraph)
        out.print()
    for link in rule.links:
        _indented(out, link)
    _indented(out, Text(str(module.path), "dim"))
    out.print()
    _indented(out, Text(module.text.rstrip(), "dim"), by=4)
