"""Kubeflow Trainer: a TrainJob adds to the templates of its runtime (kubeflow/trainer)."""

from collections.abc import Iterator

from webhook.core.fields import Raw, mapping, members, sequence
from webhook.core.frameworks.pieces import container_of, pod_of
from webhook.core.patch import Segment

# The job and the container that a TrainJob's `trainer` is about (pkg/constants/constants.go).
_NODE = "node"


def train_job(_name: str, spec: Raw) -> Iterator[tuple[tuple[Segment, ...], Raw]]:
    """Make the pod of a trainer's node, as far as the TrainJob itself tells.

    Image, resources and the rest of the pod come from the runtime where the TrainJob is silent.
    """
    trainer = mapping(spec, "trainer")
    pod: dict[str, object] = {"restartPolicy": "Never"}
    for override in _overrides(spec):
        for field in ("affinity", "nodeSelector", "tolerations", "volumes"):
            if field in override:
                pod[field] = override[field]
    main = container_of(_NODE, trainer, mapping(trainer, "resourcesPerNode"))
    yield ("trainer",) if trainer else (), pod_of(pod, [main])


def _overrides(spec: Raw) -> Iterator[Raw]:
    """Yield what a TrainJob changes in the pods of its nodes, by any version of the API.

    Those of 2.0 have `podSpecOverrides`, those after it `podTemplateOverrides`, then
    `runtimePatches`.
    """
    for field, at in (("podSpecOverrides", ()), ("podTemplateOverrides", ("spec",))):
        for _, override in members(spec, field):
            targets = [job.get("name") for _, job in members(override, "targetJobs")]
            if _NODE in targets:
                yield mapping(override, *at)
    for _, patch in members(spec, "runtimePatches"):
        jobs = mapping(patch, "trainingRuntimeSpec", "template", "spec")
        for job in sequence(jobs, "replicatedJobs"):
            if isinstance(job, dict) and job.get("name") == _NODE:
                yield mapping(job, "template", "spec", "template", "spec")
