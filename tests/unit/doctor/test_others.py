"""Other webhooks, the VPA, KEDA and the metrics."""

from typing import Any

import pytest

from tests.unit.doctor.facts import Raw, configuration, entry, installation, mutating, running
from webhook.core.vpa_plan.terms import ACCEPTED_MODES
from webhook.doctor.keda import KedaFacts, judge_keda
from webhook.doctor.metrics_apis import judge_external_metrics, judge_resource_metrics
from webhook.doctor.order import judge_order, judge_starting
from webhook.doctor.programs import program, release_of
from webhook.doctor.verdict import State
from webhook.doctor.vpa import VpaFacts, judge_vpa


def other(name: str, entry_name: str = "x.example.com", **more: Any) -> Raw:
    found = configuration("Mutating", entry(entry_name, "/x", **more), name=name)
    found["metadata"]["labels"] = {}
    return found


VPA = other("vpa-webhook-config", "vpa.k8s.io")
ISTIO = other("istio-sidecar-injector")


def test_order() -> None:
    (said,) = judge_order(installation(), [ISTIO, mutating(), VPA])
    assert (said.state, said.message) == (
        State.OK,
        "scaleguard sees pods, before vpa-webhook-config, and again where one of them changed them",
    )


def test_vpa_before_ours() -> None:
    early = other("a-vpa", "vpa.k8s.io")
    (said,) = judge_order(installation(), [early, mutating()])
    assert said.state is State.FAULT
    assert said.message.startswith("VPA's a-vpa is asked before scaleguard: it sees GPU pods")


def test_injected_containers_are_to_be_seen_again() -> None:
    once = mutating(reinvocationPolicy="Never")
    later = other("vault-agent-injector")
    (said,) = judge_order(installation(once), [once, later])
    assert said.state is State.WARNING
    assert "what vault-agent-injector add to pods" in said.message
    services = [{"apiGroups": [""], "resources": ["services"], "operations": ["*"]}]
    (said,) = judge_order(installation(once), [once, other("z", rules=services)])
    assert said.state is State.OK


def test_no_webhook_of_ours_on_pods() -> None:
    (said,) = judge_order(installation(mutating(rules=[])), [mutating(rules=[]), VPA])
    assert said.message == "none of our webhooks changes pods"


@pytest.mark.parametrize(
    ("more", "warned"),
    [
        ({"failurePolicy": "Fail", "namespaceSelector": {}}, True),
        ({"failurePolicy": "Fail"}, False),  # leaves namespace guard out
        ({"failurePolicy": "Ignore", "namespaceSelector": {}}, False),
        (
            {
                "failurePolicy": "Fail",
                "namespaceSelector": {},
                "objectSelector": {"matchLabels": {"inject": "yes"}},
            },
            False,
        ),
        ({"failurePolicy": "Fail", "namespaceSelector": {"matchLabels": {"team": "a"}}}, True),
    ],
)
def test_our_own_pods_wait_for_others(more: Raw, warned: bool) -> None:  # noqa: FBT001
    kyverno = other("kyverno", "mutate.kyverno.svc", **more)
    said = judge_starting(installation(), [kyverno, mutating()], {"team": "a"})
    assert [one.state for one in said] == [State.WARNING] * warned
    if warned:
        assert "webhook mutate.kyverno.svc: our own pods cannot start" in said[0].message


PARTS = [
    running(f"registry.k8s.io/autoscaling/{name}:1.8.1", name)
    for name in ("vpa-recommender", "vpa-updater", "vpa-admission-controller")
]


def vpa(deployments: list[Raw] | None, **more: Any) -> list[tuple[str, str]]:
    facts: dict[str, Any] = {"modes": ACCEPTED_MODES, "has_webhook": True} | more
    judged = judge_vpa(VpaFacts(["v1"], deployments, "you may not list deployments.apps", **facts))
    return [(str(one.state), one.message) for one in judged]


def test_a_whole_vpa() -> None:
    programs, modes = vpa(PARTS)
    assert programs[0] == modes[0] == "ok"
    assert "kube-system/vpa-updater (1.8.1)" in programs[1]
    assert modes[1].startswith("update modes: ")


def test_no_vpa() -> None:
    (said,) = judge_vpa(VpaFacts((), None))
    assert said.state is State.WARNING
    assert said.command.endswith("vpa-up.sh")
    (said,) = judge_vpa(VpaFacts(["v1beta2"], []))
    assert said.message == "VPA serves v1beta2 and not autoscaling.k8s.io/v1"


def test_parts_of_a_vpa() -> None:
    assert vpa(PARTS[:1])[:2] == [
        ("warning", "vpa-updater does not run: running pods keep their requests"),
        ("warning", "vpa-admission-controller does not run: new pods get no recommendation"),
    ]
    stopped = [running("x/vpa-recommender:1.8.1", "r", 0), *PARTS[1:]]
    state, message = vpa(stopped)[0]
    assert state == "warning"
    assert message == (
        "vpa-recommender (kube-system/r) has no replica that is available: "
        "no VPA gets a recommendation"
    )
    old = [running("x/vpa-recommender:1.2.2", "r"), *PARTS[1:]]
    assert "vpa-recommender is 1.2.2: mode InPlaceOrRecreate" in vpa(old)[0][1]
    assert "VPA's webhook configuration is gone" in vpa(PARTS, has_webhook=False)[0][1]
    assert vpa([])[0][0] == "unseen"
    assert "you may not list deployments.apps" in vpa(None)[0][1]


def test_modes_that_are_refused() -> None:
    said = vpa(PARTS, modes=ACCEPTED_MODES - {"InPlaceOrRecreate"})[1]
    assert said[0] == "warning"
    assert said[1].endswith("; not InPlaceOrRecreate")
    untried = vpa(PARTS, modes=None, untried="you may not create")[1]
    assert untried == ("unseen", "which update modes it takes was not tried: you may not create")


def test_programs_are_told_by_their_images() -> None:
    deployments = [
        running("localhost:5000/vpa-updater@sha256:0", "a"),
        running("vpa-recommender-fork:1.0", "b"),
        running("mirror:5000/x/vpa-recommender:v1.4.0-gke.1@sha256:0", "c"),
    ]
    assert str(program("vpa-updater", deployments)) == "kube-system/a"
    assert str(program("vpa-recommender", deployments)) == "kube-system/c (1.4.0-gke.1)"
    assert program("vpa-admission-controller", deployments) is None
    assert (release_of("1.10.3"), release_of("latest")) == ((1, 10), None)


def scaled(name: str, **annotations: str) -> Raw:
    prefix = "autoscaling.keda.sh/"
    kept = {prefix + key.replace("_", "-"): value for key, value in annotations.items()}
    metadata = {"name": name, "namespace": "ml", "annotations": kept}
    return {"kind": "ScaledObject", "metadata": metadata}


KEDA = running("ghcr.io/kedacore/keda:2.21.0", "keda-operator")


def test_keda() -> None:
    assert judge_keda(KedaFacts((), None))[0].message == "KEDA is not installed"
    (said,) = judge_keda(KedaFacts(["v1alpha1"], [KEDA], has_webhook=True))
    assert said.message == "operator kube-system/keda-operator (2.21.0) with its own webhook"
    (said,) = judge_keda(KedaFacts(["v1alpha1"], []))
    assert (said.state, said.message) == (
        State.WARNING,
        "KEDA's CRDs are there and its operator is not: ScaledObjects scale nothing",
    )
    (said,) = judge_keda(KedaFacts(["v1alpha1"], [running("x/keda:2.1.0", "keda", 0)]))
    assert "has no replica that is available" in said.message
    (said,) = judge_keda(KedaFacts(["v1alpha1"], None, "you may not"))
    assert said.state is State.UNSEEN


def test_paused_scaled_objects() -> None:
    objects = [
        scaled("a", paused="true"),
        scaled("b", paused="false"),
        scaled("c", paused_replicas="0", paused="false"),
        scaled("d"),
    ]
    said = judge_keda(KedaFacts(["v1alpha1"], [KEDA], scaled_objects=objects))[1]
    assert said.state is State.WARNING
    assert said.message.endswith("nothing scales their workloads: ml/a, ml/c")
    assert said.command == (
        "kubectl -n ml annotate scaledobject a autoscaling.keda.sh/paused- "
        "autoscaling.keda.sh/paused-replicas-"
    )
    many = [scaled(str(number), paused="") for number in range(7)]
    said = judge_keda(KedaFacts(["v1alpha1"], [KEDA], scaled_objects=many))[1]
    assert said.message.endswith("ml/4 and 2 more")


def service(**condition: str) -> Raw:
    return {"status": {"conditions": [{"type": "Available", **condition}]}}


def test_metrics() -> None:
    (said,) = judge_resource_metrics(service(status="True"))
    assert (said.state, said.message) == (State.OK, "v1beta1.metrics.k8s.io is available")
    (said,) = judge_resource_metrics(service(status="False", message="no endpoints"))
    assert said.state is State.FAULT
    assert said.message.endswith("VPA is blind: no endpoints")
    assert judge_resource_metrics({})[0].state is State.WARNING
    assert judge_resource_metrics(None)[0].command.endswith("components.yaml")
    assert judge_external_metrics(None)[0].state is State.WARNING
    assert judge_external_metrics(service(status="True"))[0].state is State.OK
