"""A guard for the embedded engine: functions of one name have as many parameters everywhere.

rego-cpp (regopy 1.5) takes functions of one name in different packages for one another when it
compiles them. Where the later one has more parameters it reads past the end, and the process ends.
"""

import re
from collections.abc import Iterable, Iterator

from webhook.errors import PolicyError
from webhook.policy.source import Module

_HEAD = re.compile(r"^(?:default[ \t]+)?(?:\w+\.)*([A-Za-z_]\w*)\(", re.MULTILINE)
# The closing quote may be missing: then the line ends in it, and is read once.
_TOKEN = re.compile(r'"(?:\\.|[^"\\\n])*+"?|`[^`]*`|#[^\n]*|[()\[\]{},]')


def check(modules: Iterable[Module]) -> None:
    """Raise `PolicyError` naming both files where two functions differ in this way."""
    known: dict[str, tuple[int, Module]] = {}
    for module in modules:
        for name, count in _functions(module.text):
            others, other = known.setdefault(name, (count, module))
            if others != count:
                raise PolicyError(
                    f"{module.path}: function {name} takes {count} parameters, and {others} in"
                    f" {other.path}: give it another name, the embedded engine crashes on such two"
                )


def _functions(text: str) -> Iterator[tuple[str, int]]:
    """Yield the name of each function and how many parameters it has.

    A head that is not closed ends where the next one begins, so that the text is read once.
    """
    heads = list(_HEAD.finditer(text))
    ends = [*(head.start() for head in heads), len(text)]
    for head, end in zip(heads, ends[1:], strict=True):
        yield head[1], _parameters(text, head.end(), end)


def _parameters(text: str, begin: int, end: int) -> int:
    depth, count, last = 0, 0, begin
    for token in _TOKEN.finditer(text, begin, end):
        if token[0] in {"(", "[", "{"}:
            depth += 1
        elif token[0] in {")", "]", "}"}:
            if depth == 0:
                return count + bool(text[last : token.start()].strip())
            depth -= 1
        elif token[0] == "," and depth == 0:
            count, last = count + 1, token.end()
    return count
