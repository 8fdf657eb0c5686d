"""One YAML document as JSON values.

PyYAML's composer recurses in C without a limit: a few kilobytes of `[` end the process. It would
also expand aliases without counting. `yaml_builder` does both in a loop that counts.
"""

from typing import Any

from yaml._yaml import CParser
from yaml.error import MarkedYAMLError, YAMLError
from yaml.events import Event
from yaml.reader import ReaderError

from webhook.manifests.entries import Part
from webhook.manifests.yaml_builder import Builder, CustomTagError, FaultError

__all__ = ["BrokenError", "parse"]


class BrokenError(Exception):
    """Why a document cannot be read.

    `rows` are the rows of its text that may be at fault, from 0 on, the likeliest first.
    """

    def __init__(self, reason: str, rows: tuple[int, ...] = (), *, foreign: bool = False) -> None:
        super().__init__(reason)
        self.rows = rows
        # YAML in order, for a program that gives its tags a meaning.
        self.foreign = foreign


def parse(part: Part) -> Any:
    """Return the value of a document, None where it is empty, or raise BrokenError."""
    builder = Builder()
    event: Event | None = None
    try:
        parser = CParser(part.text)
        while (event := parser.get_event()) is not None:
            builder.take(event)
    except FaultError as error:
        row = error.row if error.row is not None else _row(event)
        foreign = isinstance(error, CustomTagError)
        raise BrokenError(f"line {part.line + row}: {error}", (row,), foreign=foreign) from None
    except ReaderError as error:
        row = part.text.encode()[: error.position].count(b"\n")
        reason = f"line {part.line + row}: character {error.character:#04x}: {error.reason}"
        raise BrokenError(reason) from None
    except MarkedYAMLError as error:
        raise _broken(error, part.line) from None
    except YAMLError as error:
        raise BrokenError(str(error)) from None
    return builder.value


def _row(event: Event | None) -> int:
    return event.start_mark.line if event is not None and event.start_mark is not None else 0


def _broken(error: MarkedYAMLError, first_line: int) -> BrokenError:
    problem, context = error.problem_mark, error.context_mark
    rows = tuple(mark.line for mark in (problem, context) if mark is not None)
    reason = error.problem or "broken"
    if problem is not None:
        reason = f"line {first_line + problem.line}: {reason}"
    if error.context and context is not None and rows[0] != context.line:
        reason += f" {error.context} that begins in line {first_line + context.line}"
    return BrokenError(reason, rows)
