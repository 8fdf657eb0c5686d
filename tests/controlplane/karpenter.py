"""Karpenter, a real node autoscaler, beside the control plane; its kwok provider makes the nodes.

It decides as it does in a cloud: from pending pods, node pools and instance types. Only the
machines are not there; the control plane must have been started with ``kwok``, which plays their
kubelet.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from tests.controlplane.process import Child, free_ports

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.controlplane.cluster import ControlPlane

# It would wait for its workers, and what they write then is thrown away.
_STOP_SECONDS = 0.5
_GROUP, _NODE_CLASS = "karpenter.kwok.sh", "default"


@dataclass(frozen=True, slots=True)
class Pool:
    """A NodePool of one instance type: what its machines have, cost and repel."""

    name: str
    resources: Mapping[str, str]
    price: float
    taints: Sequence[Mapping[str, str]] = field(default_factory=tuple)

    @property
    def instance_type(self) -> dict[str, Any]:
        """The pool's instance type as the kwok provider reads it; one offering is enough."""
        where = {"karpenter.sh/capacity-type": "on-demand", "topology.kubernetes.io/zone": "a"}
        requirements = [_is_in(key, value) for key, value in where.items()]
        return {
            "name": self._type_name,
            "architecture": "amd64",
            "operatingSystems": ["linux"],
            "resources": dict(self.resources),
            "offerings": [{"Price": self.price, "Available": True, "Requirements": requirements}],
        }

    @property
    def manifest(self) -> dict[str, Any]:
        """The NodePool. The provider offers every type to every pool, so it names its own."""
        node_class = {"group": _GROUP, "kind": "KWOKNodeClass", "name": _NODE_CLASS}
        spec = {
            "nodeClassRef": node_class,
            "requirements": [_is_in("node.kubernetes.io/instance-type", self._type_name)],
            "taints": [dict(taint) for taint in self.taints],
        }
        return {
            "apiVersion": "karpenter.sh/v1",
            "kind": "NodePool",
            "metadata": {"name": self.name},
            # A node that a test looks at must not be taken away for being empty.
            "spec": {"template": {"spec": spec}, "disruption": {"consolidateAfter": "Never"}},
        }

    @property
    def _type_name(self) -> str:
        return f"{self.name}-type"


class Karpenter:
    """A Karpenter with these pools; a context manager.

    Its two ports, for health and metrics, are open on every address of the machine while it runs:
    the program has no option for the host, only for the ports. They answer GET and change nothing.
    """

    def __init__(self, plane: ControlPlane, *pools: Pool) -> None:
        self._plane = plane
        self._pools = pools
        self._child: Child | None = None

    def start(self) -> Self:
        """Install its CRDs, start it, and return when its pools are ready to grow."""
        plane = self._plane
        plane.install_crds("karpenter")
        types = plane.layout.folder / "instance-types.json"
        types.write_text(json.dumps([pool.instance_type for pool in self._pools]))
        health, metrics = free_ports(2)
        environment = {
            "KUBECONFIG": str(plane.user("karpenter", "system:masters")),
            "INSTANCE_TYPES_FILE_PATH": str(types),
            "DISABLE_LEADER_ELECTION": "true",
            "HEALTH_PROBE_PORT": str(health),
            "METRICS_PORT": str(metrics),
        }
        self._child = child = plane.run("karpenter", environment=environment)
        try:
            plane.wait_for(child, lambda: plane.answers(health, "/readyz", tls=False))
            node_class = {"kind": "KWOKNodeClass", "metadata": {"name": _NODE_CLASS}}
            objects = [
                {"apiVersion": f"{_GROUP}/v1alpha1", **node_class},
                *(pool.manifest for pool in self._pools),
            ]
            listed = {"apiVersion": "v1", "kind": "List", "items": objects}
            plane.kubectl("create", "-f", "-", input=json.dumps(listed))
            plane.wait_for(child, self._pools_are_ready)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End it; the nodes that it made stay."""
        if self._child is not None:
            self._child.terminate()
            self._child.reap(time.monotonic() + _STOP_SECONDS)

    def tail(self, lines: int = 25) -> str:
        """Return the end of its log."""
        return "(not started)" if self._child is None else self._child.tail(lines)

    def _pools_are_ready(self) -> bool:
        pools = json.loads(self._plane.kubectl("get", "nodepools", "-o", "json").stdout)["items"]
        conditions = [pool.get("status", {}).get("conditions", []) for pool in pools]
        return all(
            any(each["type"] == "Ready" and each["status"] == "True" for each in listed)
            for listed in conditions
        )

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _is_in(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "operator": "In", "values": [value]}
