"""What is counted. Labels are few and bounded: never a name or a user."""

from collections.abc import Callable, Iterable
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram

from webhook.core.finding import Finding

# From what a cached judgement takes to what an API server waits at most (timeoutSeconds is 3 or
# less in our webhook configurations).
_BUCKETS_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0)


class Metrics:
    """The counters of one process; worker processes are added up where they are served."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = CollectorRegistry() if registry is None else registry
        self._reviews = self._counted_by(
            "scaleguard_reviews", "Reviews by how they ended.", "endpoint", "result"
        )
        self._findings = self._counted_by(
            "scaleguard_findings",
            "Findings by rule, action and kind, and by what it would have been in mode enforce.",
            *("rule", "action", "kind", "would"),
        )
        self._exemptions = self._counted_by(
            "scaleguard_exemptions_used", "Findings that an exemption made harmless.", "rule"
        )
        self._mutations = self._counted_by(
            "scaleguard_mutations",
            "Pods that got a patch, by the class of pod, and those that would have got one.",
            *("class", "would"),
        )
        self._cannot_judge = self._counted_by(
            "scaleguard_cannot_judge",
            "Reviews that failed, so that failurePolicy decided.",
            "endpoint",
        )
        self._shed = self._counter("scaleguard_shed", "Reviews sent away under load.")
        self._wrong_paths = self._counter(
            "scaleguard_wrong_paths", "Requests at a path that is not served: not an API server's."
        )
        seconds = Histogram(
            "scaleguard_review_seconds",
            "Time from the first byte of the body to the answer.",
            ("endpoint",),
            buckets=_BUCKETS_SECONDS,
            registry=self.registry,
        )
        self._seconds = cache(seconds.labels)

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(name, documentation, labels, registry=self.registry)

    def _counted_by(self, name: str, documentation: str, *labels: str) -> Callable[..., Counter]:
        """Make a counter with labels; to find what is counted by them takes a lock each time."""
        return cache(self._counter(name, documentation, *labels).labels)

    def reviewed(self, endpoint: str, result: str, seconds: float) -> None:
        """Count a review that ended, whatever its end."""
        self._reviews(endpoint, result).inc()
        self._seconds(endpoint).observe(seconds)

    def found(self, kind: str, findings: Iterable[Finding]) -> None:
        """Count the findings of a decision on a kind: one that is known, or nothing is found."""
        for finding in findings:
            would = finding.would.value if finding.would is not None else ""
            self._findings(finding.rule, finding.action.value, kind, would).inc()
            if finding.exempted_by is not None:
                self._exemptions(finding.rule).inc()

    def mutated(self, workload_class: str, *, withheld: bool = False) -> None:
        """Count a pod that got a patch, or would have got one in another mode."""
        self._mutations(workload_class, "patch" if withheld else "").inc()

    def cannot_judge(self, endpoint: str) -> None:
        """Count a review that failed for want of a judgement, or by a fault of ours."""
        self._cannot_judge(endpoint).inc()

    def wrong_path(self) -> None:
        """Count a request of somebody who does not know where reviews are asked for."""
        self._wrong_paths.inc()

    def shed(self) -> None:
        """Count a review that was sent away under load."""
        self._shed.inc()
