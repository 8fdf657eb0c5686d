"""A service made of the real core, with rules that say what a test wants."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from webhook.core.decide import Decision, Judge
from webhook.core.finding import Action
from webhook.core.mode import Mode
from webhook.core.profile import Profiles
from webhook.core.review import Request
from webhook.core.verdict import Ask, Rule, Settings, Verdict
from webhook.core.world import World
from webhook.knowledge import knowledge

REVIEWS = Path(__file__).resolve().parents[3] / "webhook" / "demo" / "reviews"

KNOWLEDGE = knowledge()


def review(name: str) -> dict[str, Any]:
    """Return a recorded review by the beginning of its file's name."""
    (path,) = REVIEWS.glob(f"{name}*.json")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def pass_all(_document: dict[str, Any]) -> list[Verdict]:
    """Judge that nothing is wrong."""
    return []


def deny_all(_document: dict[str, Any]) -> list[Verdict]:
    """Judge that one thing is wrong and another doubtful."""
    return [
        Verdict("hpa-no-effect", Action.WARN, "minReplicas equals maxReplicas", "raise it"),
        Verdict("duplicate-hpa", Action.DENY, "a second HPA", "remove one"),
    ]


@dataclass
class FakeService:
    """A service whose parts a test sets."""

    ask: Ask = pass_all
    reasons: list[str] = field(default_factory=list)
    mode: Mode = Mode.ENFORCE

    @property
    def judge(self) -> Judge:
        rules = {
            "duplicate-hpa": Rule("duplicate-hpa", "", Action.DENY),
            "hpa-no-effect": Rule("hpa-no-effect", "", Action.WARN),
        }
        return Judge(KNOWLEDGE, Profiles(), Settings(rules, mode=self.mode), self.ask)

    def decided(self, _asked: Request, decide: Callable[[World], Decision], /) -> Decision:
        return decide(World(KNOWLEDGE.kinds))

    def remarks(self) -> list[str]:
        return []

    def not_ready(self) -> list[str]:
        return self.reasons
