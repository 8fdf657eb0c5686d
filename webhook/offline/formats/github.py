"""Workflow commands of GitHub Actions: annotations on the lines of a change."""

from collections.abc import Iterator, Mapping

from webhook.core.finding import Action
from webhook.core.verdict import Rule
from webhook.offline.formats import STDIN, in_words, placed, printable
from webhook.offline.results import Review

_COMMANDS = {Action.DENY: "error", Action.WARN: "warning", Action.AUDIT: "notice"}


def render(judged: Review, _rules: Mapping[str, Rule], _fail_on: str) -> str:
    """Write one workflow command for each finding, and for each file that cannot be read."""
    return "\n".join(_commands(judged))


def _commands(judged: Review) -> Iterator[str]:
    for one in placed(judged):
        title = f"{one.finding.rule}: {one.result.ref}"
        yield _command(_COMMANDS[one.finding.action], one.file, one.line, title, one.text)
    for entry in judged.unreadable:
        source = entry.source
        yield _command("error", source.file, source.line or 1, "cannot be read", entry.reason)


def _command(command: str, file: str, line: int, title: str, text: str) -> str:
    named = f"title={_property(title)}"
    if file == STDIN:  # no file of the repository: an annotation without a place
        return f"::{command} {named}::{_data(f'{in_words(file)}, line {line}: {text}')}"
    return f"::{command} file={_property(file)},line={line},{named}::{_data(text)}"


def _data(text: str) -> str:
    """Escape what ends a command: a name in a manifest must not begin another one."""
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return printable(escaped)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
