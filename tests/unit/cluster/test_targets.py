"""Workloads are found by how their names begin, whatever was added and removed before."""

from hypothesis import given
from hypothesis import strategies as some

from webhook.cluster.targets import Targets
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.objects import GroupKind

NAMES = ["web", "web-a", "web-a-b", "web-b", "web.a", "web0", "we", "x"]
keys = some.builds(
    WorkloadKey,
    some.sampled_from(["shop", "lab"]),
    some.sampled_from(["apps", ""]),
    some.sampled_from(["Deployment", "Job"]),
    some.sampled_from(NAMES),
)
changes = some.lists(some.tuples(some.booleans(), keys), max_size=30)


@given(some.lists(keys, max_size=9, unique=True), changes, some.sampled_from(["shop", "lab"]))
def test_what_is_there_is_found(
    first: list[WorkloadKey], then: list[tuple[bool, WorkloadKey]], namespace: str
) -> None:
    targets, there = Targets(first), set(first)
    for is_added, key in then:
        (targets.add if is_added else targets.remove)(key)
        (there.add if is_added else there.discard)(key)
    assert sorted(targets) == sorted(there)
    here = [key for key in there if key.namespace == namespace]
    for name in (*NAMES, "", "w", "web-"):
        found = list(targets.beginning(namespace, name))
        assert sorted(found) == sorted(key for key in here if key.name.startswith(name))
        kind = GroupKind("apps", "Deployment")
        of_kind = list(targets.beginning(namespace, name, kind))
        assert of_kind == [key for key in found if key.group_kind == kind]
        assert [key.name for key in of_kind] == sorted(key.name for key in of_kind)
        akin = [key for key in here if key.name == name or key.name.startswith(f"{name}-")]
        assert sorted(targets.akin(namespace, name)) == sorted(akin)


def test_nothing_is_kept_of_a_namespace_that_is_empty() -> None:
    key = WorkloadKey("shop", "apps", "Deployment", "web")
    targets = Targets([key])
    targets.remove(key)
    assert vars(targets) == vars(Targets())
