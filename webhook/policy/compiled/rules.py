"""Judge documents by compiled rules."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from webhook.core.verdict import CannotJudge, Verdict
from webhook.errors import Faults
from webhook.policy.answer import read_findings
from webhook.policy.catalogue import PLACE, catalogue
from webhook.policy.compiled.plan import Plan, plan
from webhook.policy.compiled.python import Function, compiled
from webhook.policy.compiled.values import Conflict, Values
from webhook.policy.source import Module

_FINDINGS = "findings"
_TOGETHER = "scaleguard"
_NO_DATA: dict[str, Any] = {}

# What functions of a plan raise on values that they are not made for.
_ERRORS = (Conflict, AttributeError, LookupError, TypeError, ValueError, RecursionError)


class Compiled:
    """Rules as Python; may be called from any thread, and forked with."""

    def __init__(self, modules: Iterable[Module]) -> None:
        """Compile the rules; raises `PolicyError` naming every file that is broken."""
        added = tuple(modules)
        faults = Faults()
        with faults.noted():
            self._rules = catalogue(added)
        with faults.noted():
            self._findings = _findings(added)
        faults.refuse()

    def __call__(self, document: dict[str, Any]) -> list[Verdict]:
        """Judge a document; raises `CannotJudge` when a rule gives no answer."""
        answer: list[Any] = []
        try:
            for findings in self._findings:
                found = findings(document, _NO_DATA)
                if type(found) is not Values:
                    raise TypeError(f"findings are no set but {found!r}")
                answer += found
        except _ERRORS as error:
            raise CannotJudge(f"a rule failed: {type(error).__name__}: {error}") from error
        return read_findings(answer, document, self._rules)


@lru_cache(maxsize=1)
def _findings(modules: tuple[Module, ...]) -> tuple[Function, ...]:
    """Compile what finds something, of each rule; half a second goes into that.

    One by one, without what brings them together: that would make every helper, too. Kept because
    a configuration that changes is read with the same rules, and worker processes begin with them.
    """
    functions = compiled(planned(modules))
    return tuple(functions[f"{one}.{_FINDINGS}"] for one in _packages(modules))


def planned(modules: Iterable[Module]) -> Plan:
    """Plan what finds something, of each rule; raises as `plan` does."""
    added = tuple(modules)
    entrypoints = [f"{one.replace('.', '/')}/{_FINDINGS}" for one in _packages(added)]
    return plan([one for one in added if one.package != _TOGETHER], entrypoints)


def _packages(modules: Iterable[Module]) -> list[str]:
    return sorted({one.package for one in modules if PLACE.fullmatch(one.package)})
