"""Which workloads may make AI pods, told from their templates alone."""

from webhook.core.ai_pod import Knowledge, recognise
from webhook.core.classify import made_by
from webhook.core.fields import Raw
from webhook.core.kinds import templates
from webhook.core.objects import reference
from webhook.core.pod import claim_names


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
