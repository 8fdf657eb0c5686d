"""NVIDIA Dynamo, and the vLLM production stack, which writes its resources alike."""

from collections.abc import Iterator
from typing import Any

from webhook.core.fields import Raw, mapping, sequence, text
from webhook.core.frameworks.pieces import amounts, container_of, described, pod_of
from webhook.core.patch import Segment


def dynamo(_name: str, service: Raw) -> Iterator[tuple[tuple[Segment, ...], Raw]]:
    """Make the pod of a service of a Dynamo graph (ai-dynamo/dynamo, API v1alpha1).

    Later versions have a pod template (`podTemplate`) in place of these fields.
    """
    if isinstance(service.get("podTemplate"), dict):
        return
    extra = mapping(service, "extraPodSpec")
    main = mapping(extra, "mainContainer")
    resources: dict[str, Any] = dict(mapping(main, "resources"))
    for kind in ("requests", "limits"):
        asked = amounts(mapping(service, "resources", kind))
        if asked:
            resources[kind] = {**mapping(resources, kind), **asked}
    claims = sequence(mapping(service, "resources"), "claims")
    if claims:
        resources["claims"] = claims
    metadata = described(service)
    for name, own in described(mapping(service, "extraPodMetadata")).items():
        metadata[name] = metadata.get(name, {}) | own
    containers = [container_of("main", main, resources), *sequence(extra, "containers")]
    yield (), pod_of(extra, containers, metadata)


def vllm_runtime(_name: str, deployment: Raw) -> Iterator[tuple[tuple[Segment, ...], Raw]]:
    """Make the pod of a VLLMRuntime's `deploymentConfig` (vllm-project/production-stack)."""
    asked = amounts(mapping(deployment, "resources"))
    image = mapping(deployment, "image")
    written = "/".join(filter(None, (text(image, "registry"), text(image, "name"))))
    main = container_of("vllm", {"image": written}, {"requests": asked, "limits": asked})
    metadata = {"annotations": mapping(deployment, "podAnnotations")}
    tolerations = sequence(deployment, "toleration")
    yield (), pod_of({"tolerations": tolerations}, [main], metadata)
