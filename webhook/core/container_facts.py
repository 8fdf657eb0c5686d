"""What rules read of the containers of a pod: their images, and what they ask for."""

from collections.abc import Callable
from itertools import islice
from typing import Any

from webhook.core import quantity
from webhook.core.accelerators import Catalogue
from webhook.core.ai_pod import UNREADABLE
from webhook.core.fields import Raw, mapping
from webhook.core.image import LONGEST_REFERENCE, Image, read_image
from webhook.core.pod import COMPUTE_RESOURCES, Container, containers

# A pod has a handful of containers. Each takes the engine of users' rules a fifth of a millisecond,
# also where no rule reads it: 32 take 7 ms.
MOST_CONTAINERS = 32
MOST_AMOUNTS = 16
LONGEST_NAME = 63
"""What the API server takes: a label of DNS."""


def container_documents(
    pod: Raw, catalogue: Catalogue, at: Callable[..., str]
) -> tuple[list[dict[str, Any]], int]:
    """Write what rules read of containers; and how many are left out, beyond what is bearable.

    `at` says where a field of the pod stands in the object.
    """
    listed = containers(pod)
    told = [_container(one, catalogue, at(*one.path)) for one in listed[:MOST_CONTAINERS]]
    return told, len(listed) - len(told)


def _container(container: Container, catalogue: Catalogue, path: str) -> dict[str, Any]:
    image = read_image(container.image)
    return {
        "name": container.name[:LONGEST_NAME],
        "role": container.role.value,
        "path": path,
        "image": container.image[:LONGEST_REFERENCE] or None,
        **_image(image),
        "requests": _amounts(container, catalogue, ("requests", "limits"), container.request),
        "limits": _amounts(container, catalogue, ("limits",), container.limit),
    }


def _image(image: Image | None) -> dict[str, str | None]:
    if image is None:
        return dict.fromkeys(("registry", "repository", "tag", "digest"))
    return {
        "registry": image.registry,
        "repository": image.repository,
        "tag": image.tag,
        "digest": image.digest,
    }


def _amounts(
    container: Container,
    catalogue: Catalogue,
    kinds: tuple[str, ...],
    amount: Callable[[str], Any],
) -> dict[str, int | float | str]:
    """Amounts as numbers that a rule can compare, of resources that scaleguard knows."""
    resources = mapping(container.raw, "resources")
    written = {name for kind in kinds for name in mapping(resources, kind)}
    known = (
        name
        for name in sorted(name for name in written if isinstance(name, str))
        if name in COMPUTE_RESOURCES or catalogue.resource(name) is not None
    )
    return {name: _number(amount(name)) for name in islice(known, MOST_AMOUNTS)}


def _number(written: Any) -> int | float | str:
    nanos = quantity.parse(written)
    return UNREADABLE if nanos is None else quantity.number(nanos)
