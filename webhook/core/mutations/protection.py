"""Annotations that keep node autoscalers from ending a run."""

from webhook.core.ai_pod import AiPod
from webhook.core.fields import Raw, mapping
from webhook.core.kinds import WorkloadClass
from webhook.core.mutations import ANNOTATIONS, Mutation
from webhook.core.patch import Addition
from webhook.core.profile import Profile

SAFE_TO_EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict"
DO_NOT_DISRUPT = "karpenter.sh/do-not-disrupt"

_PROTECTION = {SAFE_TO_EVICT: "false", DO_NOT_DISRUPT: "true"}
_CONSENT = {SAFE_TO_EVICT: "true", DO_NOT_DISRUPT: "false"}


def protect(pod: Raw, ai_pod: AiPod, profile: Profile) -> Mutation:
    """Tell the Cluster Autoscaler and Karpenter to leave a pod alone while it runs.

    Training pods, unless their class is a guess: a pod that nobody may move keeps its node for as
    long as it runs. A profile switches it on or off. What a person wrote stays.
    """
    is_training = ai_pod.workload_class is WorkloadClass.TRAINING and not ai_pod.evidence.guessed
    wanted = is_training if profile.protect is None else profile.protect
    written = mapping(pod, "metadata", "annotations")
    if not wanted or any(written.get(key) == value for key, value in _CONSENT.items()):
        return Mutation()
    why = (
        f"class {ai_pod.workload_class} ({ai_pod.evidence.why})"
        if profile.protect is None
        else f"protectFromEviction of {profile.said}"
    )
    missing = {key: value for key, value in _PROTECTION.items() if written.get(key) is None}
    additions = tuple(
        Addition(("metadata", "annotations", key), value, why) for key, value in missing.items()
    )
    brief = (
        f"{ANNOTATIONS}{', '.join(key.rpartition('/')[2] for key in missing)}" if missing else ""
    )
    return Mutation(additions, brief)
