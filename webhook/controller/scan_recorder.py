"""What the scan counts."""

import time
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5)


class ScanCounters:
    """Prometheus' numbers of the scan."""

    def __init__(
        self, registry: CollectorRegistry, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.registry = registry
        self._clock = clock
        self._fresh: float | None = None
        """When a pass ended last, or leadership began; None while somebody else leads."""
        self._looks = Counter(
            "scaleguard_controller_scan_looks",
            "Looks of the scan at a workload, by what came of them.",
            ("result",),
            registry=registry,
        )
        self._seconds = Histogram(
            "scaleguard_controller_scan_look_seconds",
            "How long such a look takes.",
            registry=registry,
            buckets=_SECONDS,
        )
        self._deliveries = Counter(
            "scaleguard_controller_scan_deliveries",
            "Deliveries of the scan to the audit, by result.",
            ("result",),
            registry=registry,
        )
        self._of = Gauge(
            "scaleguard_controller_scan_pass_workloads",
            "Workloads of the last pass.",
            registry=registry,
        )
        self._done = Gauge(
            "scaleguard_controller_scan_pass_done",
            "Those of them that are looked at.",
            registry=registry,
        )
        self._took = Gauge(
            "scaleguard_controller_scan_pass_seconds",
            "How long the last pass took that came to its end.",
            registry=registry,
        )

    def looked(self, result: str, seconds: float) -> None:
        """Count a look: seen, failed."""
        self._looks.labels(result).inc()
        self._seconds.observe(seconds)

    def delivered(self, result: str) -> None:
        """Count a delivery: ok, failed, refused."""
        self._deliveries.labels(result).inc()

    def begun(self, count: int) -> None:
        """Note that a pass begins."""
        if self._fresh is None:
            self._fresh = self._clock()
        self.left(count, count)

    def left(self, count: int, left: int) -> None:
        """Note how far a pass is."""
        self._of.set(count)
        self._done.set(count - left)

    def ended(self, seconds: float) -> None:
        """Note that a pass is over."""
        self._fresh = self._clock()
        self._took.set(seconds)

    def rests(self) -> None:
        """Note that somebody else leads, or nobody can."""
        self._fresh = None
        self.left(0, 0)

    def show(
        self, depth: Callable[[], int], findings: Callable[[], Mapping[tuple[str, str], int]]
    ) -> None:
        """Show what is read at each scrape: what waits, what stands, how old the last pass is."""
        self.registry.register(_Now(depth, findings, self._age))

    def _age(self) -> float | None:
        return self._clock() - self._fresh if self._fresh is not None else None


class _Now(Collector):
    def __init__(
        self,
        depth: Callable[[], int],
        findings: Callable[[], Mapping[tuple[str, str], int]],
        age: Callable[[], float | None],
    ) -> None:
        self._depth = depth
        self._findings = findings
        self._age = age

    def collect(self) -> Iterable[Metric]:
        yield GaugeMetricFamily(
            "scaleguard_controller_scan_queue_depth",
            "Workloads that wait for a look of the scan.",
            self._depth(),
        )
        age = self._age()
        if age is not None:
            yield GaugeMetricFamily(
                "scaleguard_controller_scan_pass_age_seconds",
                "Time since a pass came to its end, or since this replica leads.",
                age,
            )
        found = GaugeMetricFamily(
            "scaleguard_controller_scan_findings",
            "Findings that stand, by rule and action.",
            labels=["rule", "action"],
        )
        for (rule, action), count in sorted(self._findings().items()):
            found.add_metric([rule, action], count)
        yield found
