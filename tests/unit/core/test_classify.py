from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.pods import KNOWLEDGE, container, pod
from webhook.core import classify
from webhook.core.classify import CLASS_KEY, Evidence, Maker
from webhook.core.kinds import WorkloadClass
from webhook.core.objects import GroupKind
from webhook.core.pod import containers

KINDS = KNOWLEDGE.kinds
RAY_CLUSTER = GroupKind("ray.io", "RayCluster")
ORIGIN = "ray.io/originated-from-crd"


def marked(annotation: Any = None, label: Any = None, **labels: str) -> dict[str, Any]:
    own = {CLASS_KEY: label} if label is not None else {}
    annotations = {CLASS_KEY: annotation} if annotation is not None else {}
    return pod(metadata={"annotations": annotations, "labels": {**own, **labels}})


@pytest.mark.parametrize("value", list(WorkloadClass))
def test_a_declared_class(value: WorkloadClass) -> None:
    by_annotation = classify.declared(marked(value.value, "none"))
    assert by_annotation == Evidence(value, f"annotation {CLASS_KEY}: {value}")
    by_label = classify.declared(marked(None, value.value))
    assert by_label == Evidence(value, f"label {CLASS_KEY}: {value}")


@pytest.mark.parametrize(
    "raw", [marked(), marked("none"), marked("Training"), marked(5), marked("")]
)
def test_nothing_declared(raw: dict[str, Any]) -> None:
    assert classify.declared(raw) is None


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (marked("trainng"), ["annotation scaleguard.io/class: trainng"]),
        (marked(""), ['annotation scaleguard.io/class: ""']),
        (marked(7), ["annotation scaleguard.io/class: 7"]),
        (marked("a\nb"), ['annotation scaleguard.io/class: "a\\nb"']),
        (
            marked("Batch", "gpu"),
            ["annotation scaleguard.io/class: Batch", "label scaleguard.io/class: gpu"],
        ),
        (marked("batch", "none"), []),
        (marked(), []),
        (pod(metadata={"annotations": "batch"}), []),
    ],
)
def test_what_is_no_class_is_told(raw: dict[str, Any], shown: list[str]) -> None:
    there_are = "is no class; there are training, inference, notebook, batch, none"
    assert classify.undeclared(raw) == tuple(f"{one} {there_are}" for one in shown)


def test_what_is_no_class_is_told_in_short() -> None:
    (note,) = classify.undeclared(marked("a b " * 1000))
    assert len(note) < 200


@pytest.mark.parametrize(
    ("raw", "out"),
    [
        (marked("none"), True),
        (marked(None, "none"), True),
        (marked("", "none"), True),
        (marked("training", "none"), False),
        (marked("None"), False),
        (pod(metadata=[]), False),
        (pod(metadata={"annotations": "none", "labels": None}), False),
    ],
)
def test_opting_out(raw: dict[str, Any], out: bool) -> None:  # noqa: FBT001 - a parameter of the table
    assert classify.is_opted_out(raw) is out


def test_the_labels_of_a_maker_tell_its_origin_where_its_pods_do_not() -> None:
    maker = Maker(RAY_CLUSTER, ((ORIGIN, "RayService"),))
    why = f"owner RayCluster, made for a RayService ({ORIGIN})"
    assert classify.by_framework(pod(), maker, KINDS) == Evidence(WorkloadClass.INFERENCE, why)
    own = marked(**{ORIGIN: "RayJob"})
    found = classify.by_framework(own, maker, KINDS)
    assert found is not None
    assert found.workload_class is WorkloadClass.TRAINING


def test_no_framework() -> None:
    assert classify.by_framework(pod(), None, KINDS) is None
    assert classify.by_framework(pod(), Maker(GroupKind("x", "Y")), KINDS) is None
    assert classify.by_framework(pod(), Maker(GroupKind("batch", "Job")), KINDS) is None


def test_the_first_container_whose_image_speaks_decides() -> None:
    listed = containers(
        pod(container(image="quiet"), container(image="a/vllm"), container(image="jupyter"))
    )
    expected = Evidence(WorkloadClass.INFERENCE, "image a/vllm", guessed=True)
    assert classify.by_image(listed, KINDS) == expected
    assert classify.by_image(listed[:1], KINDS) is None


def test_only_guesses_are_called_guessed() -> None:
    assert classify.by_kind(pod(), None, KINDS).guessed
    assert classify.by_kind(pod(), Maker(GroupKind("batch", "Job")), KINDS).guessed
    declared = classify.declared(marked("batch"))
    assert declared is not None
    assert not declared.guessed


@pytest.mark.parametrize(
    ("image", "path"),
    [
        ("vllm", "vllm"),
        ("vllm:v1", "vllm"),
        ("vllm/vllm-openai:v0.11.0", "vllm/vllm-openai"),
        ("docker.io/vllm/vllm-openai", "vllm/vllm-openai"),
        ("registry:5000/a/b:c", "a/b"),
        ("localhost/a", "a"),
        ("localhost:5000/a", "a"),
        ("registry.example.com:5000/a@sha256:0123", "a"),
        ("a/b:c@sha256:0123", "a/b"),
        ("Registry.Example.com/Team/VLLM:1", "team/vllm"),
        ("team/app", "team/app"),
        ("", ""),
        ("@", ""),
        (":", ""),
        ("/", "/"),
    ],
)
def test_the_path_of_an_image(image: str, path: str) -> None:
    assert classify.image_path(image) == path


@given(st.text(max_size=30) | st.text("ab.:/@-", max_size=12))
def test_any_image_has_a_path(image: str) -> None:
    assert "@" not in classify.image_path(image)
