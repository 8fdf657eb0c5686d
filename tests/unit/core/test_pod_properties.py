"""What holds for every pod, in every namespace, whatever is configured.

`test_fit` asks the same of objects of odd shapes; here pods are what people write, and the whole
way of an admission request is taken.
"""

from collections.abc import Iterable
from itertools import product
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.strategies.applied import CONFIGS, fit
from tests.strategies.pods import TOLERATIONS, pods
from tests.strategies.readings import (
    BEST_EFFORT,
    BURSTABLE,
    GUARANTEED,
    containers,
    is_forbidden,
    is_superset,
    limits,
    pod_requests,
    qos,
    requests,
    taint_keys,
    tolerates,
)
from tests.strategies.resources import COMPUTE, Raw, nanos
from tests.strategies.worlds import NAMESPACE, claims, limit_range, worlds
from tests.unit.core.pods import pod, recognised
from webhook.core.bounds import WHITELIST_ANNOTATION, Bounds
from webhook.core.decide import Decision
from webhook.core.kinds import WorkloadClass
from webhook.core.mutations.marks import CLASS_LABEL, MUTATIONS_ANNOTATION
from webhook.core.mutations.tolerations import tolerate
from webhook.core.objects import IGNORE_LABEL
from webhook.core.pod import MIRROR_ANNOTATION
from webhook.core.profile import ExtraToleration, Profile
from webhook.core.toleration import covers

# Always the same examples: a run that fails is a change that fails.
settings.register_profile("pods", derandomize=True, deadline=None, max_examples=120, database=None)
every_pod = settings(settings.get_profile("pods"))

ANY_CONFIG = st.sampled_from(sorted(CONFIGS))
PODS, WORLDS = pods(odd=True), worlds()
# Of one key, so that one often has to do with another.
OF_SKU = TOLERATIONS.map(lambda one: {**one, "key": "sku"} if one.get("key") else one)
SLACK = {"cpu": ("0", "40m", "100m", "8"), "memory": ("0", "63Mi", "200Mi", "32Gi")}
"""What a bound leaves beyond what a pod asks for: nothing, less than any default, some, plenty."""

GROWING = ("/tolerations", "/volumes", "/volumeMounts")


def fitted(raw: Raw, world: list[Raw], config: str) -> tuple[Raw, Decision]:
    after, decision = fit(raw, world, NAMESPACE, config)
    event("an AI pod" if decision.ai_pod is not None else "no AI pod")
    return after, decision


def added(raw: Raw, after: Raw) -> list[Raw]:
    before = raw["spec"].get("tolerations") or []
    listed: list[Raw] = after["spec"].get("tolerations") or []
    return listed[len(before) :]


def meta(raw: Raw, name: str) -> Raw:
    found: Raw = raw["metadata"].get(name) or {}
    return found


def assert_kept(before: Any, after: Any, at: str = "") -> None:
    """Every leaf that was set is there, unchanged; lists grow at their end, and only some do."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            assert key in after, f"{at}/{key}"
            if key == MUTATIONS_ANNOTATION:
                assert after[key].startswith(value)
            elif key != CLASS_LABEL:
                assert_kept(value, after[key], f"{at}/{key}")
    elif isinstance(before, list) and isinstance(after, list):
        assert len(after) == len(before) or at.endswith(GROWING), at
        for index, value in enumerate(before):
            assert_kept(value, after[index], f"{at}/{index}")
    else:
        assert before == after, at


@every_pod
@given(PODS, WORLDS, ANY_CONFIG)
def test_the_patch_applies_changes_nothing_that_was_set_and_a_second_one_is_empty(
    raw: Raw, world: list[Raw], config: str
) -> None:
    after, decision = fitted(raw, world, config)
    assert decision.allowed
    assert_kept(raw, after)
    again, second = fit(after, world, NAMESPACE, config)
    assert again == after
    assert second.fitting is None or second.fitting.patch == []
    assert (second.ai_pod is None) == (decision.ai_pod is None)


@every_pod
@given(PODS, WORLDS, ANY_CONFIG)
def test_only_requests_are_added_and_no_pod_becomes_guaranteed(
    raw: Raw, world: list[Raw], config: str
) -> None:
    after, _ = fitted(raw, world, config)
    for had, has in zip(containers(raw), containers(after), strict=True):
        new = set(requests(has)) - set(requests(had))
        assert limits(has) == limits(had)
        assert new <= (set() if requests(raw["spec"]) else set(COMPUTE))
        for name in set(requests(has)) & set(limits(has)) & set(COMPUTE):
            assert nanos(requests(has)[name]) <= nanos(limits(has)[name])
        assert claims_of(has) == claims_of(had)
    assert after["spec"].get("resources") == raw["spec"].get("resources")
    event(qos(raw))
    expected = {BEST_EFFORT: {BEST_EFFORT, BURSTABLE}, BURSTABLE: {BURSTABLE}}
    assert qos(after) in expected.get(qos(raw), {GUARANTEED})


def claims_of(container: Raw) -> Any:
    return (container.get("resources") or {}).get("claims")


@every_pod
@given(PODS, WORLDS, ANY_CONFIG)
def test_tolerations_are_those_of_the_accelerators(raw: Raw, world: list[Raw], config: str) -> None:
    after, decision = fitted(raw, world, config)
    keys, new = taint_keys(raw, world), added(raw, after)
    event("with accelerators" if keys is not None else "without accelerators")
    assert not any(is_forbidden(one.get("key", "")) for one in new)
    for one in new:
        others = list(after["spec"]["tolerations"])
        others.remove(one)
        assert not any(covers(other, one) for other in others), f"{one} is there already"
    if keys is None:
        assert new == []
    elif config == "defaults":
        assert {one["key"] for one in new} <= keys
    bounded = WHITELIST_ANNOTATION in meta(world[0], "annotations")
    if decision.ai_pod is not None and not bounded:
        now = after["spec"].get("tolerations", [])
        assert all(any(tolerates(one, taint) for one in now) for taint in taints(keys or set()))


@every_pod
@given(OF_SKU, OF_SKU)
def test_a_namespace_gets_what_its_whitelist_accepts_and_nothing_else(
    listed: Raw, wanted: Raw
) -> None:
    raw = pod()
    profile = Profile(extra_tolerations=(ExtraToleration(wanted),))
    made = tolerate(raw, recognised(raw), profile, Bounds(tolerations=(listed,)))
    added = [addition.value for addition in made.additions]
    assert all(is_superset(listed, one) for one in added)
    assert is_superset(listed, wanted) is any(covers(one, wanted) for one in added)


def taints(keys: Iterable[str]) -> list[Raw]:
    """The taints that accelerator nodes carry: the same key with any value, or none."""
    return [
        {"key": key, "value": value, "effect": "NoSchedule"}
        for key, value in product(keys, ("", "present", "true"))
    ]


@every_pod
@given(PODS, WORLDS, ANY_CONFIG)
def test_every_accelerator_makes_an_ai_pod_unless_it_is_left_alone(
    raw: Raw, world: list[Raw], config: str
) -> None:
    after, decision = fitted(raw, world, config)
    left_alone = (
        MIRROR_ANNOTATION in meta(raw, "annotations")
        or declared_class(raw) == "none"
        or meta(world[0], "labels").get(IGNORE_LABEL) == "true"
    )
    event("left alone" if left_alone else "not left alone")
    if left_alone:
        assert decision.ai_pod is None
    elif taint_keys(raw, world) is not None or declared_class(raw):
        assert decision.ai_pod is not None
    if decision.ai_pod is None:
        assert after == raw


def declared_class(raw: Raw) -> str:
    """The class by annotation, else by label; another word says nothing."""
    written = [meta(raw, name).get("scaleguard.io/class", "") for name in ("annotations", "labels")]
    return next((value for value in written if value in {*WorkloadClass, "none"}), "")


@every_pod
@given(PODS, claims(), ANY_CONFIG, st.data())
def test_what_a_limit_range_lets_pass_per_pod_still_passes(
    raw: Raw, claimed: list[Raw], config: str, data: st.DataObject
) -> None:
    slack = {name: data.draw(st.sampled_from(SLACK[name])) for name in COMPUTE}
    most = {name: pod_requests(raw, name) + nanos(slack[name]) for name in COMPUTE}
    item = {"type": "Pod", "max": {name: f"{value}n" for name, value in most.items()}}
    after, _ = fitted(raw, [limit_range(item), *claimed], config)
    for name in COMPUTE:
        assert pod_requests(after, name) <= most[name], f"{name}, {slack[name]} were left"


def test_the_pods_are_of_many_sorts() -> None:
    """Properties of pods that are nearly all alike would prove little."""
    seen: set[str] = set()

    @settings(every_pod, max_examples=200)
    @given(PODS, WORLDS)
    def look(raw: Raw, world: list[Raw]) -> None:
        _, decision = fit(raw, world, NAMESPACE, "defaults")
        seen.add(qos(raw))
        seen.add("plain" if taint_keys(raw, world) is None else "accelerated")
        seen.add("nothing" if decision.ai_pod is None else decision.ai_pod.workload_class.value)

    look()
    assert seen >= {GUARANTEED, BURSTABLE, BEST_EFFORT, "accelerated", "plain", "nothing"}
    assert seen >= set(WorkloadClass)
