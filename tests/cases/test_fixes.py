"""Every fix that a finding carries ends that finding, and takes from the VPA nothing else."""

import copy
from collections.abc import Iterator
from typing import Any

import jsonpatch
import pytest

from tests.cases.case import Case, cases
from tests.cases.check import review_of
from tests.cases.test_cases import judge_for
from webhook.core.autoscalers.scaler import Scaler
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.autoscalers.vpa import ANY_CONTAINER, Vpa, read_vpa
from webhook.core.decide import Judge, validate
from webhook.core.finding import Finding
from webhook.core.gather import SAME_METRIC
from webhook.core.objects import ObjectRef, reference
from webhook.core.pod import COMPUTE_RESOURCES, CPU
from webhook.core.review import read_review
from webhook.core.world import Autoscaler, World, read_autoscalers

Objects = list[dict[str, Any]]
Controlled = set[tuple[str, str]]


# A conflict has a fix unless its case says that there is none.
WITH_A_FIX = [
    case
    for case in cases()
    if any(
        found["rule"] == "hpa-vpa-same-metric" and found.get("fix", ...) is not None
        for expected in case.expected.values()
        for found in expected.get("findings", ())
    )
]


def findings(objects: Objects, index: int, judge: Judge) -> tuple[Finding, ...]:
    """What admission says of one object when all the others are there."""
    world = World.of([*objects[:index], *objects[index + 1 :]], judge.knowledge.kinds)
    return validate(read_review(review_of(objects[index])), world, judge).findings


def fixes(objects: Objects, judge: Judge) -> Iterator[tuple[int, Finding]]:
    for index, raw in enumerate(objects):
        if read_autoscalers(raw):
            yield from (
                (index, found) for found in findings(objects, index, judge) if found.fix is not None
            )


def fixed(objects: Objects, finding: Finding) -> Objects:
    assert finding.fix is not None
    patch, target = finding.fix.patch, finding.fix.ref
    assert patch, "a fix changes something"
    return [
        jsonpatch.apply_patch(copy.deepcopy(raw), patch) if reference(raw) == target else raw
        for raw in objects
    ]


def of_pair(found: tuple[Finding, ...], finding: Finding) -> list[Finding]:
    """The same finding, if it is still there."""
    return [one for one in found if one.subject == finding.subject]


@pytest.mark.parametrize("case", WITH_A_FIX, ids=[case.name for case in WITH_A_FIX])
def test_a_fix_ends_its_finding_and_brings_no_other(case: Case) -> None:
    judge = judge_for(case)
    for index, finding in fixes(case.objects, judge):
        after = fixed(case.objects, finding)
        # Two versions of a counterpart (overlays) are one finding, and take a fix each.
        for _ in at(case.objects, finding.related[0])[1:]:
            for left in of_pair(findings(after, index, judge), finding):
                after = fixed(after, left)
        assert of_pair(findings(after, index, judge), finding) == []
        for other, raw in enumerate(case.objects):
            if read_autoscalers(raw):
                before = {found.subject for found in findings(case.objects, other, judge)}
                assert {found.subject for found in findings(after, other, judge)} <= before


@pytest.mark.parametrize("case", WITH_A_FIX, ids=[case.name for case in WITH_A_FIX])
def test_a_fix_takes_what_the_metrics_read_and_nothing_else(case: Case) -> None:
    judge = judge_for(case)
    world = World.of(case.objects, judge.knowledge.kinds)
    for index, finding in fixes(case.objects, judge):
        assert finding.fix is not None
        pair = {index, *at(case.objects, finding.related[0])}
        read = [one for member in sorted(pair) for one in read_autoscalers(case.objects[member])]
        scalers = [one for one in read if isinstance(one, Scaler)]
        others = [one for one in others_of(scalers, case.objects) if one.target in targets(read)]
        for raw, changed in zip(case.objects, fixed(case.objects, finding), strict=True):
            if reference(raw) == finding.fix.ref:
                vpa = read_vpa(raw)
                names = containers(vpa, [*scalers, *others], world)
                before, after = controlled(vpa, names), controlled(read_vpa(changed), names)
                may_share = judge.settings.gke_rightsizing and vpa.gke_rightsizing
                kept = {(name, CPU) for name in names if may_share}
                more = set().union(*(metrics_read(one, names) for one in others))
                read_by = [(metrics_read(one, names) | more) - kept for one in scalers]
                assert before - after in [before & one for one in read_by]
                assert after <= before


def others_of(pair: list[Scaler], objects: Objects) -> list[Scaler]:
    """The other scalers to which a VPA gives way at once: not those that may share with it."""
    found = [one for raw in objects for one in read_autoscalers(raw)]
    return [
        one
        for one in found
        if isinstance(one, Scaler)
        and one.active
        and one.ref not in {each.ref for each in pair}
        and SAME_METRIC not in one.exempt
    ]


def targets(found: list[Autoscaler]) -> set[WorkloadKey | None]:
    return {one.target for one in found}


def at(objects: Objects, ref: ObjectRef) -> list[int]:
    return [index for index, raw in enumerate(objects) if reference(raw) == ref]


def containers(vpa: Vpa, scalers: list[Scaler], world: World) -> set[str]:
    """The containers of the workload; while it is unknown, all that anybody names, and `*`."""
    assert vpa.target is not None
    for key in (vpa.target, *world.other_names(vpa.target)):
        workload = world.workload(key)
        if workload is not None and workload.containers is not None:
            return set(workload.containers.regular)
    claims = [claim for scaler in scalers for claim in scaler.metrics]
    claimed = {claim.container for claim in claims if claim.container}
    return claimed | {policy.name for policy in vpa.named} | {ANY_CONTAINER}


def controlled(vpa: Vpa, names: set[str]) -> Controlled:
    return {
        (name, resource)
        for name in names
        for resource in COMPUTE_RESOURCES
        if vpa.controls(name, resource)
    }


def metrics_read(scaler: Scaler, names: set[str]) -> Controlled:
    return {
        (name, claim.resource)
        for claim in scaler.metrics
        for name in names
        if claim.container in {None, name}
    }


def test_there_are_fixes() -> None:
    assert len(WITH_A_FIX) > 80
    for case in WITH_A_FIX:
        assert any(fixes(case.objects, judge_for(case))), case.name
