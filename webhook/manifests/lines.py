"""Where a field stands in a file, for tools that show findings beside the lines."""

import re
from collections.abc import Iterator

from webhook.manifests.entries import Document, Part
from webhook.manifests.tree import Node, compose

_INDEX = re.compile(r"\[(\d+)\]")


class Lines:
    """Finds lines, and reads the text of a document once for all of its objects and fields."""

    def __init__(self) -> None:
        self._part: Part | None = None
        self._root: Node | None = None

    def of(self, document: Document, path: str | None) -> int:
        """Return the line of the file on which a field of an object stands."""
        return self.place_of(document, path)[0]

    def place_of(self, document: Document, path: str | None) -> tuple[int, int | None]:
        """Return the line and the column of a field; no column where the text is not known.

        `path` is written as in findings (`spec.metrics[0].resource`). Of a field that is not there
        the deepest one on the way to it is meant: an HPA without metrics is wrong at its `spec`.
        """
        if self._part is not document.part:
            self._part, self._root = document.part, compose(document.part)
        node = self._root
        if node is None:
            return document.source.line or document.part.line, None
        found = node if document.at else None
        for step in document.at:
            below = node.real.member(step)
            if below is None:
                break
            node = found = below[1]
        else:
            for key, value in _way(node, path or ""):
                node, found = value, key
        if found is None:
            return document.source.line or document.part.line, None
        text, start = document.part.text, found.start
        return document.part.line_of(start), start - text.rfind("\n", 0, start)


def _way(node: Node, path: str) -> Iterator[tuple[Node, Node]]:
    """Yield (where it is named, its value) for each step of a path that is there."""
    while path:
        index = _INDEX.match(path)
        if index is not None:
            step = node.real.member(int(index[1]))
            path = path[index.end() :].removeprefix(".")
        else:
            named = _named(node, path)
            if named is None:
                return
            step, path = node.real.member(named), path[len(named) :].removeprefix(".")
        if step is None:
            return
        yield step
        node = step[1]


def _named(node: Node, path: str) -> str | None:
    """The longest key of a mapping that a path begins with: keys may have dots themselves."""
    fitting = (
        name
        for name in node.real.names()
        if path == name or path.startswith((f"{name}.", f"{name}["))
    )
    return max(fitting, key=len, default=None)
