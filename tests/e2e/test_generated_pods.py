"""Whatever pod a real API server accepts, it accepts after the webhook's patch, too.

Generated pods are created in dry runs: as they are written, and what comes back of that, which is
what a webhook is shown, with our patch. Namespaces differ in what they fill in and refuse.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.controlplane.cluster import ControlPlane
from tests.e2e.dry_run import DryRun
from tests.e2e.kubectl import wait_until
from tests.e2e.spaces import (
    MEMORY_PRESSURE,
    OF_EVERY_POD,
    Raw,
    Space,
    keys,
    limit_range,
    prepared,
    quota,
)
from tests.strategies.applied import CONFIGS, fit
from tests.strategies.pods import pods
from tests.strategies.readings import qos
from tests.strategies.worlds import claims

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

# Of these each is tried in every namespace, twice; `make generated-pods` tries more.
PODS = int(os.environ.get("SCALEGUARD_GENERATED_PODS", "200"))

# No shrinking: a pod that fails is told as it is, and hundreds of requests are not made for it.
generated = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=PODS,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

LARGEST = {"cpu": "16", "memory": "64Gi"}
DEFAULTS = {"default": LARGEST, "defaultRequest": {"cpu": "500m", "memory": "512Mi"}}
RATIO = {"maxLimitRequestRatio": {"cpu": "16"}}
SKU = {"key": "sku", "operator": "Equal", "value": "gpu"}

BARE = Space("bare", least=0.9)
SPACES = (
    BARE,
    Space("defaults", (limit_range("Container", **DEFAULTS),), least=0.9),
    Space("cpu-alone", (limit_range("Container", max={"cpu": "16"}),), least=0.9),
    Space("between", (limit_range("Container", min={"cpu": "1m"}, max=LARGEST),), least=0.5),
    Space("ratio", (limit_range("Container", max={"cpu": "16"}, **RATIO),), least=0.5),
    Space("per-pod", (limit_range("Pod", max={"memory": "70Gi"}),), least=0.4),
    Space(
        "per-pod-both",
        (limit_range("Pod", max={"cpu": "17", "memory": "66Gi"}, min={"cpu": "1m"}),),
        least=0.3,
    ),
    Space("quota", (quota({"pods": "9", "requests.nvidia.com/gpu": "9k"}),), least=0.9),
    Space("quota-on-cpu", (quota({"requests.cpu": "40", "limits.memory": "4Ti"}),), least=0.05),
    Space(
        "quota-filled",
        (limit_range("Container", **DEFAULTS), quota({"requests.cpu": "60"})),
        least=0.7,
    ),
    Space(
        "whitelist",
        whitelist=(
            *keys(*OF_EVERY_POD, MEMORY_PRESSURE, "nvidia.com/gpu", "amd.com/gpu", "dedicated"),
            SKU,
        ),
        least=0.4,
    ),
)


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """With the plugin that knows which tolerations a namespace accepts; it is off by default."""
    plugins = ["--enable-admission-plugins=PodTolerationRestriction"]
    with ControlPlane(arguments={"kube-apiserver": plugins}) as running:
        yield running


@dataclass
class Tally:
    """What came of all pods, by namespace."""

    accepted: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def try_pod(  # noqa: PLR0913, PLR0917 - who, what, where, with what, and whom to tell
    api: DryRun, raw: Raw, space: str, manifests: list[Raw], config: str, tally: Tally
) -> None:
    """Create a pod as it is written, then with our patch; note whatever is wrong then."""
    before = api.create(raw, space)
    if not before.accepted:
        tally.refused[f"{space}: {before.why[:150]}"] += 1
        return
    tally.accepted[space] += 1
    shown = {key: value for key, value in before.body.items() if key != "status"}
    patched, decision = fit(shown, manifests, space, config)
    if patched == shown:
        return
    tally.changed[space] += 1
    after = api.create(patched, space)
    wrong = became_guaranteed(before.body, after.body) if after.accepted else after.why
    if not wrong and space == BARE.name:
        again, _ = fit(after.body, manifests, space, config)
        wrong = "" if again == after.body else "a second run changes something"
    if wrong:
        said = decision.fitting.brief if decision.fitting is not None else ()
        tally.faults.append(f"{wrong}\n  {space}, {config}: {said}: {json.dumps(raw)}")


def became_guaranteed(before: Raw, after: Raw) -> str:
    """What is wrong with the class that the API server sees in a pod, or with our reading of it."""
    was, now, read = before["status"]["qosClass"], after["status"]["qosClass"], qos(after)
    wrong = (was == "Guaranteed") != (now == "Guaranteed") or now != read
    return f"{was} became {now}, which we read as {read}" if wrong else ""


def test_what_is_accepted_stays_accepted(plane: ControlPlane) -> None:
    worlds, tally = prepared(plane, *SPACES), Tally()
    with DryRun(plane) as api:

        @generated
        @given(pods(), claims(), st.sampled_from(sorted(CONFIGS)))
        def each(raw: Raw, claimed: list[Raw], config: str) -> None:
            for space in SPACES:
                own = [moved(claim, space.name) for claim in claimed]
                try_pod(api, raw, space.name, [*worlds[space.name], *own], config, tally)

        each()
    for space in SPACES:
        name = space.name
        print(name, tally.accepted[name], "accepted,", tally.changed[name], "fitted")
    print(*tally.refused.most_common(20), sep="\n")
    faults = sorted(tally.faults, key=len)
    assert not faults, f"{len(faults)} faults, the shortest:\n" + "\n".join(faults[:8])
    for space in SPACES:
        assert tally.accepted[space.name] >= space.least * PODS, f"too few in {space.name}"
    assert tally.changed[BARE.name] > 0.6 * PODS


def moved(raw: Raw, namespace: str) -> Raw:
    return {**raw, "metadata": {**raw["metadata"], "namespace": namespace}}


# ---------------------------------------------------------------- what a generator rarely finds

GPU = {"limits": {"nvidia.com/gpu": 1}}


def container(name: str, resources: Raw | None = None, **more: Any) -> Raw:
    return {"name": name, "image": "app", "resources": resources or {}, **more}


def gpu_pod(*containers: Raw, **spec: Any) -> Raw:
    listed = list(containers) or [container("main", GPU)]
    spec = {"containers": listed, **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": spec}


def tried(plane: ControlPlane, space: Space, raw: Raw) -> Tally:
    tally, world = Tally(), prepared(plane, space)
    with DryRun(plane) as api:
        # Quotas, too, reach admission by a watch; a pod is refused while their status is unknown.
        wait_until(partial(api.accepts, raw, space.name))
        try_pod(api, raw, space.name, world[space.name], "defaults", tally)
    assert tally.accepted[space.name] == 1, tally.refused
    return tally


def test_a_quota_that_would_count_a_pod_with_requests_alone_is_left_with_none(
    plane: ControlPlane,
) -> None:
    space = Space("scoped", (quota({"limits.cpu": "100"}, "NotBestEffort"),))
    prepared(plane, space)
    burstable = gpu_pod(container("main", {"requests": {"cpu": "1"}}))
    with DryRun(plane) as api:
        wait_until(partial(api.refuses, burstable, space.name, "must specify limits.cpu for: main"))
    assert tried(plane, space, gpu_pod()).faults == []


def test_a_quota_may_count_no_longer_what_is_no_longer_best_effort(plane: ControlPlane) -> None:
    space = Space("best-effort", (quota({"pods": "1"}, "BestEffort"),))
    assert tried(plane, space, gpu_pod()).faults == []


def test_a_whitelist_that_takes_best_effort_pods_alone(plane: ControlPlane) -> None:
    space = Space("best-effort-alone", whitelist=keys(*OF_EVERY_POD, "nvidia.com/gpu"))
    assert tried(plane, space, gpu_pod()).faults == []


def test_an_init_container_after_a_sidecar_within_the_maximum_per_pod(plane: ControlPlane) -> None:
    space = Space("tight", (limit_range("Pod", max={"memory": "1Gi"}),))
    sidecar = container("proxy", {"limits": {"memory": "1000Mi"}}, restartPolicy="Always")
    main = container("main", {"limits": {"memory": "24Mi", "nvidia.com/gpu": 1}})
    raw = gpu_pod(main, initContainers=[sidecar, container("setup")])
    assert tried(plane, space, raw).faults == []
