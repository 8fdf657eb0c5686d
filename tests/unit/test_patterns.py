"""No regular expression of ours takes more than linear time, whatever somebody writes.

Each is run as the code runs it, on texts made of what it looks for itself: repeated, in pairs, and
with an end that fits nothing. One that tries each beginning against each end takes 64 times as long
on eight times as much; a linear one takes eight times as long, and is let off below a third of that
difference.
"""

import ast
import importlib
import json
import pkgutil
import re
import time
from collections import deque
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import certs
import webhook

SHORT, LONG = 2_000, 16_000
MOST_TIMES = 24
UNMEASURED_SECONDS = 0.05
"""Of processor time: nothing that takes less on the longer text can be told from noise."""

METHODS = {"match", "fullmatch", "search", "finditer", "findall", "sub", "subn", "split"}

# Why more than linear time is enough for each: nothing of any length comes here.
BOUNDED = {
    "webhook.policy.references._SHADOWS": "on lines of 500 characters at most",
}

Pattern = re.Pattern[Any]


class Use(NamedTuple):
    """A pattern, and by which method it is run."""

    name: str
    pattern: Pattern
    method: str

    def seconds(self, text: Any) -> float:
        begun = time.process_time()
        if self.method in {"sub", "subn"}:
            self.pattern.sub(lambda found: found[0], text)
        elif self.method == "finditer":
            deque(self.pattern.finditer(text), maxlen=0)
        else:
            getattr(self.pattern, self.method)(text)
        return time.process_time() - begun

    def is_slow(self, make: "Text") -> bool:
        """Whether the time grows faster than the text."""
        took = self.seconds(make.of(LONG))
        if took < UNMEASURED_SECONDS:
            return False
        before = max(self.seconds(make.of(SHORT)) for _ in range(3))
        return took > MOST_TIMES * max(before, UNMEASURED_SECONDS / MOST_TIMES)


class Text(NamedTuple):
    """How a hostile text is made, of any length."""

    begin: str
    unit: str
    is_bytes: bool

    def of(self, length: int) -> Any:
        text = self.begin + self.unit * (length // len(self.unit)) + "\x00"
        return text.encode() if self.is_bytes else text


def files() -> Iterator[Path]:
    for package in (webhook, certs):
        yield from sorted(Path(package.__path__[0]).rglob("*.py"))


TREES = {path: ast.parse(path.read_text("utf-8")) for path in files()}


def calls(tree: ast.AST) -> Iterator[tuple[str, str, ast.Call]]:
    """What is called on which name: `_WORDS.search(…)`, `re.sub(…)`, `image.words.search(…)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            name = getattr(owner, "id", getattr(owner, "attr", ""))
            yield name, node.func.attr, node


def used(tree: ast.AST) -> dict[str, set[str]]:
    """By which methods names are searched in a file."""
    found: dict[str, set[str]] = {}
    for name, method, _ in calls(tree):
        if method in METHODS:
            found.setdefault(name, set()).add(method)
    return found


def compiled(value: Any) -> Iterator[Pattern]:
    """The patterns in a value of a module: by itself, or in what holds several."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from compiled(one)
    elif isinstance(value, list | tuple | frozenset | set):
        for one in value:
            yield from compiled(one)


def named() -> Iterator[Use]:
    """Those that stand in modules, and how they are used there; in a row of several, by search."""
    for package in (webhook, certs):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if found.name.endswith(("__main__", "migrations.env")):
                continue
            module = importlib.import_module(found.name)
            known = used(TREES[Path(str(module.__file__))])
            for name, value in vars(module).items():
                methods = known.get(name) if isinstance(value, re.Pattern) else None
                for pattern in compiled(value):
                    for method in methods or {"finditer"}:
                        yield Use(f"{found.name}.{name}", pattern, method)


def written() -> Iterator[Use]:
    """Those that stand in a call of `re`, as literals."""
    for path, tree in TREES.items():
        for name, method, call in calls(tree):
            first = call.args[0] if call.args else None
            if name == "re" and method in METHODS and isinstance(first, ast.Constant):
                yield Use(f"{path.stem}:{call.lineno}", re.compile(first.value), method)


def in_schema(value: Any) -> Iterator[Use]:
    """Those of a JSON schema: the values of `pattern`, the keys of `patternProperties`."""
    if isinstance(value, list):
        for one in value:
            yield from in_schema(one)
    if isinstance(value, dict):
        patterns = [*value.get("patternProperties", {})]
        if isinstance(value.get("pattern"), str):
            patterns.append(value["pattern"])
        for pattern in patterns:
            yield Use("schema", re.compile(pattern), "search")
        for one in value.values():
            yield from in_schema(one)


@cache
def uses() -> list[Use]:
    """All of them; modules are imported when a test asks, not when tests are collected."""
    found = [*named(), *written()]
    for path in sorted(Path(webhook.__path__[0]).rglob("*.schema.json")):
        found += in_schema(json.loads(path.read_text("utf-8")))
    return list({(one.pattern, one.method): one for one in found}.values())


def texts(pattern: Pattern) -> Iterator[Text]:
    is_bytes = isinstance(pattern.pattern, bytes)
    source = pattern.pattern.decode("latin-1") if is_bytes else pattern.pattern
    units = [*dict.fromkeys([*source, *"a0 \n\tA-."])]
    units = [each for each in units if each not in "()?+|^$*"] + ["(", "[", "{", '"', "\\"]
    units += ["a0", "a ", '"\\', "some a "]
    units += [one + other for one in "a0 ." for other in source if other in "-./:=,@\\\"'"]
    # Behind what the whole begins with, what repeats in it is reached.
    literal = re.match(r"[\w \"'/{<-]*", source)
    begins = ["", *([literal[0]] if literal is not None and literal[0] else [])]
    for begin in dict.fromkeys(begins):
        for unit in dict.fromkeys([*units, *filter(None, [begin])]):
            yield Text(begin, unit, is_bytes)


def test_all_are_found_and_no_exception_is_left_over() -> None:
    assert len(uses()) > 90
    patterns = {one.pattern.pattern for one in uses()}
    assert patterns >= {r"[\w:.|/]* ?", r"^https?://[^/?#@\s]+$", r"(\d{1,9})([smhdw])"}
    assert set(BOUNDED) <= {one.name for one in uses()}


def test_the_time_grows_no_faster_than_the_text() -> None:
    slow = {use.name: text for use in uses() for text in texts(use.pattern) if use.is_slow(text)}
    assert slow.keys() == BOUNDED.keys(), slow


@pytest.mark.parametrize(
    ("pattern", "method"), [(r"\s+x", "search"), (r"---[ \t]*\s*(?=[{\[])", "match")]
)
def test_a_quadratic_one_would_be_noticed(pattern: str, method: str) -> None:
    use = Use("slow", re.compile(pattern), method)
    assert any(use.is_slow(text) for text in texts(use.pattern))
