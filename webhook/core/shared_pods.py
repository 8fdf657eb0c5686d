"""HPAs of two workloads whose pods cannot be told apart: the HPA controller stops both."""

from collections.abc import Iterator

from webhook.core.autoscalers.scaler import Scaler
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.generated import generated, is_hpa, judged, judged_maker
from webhook.core.overlap_documents import Overlap, exempt_from, object_document, workload_document
from webhook.core.workload import Workload
from webhook.core.world import World


def sharing_pods(subject: Scaler, key: WorkloadKey, world: World) -> Iterator[Overlap]:
    """Meet the HPAs of other workloads, one of which selects pods of the other.

    Of each pod that an HPA's selector finds, the HPA controller asks which HPAs' selectors find it
    as well, and computes nothing where there are several. Whose pods they are does not matter.
    Source: k8s.io/kubernetes pkg/controller/podautoscaler/horizontal.go (`AmbiguousSelector`).
    """
    workload = world.workload(key)
    if workload is None or not is_hpa(subject) or judged_maker(subject, key, world) is not None:
        return
    names = world.other_names(key)
    for near in world.near(key):
        other = world.workload(near) if near not in names else None
        if other is None:
            continue
        if workload.selects(other) or other.selects(workload):
            for scaler in filter(is_hpa, judged(near, world)):
                yield _overlap(subject, scaler, (workload, other), world)


def _overlap(
    subject: Scaler, other: Scaler, workloads: tuple[Workload, Workload], world: World
) -> Overlap:
    """Write down two HPAs and their workloads, of which one selects pods of the other."""
    own, theirs = workloads
    by, whose = (own, theirs) if own.selects(theirs) else (theirs, own)
    document = {
        "type": "shared-pods",
        "workload": workload_document(own.key),
        "otherWorkload": workload_document(theirs.key),
        "scaler": object_document(subject.ref),
        "other": object_document(other.ref),
        "selecting": workload_document(by.key)["text"],
        "selected": workload_document(whose.key)["text"],
        "selector": str(by.selector),
    }
    return Overlap(
        document,
        "spec.scaleTargetRef",
        None,
        (),
        (other.ref, *generated(other, theirs.key, world)),
        own.key,
        exempt_from(world, subject, other),
    )
