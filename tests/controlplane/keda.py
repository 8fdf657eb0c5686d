"""KEDA's operator beside the control plane: what makes an HPA of each ScaledObject.

The operator alone. Its own admission webhook is left out, so that whatever is refused is refused by
others; and so is its metrics adapter, without which no HPA learns the value of an external metric.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from tests.controlplane.components import LOOPBACK
from tests.controlplane.process import Child, free_ports

if TYPE_CHECKING:
    from tests.controlplane.cluster import ControlPlane

# It would wait for its workers, and what they write then is thrown away.
_STOP_SECONDS = 0.5


class Keda:
    """An operator for every namespace of a control plane, on loopback; a context manager."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._child: Child | None = None

    def start(self) -> Self:
        """Install its CRDs, start it, and return when its controllers have been started."""
        plane = self._plane
        plane.install_crds("keda")
        health, metrics_service = free_ports(2)
        arguments = [
            f"--health-probe-bind-address={LOOPBACK}:{health}",
            f"--metrics-service-bind-address={LOOPBACK}:{metrics_service}",
            "--enable-prometheus-metrics=false",
            f"--cert-dir={self._certificates()}",
        ]
        environment = {
            "KUBECONFIG": str(plane.user("keda-operator", "system:masters")),
            # Empty: every namespace. Unset: it does not start.
            "WATCH_NAMESPACE": "",
            # Where it is no pod it cannot tell by itself.
            "KEDA_CLUSTER_OBJECT_NAMESPACE": "default",
        }
        self._child = child = plane.run("keda-operator", *arguments, environment=environment)
        try:
            plane.wait_for(child, lambda: plane.answers(health, "/readyz", tls=False))
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End it; the HPAs that it made stay."""
        if self._child is not None:
            self._child.terminate()
            self._child.reap(time.monotonic() + _STOP_SECONDS)

    def tail(self, lines: int = 25) -> str:
        """Return the end of its log."""
        return "(not started)" if self._child is None else self._child.tail(lines)

    def _certificates(self) -> str:
        """Write what its gRPC server wants before it listens; nobody calls it here."""
        layout = self._plane.layout
        folder = layout.folder / "keda"
        folder.mkdir(exist_ok=True)
        layout.client("keda-operator").write(folder, "tls")
        (folder / "ca.crt").write_bytes(layout.authority.read_bytes())
        return str(folder)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
