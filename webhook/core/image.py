"""Read the reference of an image as container runtimes do: registry, repository, tag and digest.

Sources: github.com/distribution/reference regexp.go and normalize.go (`splitDockerDomain`);
k8s.io/kubernetes pkg/util/parsers (`ParseImageName`): the tag is `latest` where nothing is written.
"""

import re

from webhook.core.frozen import frozen

DOCKER_HUB = "docker.io"
DEFAULT_TAG = "latest"

# Registry and repository, the tag, a digest by SHA-512, and what is between them.
LONGEST_REFERENCE = 255 + 1 + 128 + 1 + 135

_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?P<name>(?:{_HOST}/)?{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?"
    r"(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?",
    re.ASCII,
)


@frozen
class Image:
    """The parts of a reference, with the defaults filled in."""

    registry: str
    repository: str
    tag: str | None
    """None where a digest alone is written."""
    digest: str | None


def read_image(reference: str) -> Image | None:
    """Read a reference; None for what no runtime could pull, as `${IMAGE}`."""
    if len(reference) > LONGEST_REFERENCE:
        return None
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        return None
    registry, repository = _split(found["name"])
    tag = found["tag"] or (None if found["digest"] else DEFAULT_TAG)
    return Image(registry, repository, tag, found["digest"])


def _split(name: str) -> tuple[str, str]:
    """Part the registry from the repository; what looks like no host is one of Docker Hub's."""
    first, slash, rest = name.partition("/")
    is_host = first == "localhost" or "." in first or ":" in first or first != first.lower()
    if not slash or not is_host:
        first, rest = DOCKER_HUB, name
    if first in {DOCKER_HUB, f"index.{DOCKER_HUB}"}:
        return DOCKER_HUB, rest if "/" in rest else f"library/{rest}"
    return first, rest
