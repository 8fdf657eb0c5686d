"""What a controller counts, read back."""

from prometheus_client import CollectorRegistry

from webhook.controller.recorder import Counters


class Counted:
    """Counters of a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.counters = Counters(self.registry)

    def requests(self, verb: str, result: str = "ok") -> float:
        return self.value("requests_total", verb=verb, result=result)

    def looks(self, result: str) -> float:
        return self.value("reconciles_total", result=result)

    def value(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"scaleguard_controller_{name}", labels) or 0.0
