"""The bytes of a manifest, changed at places of its decoded text and nowhere else."""

import codecs
import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import field

from webhook.core.frozen import frozen
from webhook.manifests.entries import Part
from webhook.manifests.paths import decode

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What decoding drops: the second half of a line break, and a mark where files were put together.
_DROPPED = re.compile(r"(?<=\r)\n|(?<![^\r\n])\ufeff")
_BREAK = re.compile(r"\r\n|\r|\n")


class CannotPlaceError(Exception):
    """Why a fix is not written into a text."""


@frozen
class Edit:
    """A span of a text, and what stands there instead."""

    start: int
    end: int
    text: str


@frozen
class FileText:
    """The text of a file as it was decoded (`text`), with the way back to its bytes."""

    text: str
    _written: str
    _mark: bytes
    _encoding: str
    _dropped: tuple[int, ...]
    """For each character that was dropped, where the next one stands in `text`."""
    _line_starts: tuple[int, ...] = field(repr=False)

    @classmethod
    def of(cls, content: bytes) -> "FileText":
        """Decode as reading does."""
        mark, encoding = next(
            (known for known in _MARKS if content.startswith(known[0])), (b"", "utf-8")
        )
        written = content[len(mark) :].decode(encoding)
        dropped = (match.start() for match in _DROPPED.finditer(written))
        text = decode(content)
        starts = (0, *(match.end() for match in re.finditer("\n", text)))
        places = tuple(place - number for number, place in enumerate(dropped))
        if len(text) + len(places) != len(written):
            raise CannotPlaceError("its line breaks are too odd")
        return cls(text, written, mark, encoding, places, starts)

    def offset_of(self, part: Part) -> int:
        """Return where the text of a document begins in that of its file."""
        start = self._line_starts[part.line - 1]
        if part.text.startswith("--- #") and self.text.startswith("---#", start):
            return start - 1  # reading has put a space between the two
        found = self.text.find(part.text, start)
        if found < 0 or "\n" in self.text[start:found]:
            raise CannotPlaceError("its document is not found again in the file")
        return found

    def changed(self, edits: Iterable[Edit]) -> bytes:
        """Return the bytes of the file with these edits, which do not overlap."""
        line_break = _BREAK.search(self._written)
        pieces, done = [], 0
        for edit in sorted(edits, key=lambda one: one.start):  # stable: as they were given
            start, end = self._place(edit.start), self._place(edit.end)
            if start < done:
                raise CannotPlaceError("two changes meet at one place")
            text = edit.text.replace("\n", line_break[0]) if line_break else edit.text
            pieces += [self._written[done:start], text]
            done = end
        whole = "".join((*pieces, self._written[done:]))
        return self._mark + whole.encode(self._encoding)

    def _place(self, offset: int) -> int:
        return offset + bisect_right(self._dropped, offset)
