"""The label and the annotation by which people see what was detected and injected."""

from collections.abc import Iterable

from webhook.core.ai_pod import AiPod
from webhook.core.fields import Raw, annotation
from webhook.core.mutations import Mutation
from webhook.core.patch import Addition

CLASS_LABEL = "scaleguard.io/workload-class"
MUTATIONS_ANNOTATION = "scaleguard.io/mutations"

_WHY = "what was injected, for people"


def mark(pod: Raw, ai_pod: AiPod, others: Iterable[Mutation]) -> Mutation:
    """Label the class; annotate what the other mutations do, beside what an earlier run did."""
    label = ("metadata", "labels", CLASS_LABEL)
    additions = [Addition(label, ai_pod.workload_class.value, ai_pod.evidence.why)]
    brief = "; ".join(other.brief for other in others if other.brief)
    if brief:
        earlier = annotation(pod, MUTATIONS_ANNOTATION)
        value = f"{earlier}; {brief}" if earlier else brief
        path = ("metadata", "annotations", MUTATIONS_ANNOTATION)
        additions.append(Addition(path, value, _WHY))
    return Mutation(tuple(additions))
