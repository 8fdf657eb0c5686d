"""What the audit's server counts; labels are few: never a name or a user."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from webhook.audit.store.retention import Forgotten
from webhook.audit.store.standing import Stood
from webhook.audit.store.taking import Taken

# From a row in a warm file to a delivery of thousands while PostgreSQL is busy.
_BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The counters of one process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = CollectorRegistry() if registry is None else registry
        self._requests = self._counter(
            "scaleguard_audit_requests", "Requests by how they ended.", "endpoint", "result"
        )
        self._decisions = self._counter(
            "scaleguard_audit_decisions", "Decisions that were delivered.", "what"
        )
        self._standings = self._counter(
            "scaleguard_audit_standings", "What the background scan told.", "what"
        )
        self._forgotten = self._counter(
            "scaleguard_audit_forgotten", "Rows that were forgotten, and why.", "what"
        )
        self._errors = self._counter(
            "scaleguard_audit_retention_errors", "Rounds of forgetting that failed."
        )
        # Of several processes each has looked at the same store.
        self._bytes = Gauge(
            "scaleguard_audit_store_bytes",
            "What the store takes.",
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self._seconds = Histogram(
            "scaleguard_audit_request_seconds",
            "Time to an answer.",
            ("endpoint",),
            buckets=_BUCKETS_SECONDS,
            registry=self.registry,
        )

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(name, documentation, labels, registry=self.registry)

    def answered(self, endpoint: str, result: str, seconds: float) -> None:
        """Count a request, whatever its end."""
        self._requests.labels(endpoint, result).inc()
        self._seconds.labels(endpoint).observe(seconds)

    def taken(self, taken: Taken) -> None:
        """Count what was delivered."""
        self._decisions.labels("new").inc(taken.new)
        self._decisions.labels("repeated").inc(taken.repeated)

    def stood(self, stood: Stood) -> None:
        """Count what the background scan told."""
        self._standings.labels("taken").inc(stood.taken)
        self._standings.labels("older").inc(stood.older)
        self._standings.labels("appeared").inc(stood.appeared)
        self._standings.labels("over").inc(stood.over)

    def forgotten(self, forgotten: Forgotten) -> None:
        """Count what was forgotten."""
        self._forgotten.labels("decision_by_age").inc(forgotten.decisions_by_age)
        self._forgotten.labels("decision_by_rows").inc(forgotten.decisions_by_rows)
        self._forgotten.labels("finding").inc(forgotten.findings)

    def takes(self, size: int) -> None:
        """Note how large the store is."""
        self._bytes.set(size)

    def could_not_forget(self) -> None:
        """Count a round of forgetting that failed."""
        self._errors.inc()
