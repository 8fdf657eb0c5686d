"""What the core says of a pod on an empty node, and what the real scheduler does with it.

The pairs stand in a table beside this file. Each pod meets one node, the only one there is, as
autoscalers imagine it: nothing runs on it. Both sides read what the API server has stored.
"""

import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.controlplane.cluster import ControlPlane
from webhook.config import parse
from webhook.core.nodes import read_node
from webhook.core.patch import applied
from webhook.core.schedule import Kind, Misfit, misfits
from webhook.core.world import World
from webhook.wiring import build_judge

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

Raw = dict[str, Any]

TABLE: Raw = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
NODES: Mapping[str, Raw] = TABLE["nodes"]
PAIRS: list[Raw] = TABLE["pods"]
SCALED_FROM_ZERO = [name for name, written in NODES.items() if "plain" in written]

NODES_PATH, PODS_PATH = "api/v1/nodes", "api/v1/namespaces/default/pods"
SANDBOX = {
    "metadata": {"name": "sandboxed"},
    "handler": "sandboxed",
    "overhead": {"podFixed": {"cpu": "250m", "memory": "160Mi"}},
}

# The scheduler's words: k8s.io/kubernetes pkg/scheduler/framework/plugins.
TAINTED = "node(s) had untolerated taint(s)"
UNMATCHED = "node(s) didn't match Pod's node affinity/selector"
FULL = "Too many pods"

JUDGED_WITHIN_SECONDS = 30.0


class Cluster:
    """A control plane with one node at a time, and at most one pod on it."""

    def __init__(self, plane: ControlPlane) -> None:
        self._server = plane.server
        self._session = requests.Session()
        self._session.trust_env = False  # a bundle that the environment names would win over ours
        certificate, key = plane.layout.admin
        self._session.cert = str(certificate), str(key)
        self._session.verify = str(plane.layout.authority)
        self._node = ""

    def close(self) -> None:
        self._session.close()

    def ask(self, method: str, path: str, body: Raw | None = None) -> Raw:
        answer = self._session.request(method, f"{self._server}/{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        found: Raw = answer.json()
        return found

    def node(self) -> Raw:
        return self.ask("GET", f"{NODES_PATH}/{self._node}")

    def replace_node(self, name: str) -> None:
        """Have this node and no other; return when the scheduler knows both."""
        if self._node:
            self.ask("DELETE", f"{NODES_PATH}/{self._node}")
        self._node = name
        hostname, allocatable = {"kubernetes.io/hostname": name}, NODES[name]["allocatable"]
        taints = NODES[name].get("taints", [])
        self.ask(
            "POST",
            NODES_PATH,
            {
                "metadata": {"name": name, "labels": hostname | NODES[name].get("labels", {})},
                "spec": {"taints": taints},
                "status": {"allocatable": allocatable, "capacity": allocatable},
            },
        )
        # This one is let in, or kept out for want of room alone, once the taints of a starting node
        # are gone; the node before this one is forgotten by then.
        exactly = [{"key": taint["key"], "operator": "Exists"} for taint in taints]
        probe = pod({"spec": {"tolerations": exactly, "nodeSelector": hostname}})
        self.outcome(probe, but={TAINTED, UNMATCHED})

    def outcome(self, wanted: Raw, but: frozenset[str] | set[str] = frozenset()) -> set[str]:
        """Create a pod, wait for the scheduler's word, take the pod away; the reasons against it.

        There are none when the pod was bound. Creations and deletions of pods reach the scheduler
        in their order: for the next pod the node is empty again.
        """
        path = f"{PODS_PATH}/{self.ask('POST', PODS_PATH, wanted)['metadata']['name']}"
        deadline = time.monotonic() + JUDGED_WITHIN_SECONDS
        try:
            while (found := verdict(self.ask("GET", path))) is None or found & but:
                assert time.monotonic() < deadline, f"the scheduler said {found}"
                time.sleep(0.02)
        finally:
            self.ask("DELETE", path, {"gracePeriodSeconds": 0})
        return found

    def stored(self, wanted: Raw) -> Raw:
        """A pod as the API server would store it: with its defaults, and what admission adds."""
        return self.ask("POST", f"{PODS_PATH}?dryRun=All", wanted)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with ControlPlane(kwok=True) as plane:
        made = Cluster(plane)
        made.ask("POST", "apis/node.k8s.io/v1/runtimeclasses", SANDBOX)
        yield made
        made.close()


@pytest.fixture(scope="module")
def node(cluster: Cluster, request: pytest.FixtureRequest) -> Raw:
    """The only node of the cluster, ready."""
    cluster.replace_node(request.param)
    return cluster.node()


@pytest.mark.parametrize(
    ("node", "pair"),
    [pytest.param(pair["node"], pair, id=f"{pair['node']}: {pair['name']}") for pair in PAIRS],
    indirect=["node"],
    scope="module",
)
def test_the_scheduler_agrees(cluster: Cluster, node: Raw, pair: Raw) -> None:
    wanted = pod(pair)
    found = misfits(cluster.stored(wanted), read_node(node))
    assert [misfit.text for misfit in found] == pair.get("says", [])
    assert misfits(wanted | {"spec": wanted["spec"] | overhead(pair)}, read_node(node)) == found
    assert cluster.outcome(wanted) == in_its_words(found)


@pytest.mark.parametrize("node", SCALED_FROM_ZERO, indirect=True, scope="module")
def test_a_pool_that_is_scaled_from_zero(cluster: Cluster, node: Raw) -> None:
    """An autoscaler makes no node for what a user wrote, but for what the webhook makes of it."""
    name = node["metadata"]["name"]
    judge = build_judge(parse(NODES[name].get("config", {}), name))
    plain = pod({"limits": NODES[name]["plain"]})
    [taint] = misfits(plain, read_node(node))
    assert taint.kind is Kind.TAINT
    assert cluster.outcome(plain) == {TAINTED}
    fitted = judge.fitted(plain, None, "default", World.of([], judge.knowledge.kinds))
    assert fitted is not None
    mutated = dict(applied(plain, fitted[1].patch))
    assert misfits(mutated, read_node(node)) == []
    assert cluster.outcome(mutated) == set()


def test_the_table_is_worth_its_name() -> None:
    refused = [pair for pair in PAIRS if "says" in pair]
    assert len(PAIRS) >= 60
    assert len(PAIRS) // 3 <= len(refused) <= len(PAIRS) * 2 // 3
    assert len({text for pair in refused for text in pair["says"]}) >= 30
    assert len({(pair["node"], pair["name"]) for pair in PAIRS}) == len(PAIRS)
    assert set(NODES) == {pair["node"] for pair in PAIRS}


def pod(written: Raw) -> Raw:
    """A pod of the table; its containers are called and made of something."""
    resources = {kind: written[kind] for kind in ("limits", "requests") if kind in written}
    spec = {"containers": [{"resources": resources}], **written.get("spec", {})}
    for listed in ("containers", "initContainers"):
        spec[listed] = [
            {"name": f"{listed.lower()}-{index}", "image": "app", **container}
            for index, container in enumerate(spec.get(listed, []))
        ]
    # A name of its own each time: kwok deletes by name, at times after the next pod has come.
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "pod-"}, "spec": spec}


def overhead(pair: Raw) -> Raw:
    """What admission writes into a pod of a RuntimeClass."""
    if "runtimeClassName" not in pair.get("spec", {}):
        return {}
    return {"overhead": SANDBOX["overhead"]["podFixed"]}  # type: ignore[index]


def verdict(judged: Raw) -> set[str] | None:
    """The scheduler's reasons against a pod, none once it is bound; None before it spoke."""
    conditions = judged["status"].get("conditions", [])
    said = [each for each in conditions if each["type"] == "PodScheduled"]
    if not said:
        return None
    if said[0]["status"] == "True":
        return set()
    assert said[0]["reason"] == "Unschedulable", said
    # A message counts all nodes: with more than this one, the last one is not forgotten yet.
    found = re.match(r"0/1 nodes are available: (.+?)\.( |$)", said[0]["message"])
    return {each.removeprefix("1 ") for each in found[1].split(", ")} if found else None


def in_its_words(found: list[Misfit]) -> set[str]:
    """What the scheduler says of misfits: it stops at the first filter that refuses a node."""
    kinds = {misfit.kind for misfit in found}
    if Kind.TAINT in kinds:
        return {TAINTED}
    if kinds & {Kind.SELECTOR, Kind.AFFINITY}:
        return {UNMATCHED}
    return {
        FULL if misfit.kind is Kind.PODS else f"Insufficient {misfit.about}" for misfit in found
    }
