"""Whatever a workload and its world look like, a VPA that is planned is one that may stand there.

It controls something, its bounds are in order, no rule finds it on a metric that a scaler reads,
and planning again beside it plans the same.
"""

from typing import Any

from tests.cases.case import cases
from tests.fuzz.judges import judge
from tests.fuzz.mutation import by_structure, document
from tests.fuzz.target import Target, encoded
from tests.fuzz.worlds import world_of
from webhook.core.autoscalers.vpa import read_vpa
from webhook.core.fields import mapping, members
from webhook.core.gather import gather
from webhook.core.objects import reference
from webhook.core.quantity import parse
from webhook.core.vpa_plan.plan import Planned


def seeds() -> list[bytes]:
    kinds = judge().knowledge.kinds
    return [
        encoded([raw, *(other for other in case.objects if other is not raw)])
        for case in cases()[::2]
        for raw in case.objects
        if kinds.get(reference(raw).group_kind) is not None and reference(raw).kind != "Pod"
    ]


def run(data: bytes) -> None:
    read = document(data)
    objects = [one for one in read if isinstance(one, dict)] if isinstance(read, list) else []
    if not objects:
        return
    planned = judge().plan(objects[0], world_of(objects, judge()))
    if not isinstance(planned, Planned):
        return
    vpa = dict(planned.vpa)
    _assert_in_order(vpa)
    read_back = read_vpa(vpa)
    assert read_back.target == planned.workload
    facts = gather(read_back, world_of(objects, judge()))
    if read_back.writes:
        conflicts = [
            one.document for one in facts.overlaps if one.document["type"] == "same-metric"
        ]
        assert not conflicts, conflicts
    again = judge().plan(objects[0], world_of(objects, judge()))
    assert again == planned


def _assert_in_order(vpa: dict[str, Any]) -> None:
    for _, policy in members(mapping(vpa, "spec", "resourcePolicy"), "containerPolicies"):
        least, most = mapping(policy, "minAllowed"), mapping(policy, "maxAllowed")
        for bound in (*least.values(), *most.values()):
            assert parse(bound) is not None, bound
        for name in least.keys() & most.keys():
            below, above = parse(least[name]), parse(most[name])
            assert below is not None
            assert above is not None
            assert below <= above, (name, policy)


TARGET = Target(run=run, seeds=seeds, mutate=by_structure, made_once=judge, share=200)
