"""What became of the rules of users, told to whoever counts it."""

from collections.abc import Iterable
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge


class Recorder(Protocol):
    """Takes in how custom rules do."""

    def in_use(self, packages: Iterable[str]) -> None:
        """Note which packages are asked from now on."""
        ...

    def failed(self, package: str, reason: str) -> None:
        """Count a document of which a package said nothing."""
        ...

    def switched_off(self, package: str) -> None:
        """Note that a package is asked no more."""
        ...


class Counters:
    """Prometheus' numbers of one process. Each of several processes decides for itself."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = CollectorRegistry() if registry is None else registry
        self._failures = Counter(
            "scaleguard_custom_rules_failures",
            "Documents of which a package of custom rules said nothing, by the reason.",
            ("package", "reason"),
            registry=self.registry,
        )
        self._off = Gauge(
            "scaleguard_custom_rules_off",
            "1: the package failed too often and is asked no more, until files change; 0: it is.",
            ("package",),
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self._known: set[str] = set()

    def in_use(self, packages: Iterable[str]) -> None:
        """Show every package, and one that is gone as not switched off."""
        self._known |= set(packages)
        for package in self._known:
            self._off.labels(package).set(0)

    def failed(self, package: str, reason: str) -> None:
        """Count a failure."""
        self._failures.labels(package, reason).inc()

    def switched_off(self, package: str) -> None:
        """Show it."""
        self._off.labels(package).set(1)


class Nobody:
    """Counts nothing: where a failure ends the command."""

    def in_use(self, packages: Iterable[str]) -> None:
        """Do nothing."""

    def failed(self, package: str, reason: str) -> None:
        """Do nothing."""

    def switched_off(self, package: str) -> None:
        """Do nothing."""
