"""NVIDIA NIM: a service that describes its one container (NVIDIA/k8s-nim-operator)."""

from collections.abc import Iterator
from typing import Any

from webhook.core.fields import Raw, integer, mapping, members, text
from webhook.core.frameworks.pieces import container_of, described, pod_of
from webhook.core.patch import Segment

_GPU = "nvidia.com/gpu"


def nim(name: str, spec: Raw) -> Iterator[tuple[tuple[Segment, ...], Raw]]:
    """Make the pod of a NIMService's spec."""
    claims = [{"name": f"claim-{index}", **claim} for index, claim in members(spec, "draResources")]
    resources = dict(mapping(spec, "resources"))
    if claims:
        resources["claims"] = [{"name": claim["name"]} for claim in claims]
    else:
        resources |= _with_gpus(spec, resources)
    main = container_of(f"{name or 'nim'}-ctr", {**spec, "image": _image(spec)}, resources)
    others = [
        container_of(text(raw, "name"), {**raw, "image": _image(raw)})
        for _, raw in members(spec, "sidecarContainers")
    ]
    pod = {**spec, "initContainers": None, "resourceClaims": claims}
    yield (), pod_of(pod, [main, *others], described(spec))


def _with_gpus(spec: Raw, resources: Raw) -> dict[str, Any]:
    """Add the GPUs that the operator adds where a service asks for none: the tensor parallelism.

    Of a service on one node its model's profile tells that; at least it is one GPU.
    """
    listed = {kind: mapping(resources, kind) for kind in ("requests", "limits")}
    if any(_GPU in one for one in listed.values()):
        return {}
    count = integer(mapping(spec, "multiNode", "parallelism"), "tensor") or 1
    return {kind: {**one, _GPU: count} for kind, one in listed.items()}


def _image(raw: Raw) -> str:
    image = mapping(raw, "image")
    return f"{text(image, 'repository')}:{text(image, 'tag')}" if image else ""
