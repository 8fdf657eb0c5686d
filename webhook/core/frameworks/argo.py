"""Argo Workflows: steps whose containers stand beside what else the step says (argo-workflows)."""

from collections.abc import Iterator
from typing import Any

from webhook.core.fields import Raw, mapping, members, sequence
from webhook.core.frameworks.pieces import described, pod_of
from webhook.core.patch import Segment

# The name of a step's container (workflow/common/common.go).
_MAIN = "main"


def argo(_name: str, spec: Raw) -> Iterator[tuple[tuple[Segment, ...], Raw]]:
    """Make the pods of a workflow's templates; dags, steps and others have none of their own.

    A template's tolerations and node selector replace the workflow's (workflowpod.go).
    `podSpecPatch` is text with placeholders and not read.
    """
    defaults = mapping(spec, "templateDefaults")
    for index, template in members(spec, "templates"):
        main = _main(template, defaults)
        if main:
            pod = {
                field: template.get(field) or defaults.get(field) or spec.get(field)
                for field in ("affinity", "nodeSelector", "tolerations")
            }
            pod["initContainers"] = template.get("initContainers")
            pod["volumes"] = [*sequence(spec, "volumes"), *sequence(template, "volumes")]
            pod["restartPolicy"] = "Never"
            metadata = described(mapping(spec, "podMetadata"))
            metadata |= described(mapping(template, "metadata"))
            containers = [*main, *sequence(template, "sidecars")]
            yield ("templates", index), pod_of(pod, containers, metadata)


def _main(template: Raw, defaults: Raw) -> list[Any]:
    for field in ("container", "script"):
        if isinstance(template.get(field), dict):
            return [{**mapping(defaults, field), **template[field], "name": _MAIN}]
    return sequence(mapping(template, "containerSet"), "containers")
