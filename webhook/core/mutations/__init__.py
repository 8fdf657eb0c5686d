"""What is added to AI pods: one small file per mutation, (pod, profile) to additions."""

from dataclasses import dataclass

from webhook.core.patch import Addition


@dataclass(frozen=True, slots=True)
class Mutation:
    """Additions to a pod, and in brief what they are and what was left out and why."""

    additions: tuple[Addition, ...] = ()
    brief: str = ""
    notes: tuple[str, ...] = ()
