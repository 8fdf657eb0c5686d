"""What is counted of the certificates that the controller keeps."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class CertificateCounters:
    """Prometheus' counters of them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._errors = Counter(
            "scaleguard_certificate_errors",
            "Rounds in which certificates could not be seen to.",
            registry=registry,
        )
        self._renewals = Counter(
            "scaleguard_certificate_renewals",
            "What was renewed: a leaf; steps of an authority or of the path of the webhook's URLs.",
            ("what",),
            registry=registry,
        )
        self._authority = Gauge(
            "scaleguard_authority_expiry_timestamp_seconds",
            "When the authority expires that signs now, in seconds since 1970; 0: not seen yet.",
            registry=registry,
        )

    def failed(self) -> None:
        """Count a round that failed."""
        self._errors.inc()

    def renewed(self, what: str) -> None:
        """Count what changed: leaf, authority or path."""
        self._renewals.labels(what).inc()

    def authority_expires(self, timestamp: float) -> None:
        """Note when the authority expires."""
        self._authority.set(timestamp)
