"""One YAML document as JSON values.

PyYAML's composer recurses in C without a limit: a few kilobytes of `[` end the process. It would
also expand aliases without counting. `yaml_builder` does both in a loop that counts.
"""

from typing import Any, Protocol

from yaml._yaml import CParser
from yaml.error import MarkedYAMLError
from yaml.reader import ReaderError

from webhook.manifests.entries import Part
from webhook.manifests.yaml_builder import Builder, Copies, CustomTagError
from webhook.manifests.yaml_levels import FaultError


class _Mark(Protocol):
    index: int


class BrokenError(Exception):
    """Why a document cannot be read, and the offsets that may be at fault, the likeliest first."""

    def __init__(
        self, reason: str, offsets: tuple[int, ...] = (), *, foreign: bool = False
    ) -> None:
        super().__init__(reason)
        self.offsets = offsets
        # YAML in order, for a program that gives its tags a meaning.
        self.foreign = foreign


def parse(part: Part, copies: Copies) -> Any:
    """Return the value of a document, None where it is empty, or raise BrokenError.

    `copies` are those of the documents before it, if it is one of several.
    """
    builder = Builder(copies)
    event: Any = None
    try:
        parser = CParser(part.text)
        while (event := parser.get_event()) is not None:
            builder.take(event)
    except FaultError as error:
        offset = _offset(error.mark or (event.start_mark if event is not None else None))
        foreign = isinstance(error, CustomTagError)
        raise BrokenError(
            f"line {part.line_of(offset)}: {error}", (offset,), foreign=foreign
        ) from None
    except MarkedYAMLError as error:
        raise _broken(error, part) from None
    except ReaderError as error:
        offset = len(part.text.encode()[: error.position].decode(errors="ignore"))
        reason = f"line {part.line_of(offset)}: character {error.character:#04x}: {error.reason}"
        raise BrokenError(reason) from None
    return builder.value


def _offset(mark: _Mark | None) -> int:
    return mark.index if mark is not None else 0


def _broken(error: MarkedYAMLError, part: Part) -> BrokenError:
    offsets = tuple(mark.index for mark in (error.problem_mark, error.context_mark) if mark)
    lines = [part.line_of(offset) for offset in offsets]
    reason = f"line {lines[0]}: {error.problem}" if lines else error.problem or "broken"
    if error.context and lines[0] != lines[-1]:
        reason += f" {error.context} that begins in line {lines[-1]}"
    return BrokenError(reason, offsets)
