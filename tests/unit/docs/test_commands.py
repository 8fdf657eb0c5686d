"""Commands, options, variables and exit statuses that pages name are there."""

import re
import shlex
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path

import click
import pytest

from tests.unit.docs.pages import DOCS, PAGES, ROOT, every_block, prose, rows, scaleguard
from webhook.cli.main import cli
from webhook.cli.review import DENIED, UNREADABLE


@cache
def targets() -> frozenset[str]:
    return frozenset(
        re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    )


def commands_of(group: click.Command) -> Iterator[click.Command]:
    yield group
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            yield from commands_of(command)


@cache
def variables() -> Mapping[str, str]:
    """The variable of each option, by the option's long name."""
    return {
        max(option.opts, key=len): str(option.envvar)
        for command in commands_of(cli)
        for option in command.params
        if isinstance(option, click.Option) and option.envvar
    }


def check_command(line: str, place: str) -> None:
    """The parts of a shell line that are ours name things that there are."""
    for words in parts(line):
        while words and re.match(r"[A-Z_]+=", words[0]):
            words.pop(0)
        if not words:
            continue
        if words[0] == "make":
            made = [word for word in words[1:] if "=" not in word]
            assert set(made) <= targets(), f"{place}: {line}"
        elif Path(words[0]).name in {"scaleguard", "kubectl-scaleguard"}:
            check_arguments(words[1:], f"{place}: {line}")


def parts(line: str) -> Iterator[list[str]]:
    """The commands of a shell line, each as its words."""
    words = shlex.shlex(line, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    found: list[str] = []
    for word in words:
        if set(word) <= set("|&;<>()"):
            yield found
            found = []
        else:
            found.append(word)
    yield found


def context_of(command: click.Command) -> click.Context:
    """A context as the program's own: a command remembers what its first one calls for help."""
    return click.Context(command, help_option_names=["-h", "--help"])


def check_arguments(words: list[str], place: str) -> None:
    command: click.Command = cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(
            click.Context(command, help_option_names=["-h", "--help"]), words.pop(0)
        )
        assert found is not None, f"{place}: no such command"
        command = found
    known = {
        name: option for option in command.get_params(context_of(command)) for name in option.opts
    }
    for word, following in pairwise([*words, ""]):
        if word.startswith("-") and word != "-":
            name, _, value = word.partition("=")
            assert name in known, f"{place}: no such option"
            kind = known[name].type
            if isinstance(kind, click.Choice):
                assert (value or following) in kind.choices, f"{place}: no such value"


def test_commands_that_are_named_exist() -> None:
    checked = 0
    for block in every_block():
        if block.language in {"console", "sh"}:
            lines = block.text.replace("\\\n", " ").splitlines()
            mine = lines if block.language == "sh" else [line for line in lines if line[:2] == "$ "]
            for line in mine:
                check_command(line.removeprefix("$ "), block.place)
                checked += 1
    for page in (ROOT / "README.md", *PAGES):
        for code in re.findall(r"`((?:scaleguard|make) [^`]+)`", prose(page)):
            check_command(code, str(page))
            checked += 1
    assert checked > 30


@pytest.mark.parametrize(
    "line",
    [
        "scaleguard reviw .",
        "scaleguard review --nope .",
        "make nope",
        "cat x | scaleguard review - -o xml",
        "scaleguard policies lst",
    ],
)
def test_a_command_that_does_not_exist_is_found(line: str) -> None:
    with pytest.raises(AssertionError):
        check_command(line, "here")


def test_variables_that_are_named_exist_and_every_variable_is_documented() -> None:
    named = {
        variable
        for page in (ROOT / "README.md", *PAGES)
        for variable in re.findall(r"SCALEGUARD_[A-Z_]+", page.read_text("utf-8"))
    }
    assert named == set(variables().values())
    documented = {row[0].strip("`"): row[1].strip("`") for row in rows(DOCS / "configuration.md")}
    assert {name: documented.get(name) for name in variables()} == variables()


def test_exit_statuses_are_those_of_the_help() -> None:
    help_text = scaleguard("review", "--help")[1]
    statuses = set(re.findall(r"^ +(\d)  \S", help_text, re.MULTILINE))
    assert statuses == {"0", str(DENIED), str(UNREADABLE)}
    assert {row[0] for row in rows(DOCS / "first-day.md") if row[0].isdecimal()} == statuses
