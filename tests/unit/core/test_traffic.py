"""What brings traffic to pods: what is read of it, and what manifests say without it."""

from typing import Any

import pytest

from webhook.core.autoscalers.hpa import read_hpa
from webhook.core.autoscalers.scaled_object import read_scaled_object
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.monitoring import is_for_monitoring
from webhook.core.objects import GroupKind
from webhook.core.routing import Backend, backends
from webhook.core.server import why_a_server
from webhook.core.services import NamedPort, read_service
from webhook.core.workload import MadePod
from webhook.core.world import World
from webhook.knowledge import knowledge

KINDS = knowledge().kinds
WEB = WorkloadKey("shop", "apps", "Deployment", "web")


def made(api_version: str, kind: str, spec: dict[str, Any], name: str = "web") -> dict[str, Any]:
    metadata = {"namespace": "shop", "name": name}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


def service(**spec: Any) -> dict[str, Any]:
    return made("v1", "Service", spec)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, True) for name in ("metrics", "http-metrics", "HEALTHZ", "pprof-api", "prom")),
        *((name, False) for name in ("http", "promotions", "web-admins", "probed", "", None)),
    ],
)
def test_names_of_ports_that_make_no_server(name: str | None, expected: bool) -> None:  # noqa: FBT001
    assert is_for_monitoring(name) is expected


def test_a_service_is_read_to_what_matters() -> None:
    ports = [
        {"port": 80, "targetPort": "http"},
        {"port": 53, "targetPort": "dns", "protocol": "UDP"},
        {"port": 81, "targetPort": "8081"},
        {"port": 443, "targetPort": 8443},
        {"name": "metrics", "port": 9090, "targetPort": "web"},
        {"port": 9091, "targetPort": "http-metrics"},
        "odd",
    ]
    found = read_service(service(selector={"app": "web", "odd": 1}, ports=ports))
    assert found.ports == (NamedPort("http", "TCP"), NamedPort("dns", "UDP"))
    assert (found.asks, found.carries, found.waits, found.foreign) == (
        "app: web",
        True,
        True,
        False,
    )
    assert found.selects({"app": "web", "tier": "front"})
    assert not found.selects({"app": "wbe"})


def test_labels_are_shown_on_a_short_line() -> None:
    labels = dict.fromkeys("abcd", "x")
    assert read_service(service(selector=labels)).asks == "a: x, b: x, c: x, …"


@pytest.mark.parametrize(
    ("raw", "foreign"),
    [
        (service(), True),
        (service(selector={}), True),
        (service(type="ExternalName", externalName="a.example"), False),
        (service() | {"metadata": {"namespace": "default", "name": "kubernetes"}}, False),
    ],
)
def test_a_service_without_a_selector_selects_nothing(raw: dict[str, Any], foreign: bool) -> None:  # noqa: FBT001
    found = read_service(raw)
    assert found.foreign is foreign
    assert not found.selects({})
    assert not found.selects({"app": "web"})


def named(*names: str) -> list[Backend]:
    return [Backend("shop", GroupKind("", "Service"), name) for name in names]


INGRESS = {"defaultBackend": {"service": {"name": "a"}}, "rules": ["odd", {}]}
OLD_INGRESS = {"backend": {"serviceName": "a"}, "rules": [{"http": {"paths": [{}]}}]}
ROUTE = {
    "rules": [
        {"backendRefs": [{"name": "a"}, {"name": "b", "namespace": "back"}, {"kind": "Service"}]},
        {"backendRefs": [{"group": "g", "kind": "InferencePool", "name": "c"}]},
    ]
}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (made("networking.k8s.io/v1", "Ingress", INGRESS), named("a")),
        (made("extensions/v1beta1", "Ingress", OLD_INGRESS), named("a")),
        (
            made("gateway.networking.k8s.io/v1", "GRPCRoute", ROUTE),
            [
                *named("a"),
                Backend("back", GroupKind("", "Service"), "b"),
                Backend("shop", GroupKind("g", "InferencePool"), "c"),
            ],
        ),
        (made("flagger.app/v1beta1", "Canary", {"targetRef": {"name": "web"}}), named("web")),
        (made("flagger.app/v1beta1", "Canary", {"service": {"name": "front"}}), named("front")),
        (made("apps/v1", "StatefulSet", {"serviceName": "web"}), named("web")),
        (made("apps/v1", "Deployment", {"serviceName": "web"}), []),
    ],
)
def test_what_objects_send_traffic_to(raw: dict[str, Any], expected: list[Backend]) -> None:
    assert list(backends(raw)) == expected


SELECTING = service(selector={"app": "web"})


@pytest.mark.parametrize(
    ("folders", "whole", "expected"),
    [
        ((), False, False),
        (("here",), False, True),
        (("there",), False, False),
        (("there", "here"), False, True),
        ((), True, True),
    ],
)
def test_services_are_all_there_where_the_folder_of_the_workload_has_some(
    folders: tuple[str, ...],
    whole: bool,  # noqa: FBT001
    expected: bool,  # noqa: FBT001
) -> None:
    world = World(KINDS, whole=whole)
    world.put(made("apps/v1", "Deployment", {}), "here")
    for folder in folders:
        world.put(SELECTING, folder)
    assert world.has_all_services(WEB) is expected


def test_a_service_that_selects_nothing_says_nothing_of_others() -> None:
    world = World.of([made("apps/v1", "Deployment", {}), service()], KINDS)
    assert not world.has_all_services(WEB)


def test_a_workload_that_is_nowhere_is_in_no_folder() -> None:
    assert not World.of([SELECTING], KINDS).has_all_services(WEB)


def test_pods_without_containers_are_no_server() -> None:
    scaler = read_hpa(made("autoscaling/v2", "HorizontalPodAutoscaler", {}))
    assert why_a_server(scaler, MadePod({"spec": {}}, None), lambda: None, KINDS) is None


def test_what_a_scaler_scales_on_beside_its_pods_resources() -> None:
    types = ("Resource", "Pods", "Object", "External", "ContainerResource", "")
    metrics = [{"type": one} for one in types]
    hpa = read_hpa(made("autoscaling/v2", "HorizontalPodAutoscaler", {"metrics": metrics}))
    assert hpa.source_types == {"Pods", "Object", "External"}
    triggers = [{"type": one} for one in ("cpu", "memory", "kafka", "cron")]
    found = read_scaled_object(made("keda.sh/v1alpha1", "ScaledObject", {"triggers": triggers}))
    assert found.source_types == {"kafka", "cron"}
