"""What a cluster does while the pods of a Deployment are replaced: played for local processes.

The Deployment's controller, kubelets, the EndpointSlice controller and kube-proxy, one after the
other as each learns of it, with the strategy of the chart: maxSurge 1, maxUnavailable 0.
"""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Protocol, Self

from tests.e2e.balancer import Balancer

PROPAGATION_SECONDS = 1.0
"""Until every node sends nothing new to a pod that goes, or something to one that is ready."""

PROBE_SECONDS = 2.0
"""How often a kubelet asks whether a pod is ready: `periodSeconds` of the chart."""

READY_WITHIN_SECONDS = 90


class Pod(Protocol):
    """A process that plays a pod."""

    @property
    def port(self) -> int:
        """Where it listens."""

    def start(self) -> None:
        """Start it."""

    def is_ready(self) -> bool:
        """What the readiness probe finds."""

    def end(self, patience_seconds: float) -> int:
        """Send SIGTERM and wait; return the exit status. Raises what is killed after the grace."""

    def log(self) -> str:
        """What it said."""


class Deployment:
    """Two pods behind an address; a context manager."""

    def __init__(
        self, service: Balancer, template: Callable[[], Pod], *, drain_seconds: float
    ) -> None:
        """`template` makes a pod, which listens on a port of its own.

        Before SIGTERM the pods sleep for `drain_seconds`, as the chart has it (`preStop`).
        """
        self.service = service
        self.template = template
        self._drain_seconds = drain_seconds
        self._grace_seconds = 15 + 2 * drain_seconds
        self._going: list[threading.Thread] = []
        self._stack = ExitStack()
        self.pods: list[Pod] = []
        self.exits: list[int] = []
        """With what the pods ended that were replaced."""
        self._logs: list[Callable[[], str]] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self._end_all)
            for _ in range(2):
                self._add()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def roll_out(self) -> None:
        """Replace each pod: a new one first, and once that is ready an old one goes."""
        for old in tuple(self.pods):
            self._add()
            self.pods.remove(old)
            going = threading.Thread(target=self._delete, args=(old,))
            going.start()
            self._going.append(going)

    def settle(self) -> None:
        """Wait until the pods that were replaced are gone."""
        for going in self._going:
            going.join()
        self._going.clear()

    def log(self) -> str:
        """What went wrong in all pods that there were."""
        lines = [line for log in self._logs for line in log().splitlines()]
        return "\n".join(line for line in lines if "WARN" in line or "ERROR" in line)

    def _add(self) -> None:
        pod = self.template()
        self.pods.append(pod)
        self._logs.append(pod.log)
        pod.start()
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        while not pod.is_ready():
            assert time.monotonic() < deadline, f"not ready:\n{pod.log()}"
            time.sleep(PROBE_SECONDS)
        time.sleep(PROPAGATION_SECONDS)
        self.service.backends = (*self.service.backends, pod.port)

    def _delete(self, pod: Pod) -> None:
        """The kubelet and those who send connections learn at once that it goes, each by itself."""
        time.sleep(PROPAGATION_SECONDS)
        kept = (port for port in self.service.backends if port != pod.port)
        self.service.backends = tuple(kept)
        time.sleep(max(0.0, self._drain_seconds - PROPAGATION_SECONDS))
        self.exits.append(pod.end(self._grace_seconds - self._drain_seconds))

    def _end_all(self) -> None:
        self.settle()
        for pod in self.pods:
            pod.end(self._grace_seconds)
