"""Who a person knows of what an operator made: the object that somebody wrote."""

from webhook.core.fields import Raw, mapping, strings, text
from webhook.core.objects import controller

# Knative copies the labels of a Revision to its PodAutoscaler, and those to the HPA: so the Service
# is known without a walk through PodAutoscaler, Revision and Configuration. Source: knative/serving
# pkg/reconciler/autoscaling/hpa/resources/hpa.go (`MakeHPA`).
_KNATIVE = "autoscaling.internal.knative.dev"
_SERVICE = "serving.knative.dev/service"
_SERVICE_UID = "serving.knative.dev/serviceUID"


def topmost_owner(raw: Raw) -> Raw | None:
    """Return who an object that an operator made belongs to: kind, name and uid, as an object.

    None for what has no controlling owner, and so was written by a person or a pipeline.
    """
    owner = controller(raw)
    if owner is None:
        return None
    version, kind, name, uid = owner.api_version, owner.kind, owner.name, owner.uid
    labels = strings(raw, "metadata", "labels") if owner.group == _KNATIVE else {}
    if labels.get(_SERVICE):
        version, kind = "serving.knative.dev/v1", "Service"
        name, uid = labels[_SERVICE], labels.get(_SERVICE_UID)
    metadata = {"namespace": text(mapping(raw, "metadata"), "namespace"), "name": name}
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": metadata | ({"uid": uid} if uid else {}),
    }
