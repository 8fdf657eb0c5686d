"""What became of records, told to whoever counts it."""

from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge

from webhook.audit.losses import Loss
from webhook.core.record import RecordKind


class Recorder(Protocol):
    """Takes in what became of records."""

    def kept(self, kind: RecordKind) -> None:
        """Count a record of a decision that was kept, by its kind."""
        ...

    def folded(self, count: int) -> None:
        """Count repeats that were kept with a record that was there."""
        ...

    def lost(self, loss: Loss, count: int) -> None:
        """Count what was not kept."""
        ...

    def dry_run(self) -> None:
        """Count a decision on a dry run, of which nothing is kept."""
        ...

    def waits(self, rows: int, size: int, oldest_seconds: float) -> None:
        """Note how much waits, and for how long."""
        ...

    def delivered(self, result: str) -> None:
        """Count a delivery by its result: ok, refused, or failed."""
        ...


class Counters:
    """Prometheus' numbers of one process; those of what waits are set by whoever delivers it."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = CollectorRegistry() if registry is None else registry
        self._kept = self._counter(
            "scaleguard_audit_records", "Decisions that were recorded, by kind.", "kind"
        )
        self._folded = self._counter("scaleguard_audit_folded", "Those that repeat one that waits.")
        self._lost = self._counter(
            "scaleguard_audit_lost", "Those that were not kept, and why.", "reason"
        )
        for loss in Loss:
            self._lost.labels(loss.value)
        self._dry_runs = self._counter(
            "scaleguard_audit_dry_runs", "Decisions on dry runs, of which nothing is kept."
        )
        self._deliveries = self._counter(
            "scaleguard_audit_deliveries", "Deliveries to the audit, by result.", "result"
        )
        self._rows = self._gauge("scaleguard_audit_spool_rows", "Records and decisions that wait.")
        self._bytes = self._gauge("scaleguard_audit_spool_bytes", "What they take.")
        self._age = self._gauge(
            "scaleguard_audit_spool_oldest_age_seconds", "How long the oldest one waits."
        )

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(name, documentation, labels, registry=self.registry)

    def _gauge(self, name: str, documentation: str) -> Gauge:
        # One process of several sets it; those that never did say 0.
        return Gauge(name, documentation, registry=self.registry, multiprocess_mode="livemax")

    def kept(self, kind: RecordKind) -> None:
        """Count a record that was kept."""
        self._kept.labels(kind.value).inc()

    def folded(self, count: int) -> None:
        """Count repeats."""
        self._folded.inc(count)

    def lost(self, loss: Loss, count: int) -> None:
        """Count what was not kept."""
        self._lost.labels(loss.value).inc(count)

    def dry_run(self) -> None:
        """Count a decision on a dry run."""
        self._dry_runs.inc()

    def waits(self, rows: int, size: int, oldest_seconds: float) -> None:
        """Note how much waits."""
        self._rows.set(rows)
        self._bytes.set(size)
        self._age.set(oldest_seconds)

    def delivered(self, result: str) -> None:
        """Count a delivery."""
        self._deliveries.labels(result).inc()
