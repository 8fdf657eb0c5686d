"""Where pods stand in objects, with what their patches would change there."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cases.case import cases
from webhook.core.ai_pod import recognise
from webhook.core.classify import Maker
from webhook.core.frameworks.places import Assembled, PodSpec, PodTemplate, Template
from webhook.core.kinds import templates
from webhook.core.objects import reference
from webhook.knowledge import knowledge

KNOWN = knowledge()
PATCH: list[dict[str, Any]] = [
    {"op": "add", "path": "/metadata/labels", "value": {"a": "b"}},
    {"op": "add", "path": "/spec/tolerations", "value": []},
]
MADE = [
    raw
    for case in cases("classes")
    for raw in case.objects
    if case.path.name.startswith("fit.cr-") and KNOWN.kinds.get(reference(raw).group_kind)
]


def paths(template: Template) -> list[str]:
    return [operation["path"] for operation in template.placed(PATCH)]


def test_a_pods_patch_stays_and_a_templates_patch_moves_below_it() -> None:
    assert paths(Template((), {})) == ["/metadata/labels", "/spec/tolerations"]
    assert paths(Template(("spec", "a/b", 0), {})) == [
        "/spec/a~1b/0/metadata/labels",
        "/spec/a~1b/0/spec/tolerations",
    ]


def test_a_bare_spec_takes_what_has_a_place_in_the_object() -> None:
    raw = {"spec": {"predictor": {"containers": [], "labels": {"a": "b"}}, "labels": {"c": "d"}}}
    found = [next(PodSpec("spec.predictor", metadata=above).find(raw)) for above in (None, 0, 1, 2)]
    assert [template.raw["metadata"].get("labels") for template in found] == [
        None,
        {"a": "b"},
        {"c": "d"},
        None,
    ]
    assert [paths(template) for template in found] == [
        ["/spec/predictor/tolerations"],
        ["/spec/predictor/labels", "/spec/predictor/tolerations"],
        ["/spec/labels", "/spec/predictor/tolerations"],
        ["/labels", "/spec/predictor/tolerations"],
    ]


def test_an_assembled_pod_has_no_place_in_its_object() -> None:
    place = PodSpec("spec", metadata=0, container="main", of=("model", "triton"))
    (template,) = place.find({"spec": {"triton": {"image": "a"}, "containers": [{"name": "b"}]}})
    assert template.assembled
    assert template.raw["spec"]["containers"] == [{"name": "main", "image": "a"}, {"name": "b"}]
    assert paths(template) == []


def test_the_resources_of_a_main_container_are_not_those_of_its_pod() -> None:
    raw = {"resources": {"limits": {"cpu": 1}}, "tolerations": [], "image": "a"}
    (template,) = PodSpec("", container="main", of=("",)).find(raw)
    assert template.raw["spec"] == {
        "tolerations": [],
        "containers": [{"name": "main", "image": "a", "resources": raw["resources"]}],
    }


def test_an_assembler_is_told_the_name_and_says_where_its_pods_are() -> None:
    place = Assembled("spec.all[]", lambda name, piece: [(("b", 1), {"name": name, **piece})])
    raw = {"metadata": {"name": "n"}, "spec": {"all": [{"a": 1}, "no piece"]}}
    found = [(template.path, template.raw) for template in place.find(raw)]
    assert found == [(("spec", "all", 0, "b", 1), {"name": "n", "a": 1})]
    assert [one.raw["name"] for one in place.find({**raw, "metadata": []})] == [""]


@pytest.mark.parametrize("spec", [None, [], "text", {}, {"containers": {}}, {"containers": None}])
def test_what_is_no_spec_makes_no_pod(spec: Any) -> None:
    raw = {"a": spec}
    assert list(PodSpec("a", container="main", of=("model",)).find(raw)) == []
    assert list(PodTemplate("a").find(raw)) == []


def odd_versions(value: Any) -> Iterator[Any]:
    """The value with each of its parts in turn replaced by something that does not belong there."""
    yield from (None, 7, "text", [], {}, [None], {"a": None}, ["b"])
    steps = list(value.items()) if isinstance(value, dict) else []
    steps += list(enumerate(value)) if isinstance(value, list) else []
    for step, below in steps:
        for odd in odd_versions(below):
            changed = copy.copy(value)
            changed[step] = odd
            yield changed


@pytest.mark.parametrize("raw", MADE, ids=[str(reference(raw)) for raw in MADE])
def test_objects_of_any_shape_are_read(raw: dict[str, Any]) -> None:
    ref = reference(raw)
    kind = KNOWN.kinds.get(ref.group_kind)
    assert kind is not None
    for part in ("metadata", "spec", "inference", "resource"):
        for odd in odd_versions(raw[part]) if part in raw else ():
            for template in templates(kind, {**raw, part: odd}):
                recognise(template.raw, Maker(ref.group_kind), {}, KNOWN)
                assert isinstance(template.placed(PATCH), list)
