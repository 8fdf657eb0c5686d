"""Fit an AI pod to its nodes: all mutations, one patch."""

from collections.abc import Sequence
from dataclasses import field

from webhook.core.ai_pod import AiPod
from webhook.core.bounds import UNBOUNDED, Bounds
from webhook.core.fields import Raw
from webhook.core.frozen import frozen
from webhook.core.mutations.marks import mark
from webhook.core.mutations.protection import protect
from webhook.core.mutations.requests import request
from webhook.core.mutations.shared_memory import share_memory
from webhook.core.mutations.tolerations import tolerate
from webhook.core.nodes import Shares
from webhook.core.patch import Addition, Operation, operations
from webhook.core.profile import Profile


@frozen
class Fitting:
    """The patch for a pod and, in words, what it does and what it had to leave out."""

    patch: list[Operation]
    brief: tuple[str, ...]
    notes: tuple[str, ...]
    additions: tuple[Addition, ...] = field(default=(), compare=False)
    """What the patch is made of, each with where its value comes from."""
    profile: str = field(default="", compare=False)
    """The name of the profile that it was made by, empty where none was picked."""


def fit(
    pod: Raw,
    ai_pod: AiPod,
    profile: Profile,
    bounds: Bounds = UNBOUNDED,
    shares: Sequence[Shares] = (),
) -> Fitting:
    """Make the patch for a pod or template as written; on a fitted pod the patch is empty."""
    mutations = [
        tolerate(pod, ai_pod, profile, bounds),
        request(pod, ai_pod, profile, bounds, shares),
        share_memory(pod, ai_pod, profile),
        protect(pod, ai_pod, profile),
    ]
    mutations.append(mark(pod, ai_pod, mutations))
    additions = tuple(addition for made in mutations for addition in made.additions)
    return Fitting(
        operations(pod, additions),
        tuple(made.brief for made in mutations if made.brief),
        tuple(note for made in mutations for note in made.notes),
        additions,
    )
