"""Refuse rules of users that reach out of the engine: to the network, or to OPA's environment.

The embedded engine has none of these functions; an OPA server has, and asks whoever a rule names,
with the document in it if the rule likes. So they are refused by name, before any engine has them.

The whole text is looked at, comments and strings too: what is a string here may be a program to
OPA, as what stands in braces in `$"…"`.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from webhook.errors import PolicyError
from webhook.policy.source import Module

REFUSED: Final = {
    "http.send": "the network",
    "net.lookup_ip_addr": "the network",
    "json.match_schema": "the network, by references of a schema",
    "json.verify_schema": "the network, by references of a schema",
    "opa.runtime": "the environment of OPA",
}
"""What each reads. As OPA lists them: of what is not deterministic, all but the clock, chance, and
tokens that are checked against the clock."""

# To OPA http["send"] is http.send, with escapes, or a comment inside of the brackets.
_CALLED = re.compile(
    r"(?<![\w.])(?:(?:http\.send|net\.lookup_ip_addr|json\.(?:match|verify)_schema|opa\.runtime)\b"
    r"|(?:http|net|json|opa)\[)"
)


def check(modules: Iterable[Module]) -> None:
    """Raise `PolicyError` naming each place, with file and line; tests included."""
    found = [
        f"{module.path}: line {line}: {said}: a rule judges by `input` alone"
        for module in modules
        if not module.built_in
        for line, said in _called(module.text)
    ]
    if found:
        raise PolicyError("\n".join(found))


def _called(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        for match in _CALLED.finditer(line):
            reads = REFUSED.get(match[0])
            yield (
                number,
                f"{match[0]} reads {reads}" if reads else f"{match[0]}…] may be a function",
            )
