"""Judges for targets: one that hears no rules, and is quick, and the real one."""

from dataclasses import replace
from functools import cache
from typing import Any

from tests.strategies.applied import CONFIGS
from webhook import config as configuration
from webhook.core.decide import Judge
from webhook.core.verdict import Verdict
from webhook.wiring import build_judge

# All that can be switched on, so that more of the code is reached.
CONFIG: dict[str, Any] = {**CONFIGS["everything"], "autoscalers": {"strictness": "feedback"}}


@cache
def judge() -> Judge:
    """The real one, with the embedded engine."""
    return build_judge(configuration.parse(CONFIG, "what is fuzzed"))


def of_facts(documents: list[dict[str, Any]]) -> Judge:
    """One for whom nothing is wrong, and who keeps what rules would have read."""

    def ask(document: dict[str, Any]) -> list[Verdict]:
        documents.append(document)
        return []

    return replace(judge(), ask=ask)
