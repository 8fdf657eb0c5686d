"""What happens with the cluster's state, told to whoever counts it."""

from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge


class Recorder(Protocol):
    """Takes in what is worth counting; called by many threads."""

    def event(self, resource: str, kind: str) -> None:
        """Count an event of a watch: added, modified, deleted, bookmark."""
        ...

    def relisted(self, resource: str, reason: str) -> None:
        """Count a list, and why it was made: start, gone, error."""
        ...

    def failed(self, resource: str, reason: str) -> None:
        """Count a request of a watch that failed."""
        ...

    def state(self, resource: str, age_seconds: float, held: int) -> None:
        """Note the age of the last sign of life, and how many objects are held."""
        ...

    def looked_up(self, what: str, result: str) -> None:
        """Count a read that a judgement asked for: of a workload, a claim, or a counterpart."""
        ...

    def settled(self, outcome: str) -> None:
        """Count a request that was settled between replicas, or could not be."""
        ...

    def ledger_asked(self, verb: str, result: str) -> None:
        """Count a request about the ledger itself: get, create, update."""
        ...

    def ledger_held(self, entries: int) -> None:
        """Note how many requests in flight are known."""
        ...

    def told(self, result: str) -> None:
        """Count an event on an object, by how it ended."""
        ...


class Silent:
    """Counts nothing."""

    def event(self, resource: str, kind: str) -> None:
        """Count nothing."""

    def relisted(self, resource: str, reason: str) -> None:
        """Count nothing."""

    def failed(self, resource: str, reason: str) -> None:
        """Count nothing."""

    def state(self, resource: str, age_seconds: float, held: int) -> None:
        """Note nothing."""

    def looked_up(self, what: str, result: str) -> None:
        """Count nothing."""

    def settled(self, outcome: str) -> None:
        """Count nothing."""

    def ledger_asked(self, verb: str, result: str) -> None:
        """Count nothing."""

    def ledger_held(self, entries: int) -> None:
        """Note nothing."""

    def told(self, result: str) -> None:
        """Count nothing."""


class Counters:
    """Prometheus' counters of one process.

    The gauges are those of the worker that is worst off: each process has watches of its own.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = CollectorRegistry() if registry is None else registry
        count, gauge = self._counter, self._gauge
        self._events = count("scaleguard_watch_events", "Events of watches.", "resource", "type")
        self._relists = count(
            "scaleguard_watch_relists", "Full lists, by why they were made.", "resource", "reason"
        )
        self._errors = count(
            "scaleguard_watch_errors", "Failed requests of watches.", "resource", "reason"
        )
        self._lookups = count(
            "scaleguard_lookups",
            "Reads that a judgement asked for, by what was read and how that ended.",
            "what",
            "result",
        )
        self._settled = count(
            "scaleguard_ledger_reviews",
            "Reviews with strict consistency, by how they were settled between replicas.",
            "outcome",
        )
        self._ledger_requests = count(
            "scaleguard_ledger_requests",
            "Requests about the ledger of requests in flight, by how they ended.",
            "verb",
            "result",
        )
        self._ledger_entries = gauge(
            "scaleguard_ledger_entries", "Entries of the ledger, when it was last read."
        )
        self._told = count(
            "scaleguard_events",
            "Events that tell of refusals, by how they ended.",
            "result",
        )
        self._age = gauge(
            "scaleguard_watch_last_event_age_seconds",
            "Time since the API server last said anything about a resource.",
            "resource",
        )
        self._held = gauge(
            "scaleguard_watch_objects", "Objects that are held in memory.", "resource"
        )

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(name, documentation, labels, registry=self.registry)

    def _gauge(self, name: str, documentation: str, *labels: str) -> Gauge:
        return Gauge(
            name, documentation, labels, registry=self.registry, multiprocess_mode="livemax"
        )

    def event(self, resource: str, kind: str) -> None:
        """Count an event of a watch."""
        self._events.labels(resource, kind).inc()

    def relisted(self, resource: str, reason: str) -> None:
        """Count a list."""
        self._relists.labels(resource, reason).inc()

    def failed(self, resource: str, reason: str) -> None:
        """Count a request of a watch that failed."""
        self._errors.labels(resource, reason).inc()

    def state(self, resource: str, age_seconds: float, held: int) -> None:
        """Note the age of the last sign of life, and how many objects are held."""
        self._age.labels(resource).set(age_seconds)
        self._held.labels(resource).set(held)

    def looked_up(self, what: str, result: str) -> None:
        """Count a read that a judgement asked for."""
        self._lookups.labels(what, result).inc()

    def settled(self, outcome: str) -> None:
        """Count a request that was settled between replicas, or could not be."""
        self._settled.labels(outcome).inc()

    def ledger_asked(self, verb: str, result: str) -> None:
        """Count a request about the ledger itself."""
        self._ledger_requests.labels(verb, result).inc()

    def ledger_held(self, entries: int) -> None:
        """Note how many requests in flight are known."""
        self._ledger_entries.set(entries)

    def told(self, result: str) -> None:
        """Count an event on an object, by how it ended."""
        self._told.labels(result).inc()
