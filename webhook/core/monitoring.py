"""Ports that are there to be looked at, and make no server of a pod: metrics, health, profiles."""

import re

# As people call them: `metrics`, `http-metrics`, `tcp-prometheus-servicemonitor`, `healthz`.
_WORDS = re.compile(
    r"(?:^|-)(?:actuator|admin|debug|health|healthcheck|healthz|jmx|liveness|management|metrics?|mgmt"
    r"|monitor|monitoring|pprof|probes?|profil(?:e|er|ing)|prom|prometheus|readiness|telemetry)(?:-|$)"
)


def is_for_monitoring(*names: object) -> bool:
    """Whether one of the names that a port has says so."""
    return any(isinstance(name, str) and _WORDS.search(name.lower()) for name in names)
