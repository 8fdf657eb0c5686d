"""What charts and kustomizations render, as entries of a review."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from webhook.core.fields import text
from webhook.manifests import Document, Entry, Part, Skipped, Source, Unreadable
from webhook.manifests.paths import CannotReadError, decode, text_of
from webhook.manifests.reading import read_text
from webhook.rendering.programs import CannotRenderError, Programs, output_of
from webhook.rendering.roots import Root

_REMEDY = "--no-render leaves it out"
_PARTIAL = "it is rendered only as a part of what uses it"

# Helm writes it under the marker of each document: the chart's name, then the path inside of it.
_SOURCE = re.compile(r"^---\n# Source: [^/\n]+/(.+)$", re.MULTILINE)


def render(root: Root, programs: Programs, values: Sequence[str]) -> list[Entry]:
    """Render a root and read what comes of it; one that cannot be rendered is unreadable.

    Where its program is missing it is skipped, and the templates of a chart with it.
    """
    here = Source(root.file, 1)
    what = "a kustomization" if root.chart is None else "a chart"
    if root.program not in programs.names:
        lack = f"{what}, and there is no {root.program} on the PATH to render it"
        return [Skipped(here, lack)]
    if root.partial:
        return [Skipped(here, f"{what} that is no whole: {_PARTIAL}")]
    try:
        output = decode(output_of(root, programs, values))
    except (CannotRenderError, CannotReadError) as error:
        reason = f"{what} that cannot be rendered: {error}; {_REMEDY}"
        return [Unreadable(here, reason)]
    return list(_entries(output, root))


def _entries(output: str, root: Root) -> Iterator[Entry]:
    """Read what was rendered: each document is placed in the template that it comes from."""
    starts, names = [0], [""]
    for found in _SOURCE.finditer(output):
        starts.append(output.count("\n", 0, found.start()) + 1)
        names.append(found[1])
    lines: dict[str, Mapping[str, int]] = {}
    for entry in read_text(output, root.file):
        name = names[bisect_right(starts, entry.source.line or 0) - 1]
        file = str(PurePath(root.folder) / name) if name else root.file
        if file != root.file and not Path(file).is_file():  # in a dependency that is packed
            file = root.file
        if file not in lines:
            lines[file] = _lines_of_kinds(file)
        place = replace(entry.source, file=file, line=None, rendered=root.file)
        if isinstance(entry, Document):
            line = lines[file].get(text(entry.raw, "kind"))
            yield replace(entry, source=replace(place, line=line), part=Part("", 1), at=())
        else:
            yield replace(entry, source=place)


_KIND = re.compile(r"^kind:[ \t]*[\"']?(\w+)[\"']?[ \t]*$")


def _lines_of_kinds(file: str) -> dict[str, int]:
    """Return the lines of a template that say a kind which no other line of it says.

    No more can be told: of a rendered line nobody knows which line of the template made it.
    """
    try:
        written = text_of(file).split("\n")
    except CannotReadError:
        return {}
    found: dict[str, list[int]] = {}
    for number, line in enumerate(written, 1):
        match = _KIND.match(line)
        if match:
            found.setdefault(match[1], []).append(number)
    return {kind: numbers[0] for kind, numbers in found.items() if len(numbers) == 1}
