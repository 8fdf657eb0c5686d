"""Read manifests: paths in, objects out, each with where it comes from."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from webhook.core.frozen import frozen
from webhook.manifests import json_values, parts, paths, templates, yaml_values
from webhook.manifests.entries import Entry, Part, Skipped, Source, Unreadable
from webhook.manifests.objects import objects
from webhook.manifests.yaml_builder import Copies


def read(given: Sequence[str], stdin: Callable[[], bytes]) -> Iterator[Entry]:
    """Read files, folders and `-`, which is stdin, in the given order; folders sorted by path."""
    for file in paths.files(given):
        yield from read_file(file, stdin)


def read_file(file: str, stdin: Callable[[], bytes]) -> Iterator[Entry]:
    """Read one of the files that `files` has found."""
    try:
        text = paths.decode(stdin()) if file == paths.STDIN else paths.text_of(file)
    except paths.CannotReadError as error:
        yield Unreadable(Source(file, 1, whole=True), str(error))
    else:
        yield from read_text(text, file)


def read_text(text: str, file: str) -> Iterator[Entry]:
    """Read the documents of a text that is already there; `file` says where it comes from."""
    number, copies = 0, Copies()
    for part in parts.split(text):
        for outcome in _outcomes(part, copies, is_json=file.endswith(".json")):
            number += 1
            source = Source(file, number, line=parts.first_line(outcome.part))
            if isinstance(outcome, _Value):
                yield from objects(outcome.value, source, outcome.part)
            else:
                yield (Skipped if outcome.excused else Unreadable)(source, outcome.reason)


@frozen
class _Value:
    part: Part
    value: Any


@frozen
class _Fault:
    part: Part
    reason: str
    excused: bool


def _outcomes(part: Part, copies: Copies, *, is_json: bool) -> Iterator[_Value | _Fault]:
    """Read a part as kubectl does: as JSON where it looks like it, and as YAML where that fails."""
    start = json_values.begins(part.text)
    found = [] if start is None else list(_json(part, start))
    values = sum(isinstance(outcome, _Value) for outcome in found)
    if found and values == len(found):
        yield from found
        return
    whole = _yaml(part, copies)
    if is_json and isinstance(whole, _Fault) and json_values.is_for_others(part.text):
        yield _Fault(part, "JSON with comments, not a Kubernetes object", excused=True)
        return
    if values or (is_json and found and isinstance(whole, _Fault) and not whole.excused):
        yield from found
    else:
        yield whole


def _yaml(part: Part, copies: Copies) -> _Value | _Fault:
    if parts.first_line(part) is None:
        return _Value(part, None)
    try:
        return _Value(part, yaml_values.parse(part, copies))
    except yaml_values.BrokenError as error:
        if error.foreign:
            return _Fault(part, f"not plain YAML: {error}", excused=True)
        return _fault(part, str(error), error.offsets)


def _json(part: Part, start: int) -> Iterator[_Value | _Fault]:
    text, line, counted = part.text, part.line, 0
    for found in json_values.decode(text, start):
        line += text.count("\n", counted, found.start)
        counted = found.start
        piece = Part(text[found.start : found.end], line)
        if isinstance(found, json_values.Value):
            yield _Value(piece, found.value)
        else:
            offset = found.position - found.start
            yield _fault(piece, f"line {piece.line_of(offset)}: {found.reason}", (offset,))


def _fault(part: Part, reason: str, offsets: Sequence[int]) -> _Fault:
    placeholder = templates.explain(part.text, offsets)
    if placeholder is None:
        return _Fault(part, reason, excused=False)
    offset, remedy = placeholder
    return _Fault(part, f"not plain YAML: line {part.line_of(offset)}: {remedy}", excused=True)
