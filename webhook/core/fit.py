"""Fit an AI pod to its nodes: all mutations, one patch."""

from dataclasses import dataclass

from webhook.core.ai_pod import AiPod
from webhook.core.bounds import UNBOUNDED, Bounds
from webhook.core.fields import Raw
from webhook.core.mutations.marks import mark
from webhook.core.mutations.requests import request
from webhook.core.mutations.tolerations import tolerate
from webhook.core.patch import Operation, operations
from webhook.core.profile import Profile


@dataclass(frozen=True, slots=True)
class Fitting:
    """The patch for a pod and, in words, what it does and what it had to leave out."""

    patch: list[Operation]
    brief: tuple[str, ...]
    notes: tuple[str, ...]


def fit(pod: Raw, ai_pod: AiPod, profile: Profile, bounds: Bounds = UNBOUNDED) -> Fitting:
    """Make the patch for a pod or template as written; on a fitted pod the patch is empty."""
    mutations = [tolerate(pod, ai_pod, profile, bounds), request(pod, ai_pod, profile, bounds)]
    mutations.append(mark(pod, ai_pod, mutations))
    patch = operations(pod, (addition for made in mutations for addition in made.additions))
    notes = tuple(note for made in mutations for note in made.notes)
    return Fitting(patch, tuple(made.brief for made in mutations if made.brief), notes)
