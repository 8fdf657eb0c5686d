"""The judge of a program that runs on: configuration and rules are followed."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from webhook.config import Config
from webhook.core.decide import Judge
from webhook.policy.engine import put_back
from webhook.wiring import judge_of, warn_of_references

if TYPE_CHECKING:
    from webhook.reload.reloading import Reloading
    from webhook.reload.sources import LastGood, Material, Sources

_AT_START: Mapping[str, Callable[[Config], object]] = {
    "consistency": lambda config: config.consistency,
    "staleAfterSeconds": lambda config: config.stale_after_seconds,
}
"""What a cluster is followed by from the start on: a change of it waits for a restart."""


OF_MANIFESTS: Mapping[str, Callable[[Config], object]] = {
    "workloads": lambda config: config.workloads,
}
"""By what a folder of manifests is read, once."""


def waiting_for_restart(
    first: Config, now: Config, keys: Mapping[str, Callable[[Config], object]] = _AT_START
) -> list[str]:
    """Name the keys whose change only a restart applies."""
    return [key for key, value in keys.items() if value(first) != value(now)]


def follow_files(
    sources: "Sources",
    begun: "Material",
    last_good: "LastGood",
    waiting: Callable[[Config], list[str]] = lambda _config: [],
    controller: str | None = None,
) -> "Reloading":
    """Begin to follow the files, in a worker; `controller` is who labels VPAs as managed."""
    from webhook.policy.custom.recorder import Counters as CustomCounters  # noqa: PLC0415
    from webhook.policy.custom.rules import Terms  # noqa: PLC0415
    from webhook.reload.recorder import Counters  # noqa: PLC0415 - as in `serving`
    from webhook.reload.reloading import Making, Reloading  # noqa: PLC0415

    custom = CustomCounters()

    def make(material: "Material") -> Judge:
        told = material.config.custom
        terms = Terms(told.timeout_seconds, told.on_failure == "fail", custom)
        judge = judge_of(material.config, material.modules, terms)
        warn_of_references(material.modules)
        return replace(judge, controller=controller)

    making = Making(sources, make, last_good.keep, put_back, waiting)
    judge = make(begun)
    return Reloading(begun, judge, making, Counters()).start()
