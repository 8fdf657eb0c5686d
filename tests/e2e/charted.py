"""The webhook before a real API server that asks as the chart says: its rules, its conditions."""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.controlplane.cluster import ControlPlane
from tests.e2e.chart import CHART, NAMESPACE, RELEASE, Helm
from tests.e2e.guard import Guard

Raw = dict[str, Any]


def webhook_configurations(values: Raw) -> list[Raw]:
    """The webhook configurations that the chart makes with these values."""
    with tempfile.TemporaryDirectory(prefix="scaleguard-chart-") as name:
        folder = Path(name)
        (folder / "values.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
        templates = (
            f"templates/{one}webhookconfiguration.yaml" for one in ("mutating", "validating")
        )
        only = [argument for each in templates for argument in ("--show-only", each)]
        rendered = Helm(folder)(
            *("template", RELEASE, str(CHART), "--namespace", NAMESPACE),
            *("--values", str(folder / "values.yaml"), *only),
        )
    return list(yaml.safe_load_all(rendered))


def webhooks(configurations: Iterable[Raw], kind: str) -> dict[str, Raw]:
    """The entries of the configurations of a kind, by their names."""
    return {
        entry["name"]: entry
        for configuration in configurations
        if configuration["kind"] == f"{kind}WebhookConfiguration"
        for entry in configuration["webhooks"]
    }


class ChartedGuard(Guard):
    """Registered as the chart has it, at the address of the process."""

    def __init__(self, plane: ControlPlane, arguments: Sequence[str] = ()) -> None:
        super().__init__(plane, arguments=arguments)
        self.values: Raw = {}
        """Those of the chart, for the next `register`."""

    def configurations(self, bundle: str) -> list[Raw]:
        made = webhook_configurations(self.values)
        for configuration in made:
            for entry in configuration["webhooks"]:
                path = "mutate" if configuration["kind"].startswith("Mutating") else "validate"
                url = f"https://127.0.0.1:{self.port}/{path}"
                entry["clientConfig"] = {"url": url, "caBundle": bundle}
        return made
