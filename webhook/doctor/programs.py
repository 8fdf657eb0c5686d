"""Programs of others in a cluster, told by their images: names and labels are anybody's."""

import re
from collections.abc import Sequence

from webhook.core.fields import Raw, integer, mapping, members, text
from webhook.core.frozen import frozen
from webhook.core.image import read_image
from webhook.core.objects import reference

_VERSION = re.compile(r"v?(\d+(?:\.\d+)+.*)")


@frozen
class Program:
    """A Deployment that runs a program."""

    place: str
    version: str
    """The image's tag where it is a version; else empty."""
    available: int

    def __str__(self) -> str:
        """Name it."""
        return f"{self.place} ({self.version})" if self.version else self.place


def program(image_name: str, deployments: Sequence[Raw]) -> Program | None:
    """Return the Deployment with this image, whatever registry it comes from."""
    for raw in deployments:
        for _, container in members(mapping(raw, "spec", "template", "spec"), "containers"):
            image = text(container, "image")
            if re.split(r"[:@]", image.rpartition("/")[2], maxsplit=1)[0] == image_name:
                ref = reference(raw)
                return Program(
                    f"{ref.namespace}/{ref.name}",
                    _version(image),
                    integer(mapping(raw, "status"), "availableReplicas") or 0,
                )
    return None


def release_of(version: str) -> tuple[int, int] | None:
    """Read the first two numbers of a version."""
    found = re.match(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else None


def _version(image: str) -> str:
    read = read_image(image.partition("@")[0])
    found = _VERSION.fullmatch((read and read.tag) or "")
    return found[1] if found else ""
