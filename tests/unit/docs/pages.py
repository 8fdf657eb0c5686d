"""The pages of the documentation, taken apart, and the program that they are about."""

import io
import re
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from webhook.cli.main import main

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
RULES = DOCS / "rules"
PAGES = sorted([*DOCS.glob("*.md"), *RULES.glob("*.md")])
NOTHING = "\N{EN DASH}"

_DIRECTIVE = re.compile(r"<!-- (?P<name>[a-z]+)(?:: (?P<argument>.*?))? -->")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str
    directives: tuple[tuple[str, str], ...]

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def get(self, name: str) -> list[str]:
        return [argument for directive, argument in self.directives if directive == name]


@cache
def blocks(page: Path) -> tuple[Block, ...]:
    found: list[Block] = []
    directives: list[tuple[str, str]] = []
    lines = iter(enumerate(page.read_text("utf-8").splitlines(), start=1))
    for number, line in lines:
        if match := _DIRECTIVE.fullmatch(line):
            directives.append((match["name"], match["argument"] or ""))
        elif line.startswith("```"):
            body = []
            for _, inside in lines:
                if inside == "```":
                    break
                body.append(inside)
            text = "".join(f"{each}\n" for each in body)
            found.append(Block(page, number, line[3:], text, tuple(directives)))
            directives = []
        else:
            assert not directives, f"{page}:{number}: a directive without a block"
    return tuple(found)


def every_block() -> Iterator[Block]:
    for page in (ROOT / "README.md", *PAGES):
        yield from blocks(page)


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def tables(page: Path) -> list[list[list[str]]]:
    """The tables of a page: rows of cells, without the heading."""
    found: list[list[list[str]]] = [[]]
    for line in prose(page).splitlines():
        if line.startswith("|"):
            found[-1].append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        elif found[-1]:
            found.append([])
    return [table[2:] for table in found if table]


def rows(page: Path) -> list[list[str]]:
    return [row for table in tables(page) for row in table]


@cache
def slugs(page: Path) -> frozenset[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return frozenset(heading.replace(" ", "-") for heading in plain)


def scaleguard(*arguments: str, stdin: str = "", errors: bool = True) -> tuple[int, str]:
    """Run the program here; its exit status and what it printed."""
    printed = io.BytesIO()
    out = io.TextIOWrapper(printed, "utf-8", write_through=True)
    dropped = io.TextIOWrapper(io.BytesIO(), "utf-8")
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(stdin.encode()))
    status: object = 0
    try:
        with redirect_stdout(out), redirect_stderr(out if errors else dropped):
            main(list(arguments))
    except SystemExit as end:
        status = end.code
    finally:
        sys.stdin = before
    out.flush()
    return int(str(status or 0)), printed.getvalue().decode()
