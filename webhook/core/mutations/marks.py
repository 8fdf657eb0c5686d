"""The label and the annotation by which people see what was detected and injected."""

from collections.abc import Iterable

from webhook.core.ai_pod import AiPod
from webhook.core.fields import Raw, strings
from webhook.core.mutations import Mutation
from webhook.core.patch import Addition

CLASS_LABEL = "scaleguard.io/workload-class"
MUTATIONS_ANNOTATION = "scaleguard.io/mutations"


def mark(pod: Raw, ai_pod: AiPod, others: Iterable[Mutation]) -> Mutation:
    """Label the class; annotate what the other mutations do, beside what an earlier run did."""
    additions = [Addition(("metadata", "labels", CLASS_LABEL), ai_pod.workload_class.value)]
    brief = "; ".join(other.brief for other in others if other.brief)
    if brief:
        earlier = strings(pod, "metadata", "annotations").get(MUTATIONS_ANNOTATION)
        value = f"{earlier}; {brief}" if earlier else brief
        additions.append(Addition(("metadata", "annotations", MUTATIONS_ANNOTATION), value))
    return Mutation(tuple(additions))
