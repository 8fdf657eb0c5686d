"""Pods for tests, made short: what a container asks for is all that matters in most of them."""

from typing import Any

from webhook.core.ai_pod import AiPod, Knowledge, recognise
from webhook.core.classify import Maker
from webhook.core.pod import ClaimedDevice
from webhook.knowledge import knowledge

KNOWLEDGE = knowledge()
GPU = {"limits": {"nvidia.com/gpu": 1}}


def container(name: str = "main", resources: Any = None, **more: Any) -> dict[str, Any]:
    made = {"name": name, "image": "registry.example.com/app:1", **more}
    return made if resources is None else {**made, "resources": resources}


def pod(*containers: Any, metadata: Any = None, **spec: Any) -> dict[str, Any]:
    listed = list(containers) or [container(resources=GPU)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "gpu"} if metadata is None else metadata,
        "spec": {"containers": listed, **spec},
    }


def recognised(
    raw: dict[str, Any],
    maker: Maker | None = None,
    claims: dict[str, tuple[ClaimedDevice, ...]] | None = None,
    known: Knowledge = KNOWLEDGE,
) -> AiPod:
    found = recognise(raw, maker, claims or {}, known)
    assert found is not None
    return found
