"""One patch for all templates of an object, so that what its pods would get stands there before."""

from collections.abc import Iterable

from webhook.core.ai_pod import AiPod
from webhook.core.fit import Fitting
from webhook.core.pod_facts import PodSubject


def joined(subjects: Iterable[PodSubject]) -> tuple[AiPod, Fitting] | None:
    """Join what is made of the templates of one object; None where none is for AI pods.

    What a controller assembles from pieces has no place for a patch and is left out.
    Marks included: a template then says itself what it was given, and its pods need nothing more.
    """
    fitted = [
        (one.ai_pod, one.template.placed(one.fitting.patch), one.fitting)
        for one in subjects
        if one.ai_pod is not None and one.fitting is not None and not one.template.assembled
    ]
    if not fitted:
        return None
    patch = [operation for _, placed, _ in fitted for operation in placed]
    brief = dict.fromkeys(said for _, _, fitting in fitted for said in fitting.brief)
    notes = dict.fromkeys(note for _, _, fitting in fitted for note in fitting.notes)
    return fitted[0][0], Fitting(patch, tuple(brief), tuple(notes))
