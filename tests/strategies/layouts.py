"""One object as YAML or JSON, in the many ways in which people lay it out."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from webhook.manifests.scalars import plain

Draw = Callable[..., Any]


@dataclass(frozen=True)
class Layout:
    """What is the same in a whole file."""

    draw: Draw
    step: int
    dash: int
    comments: bool

    def any_of(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def comment(self) -> str:
        return self.any_of("", "", "  # a: b, [c] - d", " #") if self.comments else ""

    def between(self, column: int) -> Iterator[str]:
        """Yield what stands before a line: often nothing."""
        if self.comments:
            yield from self.any_of((), (), (), ("",), (f"{' ' * column}# - {{x: y}}",), ("# far",))

    def text(self, value: Any) -> str:
        if not isinstance(value, str):
            return json.dumps(value)
        bare = [value] if value.isalnum() and plain(value) == value else []
        quoted = [json.dumps(value), f"'{value}'"]
        return str(self.any_of(*bare, *bare, *quoted))

    def flow(self, value: Any) -> str:
        """On one line."""
        inside = self.any_of("", " ")
        if isinstance(value, dict):
            members = [f"{self.text(name)}: {self.flow(one)}" for name, one in value.items()]
        elif isinstance(value, list):
            members = [self.flow(one) for one in value]
        else:
            return self.text(value)
        comma = self.any_of("", ",") if members else ""
        begin, end = "{}" if isinstance(value, dict) else "[]"
        return f"{begin}{inside}{self.any_of(', ', ',  ').join(members)}{comma}{inside}{end}"

    def open_flow(self, value: dict[str, Any], column: int) -> Iterator[str]:
        """A mapping in braces, a member a line; the first line goes behind a key."""
        yield "{"
        left = len(value)
        trailing = self.any_of("", ",")
        for name, one in value.items():
            left -= 1
            comma = "," if left else trailing
            yield f"{' ' * (column + 2)}{self.text(name)}: {self.flow(one)}{comma}{self.comment()}"
        yield f"{' ' * column}}}"

    def block(self, value: dict[str, Any], column: int) -> Iterator[str]:
        """A mapping, a member a line or more; lines have their indent."""
        pad = " " * column
        for name, one in value.items():
            yield from self.between(column)
            head = f"{pad}{self.text(name)}:"
            styles = ["flow"]
            if isinstance(one, dict) and one:
                styles += ["block", "block", "open"]
            if isinstance(one, list) and one:
                styles += ["block", "block"]
            style = self.any_of(*styles)
            if style == "flow":
                yield f"{head} {self.flow(one)}{self.comment()}"
            elif style == "open":
                first, *rest = self.open_flow(one, column)
                yield from (f"{head} {first}", *rest)
            elif isinstance(one, dict):
                yield f"{head}{self.comment()}"
                yield from self.block(one, column + self.step)
            else:
                yield f"{head}{self.comment()}"
                yield from self.items(one, column + self.dash)

    def items(self, values: list[Any], column: int) -> Iterator[str]:
        pad = " " * column
        for one in values:
            yield from self.between(column)
            if isinstance(one, dict) and self.draw(st.integers(0, 2)):
                lines = list(self.block(one, column + 2))
                first = next(n for n, line in enumerate(lines) if line.strip()[:1] not in {"", "#"})
                lines[first] = f"{pad}- {lines[first].lstrip()}"
                yield from lines
            else:
                yield f"{pad}- {self.flow(one)}{self.comment()}"


@st.composite
def texts(draw: Draw, value: dict[str, Any]) -> bytes:
    """The bytes of a file with one document."""
    if draw(st.integers(0, 4)) == 0:
        indent = draw(st.sampled_from([None, 1, 2, 4, "\t"]))
        tight = draw(st.booleans()) and indent is None
        text: str = json.dumps(value, indent=indent, separators=(",", ":") if tight else None)
    else:
        step = draw(st.integers(1, 4))
        layout = Layout(draw, step, draw(st.sampled_from([0, 2, step])), draw(st.booleans()))
        text = "\n".join(layout.block(value, 0))
        text = draw(st.sampled_from(["", "---\n", "# top\n---  # here\n"])) + text
    ends = ["", "\n"] if text.startswith("{") else ["", "\n", "\n\n", "\n# the end\n"]
    text += draw(st.sampled_from(ends))
    line_break: str = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    encoding: str = draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig"]))
    return text.replace("\n", line_break).encode(encoding)
