"""What many objects, or a few very large ones, may cost."""

from typing import Any

from webhook.core.autoscalers.alias import MOST_SELECTORS
from webhook.core.autoscalers.hpa import read_hpa
from webhook.core.autoscalers.selectors import LONGEST_SELECTOR
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.autoscalers.vpa import read_vpa
from webhook.core.gather import MOST_OVERLAPS, OVERLAPS_PER_DOCUMENT, gather
from webhook.core.overlap_documents import LONGEST_QUOTE
from webhook.core.vpa_excess import MOST_FOUND
from webhook.core.vpa_facts import MOST_UNSUPPORTED
from webhook.core.world import MOST_OWNERS, World
from webhook.knowledge import knowledge

KINDS = knowledge().kinds
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}


def hpa(name: str = "web", metrics: Any = None) -> dict[str, Any]:
    spec = {"scaleTargetRef": TARGET, "maxReplicas": 5, "metrics": metrics}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name},
        "spec": spec,
    }


def vpa(name: str, policies: Any = None, exempt: str = "") -> dict[str, Any]:
    annotations = {"scaleguard.io/exempt": exempt} if exempt else {}
    return {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {"targetRef": TARGET, "resourcePolicy": {"containerPolicies": policies}},
    }


def test_many_overlaps_are_judged_in_several_documents() -> None:
    world = World.of([vpa(f"v{number}") for number in range(40)], KINDS)
    documents = list(gather(read_hpa(hpa()), world).documents({}))
    sizes = [len(document["overlaps"]) for document in documents]
    assert sum(sizes) == 40
    assert max(sizes) == OVERLAPS_PER_DOCUMENT
    numbers = [overlap["id"] for document in documents for overlap in document["overlaps"]]
    assert numbers == list(range(40))


def test_what_is_beyond_the_bound_never_hides_a_denial() -> None:
    exempt = [vpa(f"v{n:04}", exempt="hpa-vpa-same-metric") for n in range(MOST_OVERLAPS + 10)]
    world = World.of([*exempt, vpa("zzz")], KINDS)
    facts = gather(read_hpa(hpa()), world)
    assert len(facts.overlaps) == MOST_OVERLAPS
    assert facts.overlaps[0].related[0].name == "zzz"


def test_scalers_that_are_tolerated_never_hide_a_denial() -> None:
    tolerant = hpa()
    tolerant["metadata"]["annotations"] = {"validations.keda.sh/hpa-ownership": "false"}
    spec = {"scaleTargetRef": {"name": "web"}}
    tolerated = [
        {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "ScaledObject",
            "metadata": {"name": f"s{number}"},
            "spec": spec,
        }
        for number in range(MOST_OVERLAPS)
    ]
    facts = gather(read_hpa(tolerant), World.of([*tolerated, hpa("zzz")], KINDS))
    assert facts.overlaps[0].related[0].name == "zzz"


def test_what_a_vpa_cannot_have_is_told_of_some() -> None:
    """Resources that VPA does not know, and bounds beyond the largest node."""
    said = {"controlledResources": ["cpu", "gpu"], "minAllowed": {"cpu": "9"}}
    policies = [{"containerName": f"c{number}", **said} for number in range(100)]
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "small"},
        "status": {"allocatable": {"cpu": "1", "memory": "1Gi"}},
    }
    facts = gather(read_vpa(vpa("v", policies)), World.of([node], KINDS))
    assert len(facts.autoscaler["unsupported"]) == MOST_UNSUPPORTED
    assert len(facts.overlaps) == MOST_FOUND


def test_owners_are_climbed_to_a_bound_though_they_own_each_other() -> None:
    def owned(name: str, by: str) -> dict[str, Any]:
        kind = {"apiVersion": "kaito.sh/v1beta1", "kind": "Workspace"}
        owner = kind | {"name": by, "controller": True}
        return kind | {"metadata": {"name": name, "ownerReferences": [owner]}}

    ring = [owned(f"d{number}", f"d{(number + 1) % 20}") for number in range(20)]
    world = World.of(ring, KINDS)
    found = world.above(WorkloadKey("default", "kaito.sh", "Workspace", "d0"))
    assert len(found) == MOST_OWNERS


def test_equal_metrics_meet_once_and_a_message_names_few_containers() -> None:
    target = {"type": "Utilization", "averageUtilization": 70}
    metrics = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}] * 2000
    policies = [
        {"containerName": f"c{number}", "controlledResources": ["memory"]} for number in range(2000)
    ]
    facts = gather(read_hpa(hpa(metrics=metrics)), World.of([vpa("v", policies)], KINDS))
    (overlap,) = facts.overlaps
    assert overlap.path == "spec.metrics[0]"
    assert overlap.document["otherThan"] == [*(f"c{number}" for number in range(8)), "1992 more"]


def test_a_long_expression_is_searched_to_its_end() -> None:
    name = "x" * 100_000 + " container_cpu_usage_seconds_total"
    external = {"type": "External", "external": {"metric": {"name": name}}}
    facts = gather(read_hpa(hpa(metrics=[external])), World.of([vpa("v")], KINDS))
    (overlap,) = facts.overlaps
    assert overlap.document["type"] == "alias-metric"
    assert len(overlap.document["expression"]) == LONGEST_QUOTE


def test_selectors_beyond_the_bound_are_not_taken_for_others() -> None:
    other = 'container_cpu_usage{namespace="other"} + '
    for selectors, met in ((MOST_SELECTORS - 1, 0), (MOST_SELECTORS, 1)):
        metric = {"type": "External", "external": {"metric": {"name": other * selectors}}}
        facts = gather(read_hpa(hpa(metrics=[metric])), World.of([vpa("v")], KINDS))
        assert len(facts.overlaps) == met


def test_a_selector_that_is_not_closed_says_nothing() -> None:
    name = 'container_cpu_usage{namespace="other",' + "x" * LONGEST_SELECTOR + "}"
    metric = {"type": "External", "external": {"metric": {"name": name}}}
    facts = gather(read_hpa(hpa(metrics=[metric])), World.of([vpa("v")], KINDS))
    assert len(facts.overlaps) == 1
