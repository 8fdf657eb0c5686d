"""Worlds of manifests, written as a person would."""

import textwrap

from webhook import config as configuration
from webhook.core.decide import Judge
from webhook.manifests.reading import read_text
from webhook.offline.judge import review
from webhook.offline.results import Review
from webhook.wiring import build_judge

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: app, image: web, resources: {requests: {cpu: 1, memory: 1Gi}}}]
"""

HPA = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 10
  metrics:
    - type: Resource
      resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}
"""

VPA = """
apiVersion: autoscaling.k8s.io/v1
kind: VerticalPodAutoscaler
metadata: {name: web}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  updatePolicy: {updateMode: Recreate}
"""

SCALED_OBJECT = """
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  minReplicaCount: 2
  triggers:
    - {type: cpu, metricType: Utilization, metadata: {value: "70"}}
"""

GENERATED_HPA = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: keda-hpa-web
  ownerReferences:
    - {apiVersion: keda.sh/v1alpha1, kind: ScaledObject, name: web, controller: true, uid: u}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 10
  metrics:
    - type: Resource
      resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}
"""

GPU_POD = """
apiVersion: v1
kind: Pod
metadata: {name: train}
spec:
  containers:
    - {name: main, image: x, resources: {limits: {nvidia.com/gpu: 2}}}
"""

IGNORED_NAMESPACE = """
apiVersion: v1
kind: Namespace
metadata: {name: left-alone, labels: {scaleguard.io/ignore: "true"}}
"""


def stream(*documents: str) -> str:
    return "---\n".join(textwrap.dedent(one).strip() + "\n" for one in documents)


def in_namespace(document: str, namespace: str) -> str:
    return document.replace("metadata: {", f"metadata: {{namespace: {namespace}, ", 1)


def judged(*documents: str, judge: Judge | None = None, file: str = "all.yaml") -> Review:
    made = judge or build_judge(configuration.Config())
    return review(read_text(stream(*documents), file), made)
