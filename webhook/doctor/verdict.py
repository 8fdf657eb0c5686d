"""What comes of a look at something."""

from collections.abc import Iterable
from enum import StrEnum

from webhook.core.frozen import frozen


class State(StrEnum):
    """How it stands, the worse the later."""

    OK = "ok"
    UNSEEN = "unseen"
    WARNING = "warning"
    FAULT = "fault"


_STRENGTH = {state: strength for strength, state in enumerate(State)}


@frozen
class Verdict:
    """One sentence on how something stands, and what to do about it."""

    state: State
    message: str
    fix: str = ""
    command: str = ""
    """The fix as it can be pasted into a shell, where there is such a one."""


@frozen
class Checked:
    """A check that was made."""

    name: str
    verdicts: tuple[Verdict, ...]

    @property
    def state(self) -> State:
        """The worst of its verdicts: what was not looked at in full is not said to be fine."""
        return max((one.state for one in self.verdicts), key=_STRENGTH.__getitem__)


def ok(message: str) -> Verdict:
    """All is well."""
    return Verdict(State.OK, message)


def warning(message: str, fix: str = "", command: str = "") -> Verdict:
    """It works, and something about it will not go well."""
    return Verdict(State.WARNING, message, fix, command)


def fault(message: str, fix: str = "", command: str = "") -> Verdict:
    """It does not do what it is there for."""
    return Verdict(State.FAULT, message, fix, command)


def unseen(message: str, fix: str = "", command: str = "") -> Verdict:
    """Nobody looked; the message says why."""
    return Verdict(State.UNSEEN, message, fix, command)


def is_in_the_way(checks: Iterable[Checked], *, all_needed: bool) -> bool:
    """Whether any check found a fault; `all_needed`: or was not looked at in full."""
    bad = {State.FAULT, State.UNSEEN} if all_needed else {State.FAULT}
    return any(one.state in bad for one in checks)
