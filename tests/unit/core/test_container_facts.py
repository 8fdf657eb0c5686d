"""What rules read of containers: images in their parts, amounts as numbers, bounded."""

from typing import Any

import pytest

from tests.unit.core.pods import GPU, KNOWLEDGE, container, pod
from tests.unit.core.test_pod_facts import deployment, told
from webhook.core.container_facts import (
    LONGEST_NAME,
    MOST_AMOUNTS,
    MOST_CONTAINERS,
    container_documents,
)
from webhook.core.image import LONGEST_REFERENCE, Image, read_image
from webhook.core.patch import dotted

Raw = dict[str, Any]

DIGEST = f"sha256:{'0123456789abcdef' * 4}"


def documents(*containers: Any, **spec: Any) -> list[Raw]:
    found, _ = container_documents(
        pod(*containers, **spec), KNOWLEDGE.catalogue, lambda *path: dotted(path)
    )
    return found


# ---------------------------------------------------------------- images


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("busybox", ("docker.io", "library/busybox", "latest", None)),
        ("busybox:1.37", ("docker.io", "library/busybox", "1.37", None)),
        ("docker.io/busybox", ("docker.io", "library/busybox", "latest", None)),
        ("index.docker.io/a/b", ("docker.io", "a/b", "latest", None)),
        ("vllm/vllm-openai:v0.8.3", ("docker.io", "vllm/vllm-openai", "v0.8.3", None)),
        ("ghcr.io/acme/llm:latest", ("ghcr.io", "acme/llm", "latest", None)),
        ("localhost/llm", ("localhost", "llm", "latest", None)),
        ("registry:5000/llm", ("registry:5000", "llm", "latest", None)),
        ("[fd00::1]:5000/llm:1", ("[fd00::1]:5000", "llm", "1", None)),
        ("Registry/llm", ("Registry", "llm", "latest", None)),
        (f"ghcr.io/acme/llm@{DIGEST}", ("ghcr.io", "acme/llm", None, DIGEST)),
        (f"ghcr.io/acme/llm:1@{DIGEST}", ("ghcr.io", "acme/llm", "1", DIGEST)),
        ("my_org/a__b/c-d.e", ("docker.io", "my_org/a__b/c-d.e", "latest", None)),
    ],
)
def test_an_image_is_read_as_runtimes_read_it(
    written: str, read: tuple[str, str, str | None, str | None]
) -> None:
    assert read_image(written) == Image(*read)


@pytest.mark.parametrize(
    "written",
    ["", "${IMAGE}", "{{ .Values.image }}", "llm:", "llm@sha256:12", "UPPER", "a b", "a//b", "a/B"],
)
def test_what_no_runtime_reads_has_no_parts(written: str) -> None:
    assert read_image(written) is None
    (document,) = documents(container(image=written))
    assert document["image"] == (written or None)
    parts = [document[part] for part in ("registry", "repository", "tag", "digest")]
    assert parts == [None] * 4


def test_the_longest_reference_is_read_whole() -> None:
    name, sha512 = f"r.io/{'a' * 250}", f"sha512:{'0' * 128}"
    longest = f"{name}:{'t' * 128}@{sha512}"
    assert len(longest) == LONGEST_REFERENCE
    assert read_image(longest) == Image("r.io", "a" * 250, "t" * 128, sha512)
    assert read_image(f"a{longest}") is None


# ---------------------------------------------------------------- containers


def test_containers_are_told_as_they_will_be() -> None:
    regular = container("llm", resources=GPU, image="ghcr.io/acme/llm:1")
    sidecar = container("proxy", image=None, restartPolicy="Always")
    raw = deployment(pod(regular, initContainers=[container("fetch"), sidecar]))
    found = told(raw)
    assert found["containersLeftOut"] == 0
    assert [(one["name"], one["role"], one["path"]) for one in found["containers"]] == [
        ("llm", "regular", "spec.template.spec.containers[0]"),
        ("fetch", "init", "spec.template.spec.initContainers[0]"),
        ("proxy", "sidecar", "spec.template.spec.initContainers[1]"),
    ]
    # What scaleguard adds to it is there.
    assert found["containers"][0] == {
        "name": "llm",
        "role": "regular",
        "path": "spec.template.spec.containers[0]",
        "image": "ghcr.io/acme/llm:1",
        "registry": "ghcr.io",
        "repository": "acme/llm",
        "tag": "1",
        "digest": None,
        "requests": {"cpu": 2, "memory": 8 * 2**30, "nvidia.com/gpu": 1},
        "limits": {"nvidia.com/gpu": 1},
    }


def test_amounts_are_numbers_of_resources_that_are_known() -> None:
    resources = {
        "requests": {"cpu": "250m", "memory": "1Gi", "ephemeral-storage": "1Gi", "x.io/y": 1},
        "limits": {"memory": None, "nvidia.com/gpu": "${GPUS}", 7: 1, "cpu": 1},
    }
    (document,) = documents(container(resources=resources))
    assert document["requests"] == {
        "cpu": 0.25,
        "memory": 2**30,
        "nvidia.com/gpu": "unreadable",
    }
    assert document["limits"] == {"cpu": 1, "memory": 0, "nvidia.com/gpu": "unreadable"}


def test_nothing_else_of_a_container_is_told() -> None:
    secret: Raw = {
        "env": [{"name": "TOKEN", "value": "s3cr3t"}],
        "args": ["s3cr3t"],
        "command": ["x"],
    }
    (plain,), (with_secret,) = documents(container()), documents(container(**secret))
    assert plain == with_secret


def test_all_of_it_is_bounded() -> None:
    many = {f"nvidia.com/mig-{number}g.5gb": 1 for number in range(MOST_AMOUNTS + 5)}
    long = container("n" * 100, resources={"limits": many}, image="i" * 1000)
    containers = [long, *(container(f"c{number}") for number in range(MOST_CONTAINERS + 2))]
    found, left_out = container_documents(
        pod(*containers), KNOWLEDGE.catalogue, lambda *path: dotted(path)
    )
    assert (len(found), left_out) == (MOST_CONTAINERS, 3)
    assert len(found[0]["name"]) == LONGEST_NAME
    assert len(found[0]["image"]) == LONGEST_REFERENCE
    assert len(found[0]["requests"]) == len(found[0]["limits"]) == MOST_AMOUNTS
