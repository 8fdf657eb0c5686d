"""What the controller counts."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5)


class Counters:
    """Prometheus' counters of the controller."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._reconciles = Counter(
            "scaleguard_controller_reconciles",
            "Looks at a workload, by what came of them.",
            ("result",),
            registry=registry,
        )
        self._seconds = Histogram(
            "scaleguard_controller_reconcile_seconds",
            "How long such a look takes, with what it writes.",
            registry=registry,
            buckets=_SECONDS,
        )
        self._requests = Counter(
            "scaleguard_controller_requests",
            "Requests to the API server beside watches, by what they do and how they ended.",
            ("verb", "result"),
            registry=registry,
        )
        self._leads = Gauge(
            "scaleguard_controller_leader",
            "1 where this replica is the one that writes.",
            registry=registry,
        )

    def looked(self, result: str, seconds: float) -> None:
        """Count a look at a workload."""
        self._reconciles.labels(result).inc()
        self._seconds.observe(seconds)

    def asked(self, verb: str, result: str) -> None:
        """Count a request: apply, trim, delete, event, try."""
        self._requests.labels(verb, result).inc()

    def leads(self, *, is_leader: bool) -> None:
        """Note whether this replica writes."""
        self._leads.set(is_leader)

    def show(self, depth: Callable[[], int], vpas: Callable[[], Mapping[str, int]]) -> None:
        """Show what is read at each scrape: keys that wait, managed VPAs by mode."""
        self.registry.register(_Now(depth, vpas))


class _Now(Collector):
    def __init__(self, depth: Callable[[], int], vpas: Callable[[], Mapping[str, int]]) -> None:
        self._depth = depth
        self._vpas = vpas

    def collect(self) -> Iterable[Metric]:
        yield GaugeMetricFamily(
            "scaleguard_controller_queue_depth", "Workloads that wait for a look.", self._depth()
        )
        managed = GaugeMetricFamily(
            "scaleguard_managed_vpas", "VPAs that the controller made, by mode.", labels=["mode"]
        )
        for mode, count in sorted(self._vpas().items()):
            managed.add_metric([mode], count)
        yield managed
