"""Which workloads are of concern to us, told from their templates alone."""

from webhook.core.ai_pod import Knowledge, recognise
from webhook.core.classify import made_by
from webhook.core.fields import Raw
from webhook.core.kinds import templates
from webhook.core.nearly import misspelt
from webhook.core.objects import controller, reference
from webhook.core.pod import claim_names
from webhook.core.pod_facts import PodSubject, squats_of


def may_make_ai_pods(raw: Raw, knowledge: Knowledge) -> bool:
    """Whether a workload makes AI pods, or may do so by what its resource claims ask for."""
    kind = knowledge.kinds.get(reference(raw).group_kind)
    if kind is None:
        return False
    return any(
        next(claim_names(template.raw), None) is not None
        or recognise(template.raw, made_by(raw), {}, knowledge) is not None
        for template in templates(kind, raw)
    )


def may_be_at_fault(raw: Raw, knowledge: Knowledge) -> bool:
    """Whether rules may have something to say of pods that are no AI pods.

    They tolerate an accelerator's taint, or nearly name an accelerator. What was made of a workload
    that is judged itself is judged there.
    """
    kind, owner = knowledge.kinds.get(reference(raw).group_kind), controller(raw)
    if kind is None or (owner is not None and knowledge.kinds.scalable(owner.group, owner.kind)):
        return False
    pods = [PodSubject(raw, template, None, None) for template in templates(kind, raw)]
    catalogue = knowledge.catalogue
    return any(squats_of(pod, catalogue) or misspelt(pod.pod, catalogue) for pod in pods)
