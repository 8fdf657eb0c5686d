"""The webhook configurations of the chart, whatever the values are."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.chart import CHART, Helm

pytestmark = [pytest.mark.controlplane]

CI_VALUES = sorted((CHART / "ci").glob("*-values.yaml"))
MUTATING, VALIDATING = "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"
# As its admission controller names it: of two configurations the API server calls that one first
# whose name comes first.
VPA = "vpa-webhook-config"
MAY_FAIL_CLOSED = {"autoscalers.scaleguard.io", "pods.scaleguard.io"}


@pytest.mark.parametrize("release", ["scaleguard", "zz-guard"])
@pytest.mark.parametrize("values", CI_VALUES, ids=lambda path: path.stem)
def test_what_the_api_server_is_told(values: Path, release: str, tmp_path: Path) -> None:
    text = Helm(tmp_path)("template", release, str(CHART), "-n", "guard", "-f", str(values))
    made = {one["kind"]: one for one in yaml.safe_load_all(text)}
    given = yaml.safe_load(values.read_text("utf-8"))
    wanted = given.get("webhooks", {}).get("annotations", {})
    for kind in (MUTATING, VALIDATING):
        for entry in made.get(kind, {"webhooks": []})["webhooks"]:
            check(entry, mutating=kind == MUTATING)
        if kind in made:
            assert made[kind]["metadata"]["name"] < VPA
            assert wanted.items() <= made[kind]["metadata"].get("annotations", {}).items()
    closed = {
        entry["name"] for entry in made[VALIDATING]["webhooks"] if entry["failurePolicy"] == "Fail"
    }
    assert closed == (MAY_FAIL_CLOSED if values.stem.startswith("fail-closed") else set())


def check(entry: dict[str, Any], *, mutating: bool) -> None:
    assert entry["timeoutSeconds"] <= 3
    assert entry["matchPolicy"] == "Equivalent"
    assert entry["sideEffects"] in {"None", "NoneOnDryRun"}
    (names, ignored) = entry["namespaceSelector"]["matchExpressions"]
    assert {"kube-system", "kube-node-lease", "guard"} <= {*names["values"]}
    assert ignored["key"] == "scaleguard.io/ignore"
    if mutating:
        assert entry["failurePolicy"] == "Ignore"
        assert entry["reinvocationPolicy"] == "IfNeeded"
