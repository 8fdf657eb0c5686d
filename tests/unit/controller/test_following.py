"""What the controller knows of a cluster, and what it looks at for what happens there."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from tests.unit.cluster.fake import Answer, FakeApi, Stream, event, page, status
from tests.unit.cluster.states import on_watches, wait_until
from tests.unit.controller.test_workloads import KNOWLEDGE, LLAMA, PLAIN
from tests.unit.core.vpa_plan.workloads import Raw, hpa, metric, owner, vpa, workload
from webhook.cluster.api import Api
from webhook.cluster.discovery import Discovery
from webhook.cluster.recorder import Counters
from webhook.cluster.resources import VPAS
from webhook.cluster.timing import Timing
from webhook.controller import following as module
from webhook.controller.following import Following
from webhook.controller.world import LastingShapes
from webhook.core.ai_workload import may_make_ai_pods
from webhook.core.autoscalers.target import WorkloadKey
from webhook.knowledge import knowledge

QUICK = Timing(5.0, look_again_seconds=0.05, first_pause_seconds=0.05, longest_pause_seconds=0.05)
WORKLOADS = {
    "deployments": "/apis/apps/v1/deployments",
    "replicasets": "/apis/apps/v1/replicasets",
    "statefulsets": "/apis/apps/v1/statefulsets",
    "daemonsets": "/apis/apps/v1/daemonsets",
    "jobs": "/apis/batch/v1/jobs",
    "cronjobs": "/apis/batch/v1/cronjobs",
    "replicationcontrollers": "/api/v1/replicationcontrollers",
}
OURS = "scaleguard-deployment-llama"
LABEL = {"scaleguard.io/managed": "true"}


def ours(name: str = OURS, uid: str = "u-1", **metadata: Any) -> Raw:
    of = owner("Deployment", "apps/v1", "llama")
    of["ownerReferences"][0]["uid"] = uid
    return vpa(name, labels=LABEL, **{**of, **metadata})


def at(raw: Raw, version: str = "9") -> Raw:
    return raw | {"metadata": raw["metadata"] | {"resourceVersion": version}}


class Looking:
    """A cluster that is followed, and what is looked at for it."""

    def __init__(self, server: FakeApi, api: Api) -> None:
        self.server, self.api = server, api
        self.looks: list[tuple[list[WorkloadKey], float]] = []
        self.made: list[Following] = []
        self.go = threading.Event()
        self.known = KNOWLEDGE
        self.shapes = LastingShapes()
        on_watches(server)
        for path in WORKLOADS.values():
            self.has(path)

    def has(self, path: str, *raws: Raw, then: Sequence[bytes] = ()) -> None:
        """What a list shows, and the events that come once the test goes on."""
        self.server.on(path, page([at(raw, "1") for raw in raws]))
        self.server.on(f"watch {path}", Stream(self._later(then) if then else (), end="hang"))

    def _later(self, then: Sequence[bytes]) -> Iterator[bytes]:
        self.go.wait(10)
        yield from then

    def begin(self, timing: Timing = QUICK) -> Following:
        following = Following(
            self.api,
            self.known.kinds,
            lambda raw: may_make_ai_pods(raw, self.known),
            lambda keys, after: self.looks.append((list(dict.fromkeys(keys)), after)),
            shapes=self.shapes,
            timing=timing,
            recorder=Counters(CollectorRegistry()),
        )
        self.made.append(following)
        return following.start()

    def ready(self) -> Following:
        following = self.begin()
        wait_until(lambda: following.not_ready() == [])
        return following

    def happen(self) -> None:
        """Forget what was looked at until now, and have the events come."""
        self.looks.clear()
        self.go.set()

    def seen(self, *keys: WorkloadKey) -> bool:
        """Whether exactly these were looked at at once."""
        return (list(keys), module.SETTLE_SECONDS) in self.looks

    def lists(self) -> Counter[str]:
        return Counter(one.path for one in self.server.asked if "watch" not in one.query)


@pytest.fixture
def looking(server: FakeApi, api: Api) -> Iterator[Looking]:
    made = Looking(server, api)
    yield made
    made.go.set()
    for following in made.made:
        following.stop()


def test_knows_what_it_was_told(looking: Looking) -> None:
    web = workload("Deployment", "apps/v1", PLAIN, name="web", uid="u-7")
    looking.has(WORKLOADS["deployments"], workload(), web)
    looking.has(VPAS.path(), ours(), vpa("own"))
    following = looking.begin()
    assert "the kinds of workloads: not looked up yet" in following.not_ready()
    wait_until(lambda: following.not_ready() == [])
    assert following.keys() == [LLAMA]
    raw = following.raw(LLAMA)
    assert raw is not None
    assert raw["spec"] == workload()["spec"]
    assert following.raw(LLAMA._replace(name="web")) is None
    assert [one["metadata"]["name"] for one in following.managed(LLAMA)] == [OURS]
    assert following.has_vpas
    world = following.world()
    assert {one.ref.name for one in world.vpas_on(LLAMA)} == {OURS, "own"}


def test_what_is_managed_is_its_owners_own(looking: Looking) -> None:
    looking.has(WORKLOADS["deployments"], workload())
    bare = vpa("bare", labels=LABEL)
    other = ours("other", ownerReferences=owner("Deployment", "apps/v1", "x")["ownerReferences"])
    taken_over = ours("mine", annotations={"scaleguard.io/unmanaged": "true"})
    looking.has(VPAS.path(), ours(), ours("old", uid="u-0"), bare, other, taken_over)
    following = looking.ready()
    assert [one["metadata"]["name"] for one in following.managed(LLAMA)] == [OURS]
    assert following.managed(LLAMA._replace(name="gone")) == []


def test_what_has_one_of_ours_is_looked_at_though_it_is_no_ai_workload(looking: Looking) -> None:
    looking.has(WORKLOADS["deployments"], workload("Deployment", "apps/v1", PLAIN))
    looking.has(VPAS.path(), ours())
    following = looking.ready()
    assert following.raw(LLAMA) is None
    assert following.keys() == [LLAMA]
    assert len(following.managed(LLAMA)) == 1, "it goes"


_NODE: Raw = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "a"},
    "status": {"allocatable": {"cpu": "8", "nvidia.com/gpu": "1"}},
}
_LIMITS: Raw = {
    "apiVersion": "v1",
    "kind": "LimitRange",
    "metadata": {"name": "l", "namespace": "ml"},
    "spec": {"limits": [{"type": "Container", "max": {"cpu": "4"}}]},
}
_HOME: Raw = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "ml", "labels": {"scaleguard.io/ignore": "true"}},
}


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        ("/apis/autoscaling/v2/horizontalpodautoscalers", hpa(metric("cpu"))),
        (VPAS.path(), vpa()),
        (WORKLOADS["deployments"], workload(annotations={"scaleguard.io/vpa": "off"})),
        ("/api/v1/limitranges", _LIMITS),
        ("/api/v1/namespaces", _HOME),
    ],
)
@pytest.mark.parametrize("kind", ["ADDED", "DELETED"])
def test_an_event_has_its_workload_looked_at(
    looking: Looking, path: str, raw: Raw, kind: str
) -> None:
    looking.has(WORKLOADS["deployments"], workload())
    before = [raw] if kind == "DELETED" else []
    if path == WORKLOADS["deployments"]:
        before = [workload()]
    looking.has(path, *before, then=[event(kind, at(raw))])
    looking.ready()
    looking.happen()
    wait_until(lambda: looking.seen(LLAMA))


def test_a_new_kind_of_node_has_all_looked_at_after_a_while(looking: Looking) -> None:
    looking.has(WORKLOADS["deployments"], workload())
    again = at(_NODE | {"metadata": {"name": "b"}}, "10")
    nodes = [event("ADDED", at(_NODE)), event("ADDED", again), event("DELETED", again)]
    looking.has("/api/v1/nodes", then=nodes)
    following = looking.ready()
    looking.happen()
    wait_until(lambda: ([LLAMA], module.NODES_SETTLE_SECONDS) in looking.looks)
    time.sleep(0.1)
    assert looking.looks.count(([LLAMA], module.NODES_SETTLE_SECONDS)) == 1
    assert [one.name for one in following.world().node_shapes()] == ["a"]


def test_shapes_outlast_who_saw_them(looking: Looking) -> None:
    """Another configuration begins anew with all but them: bounds must not go to and fro."""
    looking.has("/api/v1/nodes", _NODE)
    looking.ready().stop()
    looking.has("/api/v1/nodes")
    assert [one.name for one in looking.ready().world().node_shapes()] == ["a"]


# ---------------------------------------------------------------- what comes and goes


def _served(  # noqa: PLR0913 - a resource as discovery lists it
    server: FakeApi, kind: str, plural: str, group: str, version: str, *, namespaced: bool = True
) -> None:
    versions = {"preferredVersion": {"version": version}, "versions": [{"version": version}]}
    server.on(f"/apis/{group}", _json(versions))
    listed = {"name": plural, "kind": kind, "namespaced": namespaced}
    server.on(f"/apis/{group}/{version}", _json({"resources": [listed]}))


def _json(raw: Raw) -> Answer:
    return Answer(body=json.dumps(raw).encode())


def test_a_cluster_whose_vpas_come_late_and_go(looking: Looking) -> None:
    looking.has(WORKLOADS["deployments"], workload())
    gone = status(404, "NotFound")
    looking.server.on(VPAS.path(), gone)
    following = looking.ready()
    assert not following.has_vpas
    looking.looks.clear()
    time.sleep(0.3)
    assert [keys for keys, _ in looking.looks if keys] == [], "that there are none is no news"
    looking.server.on(VPAS.path(), page([at(ours())]))
    # Its watch is ended by the server, and then there are none any more.
    looking.server.on(f"watch {VPAS.path()}", Stream([0.2]), gone)
    _served(looking.server, VPAS.kind, VPAS.plural, VPAS.group, VPAS.version)
    wait_until(lambda: following.has_vpas)
    wait_until(lambda: looking.seen(LLAMA))
    looking.looks.clear()
    looking.server.on(VPAS.path(), gone)
    looking.server.on(VPAS.version_path, gone)
    wait_until(lambda: not following.has_vpas)
    wait_until(lambda: looking.seen(LLAMA))
    assert following.managed(LLAMA) == []


def test_a_kind_that_comes_late_is_followed(
    looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOOK_FOR_KINDS_SECONDS", 0.05)
    monkeypatch.setattr("webhook.cluster.discovery.MISSING_SECONDS", 0.0)
    following = looking.ready()
    assert following.keys() == []
    clones = "/apis/apps.kruise.io/v1alpha1/clonesets"
    looking.has(clones, workload("CloneSet", "apps.kruise.io/v1alpha1"))
    _served(looking.server, "CloneSet", "clonesets", "apps.kruise.io", "v1alpha1")
    key = WorkloadKey("ml", "apps.kruise.io", "CloneSet", "llama")
    wait_until(lambda: following.keys() == [key])
    wait_until(lambda: looking.seen(key))


def test_a_kind_whose_version_is_served_no_more_is_followed_in_another(
    looking: Looking,
) -> None:
    group, old, new = "apps.kruise.io", "v1alpha1", "v1beta1"
    clones = f"/apis/{group}/{old}/clonesets"
    looking.has(clones, workload("CloneSet", f"{group}/{old}"))
    looking.server.on(f"watch {clones}", Stream([0.2]), status(404, "NotFound"))
    _served(looking.server, "CloneSet", "clonesets", group, old)
    following = looking.ready()
    key = WorkloadKey("ml", group, "CloneSet", "llama")
    wait_until(lambda: following.keys() == [key])
    looking.looks.clear()
    looking.has(f"/apis/{group}/{new}/clonesets", workload("CloneSet", f"{group}/{new}"))
    _served(looking.server, "CloneSet", "clonesets", group, new)
    looking.server.on(f"/apis/{group}/{old}", status(404, "NotFound"))
    looking.server.on(clones, status(404, "NotFound"))
    wait_until(lambda: looking.seen(key))
    raw = following.raw(key)
    assert raw is not None
    assert raw["apiVersion"] == f"{group}/{new}"
    assert following.not_ready() == []


def test_a_kind_of_the_configuration_is_followed_by_its_own_name(
    looking: Looking, caplog: pytest.LogCaptureFixture
) -> None:
    listed = {"group": "ai.example.com", "kind": "Model", "templates": ["spec.template"]}
    looking.known = knowledge((), [listed | {"scale": True}, listed | {"kind": "Pool"}])
    looking.has("/apis/ai.example.com/v1/inferers", workload("Model", "ai.example.com/v1"))
    _served(looking.server, "Model", "inferers", "ai.example.com", "v1")
    following = looking.ready()
    assert following.keys() == [WorkloadKey("ml", "ai.example.com", "Model", "llama")]
    (said,) = (one for one in caplog.messages if "plural" in one)
    assert said == (
        "the plural of Model in ai.example.com is inferers, and not models: say so in the "
        "configuration, where rights are given by it"
    )


def test_a_kind_without_a_namespace_is_not_followed(
    looking: Looking, caplog: pytest.LogCaptureFixture
) -> None:
    listed = {"group": "ai.example.com", "kind": "Model", "templates": ["spec.template"]}
    looking.known = knowledge((), [listed | {"scale": True}])
    models = "/apis/ai.example.com/v1/models"
    looking.has(models, workload("Model", "ai.example.com/v1"))
    _served(looking.server, "Model", "models", "ai.example.com", "v1", namespaced=False)
    following = looking.ready()
    assert following.keys() == []
    assert looking.lists()[models] == 0
    said = "Model of ai.example.com stands in no namespace, and a VPA does: none is made for it"
    assert said in caplog.messages


def test_where_kinds_cannot_be_looked_up_each_is_followed_once(looking: Looking) -> None:
    looking.server.on("/apis/argoproj.io", *[status(500, "InternalError")] * 5, status(404, "No"))
    looking.has(WORKLOADS["deployments"], workload())
    following = looking.begin()
    wait_until(lambda: following.not_ready() == [])
    assert looking.lists()["/apis/argoproj.io"] >= 6
    assert {looking.lists()[path] for path in WORKLOADS.values()} == {1}


def test_what_ends_while_kinds_are_looked_up_follows_no_more(
    looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, go = threading.Event(), threading.Event()
    find: Callable[..., Any] = Discovery.find

    def wait(*arguments: Any) -> Any:
        asked.set()
        assert go.wait(5)
        return find(*arguments)

    monkeypatch.setattr(Discovery, "find", wait)
    following = looking.begin()
    assert asked.wait(5)
    following.stop()
    go.set()
    wait_until(lambda: following._asked_for_kinds)
    wait_until(
        lambda: not any(one.name.startswith("watch deployments") for one in threading.enumerate())
    )
    looking.server.over.set()
