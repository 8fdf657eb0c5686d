"""Whatever an autoscaler and its world look like, rules read documents of bounded size.

The facts alone, without an engine: the order in which objects were read changes nothing, and an
autoscaler never meets itself.
"""

from functools import partial
from typing import Any

import msgspec

from tests.fuzz.judges import judge, of_facts
from tests.fuzz.mutation import by_structure
from tests.fuzz.seeds import worlds
from tests.fuzz.target import Target
from tests.fuzz.worlds import asked, world_of
from webhook.core.decide import validate
from webhook.core.gather import OVERLAPS_PER_DOCUMENT
from webhook.core.review import Request

# Inputs are of 16 kB at most; what rules read repeats some of it, and names of what meets.
MOST_BYTES = 200_000


def documents(request: Request, objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    judge = of_facts(found)
    decision = validate(request, world_of(objects, judge), judge)
    assert decision.allowed or decision.invalid
    return found


def run(data: bytes) -> None:
    given = asked(data)
    if given is None:
        return
    found = documents(*given)
    written = msgspec.json.encode(found)
    assert len(written) <= MOST_BYTES, len(written)
    for one in found:
        assert len(one.get("overlaps", ())) <= OVERLAPS_PER_DOCUMENT
    assert msgspec.json.encode(documents(*given)) == written


TARGET = Target(
    run=run, seeds=partial(worlds, of_pods=False), mutate=by_structure, made_once=judge, share=400
)
