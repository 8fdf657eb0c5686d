"""What the server needs to answer: a judge, a world, and whether both are there."""

from collections.abc import Callable
from typing import Protocol

from webhook.core.decide import Decision, Judge
from webhook.core.review import Request
from webhook.core.world import World


class Service(Protocol):
    """One for each worker process, made after the fork; its methods are called by many threads."""

    @property
    def judge(self) -> Judge:
        """Everything that decisions need."""
        ...

    def decided(self, asked: Request, decide: Callable[[World], Decision], /) -> Decision:
        """Decide on a request in its world, once or, as what is known changes, several times.

        The world may look things up while it is judged in, and `CannotJudge` is raised where they
        cannot be known.
        """
        ...

    def remarks(self) -> list[str]:
        """Say what is worth knowing though requests are judged; empty when there is nothing."""
        ...

    def not_ready(self) -> list[str]:
        """Say what is still missing, each in a few words; empty when requests can be judged."""
        ...
