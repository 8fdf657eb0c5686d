"""A larger `/dev/shm` for containers with accelerators, where a profile asks for it.

A container runtime gives 64 MiB, and frameworks that pass tensors between processes (NCCL, data
loaders) need more. It is memory of the pod: what is written there counts against memory limits.
"""

from typing import Any

from webhook.core.ai_pod import AiPod
from webhook.core.fields import Raw, mapping, members, text
from webhook.core.mutations import Mutation
from webhook.core.patch import END, Addition, can_take
from webhook.core.pod import Container, Role
from webhook.core.profile import Profile

SHARED_MEMORY_PATH = "/dev/shm"  # noqa: S108 - the path that is mounted, not a file that is opened
VOLUME_NAME = "scaleguard-shm"
_VOLUMES = ("spec", "volumes", END)


def share_memory(pod: Raw, ai_pod: AiPod, profile: Profile) -> Mutation:
    """Mount memory at `/dev/shm` of each container with accelerators that has nothing there.

    A pod in the host's IPC namespace has the host's.
    """
    if profile.shared_memory is None or mapping(pod, "spec").get("hostIPC") is True:
        return Mutation()
    wanting = [
        container
        for container, devices in ai_pod.containers
        if devices and container.role is not Role.INIT and not _has_its_own(container)
    ]
    mounts = [(*container.path, "volumeMounts", END) for container in wanting]
    if not mounts or not all(can_take(pod, path) for path in (_VOLUMES, *mounts)):
        return Mutation()
    size = profile.shared_memory.size_limit
    volume: dict[str, Any] = {"medium": "Memory"} | ({"sizeLimit": size} if size else {})
    why = f"sharedMemory of {profile.said}"
    additions = []
    if not any(
        text(one, "name") == VOLUME_NAME for _, one in members(mapping(pod, "spec"), "volumes")
    ):
        additions.append(Addition(_VOLUMES, {"name": VOLUME_NAME, "emptyDir": volume}, why))
    mount = {"name": VOLUME_NAME, "mountPath": SHARED_MEMORY_PATH}
    additions += [Addition(path, mount, why) for path in mounts]
    names = ", ".join(container.name for container in wanting)
    return Mutation(tuple(additions), f"{SHARED_MEMORY_PATH}: {names}")


def _has_its_own(container: Container) -> bool:
    """Whether anything is mounted there already; the API server refuses a second mount."""
    paths = (
        text(mount, field)
        for listed, field in (("volumeMounts", "mountPath"), ("volumeDevices", "devicePath"))
        for _, mount in members(container.raw, listed)
    )
    return any(path.rstrip("/") == SHARED_MEMORY_PATH for path in paths)
