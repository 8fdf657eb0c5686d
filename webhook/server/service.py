"""What the server needs to answer: a judge, a world, and whether both are there."""

from typing import Protocol

from webhook.core.decide import Judge
from webhook.core.world import World


class Service(Protocol):
    """One for each worker process, made after the fork; its methods are called by many threads."""

    @property
    def judge(self) -> Judge:
        """Everything that decisions need."""
        ...

    def world(self) -> World:
        """Return the world as it is known now; raises `CannotJudge` where it cannot be known."""
        ...

    def not_ready(self) -> list[str]:
        """Say what is still missing, each in a few words; empty when requests can be judged."""
        ...
