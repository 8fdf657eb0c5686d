"""Faults that a person can mend: every message says what is wrong, where, and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager


class ScaleguardError(Exception):
    """A fault with a message for the person at the terminal, shown without a traceback."""


class ConfigError(ScaleguardError):
    """The configuration is wrong; the message lists every fault."""


class PolicyError(ScaleguardError):
    """A policy cannot be loaded or is no rule."""


class UnavailableError(PolicyError):
    """What policies are put on does not answer: the same may succeed later."""


class Faults:
    """The faults of several steps, so that the first does not hide the others."""

    def __init__(self) -> None:
        self._found: list[ScaleguardError] = []

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note the fault of the step inside, and go on behind it."""
        try:
            yield
        except ScaleguardError as fault:
            # A later step may meet the same fault again, and others with it.
            self._found = [one for one in self._found if str(one) not in str(fault)]
            self._found.append(fault)

    def refuse(self) -> None:
        """Raise what was noted, each fault once; return where there is none."""
        if len(self._found) == 1:
            raise self._found[0]
        if self._found:
            kinds = {type(fault) for fault in self._found}
            kind = kinds.pop() if len(kinds) == 1 else ScaleguardError
            raise kind("\n".join(map(str, self._found)))
