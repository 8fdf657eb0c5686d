"""The largest nodes of a cluster, as they come, change and go."""

from webhook.core.nodes import HOSTNAME_LABEL, NodeShape, Taint
from webhook.core.pools import Pools

TAINT = Taint("dedicated", "db", "NoSchedule")


def node(name: str, cpu: int, memory: int, *taints: Taint, **more: int) -> NodeShape:
    labels = {HOSTNAME_LABEL: name, "zone": "a"}
    given = {"cpu": cpu, "memory": memory, "pods": 110, **more}
    return NodeShape(name, given, labels, taints)


def names(pools: Pools) -> list[str]:
    return [shape.name for shape in pools.largest()]


def test_of_a_pool_the_largest_of_each_resource_stand_for_all() -> None:
    pools = Pools()
    for one in (node("a", 4, 8), node("b", 2, 16), node("c", 3, 9), node("d", 1, 1, TAINT)):
        pools.put(one)
    assert names(pools) == ["a", "b", "d"]
    a, _, d = pools.largest()
    assert (a.allocatable, a.labels, a.taints) == ({"cpu": 4, "memory": 8}, {"zone": "a"}, ())
    assert d.taints == (TAINT,)
    pools.remove("a")
    assert names(pools) == ["c", "b", "d"]


def test_one_that_does_not_say_how_much_may_be_the_largest() -> None:
    pools = Pools()
    pools.put(node("a", 4, 8))
    pools.put(NodeShape("new", {}, {"zone": "a"}))
    assert names(pools) == ["new"]


def test_nodes_with_other_devices_are_another_pool() -> None:
    pools = Pools()
    pools.put(node("a", 4, 8))
    pools.put(node("g", 2, 4, **{"nvidia.com/gpu": 1, "rdma/hca": 0}))
    assert names(pools) == ["a", "g"]
    assert pools.largest()[1].allocatable == {"cpu": 2, "memory": 4, "nvidia.com/gpu": 1}


def test_a_node_changes_and_goes() -> None:
    pools = Pools()
    pools.put(node("a", 4, 8))
    before = pools.largest()
    pools.put(node("a", 4, 8))
    assert pools.largest() is before, "a heartbeat costs nothing"
    pools.put(node("a", 6, 8))
    assert pools.largest()[0].allocatable["cpu"] == 6
    pools.put(node("a", 6, 8, TAINT))
    assert pools.largest()[0].taints == (TAINT,)
    pools.remove("a")
    pools.remove("a")
    assert names(pools) == []
