"""Single workloads and claims, read when a judgement asks for them."""

import time

import pytest

from tests.unit.cluster.fake import Answer, FakeApi, status
from tests.unit.cluster.states import (
    DEPLOYMENTS,
    WEB,
    Cluster,
    answer,
    autoscaler,
    key,
    owned_by,
    workload,
    world_of,
)
from webhook.cluster import lookups
from webhook.cluster.api import Api
from webhook.cluster.recorder import Silent
from webhook.core.autoscalers.target import WorkloadKey
from webhook.knowledge import knowledge


def test_workload_is_read_once_for_a_request(server: FakeApi, cluster: Cluster) -> None:
    server.on(f"{DEPLOYMENTS}/web", answer(workload("web")))
    known = cluster.state()
    world = world_of(known)
    found = world.workload(WEB)
    assert found is not None
    assert found.containers is not None
    assert found.containers.regular == ("app",)
    assert world.workload(WEB) is found
    assert world_of(known).workload(WEB) == found  # and kept for the next one
    assert len(server.asked) == 1
    assert cluster.looked_up("workload", "found") == 1


def test_workload_that_is_not_there_yet_is_looked_for_again(
    server: FakeApi, cluster: Cluster
) -> None:
    known = cluster.state()
    assert world_of(known).workload(WEB) is None
    server.on(f"{DEPLOYMENTS}/web", answer(workload("web")))
    assert world_of(known).workload(WEB) is not None
    assert cluster.looked_up("workload", "not_found") == 1


def test_workload_that_is_refused_is_unknown_for_a_while(server: FakeApi, cluster: Cluster) -> None:
    server.on(f"{DEPLOYMENTS}/web", status(403, "Forbidden"))
    known = cluster.state()
    assert world_of(known).workload(WEB) is None
    assert world_of(known).workload(WEB) is None
    assert cluster.looked_up("workload", "forbidden") == 1
    assert len(server.asked) == 1


def test_workload_that_is_slow_is_unknown(
    server: FakeApi, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "LOOKUP_SECONDS", 0.1)
    server.on(f"{DEPLOYMENTS}/web", Answer(delay=3))
    begun = time.monotonic()
    assert cluster.world().workload(WEB) is None
    assert time.monotonic() - begun < 1
    assert cluster.looked_up("workload", "deadline") == 1


@pytest.mark.parametrize(
    "asked", [key(group="example.com"), key(kind="Secret", group=""), key(kind="Pod", group="")]
)
def test_kind_that_is_not_listed_is_never_read(
    server: FakeApi, cluster: Cluster, asked: WorkloadKey
) -> None:
    assert cluster.world().workload(asked) is None
    assert server.asked == []
    assert cluster.looked_up("workload", "unknown_kind") == 1


def test_kinds_of_a_new_configuration_are_read_from_then_on(server: FakeApi, api: Api) -> None:
    model = key("llama", "Model", "ai.example.com")
    listed = [{"group": "ai.example.com", "kind": "Model", "templates": ["spec.template"]}]
    kinds = [knowledge().kinds]
    known = lookups.Lookups(api, lambda: kinds[0], Silent())
    assert known.workload(model, time.monotonic() + 5) is None
    assert server.asked == []
    server.on("/apis/ai.example.com", answer({"preferredVersion": {"version": "v1"}}))
    resources = [{"name": "inferers", "kind": "Model"}]
    server.on("/apis/ai.example.com/v1", answer({"resources": resources}))
    raw = workload("llama", "Model", "ai.example.com/v1")
    server.on("/apis/ai.example.com/v1/namespaces/shop/inferers/llama", answer(raw))
    kinds[0] = knowledge((), listed).kinds
    found = known.workload(model, time.monotonic() + 5)
    assert found is not None, "it may stand between a workload and what scales it"
    assert found.containers is not None
    assert found.containers.regular == ("app",)


def test_name_that_leads_elsewhere_is_never_read(server: FakeApi, cluster: Cluster) -> None:
    assert cluster.world().workload(key("../../secrets/x")) is None
    assert server.asked == []
    assert cluster.looked_up("workload", "bad_name") == 1


def on_rollouts(server: FakeApi) -> None:
    versions = [{"version": "v1"}, {"version": "v1alpha1"}, {"version": ""}]
    group = {"preferredVersion": {"version": "v1"}, "versions": versions}
    resources = [
        {"name": "rollouts/scale", "kind": "Rollout"},
        {"name": "rollouts", "kind": "Rollout", "namespaced": True},
    ]
    server.on("/apis/argoproj.io", answer(group))
    server.on("/apis/argoproj.io/v1alpha1", answer({"resources": resources}))


def test_version_of_a_custom_kind_is_discovered(server: FakeApi, cluster: Cluster) -> None:
    on_rollouts(server)
    rollout = workload("web", "Rollout", "argoproj.io/v1alpha1")
    server.on("/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/web", answer(rollout))
    known = cluster.state()
    world = world_of(known)
    assert world.workload(key("web", "Rollout", "argoproj.io")) is not None
    assert world.workload(key("other", "Rollout", "argoproj.io")) is None
    assert server.paths().count("/apis/argoproj.io") == 1


def test_custom_kind_that_is_not_installed_is_unknown(server: FakeApi, cluster: Cluster) -> None:
    known = cluster.state()
    for _ in range(2):
        assert world_of(known).workload(key("web", "Rollout", "argoproj.io")) is None
    assert server.paths() == ["/apis/argoproj.io"]
    assert cluster.looked_up("workload", "unknown_kind") == 2


def test_discovery_that_fails_leaves_a_kind_unknown(server: FakeApi, cluster: Cluster) -> None:
    server.on("/apis/argoproj.io", status(503, "ServiceUnavailable"))
    assert cluster.world().workload(key("web", "Rollout", "argoproj.io")) is None
    on_rollouts(server)
    server.on("/apis/argoproj.io/v1", status(503, "ServiceUnavailable"))
    assert cluster.world().workload(key("web", "Rollout", "argoproj.io")) is None
    assert cluster.looked_up("workload", "http_503") == 2


def test_replica_set_of_a_deployment_is_found_where_a_vpa_names_it(
    server: FakeApi, cluster: Cluster
) -> None:
    made = key("web-5d4f", "ReplicaSet")
    server.on(f"{DEPLOYMENTS}/web", answer(workload("web")))
    replica_set = workload("web-5d4f", "ReplicaSet", metadata=owned_by("web"))
    server.on("/apis/apps/v1/namespaces/shop/replicasets/web-5d4f", answer(replica_set))
    vpas = [autoscaler("v", made, vpa=True), autoscaler("w", WEB, vpa=True)]
    world = world_of(cluster.following(server, verticalpodautoscalers=vpas))
    assert world.owned(WEB) == [made]
    assert world.owners(made) == [WEB]


def test_workloads_are_found_below_an_owner_of_their_owner(
    server: FakeApi, cluster: Cluster
) -> None:
    """A Workspace cannot scale: VPA's walk ends there, and a scaler's reach does not."""
    server.on("/apis/kaito.sh", answer({"versions": [{"version": "v1"}]}))
    kinds = [{"name": f"{kind.lower()}s", "kind": kind} for kind in ("InferenceSet", "Workspace")]
    server.on("/apis/kaito.sh/v1", answer({"resources": kinds}))
    top = key("phi", "InferenceSet", "kaito.sh")
    between = workload(
        "phi-0", "Workspace", "kaito.sh/v1", metadata=owned_by("phi", "InferenceSet", "kaito.sh/v1")
    )
    below = workload("phi-0", metadata=owned_by("phi-0", "Workspace", "kaito.sh/v1"))
    server.on("/apis/kaito.sh/v1/namespaces/shop/workspaces/phi-0", answer(between))
    server.on(f"{DEPLOYMENTS}/phi-0", answer(below))
    vpas = [autoscaler("v", key("phi-0"), vpa=True), autoscaler("w", WEB, vpa=True)]
    world = world_of(cluster.following(server, verticalpodautoscalers=vpas))
    assert world.below(top) == [key("phi-0")]
    assert world.owned(top) == []
    assert world.above(key("phi-0")) == [key("phi-0", "Workspace", "kaito.sh"), top]


def test_rollout_and_the_deployment_that_it_names_are_one(
    server: FakeApi, cluster: Cluster
) -> None:
    on_rollouts(server)
    rollout = key("canary", "Rollout", "argoproj.io")
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    server.on(
        "/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/canary",
        answer(workload("canary", "Rollout", "argoproj.io/v1alpha1", workloadRef=reference)),
    )
    known = cluster.following(server, horizontalpodautoscalers=[autoscaler("h", rollout)])
    world = world_of(known)
    assert world.other_names(WEB) == [rollout]
    assert world.other_names(key("api")) == []
    # Looked for once, and judged by what is supposed all the same.
    supposed = world.supposing(rollout, None)
    assert (supposed.other_names(WEB), world.other_names(WEB)) == ([], [rollout])
    assert world_of(known).other_names(rollout) == [WEB]


def test_claim_is_read_when_a_pod_asks(server: FakeApi, cluster: Cluster) -> None:
    group = {"preferredVersion": {"version": "v1"}}
    resources = [
        {"name": "resourceclaims", "kind": "ResourceClaim"},
        {"name": "resourceclaimtemplates", "kind": "ResourceClaimTemplate"},
    ]
    server.on("/apis/resource.k8s.io", answer(group))
    server.on("/apis/resource.k8s.io/v1", answer({"resources": resources}))
    requests = [{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com"}}]
    claim = {"kind": "ResourceClaim", "spec": {"devices": {"requests": requests}}}
    server.on("/apis/resource.k8s.io/v1/namespaces/shop/resourceclaims/c", answer(claim))
    known = cluster.state()
    for _ in range(2):
        (device,) = world_of(known).claim("shop", "c", is_template=False)
        assert device.device_class == "gpu.nvidia.com"
    assert world_of(known).claim("shop", "none", is_template=True) == ()
    assert cluster.looked_up("claim", "found") == 1
    assert cluster.looked_up("claim", "not_found") == 1


def test_workloads_that_may_share_pods_are_those_whose_names_begin_alike(
    server: FakeApi, cluster: Cluster
) -> None:
    keys = [key(name) for name in ("web", "web-canary", "api", "website")]
    hpas = [autoscaler(one.name, one) for one in keys]
    world = world_of(cluster.following(server, horizontalpodautoscalers=hpas))
    assert world.near(WEB) == [key("web-canary")]
    assert world.near(key("api")) == []
