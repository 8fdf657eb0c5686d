from typing import Any

import pytest

from webhook.cluster import records
from webhook.cluster.counterparts import Watched
from webhook.cluster.records import Autoscalers, Brought, Held
from webhook.cluster.surroundings import InNamespaces, LimitRanges, Namespaces, Nodes
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.autoscalers.vpa import Vpa, read_vpa
from webhook.core.bounds import UNBOUNDED
from webhook.core.namespace import unknown_namespace
from webhook.core.quota import read_quota

Raw = dict[str, Any]

WEB, API = (WorkloadKey("shop", "apps", "Deployment", name) for name in ("web", "api"))


def written(name: str, target: str | None, namespace: str = "shop", **metadata: str) -> Raw:
    spec = {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}}
    raw = {"apiVersion": "autoscaling.k8s.io/v1", "kind": "VerticalPodAutoscaler", "spec": spec}
    return raw | {"metadata": {"namespace": namespace, "name": name, **metadata}}


def vpa(name: str, target: str | None, namespace: str = "shop", **metadata: str) -> Held[Vpa]:
    return Autoscalers(read_vpa).read(written(name, target, namespace, **metadata))


def named(raw: Raw, name: str, namespace: str | None = None) -> Raw:
    kind = "LimitRange" if namespace else "Namespace"
    return {"apiVersion": "v1", "kind": kind, **raw} | {
        "metadata": {"name": name, "namespace": namespace, **raw.get("metadata", {})}
    }


def names(store: Autoscalers[Vpa], key: WorkloadKey) -> list[str | None]:
    return [record.ref.name for record in store.on(key)]


def test_object_is_held_in_one_version() -> None:
    store = Autoscalers(read_vpa)
    store.put(vpa("a", "web"))
    store.put(vpa("a", "web"))
    store.put(vpa("b", "web"))
    assert names(store, WEB) == ["a", "b"]
    store.put(vpa("a", "api"))
    assert (names(store, WEB), names(store, API), len(store)) == (["b"], ["a"], 2)
    store.remove(vpa("b", "web"))
    store.remove(vpa("never there", "web"))
    assert (names(store, WEB), len(store)) == ([], 1)


def test_record_that_says_the_same_is_not_replaced() -> None:
    """New ones would be looked through by garbage collections; most updates are of a status."""
    store = Autoscalers(read_vpa)
    store.put(vpa("a", "web", uid="1", resourceVersion="5"))
    (before,) = store.on(WEB)
    same = vpa("a", "web", uid="1", resourceVersion="6")
    store.put(same)
    assert [one is before for one in store.on(WEB)] == [True]
    assert store.named(before.ref) == same
    again = vpa("a", "web", uid="1", resourceVersion="7")
    store.replace([again], 8)
    assert [one is before for one in store.on(WEB)] == [True]
    assert store.named(before.ref) == again
    other = vpa("a", "web", uid="2", resourceVersion="9")
    store.put(other)
    assert (store.on(WEB), store.named(before.ref)) == ((other.record,), other)


def test_reader_holds_what_it_got() -> None:
    store = Autoscalers(read_vpa, [written("a", "web")])
    got = store.on(WEB)
    store.put(vpa("b", "web"))
    store.replace([], 0)
    assert [record.ref.name for record in got] == ["a"]
    assert store.on(WEB) == ()


def test_autoscaler_without_a_target_acts_on_nothing() -> None:
    store = Autoscalers(read_vpa, [written("a", "web")])
    store.put(vpa("a", None))
    assert (names(store, WEB), len(store)) == ([], 1)
    store.remove(vpa("a", None))
    store.replace([vpa("b", None)], 0)
    assert len(store) == 1


def test_targets_are_those_of_the_namespace() -> None:
    known = Watched.none()
    known.vpas.replace([vpa("a", "web"), vpa("b", "web"), vpa("c", "api", "other")], 0)
    assert list(known.targets("shop", "")) == [WEB]


def seen(store: Autoscalers[Vpa], name: str, uid: str | None, after: int) -> int | None:
    return store.seen_at(vpa(name, "web").record.ref, uid, after)


def test_object_has_been_seen_by_its_uid_and_later_than_a_version() -> None:
    store = Autoscalers(read_vpa)
    store.put(vpa("a", "web", uid="1", resourceVersion="5"))
    assert [seen(store, "a", "1", after) for after in (0, 4, 5)] == [5, 5, None]
    assert seen(store, "a", "2", 0) is None
    assert [seen(store, "a", None, after) for after in (4, 5)] == [5, None]
    assert seen(store, "b", None, 0) is None


def test_object_that_is_gone_has_been_seen() -> None:
    """Else what came and went at once would seem to be about to come."""
    store = Autoscalers(read_vpa)
    store.put(vpa("a", "web", uid="1", resourceVersion="5"))
    store.remove(vpa("a", "web", uid="1", resourceVersion="8"))
    assert [seen(store, "a", uid, 7) for uid in ("1", None, "2")] == [8, 8, None]
    store.put(vpa("a", "web", uid="2", resourceVersion="9"))
    assert [seen(store, "a", uid, 0) for uid in ("1", "2", None)] == [8, 9, 9]


def test_object_that_a_list_does_not_have_any_more_is_gone() -> None:
    store = Autoscalers(read_vpa)
    for name in ("a", "b", "c"):
        store.put(vpa(name, "web", uid=name, resourceVersion="5"))
    store.replace(
        [
            vpa("a", "web", uid="a", resourceVersion="5"),
            vpa("b", "web", uid="next", resourceVersion="7"),
        ],
        9,
    )
    assert [seen(store, name, name, 5) for name in ("a", "b", "c")] == [None, 9, 9]
    assert seen(store, "b", "next", 5) == 7


def test_of_what_is_gone_so_much_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_MOST_GONE", 4)
    store = Autoscalers(read_vpa)
    for name in ("a", "b", "c", "a"):
        store.remove(vpa(name, "web", uid=name, resourceVersion="5"))
    assert [seen(store, name, name, 0) for name in ("a", "b", "c")] == [5, None, 5]


def test_namespace_is_ignored_while_its_label_says_so() -> None:
    store = Namespaces()
    labelled = store.read(named({"metadata": {"labels": {"scaleguard.io/ignore": "true"}}}, "a"))
    store.put(labelled)
    assert store.named("a").ignored
    assert not store.named("b").ignored
    store.put(store.read(named({}, "a")))
    assert not store.named("a").ignored
    store.replace([labelled])
    assert (store.named("a").ignored, len(store)) == (True, 1)
    store.remove(labelled)
    assert (store.named("a"), len(store)) == (unknown_namespace("a"), 0)


def test_bounds_of_a_namespace_are_those_of_all_its_limit_ranges() -> None:
    store = LimitRanges()

    def limits(name: str, resource: str, namespace: str = "a") -> tuple[Any, ...]:
        item = {"type": "Container", "defaultRequest": {resource: "1"}}
        return store.read(named({"spec": {"limits": [item]}}, name, namespace))

    cpu, memory, foreign = limits("x", "cpu"), limits("y", "memory"), limits("z", "cpu", "b")
    store.replace([cpu, memory, foreign])
    assert store.bounds("a").filled == {"cpu", "memory"}
    store.remove(cpu)
    assert store.bounds("a").filled == {"memory"}
    store.put(limits("y", "cpu"))
    assert (store.bounds("a").filled, len(store)) == (frozenset({"cpu"}), 2)
    assert store.bounds("c") == UNBOUNDED


def node(name: str, gpus: str = "1", **labels: str) -> dict[str, Any]:
    allocatable = {"cpu": "8", "memory": "32Gi", "nvidia.com/gpu": gpus}
    metadata = {"name": name, "labels": {"kubernetes.io/hostname": name, **labels}}
    return {"kind": "Node", "metadata": metadata, "status": {"allocatable": allocatable}}


def test_nodes_with_devices_are_kept_and_alike_ones_once() -> None:
    store = Nodes()
    store.replace([store.read(node(name)) for name in ("a", "b")] + [store.read(node("c", "0"))])
    assert ([shape.name for shape in store.shapes()], len(store)) == (["a"], 2)
    store.put(store.read(node("c", "4")))
    assert [shape.name for shape in store.shapes()] == ["a", "c"]
    assert store.shares()["nvidia.com/gpu"]["cpu"] == (2 * 10**9, "c")
    before = store.shapes()
    store.put(store.read(node("b")))
    assert store.shapes() is before, "what changes nothing costs nothing"
    store.put(store.read(node("c", "0")))
    store.remove(store.read(node("a")))
    store.remove(store.read(node("a")))
    assert ([shape.name for shape in store.shapes()], len(store)) == (["b"], 1)


def test_of_all_nodes_the_largest_of_each_pool_is_known() -> None:
    store = Nodes()
    store.replace([store.read(node(name, "0")) for name in ("a", "b")])
    store.put(store.read(node("c", "0", pool="other")))
    assert [(shape.name, dict(shape.labels)) for shape in store.largest()] == [
        ("a", {}),
        ("c", {"pool": "other"}),
    ]
    store.remove(store.read(node("a", "0")))
    assert ([shape.name for shape in store.largest()], len(store)) == (["b", "c"], 0)


def quota(name: str, cpu: str, namespace: str = "a") -> dict[str, Any]:
    return named({"kind": "ResourceQuota", "spec": {"hard": {"cpu": cpu}}}, name, namespace)


def test_quotas_are_those_of_their_namespace() -> None:
    store = InNamespaces(read_quota)
    store.replace([store.read(quota("x", "1")), store.read(quota("y", "2", "b"))])
    store.put(store.read(quota("z", "3")))
    store.put(store.read(quota("x", "4")))
    assert [(one.name, one.hard["cpu"] // 10**9) for one in store.of("a")] == [("x", 4), ("z", 3)]
    assert len(store) == 3
    for name in ("x", "z", "z"):
        store.remove(store.read(quota(name, "1")))
    assert (store.of("a"), len(store.of("b")), len(store)) == ((), 1, 1)


def inference_service(**components: Any) -> Raw:
    annotations = {"serving.kserve.io/deploymentMode": "Standard"}
    metadata = {"namespace": "shop", "name": "llama", "annotations": annotations}
    kind = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService"}
    return kind | {"metadata": metadata, "spec": components}


def test_what_an_inference_service_brings_follows_it() -> None:
    store = Brought()
    predictor, transformer = (
        WorkloadKey("shop", "apps", "Deployment", f"llama-{name}")
        for name in ("predictor", "transformer")
    )
    service = inference_service(predictor={"maxReplicas": 3})
    store.replace([store.read(service)], 1)
    assert [scaler.ref.name for scaler in store.on(predictor)] == ["llama"]
    before = store.on(predictor)
    store.put(store.read(service))
    assert store.on(predictor) is before  # nothing that matters has changed
    store.put(store.read(inference_service(predictor={"a": 1}, transformer={"a": 1})))
    assert len(store.on(transformer)) == len(store.on(predictor)) == len(store) == 1
    store.remove(store.read(service))
    store.remove(store.read(service))
    assert store.on(predictor) == ()
    assert len(store) == 0
