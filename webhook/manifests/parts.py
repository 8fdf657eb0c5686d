"""Split a YAML stream into its documents, so that each can be parsed, and be broken, by itself.

No line inside a document can start with `---`: block scalars are indented, and kubectl ends the
document there even inside a quoted scalar (apimachinery pkg/util/yaml/decoder.go, `YAMLReader`).
"""

import re
from collections.abc import Iterator

from webhook.manifests.entries import Part

_BORDER = re.compile(r"^(?:(?P<start>---)|\.\.\.(?=[ \t\n]|\Z).*\n?)", re.MULTILINE)
# A line that is more than a comment or a directive.
_CONTENT = re.compile(r"^(?!%|[ \t]*(?:#|$)).", re.MULTILINE)
_DIRECTIVE = re.compile(r"^%", re.MULTILINE)
# The same for a part: a marker counts when there is more than a comment behind it.
_SAYS_SOMETHING = re.compile(r"^(?!%|---[ \t]*(?:#|$)|[ \t]*(?:#|$)).", re.MULTILINE)


def split(text: str) -> Iterator[Part]:
    """Yield the documents of a stream, markers and directives included.

    What is only blank, comments or directives is no document, unless `---` has begun one.
    """
    begin, line, marked = 0, 1, False
    for border in _BORDER.finditer(text):
        starts = border["start"] is not None
        chunk = text[begin : border.start()]
        if marked or _CONTENT.search(chunk):
            yield _part(chunk, line)
        elif starts and not marked and _DIRECTIVE.search(chunk):
            marked = True
            continue  # directives belong to the document behind them
        next_begin = border.start() if starts else border.end()
        line += text.count("\n", begin, next_begin)
        begin, marked = next_begin, starts
    chunk = text[begin:]
    if marked or _CONTENT.search(chunk):
        yield _part(chunk, line)


def _part(text: str, line: int) -> Part:
    # kubectl takes that for a marker, and YAML for text.
    return Part(f"--- {text[3:]}" if text.startswith("---#") else text, line)


def first_line(part: Part) -> int | None:
    """Return the line of the file on which a document says something; None where it is empty."""
    match = _SAYS_SOMETHING.search(part.text)
    return part.line_of(match.start()) if match else None
