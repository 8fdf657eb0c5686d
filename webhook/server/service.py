"""What the server needs to answer: a judge, a world, and whether both are there."""

from typing import Protocol

from webhook.core.decide import Judge
from webhook.core.review import Request
from webhook.core.world import World


class Service(Protocol):
    """One for each worker process, made after the fork; its methods are called by many threads."""

    @property
    def judge(self) -> Judge:
        """Everything that decisions need."""
        ...

    def world(self, asked: Request, /) -> World:
        """Return the world in which a request is judged.

        It may look things up while it is judged in, and raise `CannotJudge` where they cannot be
        known.
        """
        ...

    def not_ready(self) -> list[str]:
        """Say what is still missing, each in a few words; empty when requests can be judged."""
        ...
