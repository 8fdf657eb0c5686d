"""What is counted of the Reports that are kept in the cluster."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class ReportCounters:
    """Prometheus' counters of them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._rounds = Counter(
            "scaleguard_reports_rounds",
            "Rounds in which Reports were seen to, by how they ended.",
            ("result",),
            registry=registry,
        )
        self._requests = Counter(
            "scaleguard_reports_requests",
            "Requests about Reports, by what they do and how they ended.",
            ("verb", "result"),
            registry=registry,
        )
        self._kept = Gauge(
            "scaleguard_reports_kept", "Reports that this replica keeps.", registry=registry
        )

    def ended(self, result: str) -> None:
        """Count a round: ok, absent, unread or failed."""
        self._rounds.labels(result).inc()

    def asked(self, verb: str, result: str) -> None:
        """Count a request: list, apply or delete."""
        self._requests.labels(verb, result).inc()

    def kept(self, count: int) -> None:
        """Note how many there are."""
        self._kept.set(count)
