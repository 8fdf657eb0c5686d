"""Find what rules read of `input` that no document has: such a rule never finds anything.

The embedded engine takes any reference, and OPA checks them only where it is given the schema. This
reads text, since the engine tells nothing of its syntax tree; it looks at what is certain alone:
references that begin with `input`, or with a variable that stands for one in one rule.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise

from webhook.core.frozen import frozen
from webhook.policy.form import Form, document_form
from webhook.policy.source import Module

# The closing quote may be missing: then the line ends in it, and is read once.
_STRING = r'"(?:\\.|[^"\\\n])*+"?'
_SKIPPED = rf"{_STRING}|`[^`]*`|#[^\n]*"
_STEP = rf"\.\w+|\[{_STRING}\]|\[\w+\]"
_REFERENCE = re.compile(rf"{_SKIPPED}|(?<![\w.])(?P<root>[A-Za-z_]\w*)(?P<steps>(?:{_STEP})*)")
_STEPS = re.compile(_STEP)
_GET = re.compile(
    rf"object\.get\(\s*(?P<root>[A-Za-z_]\w*)(?P<steps>(?:{_STEP})*)\s*,\s*(?P<key>{_STRING})"
)

# These look at a line from each place in it, and at a rule for each of its variables: no person
# writes longer ones or more, and what is beyond is not looked at.
_LONGEST_LINE = 500
_MOST_VARIABLES = 64

# What begins in the first column is a rule, up to the next that does.
_RULE = re.compile(r"^(?=[A-Za-z_])", re.MULTILINE)

# `name := input.…` to the end of the line, `some name in input.…`, `some key, name in input.…`
_BOUND = re.compile(
    rf"(?P<root>[A-Za-z_]\w*)(?P<steps>(?:{_STEP})*)[ \t]*(?P<end>;|\}}|\{{|#|$)", re.MULTILINE
)
_BINDS = re.compile(
    r"(?<![\w.])(?:(?P<whole>[A-Za-z_]\w*)[ \t]*:=[ \t]*"
    r"|(?:some|every)[ \t]+(?:\w+[ \t]*,[ \t]*)?(?P<member>[A-Za-z_]\w*)[ \t]+in[ \t]+)"
)
_SHADOWS = re.compile(
    r"\binput[ \t]*:=|\bsome\b(?:(?!\bin\b)[^\n])*\binput\b"
    r"|^\w+\([^)\n]*\binput\b[^)\n]*\) (?:if|:=)",
    re.MULTILINE,
)


@frozen
class _Known:
    """What a variable stands for."""

    form: Form
    shown: str


def unknown_references(modules: Iterable[Module]) -> list[str]:
    """Say of each reference in the rules of users that no document has such a field."""
    form = document_form()
    return [
        f"{module.path}: line {line}: {said}"
        for module in modules
        if not module.built_in and not module.is_test and _is_plain(module.text)
        for line, said in _unknown(module.text, form)
    ]


def _is_plain(text: str) -> bool:
    """Whether lines are as people write them, and `input` means the document in all of them."""
    longest = max(map(len, text.split("\n")))
    return longest <= _LONGEST_LINE and not _SHADOWS.search(text)


def _unknown(text: str, form: Form) -> Iterator[tuple[int, str]]:
    plain = re.sub(_SKIPPED, lambda skipped: re.sub(r"[^\n]", " ", skipped[0]), text)
    begins = [match.start() for match in _RULE.finditer(plain)]
    for begin, end in pairwise([*begins, len(text)]):
        known = {"input": _Known(form, "input")}
        _add_variables(known, text, plain, (begin, end))
        told = {}
        for match in _REFERENCE.finditer(text, begin, end):
            told[match.start()] = match["root"], match["steps"]
        for match in _GET.finditer(text, begin, end):
            if not plain[match.start()].isspace():
                told[match.start("root")] = match["root"], f"{match['steps']}[{match['key']}]"
        for place, (root, steps) in told.items():
            found = _followed(known[root], steps) if root in known else None
            if isinstance(found, str):
                yield text.count("\n", 0, place) + 1, found


def _add_variables(known: dict[str, _Known], text: str, plain: str, rule: tuple[int, int]) -> None:
    """Add the variables of a rule that stand for a part of the document, and for nothing else.

    `plain` is the text with blanks in place of comments and strings.
    """
    for binds in islice(_BINDS.finditer(plain, *rule), _MOST_VARIABLES):
        name = binds["whole"] or binds["member"]
        value = _BOUND.match(text, binds.end())
        if value is None or value["root"] not in known or not _is_once(name, plain, rule):
            continue
        found = _followed(known[value["root"]], value["steps"])
        if isinstance(found, _Known) and binds["member"]:
            found = _member(found)
        if isinstance(found, _Known):
            known[name] = found


def _is_once(name: str, plain: str, rule: tuple[int, int]) -> bool:
    """Whether a name is bound once in a rule, and is no name of its head or of another rule."""
    body = plain[slice(*rule)]
    head = body.partition("\n")[0].partition(" if ")[0]
    binds = rf"\b{name}\b[ \t]*:?=(?!=)|\b(?:some|every)\b(?:(?!\bin\b)[^\n])*\b{name}\b"
    return (
        len(re.findall(binds, body)) == 1
        and not re.search(rf"\([^)]*\b{name}\b", head)
        and not re.search(rf"^{name}\b", plain, re.MULTILINE)
    )


def _followed(known: _Known, steps: str) -> _Known | str | None:
    """Follow steps; say where there is no such field, and nothing where nobody can tell."""
    for step in _STEPS.findall(steps):
        name = step[1:] if step.startswith(".") else step[2:-2] if '"' in step else None
        if name is not None and "\\" in name:
            return None
        found = _member(known) if name is None else _field(known, name)
        if not isinstance(found, _Known):
            return found
        known = found
    return known


def _field(known: _Known, name: str) -> _Known | str:
    form = known.form.field(name)
    if form is None:
        return f"{known.shown} {known.form.lacks(name)}"
    return _Known(
        form, f"{known.shown}.{name}" if name.isidentifier() else f'{known.shown}["{name}"]'
    )


def _member(known: _Known) -> _Known | None:
    form = known.form.member()
    return None if form is None else _Known(form, f"{known.shown}[_]")
