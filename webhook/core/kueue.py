"""Workloads that wait in a queue of Kueue, and pods that it let start.

Kueue compares the flavours of a queue with the *template* of a suspended workload: what is added to
its pods later comes too late for the choice of a flavour, and past the queue's quota.
Source: kubernetes-sigs/kueue v0.19 pkg/constants, pkg/controller/{constants,jobframework,jobs}.
"""

from webhook.core.fields import Raw, annotation, mapping, strings
from webhook.core.objects import GroupKind, controller, reference

QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
PODSET_LABEL = "kueue.x-k8s.io/podset"
PARENT_ANNOTATION = "kueue.x-k8s.io/pod-suspending-parent"
PREBUILT = "kueue.x-k8s.io/prebuilt-workload-name"
ORIGIN_LABEL = "kueue.x-k8s.io/multikueue-origin"

CRON_JOB = GroupKind("batch", "CronJob")

# Those that Kueue makes its Workload of from templates. Of a Deployment each pod waits by itself,
# and has been fitted when it is counted; of other kinds Kueue knows nothing.
_BY_TEMPLATE = frozenset(
    {
        GroupKind("apps", "StatefulSet"),
        GroupKind("batch", "Job"),
        CRON_JOB,
        GroupKind("jobset.x-k8s.io", "JobSet"),
        GroupKind("kubeflow.org", "JAXJob"),
        GroupKind("kubeflow.org", "MPIJob"),
        GroupKind("kubeflow.org", "PaddleJob"),
        GroupKind("kubeflow.org", "PyTorchJob"),
        GroupKind("kubeflow.org", "TFJob"),
        GroupKind("kubeflow.org", "XGBoostJob"),
        GroupKind("leaderworkerset.x-k8s.io", "LeaderWorkerSet"),
        GroupKind("ray.io", "RayCluster"),
        GroupKind("ray.io", "RayJob"),
        GroupKind("ray.io", "RayService"),
        GroupKind("sparkoperator.k8s.io", "SparkApplication"),
        GroupKind("trainer.kubeflow.org", "TrainJob"),
        GroupKind("workload.codeflare.dev", "AppWrapper"),
    }
)

_COUNTED_BY_POD = frozenset({"", "deployment"})
"""Values of the annotation about the parent of pods that are counted one by one, as they are."""


def queue_of(raw: Raw) -> str:
    """The queue that an object waits in with its templates; empty where it waits in none.

    A CronJob never waits; its Jobs do, with the labels that it gives them. What is part of
    something that waits does not wait itself. What was counted before it was made (MultiKueue) has
    to stay as it is: Kueue ends it where it differs from what was counted.
    """
    kind, owner = reference(raw).group_kind, controller(raw)
    above = GroupKind(owner.group, owner.kind) if owner is not None else CRON_JOB
    if kind not in _BY_TEMPLATE or (above in _BY_TEMPLATE and above != CRON_JOB):
        return ""
    labelled = mapping(raw, "spec", "jobTemplate") if kind == CRON_JOB else raw
    labels = strings(labelled, "metadata", "labels")
    if {PREBUILT, ORIGIN_LABEL} & labels.keys() or annotation(labelled, PREBUILT) is not None:
        return ""
    return labels.get(QUEUE_LABEL, "")


def is_admitted(pod: Raw) -> bool:
    """Whether Kueue has counted the requests of a pod by the template that it was made from.

    It labels the templates of what it starts. The pods of StatefulSets and LeaderWorkerSets are
    made before that and wait at a gate, with an annotation that their template has as well: only
    what has a controller has been made of one.
    """
    if PODSET_LABEL in strings(pod, "metadata", "labels"):
        return True
    parent = annotation(pod, PARENT_ANNOTATION) or ""
    return parent not in _COUNTED_BY_POD and controller(pod) is not None
