"""What some engines need beside being asked.

They are classes and no protocols: whether an engine is one is asked for each request, and to look
at a protocol's members takes longer than many a judgement.
"""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from webhook.policy.custom.rules import Hearing


class Pushing(ABC):
    """An engine elsewhere, which rules are put on."""

    @abstractmethod
    def put_rules(self) -> None:
        """Put them there once more."""


class Apart(ABC):
    """An engine with a process of its own for the rules of users."""

    @abstractmethod
    def hearing(self) -> "Hearing":
        """Begin with a request."""

    @abstractmethod
    def remarks(self) -> list[str]:
        """Say what is worth knowing of it."""

    @abstractmethod
    def close(self) -> None:
        """End that process."""
