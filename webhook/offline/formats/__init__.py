"""Forms of a review that other tools read: CI servers, code hosts, editors.

Each module has `render(judged, rules, fail_on)`, a pure function: the same review is the same text.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePath
from typing import TypeVar

from webhook.core.finding import Action, Finding
from webhook.core.frozen import frozen
from webhook.manifests.entries import Document, Skipped, Source, Unreadable
from webhook.manifests.lines import Lines
from webhook.offline.results import Result, Review

STDIN = "-"
_STDIN_IN_WORDS = "standard input"

_Entry = TypeVar("_Entry", Document, Skipped, Unreadable)


@frozen
class Placed:
    """One finding, with where it stands."""

    finding: Finding
    result: Result
    line: int
    column: int | None = None

    @property
    def file(self) -> str:
        """The file, as it was named."""
        return self.result.source.file

    @property
    def text(self) -> str:
        """What is wrong and how to mend it, in one line."""
        remedy = f"; fix: {self.finding.remedy}" if self.finding.remedy else ""
        return f"{self.finding.message}{remedy}"


def placed(judged: Review) -> Iterator[Placed]:
    """Yield every finding in the order of the review."""
    lines = Lines()
    for result in judged.results:
        for finding in result.findings:
            yield Placed(finding, result, *lines.place_of(result.document, finding.path))


def fails(action: Action, fail_on: str) -> bool:
    """Whether a finding of this action makes the exit status 1."""
    return action is Action.DENY or (fail_on == "warn" and action is Action.WARN)


def in_words(file: str) -> str:
    """A file's name for people: standard input has one, too."""
    return _STDIN_IN_WORDS if file == STDIN else file


def printable(text: str, *, keep: str = "") -> str:
    """Replace what no reader of a report expects, and XML cannot hold; names may have it."""
    return "".join(
        each if each.isprintable() or each in keep else "\N{REPLACEMENT CHARACTER}" for each in text
    )


def seen_from(judged: Review, folder: PurePath) -> Review:
    """Name files as they are seen from a folder: annotations want paths of the repository."""
    results = tuple(
        replace(result, document=_seen_from(result.document, folder)) for result in judged.results
    )
    return replace(
        judged,
        results=results,
        skipped=tuple(_seen_from(one, folder) for one in judged.skipped),
        unreadable=tuple(_seen_from(one, folder) for one in judged.unreadable),
    )


def _seen_from(entry: _Entry, folder: PurePath) -> _Entry:
    return replace(entry, source=replace(entry.source, file=_relative(entry.source, folder)))


def _relative(source: Source, folder: PurePath) -> str:
    if source.file == STDIN:
        return source.file
    path = PurePath(source.file)  # drops a leading `./`
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)
