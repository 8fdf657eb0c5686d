"""`scaleguard policies test`: the cases beside the rules, in either engine."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from webhook.cli.options import EXISTING_FOLDER, option
from webhook.errors import PolicyError, ScaleguardError
from webhook.policy import outside
from webhook.policy.catalogue import catalogue
from webhook.policy.places import places
from webhook.policy.references import unknown_references
from webhook.policy.source import TEST_SUFFIX, Module, load, opa_testing

# What `opa test` exits with when a test fails; 1 is a fault of a file or of the command.
_OPA_FAILED = 2

_EXAMPLES = """\b
Examples:
  scaleguard policies test
  scaleguard policies test --policies my-rules/ -v
  scaleguard policies test --policies my-rules/ --engine opa
  scaleguard policies test --policies my-rules/ --all

\b
A test is data beside its rule, in my_rule_test.rego:
  package scaleguard.rules.my_team.my_rule_test
  cases := {"what it shows": {"input": {…}, "findings": [{"action": "warn"}]}}

\b
Exit status:
  0  every case passes
  1  at least one case fails
  2  a usage error, or a file that cannot be used
"""


@click.command("test", epilog=_EXAMPLES)
@option(
    "--policies",
    type=EXISTING_FOLDER,
    multiple=True,
    help="Folder of extra rules and their tests. May be repeated.",
)
@option(
    "--engine",
    type=click.Choice(["embedded", "opa"]),
    default="embedded",
    show_default=True,
    help="Who judges the cases.",
)
@option("--opa", default="opa", show_default=True, help="The opa program, for --engine opa.")
@option(
    "--all",
    "all_",
    is_flag=True,
    help="With --policies: run the tests of the built-in rules, too.",
)
@option("-v", "--verbose", is_flag=True, help="Name the cases that pass, too.")
def test(*, policies: tuple[Path, ...], engine: str, opa: str, all_: bool, verbose: bool) -> None:
    """Run the tests beside the rules (*_test.rego): those in --policies, or the built-in ones."""
    modules = load(policies, tests=True)
    if policies and not all_:
        modules = [module for module in modules if not (module.built_in and module.is_test)]
    places(modules)
    outside.check(modules)
    if unknown := unknown_references(modules):
        raise PolicyError("\n".join(unknown))
    untested = _untested(modules)
    if not any(module.is_test for module in modules):
        if untested:
            raise ScaleguardError("\n".join(untested))
        raise ScaleguardError("no *_test.rego beside the rules: --policies names a folder of yours")
    judge = partial(_in_opa, opa) if engine == "opa" else _embedded
    status = judge(modules, verbose=verbose)
    for said in untested:
        click.echo(said)
    sys.exit(status)


def _untested(modules: Sequence[Module]) -> list[str]:
    """Say which rules of users have no test: its package is theirs, with `_test` behind."""
    tested = {module.package.removesuffix("_test") for module in modules if module.is_test}
    mine = [module for module in modules if not module.built_in and not module.is_test]
    return [
        f"{rule.rule} has no test: write {Path(rule.path).stem}{TEST_SUFFIX} beside it"
        for rule in catalogue(mine).values()
        if next(one.package for one in mine if str(one.path) == rule.path) not in tested
    ]


def _embedded(modules: Sequence[Module], *, verbose: bool) -> int:
    # Imported here: the engine is a native library.
    from webhook.policy.testing import run  # noqa: PLC0415

    out = Console(highlight=False, soft_wrap=True)
    passed = failed = 0
    for outcome in run(modules):
        passed += outcome.passed
        failed += not outcome.passed
        if outcome.passed and not verbose:
            continue
        sign, style = ("✓", "green") if outcome.passed else ("✗", "bold red")
        line = Text(f"{sign} ", style).append(Text(f"{outcome.module.name}: {outcome.name}", ""))
        out.print(line)
        if outcome.reason:
            out.print(Text(f"    {outcome.reason}"))
    out.print(Text(f"{passed} policy tests passed, {failed} failed"))
    return 1 if failed else 0


def _in_opa(opa: str, modules: Sequence[Module], *, verbose: bool) -> int:
    program = shutil.which(opa)
    if program is None:
        raise ScaleguardError(
            f"there is no program {opa!r}: install OPA 1.2 or newer"
            " (https://www.openpolicyagent.org/docs#1-download-opa), or name it with --opa PATH"
        )
    files = [*(str(module.path) for module in modules), str(opa_testing())]
    # It ends by itself what takes longer than 5 s.
    command = [program, "test", *(["--verbose"] if verbose else []), *files]
    status = subprocess.run(command, check=False).returncode  # noqa: S603 - the user names it
    return 1 if status == _OPA_FAILED else 2 if status else 0
