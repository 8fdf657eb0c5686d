"""What is added to AI pods: one small file per mutation, (pod, profile) to additions."""

from webhook.core.frozen import frozen
from webhook.core.patch import Addition

# How what a mutation did in brief begins. It is read again: in the annotation of a fitted pod.
TOLERATIONS, REQUESTS, ANNOTATIONS = "tolerations: ", "requests: ", "annotations: "


@frozen
class Mutation:
    """Additions to a pod, and in brief what they are and what was left out and why."""

    additions: tuple[Addition, ...] = ()
    brief: str = ""
    notes: tuple[str, ...] = ()
