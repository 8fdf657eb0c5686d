"""The API server asks about every pod that would be fitted or judged, and about plain pods never.

The conditions are those of the chart, evaluated by the API server itself. Policies that warn with
the conditions of the webhooks tell for one pod what comes of all of them.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.cases.check import review_of
from tests.controlplane.cluster import ControlPlane
from tests.e2e.charted import webhook_configurations, webhooks
from tests.e2e.dry_run import DryRun
from tests.e2e.kubectl import apply, wait_until
from tests.e2e.manifests import hpa
from tests.strategies.border_pods import CONFIGS, border_pods, plain_pods
from tests.strategies.pods import pods
from tests.strategies.worlds import NAMESPACE, claims
from webhook import config as configuration
from webhook.core.decide import Judge, mutate, validate
from webhook.core.review import read_review
from webhook.core.world import World
from webhook.wiring import build_judge

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

Raw = dict[str, Any]

PODS = 600

generated = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=PODS,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

ADMISSION = "admissionregistration.k8s.io/v1"
GPU_POD = {
    "spec": {"containers": [{"name": "a", "image": "a", "resources": {"limits": {"a/b": 1}}}]}
}
# Some name a pod as if it could be scaled.
_NAMED = {"scaleTargetRef": {"apiVersion": "v1", "kind": "Pod", "name": "pod"}, "maxReplicas": 3}
AROUND = [{**hpa("pod", "pod", namespace=NAMESPACE), "spec": _NAMED}]


def told_by(name: str, conditions: list[Raw]) -> list[Raw]:
    """A policy that warns of each pod for which all conditions hold; one that fails refuses it."""
    pods_created = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "resources": ["pods"],
        "operations": ["CREATE"],
    }
    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [pods_created]},
        "matchConditions": conditions,
        "validations": [{"expression": "false", "message": "asked"}],
    }
    binding = {"policyName": name, "validationActions": ["Warn"]}
    kind, metadata = "ValidatingAdmissionPolicy", {"name": name}
    return [
        {"apiVersion": ADMISSION, "kind": kind, "metadata": metadata, "spec": policy},
        {"apiVersion": ADMISSION, "kind": f"{kind}Binding", "metadata": metadata, "spec": binding},
    ]


def conditions(config: str) -> dict[str, list[Raw]]:
    """Those on which the webhooks are asked, by what they do."""
    made = webhook_configurations({"config": CONFIGS[config]})
    fitting = webhooks(made, "Mutating")["pods.scaleguard.io"]
    judging = webhooks(made, "Validating")["workloads.scaleguard.io"]
    return {"fit": fitting["matchConditions"], "judge": judging["matchConditions"]}


def asked(warnings: tuple[str, ...]) -> set[str]:
    found = (re.search(r"ValidatingAdmissionPolicy '([\w.]+)'", warning) for warning in warnings)
    return {match[1] for match in found if match is not None}


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with ControlPlane() as running:
        running.kubectl("create", "namespace", NAMESPACE)
        wait_until(lambda: "default" in running.kubectl("get", "sa", "-n", NAMESPACE).stdout)
        for config in CONFIGS:
            for what, listed in conditions(config).items():
                apply(running, *told_by(f"{what}.{config}", listed))
        wanted = {f"{what}.{config}" for what in ("fit", "judge") for config in CONFIGS}
        with DryRun(running) as api:
            wait_until(lambda: asked(api.create(GPU_POD, NAMESPACE).warnings) == wanted)
        yield running


@cache
def judge(config: str) -> Judge:
    return build_judge(configuration.parse(CONFIGS[config], config))


def concerned(raw: Raw, manifests: list[Raw], config: str) -> Iterator[str]:
    """What we do with a pod, by the code that decides."""
    by = judge(config)
    world = World.of(manifests, by.knowledge.kinds)
    request = read_review(json.loads(json.dumps(review_of(raw))))
    fitted = mutate(request, world, by)
    if fitted.ai_pod is not None or fitted.notes or not fitted.allowed:
        yield f"fit.{config}"
    judged = validate(request, world, by)
    if judged.findings or judged.notes or not judged.allowed:
        yield f"judge.{config}"


@dataclass
class Tally:
    accepted: int = 0
    asked: int = 0
    concerned: int = 0
    missed: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def add(self, raw: Raw, api: DryRun, manifests: list[Raw]) -> None:
        answer = api.create(raw, NAMESPACE)
        if not answer.accepted:
            assert "ondition" not in answer.why, answer.why
            self.refused.append(answer.why[:200])
            return
        found, shown = asked(answer.warnings), {**answer.body, "status": {}}
        wanted = {name for config in CONFIGS for name in concerned(shown, manifests, config)}
        self.accepted += 1
        self.asked += "fit.defaults" in found
        self.concerned += "fit.defaults" in wanted
        if not wanted <= found:
            self.missed.append(f"{sorted(wanted - found)}: {json.dumps(raw)}")

    def check(self, least: float) -> None:
        print(self.accepted, "accepted", self.asked, "asked about", self.concerned, "AI pods")
        print(*sorted(set(self.refused))[:10], sep="\n")
        shortest = sorted(self.missed, key=len)[:8]
        assert not self.missed, f"{len(self.missed)} were not asked about:\n" + "\n".join(shortest)
        assert self.accepted > least * PODS


@pytest.mark.parametrize("made", [border_pods(), pods()], ids=["border", "any"])
def test_whatever_would_be_fitted_or_judged_is_asked_about(
    plane: ControlPlane, made: st.SearchStrategy[Raw]
) -> None:
    tally = Tally()
    with DryRun(plane) as api:

        @generated
        @given(made, claims())
        def each(raw: Raw, claimed: list[Raw]) -> None:
            tally.add(raw, api, [*AROUND, *claimed])

        each()
    tally.check(least=0.8)
    assert tally.concerned > 0.2 * PODS


def test_plain_pods_are_asked_about_by_nobody(plane: ControlPlane) -> None:
    with DryRun(plane) as api:

        @settings(generated, max_examples=100)
        @given(plain_pods())
        def each(raw: Raw) -> None:
            answer = api.create(raw, NAMESPACE)
            assert answer.accepted, answer.why
            assert asked(answer.warnings) == set(), raw

        each()
