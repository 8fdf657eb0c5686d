"""Exemptions that exempt from nothing: their rule does not exist, or is called otherwise."""

import difflib
from collections.abc import Iterable

from webhook.core.fields import Raw
from webhook.core.objects import EXEMPT_ANNOTATION, exemptions

# An annotation may hold 256 KiB of names: a sentence shows some, and compares no more than these.
_MOST_NAMES = 5
_LONGEST_NAME = 63


def unknown_exemptions(raw: Raw, rules: Iterable[str]) -> tuple[str, ...]:
    """Say which rules that an object wants to be exempted from there are not."""
    known = list(rules)
    unknown = sorted(exemptions(raw).difference(known))
    said = [
        f"{EXEMPT_ANNOTATION}: {_shortened(name)}: no such rule{_meant(name, known)}"
        for name in unknown[:_MOST_NAMES]
    ]
    if len(unknown) > _MOST_NAMES:
        said.append(f"{EXEMPT_ANNOTATION}: {len(unknown) - _MOST_NAMES} more are no rules")
    return tuple(said)


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _meant(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name[:_LONGEST_NAME].lower(), known, n=1, cutoff=0.8)
    return f", did you mean {close[0]}?" if close else ""
