"""What is told at the owner of what was refused, and what is not."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.core.autoscalers import asked, hpa
from webhook.cluster.events import Events
from webhook.cluster.refusals import REASON, Refusals
from webhook.core.decide import Decision
from webhook.core.finding import Action, Finding
from webhook.core.objects import GroupKind

DENIED = Finding("hpa-vpa-same-metric", Action.DENY, "both act on cpu", "leave memory to the VPA")
WARNED = replace(DENIED, rule="hpa-no-effect", action=Action.WARN)
REFUSED = Decision(allowed=False, findings=(DENIED, WARNED))


class Told(Events):
    """Keeps what would be written."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def tell(self, about: Any, reason: str, message: str, *, is_warning: bool = False) -> None:
        self.told.append((about["kind"], about["metadata"]["name"], reason, message, is_warning))


def made() -> dict[str, Any]:
    raw = hpa()
    owner = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "name": "llama"}
    raw["metadata"]["ownerReferences"] = [owner | {"controller": True}]
    return raw


def test_a_denial_is_told_at_the_owner() -> None:
    events = Told()
    Refusals(events).tell(asked(made()), REFUSED)
    assert events.told == [
        (
            "InferenceService",
            "llama",
            REASON,
            f"its HorizontalPodAutoscaler shop/h was refused: {DENIED.sentence()}",
            True,
        )
    ]


@pytest.mark.parametrize(
    ("request_", "decision"),
    [
        (asked(made()), replace(REFUSED, allowed=True)),
        (asked(made()), Decision(allowed=False, ask_again="in a second")),
        (replace(asked(made()), dry_run=True), REFUSED),
        (replace(asked(made()), group_kind=GroupKind("", "Pod")), REFUSED),
        (asked(hpa()), REFUSED),
    ],
)
def test_everything_else_is_not(request_: Any, decision: Decision) -> None:
    events = Told()
    Refusals(events).tell(request_, decision)
    assert events.told == []
