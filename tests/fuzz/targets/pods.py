"""Whatever a pod looks like, its patch applies, takes nothing away, and a second one is empty."""

import copy
from functools import partial

import jsonpatch

from tests.cases.check import review_of
from tests.fuzz.judges import judge
from tests.fuzz.mutation import by_structure
from tests.fuzz.seeds import worlds
from tests.fuzz.target import Target
from tests.fuzz.worlds import asked, world_of
from webhook.core.decide import mutate
from webhook.core.patch import applied
from webhook.core.review import read_review


def run(data: bytes) -> None:
    given = asked(data)
    if given is None:
        return
    request, objects = given
    world = world_of(objects, judge())
    decision = mutate(request, world, judge())
    if not decision.patch:
        return
    raw = dict(request.object)
    fitted = jsonpatch.apply_patch(copy.deepcopy(raw), decision.patch)
    assert fitted == applied(raw, decision.patch), "ours and theirs differ"
    again = mutate(read_review(review_of(fitted)), world, judge())
    assert again.patch == [], again.patch
    assert (again.ai_pod is None) == (decision.ai_pod is None)


TARGET = Target(
    run=run, seeds=partial(worlds, of_pods=True), mutate=by_structure, made_once=judge, share=200
)
