"""What became of the files, told to whoever counts it."""

from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge


class Recorder(Protocol):
    """Takes in what became of the files."""

    def in_use(self, shown_hash: str, now: float) -> None:
        """Note which configuration judges from now on."""
        ...

    def reloaded(self, result: str) -> None:
        """Count a change of the files: applied or refused."""
        ...


class Counters:
    """Prometheus' numbers of one process. Each of several processes reloads for itself."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = CollectorRegistry() if registry is None else registry
        self._reloads = Counter(
            "scaleguard_config_reloads",
            "Changes of the configuration or the rules, by what became of them.",
            ("result",),
            registry=self.registry,
        )
        for result in ("applied", "refused"):
            self._reloads.labels(result)
        self._successful = Gauge(
            "scaleguard_config_last_reload_successful",
            "1: what the files say is in use; 0: they are refused, the last good ones judge.",
            registry=self.registry,
            multiprocess_mode="livemin",
        )
        self._when = Gauge(
            "scaleguard_config_last_reload_timestamp_seconds",
            "When the configuration in use was taken up.",
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self._info = Gauge(
            "scaleguard_config_info",
            "1 for the hash of the configuration and the rules in use.",
            ("hash",),
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self._hash: str | None = None

    def in_use(self, shown_hash: str, now: float) -> None:
        """Note which configuration judges from now on."""
        # Files of shared metrics forget nothing; an info of 0 is left out where they are shown.
        if self._hash is not None:
            self._info.labels(self._hash).set(0)
        self._info.labels(shown_hash).set(1)
        self._hash = shown_hash
        self._successful.set(1)
        self._when.set(now)

    def reloaded(self, result: str) -> None:
        """Count a change of the files."""
        self._reloads.labels(result).inc()
        self._successful.set(result == "applied")
