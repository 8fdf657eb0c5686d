"""Whatever an autoscaler and its world look like, there is an answer that an API server can read.

With the rules in the embedded engine. Every finding says what to do, and no message is long.
"""

from typing import Any

import msgspec

from tests.fuzz.judges import judge
from tests.fuzz.mutation import by_structure
from tests.fuzz.seeds import worlds
from tests.fuzz.target import Target
from tests.fuzz.worlds import asked, world_of
from webhook.core.decide import validate
from webhook.core.encode import encode
from webhook.core.fields import mapping
from webhook.core.finding import Action

MOST_ANSWER_BYTES = 65_536


def run(data: bytes) -> None:
    given = asked(data)
    if given is None:
        return
    request, objects = given
    decision = validate(request, world_of(objects, judge()), judge())
    denied = any(finding.action is Action.DENY for finding in decision.findings)
    assert decision.allowed is not denied or decision.invalid
    for finding in decision.findings:
        assert finding.message
    answer = msgspec.json.decode(msgspec.json.encode(encode(request, decision)))
    assert answer["response"]["allowed"] is decision.allowed
    for said in (mapping(answer, "response", "status").get("message", ""), *_warnings(answer)):
        assert said.isprintable(), said
    assert len(msgspec.json.encode(answer)) <= MOST_ANSWER_BYTES


def _warnings(answer: dict[str, Any]) -> list[str]:
    found: list[str] = answer["response"].get("warnings", [])
    return found


TARGET = Target(
    run=run,
    seeds=lambda: worlds(of_pods=False)[::8],
    mutate=by_structure,
    made_once=judge,
    share=40,
)
