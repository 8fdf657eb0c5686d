"""The outcome of a request that can be neither let in nor denied at this moment."""

from collections.abc import Callable


class Postponed(Exception):  # noqa: N818 - an outcome with a name of its own
    """There is no answer now; `has_changed` says when it is worth trying again."""

    def __init__(
        self, outcome: str, why: str, has_changed: Callable[[], bool] = lambda: False
    ) -> None:
        super().__init__(why)
        self.outcome = outcome
        self.why = why
        self.has_changed = has_changed
