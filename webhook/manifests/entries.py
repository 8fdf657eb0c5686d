"""What reading yields: objects, what was left out, and what could not be read."""

from dataclasses import field
from typing import Any

from webhook.core.frozen import frozen


@frozen
class Source:
    """Where something was read. Documents and list members count from 1; stdin is the file `-`."""

    file: str
    document: int
    item: int | None = None
    # The first line that says something: behind the marker, directives, comments and blank lines.
    line: int | None = field(default=None, compare=False)
    rendered: str | None = None
    """The Chart.yaml or kustomization.yaml whose output it is part of; `document` counts in that.

    `file` then is the template that it was rendered from, as far as that is known.
    """
    whole: bool = field(default=False, compare=False)
    """Whether it is the file as a whole, which could not be read; counted as its first document."""

    def as_json(self) -> dict[str, Any]:
        """The place as it stands in reviews."""
        place: dict[str, Any] = {"file": self.file, "document": self.document}
        if self.item is not None:
            place["item"] = self.item
        return place if self.rendered is None else place | {"rendered": self.rendered}

    def __str__(self) -> str:
        """The place as a person would say it."""
        if self.whole:
            return self.file
        item = "" if self.item is None else f" item {self.item}"
        rendered = "" if self.rendered is None else "rendered "
        return f"{self.file} {rendered}document {self.document}{item}"


@frozen
class Part:
    """The text of one document, with the line of the file on which it begins.

    Its line breaks are line feeds whatever the file has: lines agree with it, offsets may not.
    """

    text: str = field(repr=False)
    line: int

    def line_of(self, offset: int) -> int:
        """Return the line of the file in which an offset of the text is."""
        return self.line + self.text.count("\n", 0, offset)


@frozen
class Document:
    """One Kubernetes object. No two objects share a value, even where the YAML has aliases."""

    source: Source
    raw: dict[str, Any]
    part: Part = field(compare=False, repr=False)
    # Where the object stands in its part: ("items", 2) for the third member of a List.
    at: tuple[str | int, ...] = field(default=(), compare=False)


@frozen
class Skipped:
    """Something that is no manifest, which is no fault of whoever keeps it beside manifests."""

    source: Source
    reason: str


@frozen
class Unreadable:
    """Something that should have been read and could not be."""

    source: Source
    reason: str


Entry = Document | Skipped | Unreadable
