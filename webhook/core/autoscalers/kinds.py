"""The kinds that scale: each is judged against the others on its workload."""

from webhook.core.objects import GroupKind

HPA = GroupKind("autoscaling", "HorizontalPodAutoscaler")
VPA = GroupKind("autoscaling.k8s.io", "VerticalPodAutoscaler")
SCALED_OBJECT = GroupKind("keda.sh", "ScaledObject")
POD_AUTOSCALER = GroupKind("autoscaling.aibrix.ai", "PodAutoscaler")
AUTOSCALERS = frozenset({HPA, VPA, SCALED_OBJECT, POD_AUTOSCALER})

INFERENCE_SERVICE = GroupKind("serving.kserve.io", "InferenceService")
"""No autoscaler itself: it brings some along."""
