"""Rego modules that tests hand to engines."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from webhook.core.verdict import Ask, Verdict
from webhook.policy.answer import ENTRYPOINT, read_findings
from webhook.policy.catalogue import catalogue
from webhook.policy.embedded import Engine
from webhook.policy.source import Module

RULE = """\
# METADATA
# title: A VPA of this team
# description: There is one, and there should be none.
# related_resources:
#   - https://example.com/why
# custom:
#   rule: custom/vpa
#   default: warn
#   remedy: delete it
package scaleguard.rules.team.vpa

findings contains finding if {
	input.autoscaler.type == "vpa"
	finding := {
		"rule": "custom/vpa",
		"action": "warn",
		"message": input.object.text,
		"remedy": "r",
	}
}
"""

ABORTS = """\
import data.scaleguard.rules.autoscalers.hpa_no_effect as rule

found contains f if {
	some f in rule.findings with input as {"a": 1}
}
"""
"""The body of a module; the engine of today (regopy 1.5) aborts when it compiles that."""

CASES = """\
package scaleguard.rules.team.vpa_test

document(type) := {"object": {"text": "VPA a \\"b\\""}, "autoscaler": {"type": type}}

cases := {
	"a VPA": {
		"input": document("vpa"),
		"findings": [{"action": "warn", "messageContains": ["VPA", "\\"b\\""]}],
	},
	"an HPA": {"input": document("scaler"), "findings": []},
}
"""


SETTINGS = {"strictness": "literal", "gkeRightsizing": False, "startupBoost": "warn"}


def document(*overlaps: dict[str, Any], **autoscaler: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "settings": SETTINGS,
        "object": {"text": autoscaler.pop("text", "HorizontalPodAutoscaler shop/web")},
        "autoscaler": autoscaler,
        "overlaps": [{"id": number, **one} for number, one in enumerate(overlaps)],
    }


def module(text: str, name: str = "rule.rego", *, built_in: bool = False) -> Module:
    return Module(Path("rules") / name, name, text, built_in)


def answering(findings: str) -> Module:
    """The whole of a rule set that answers a fixed term, whatever the document."""
    return module(f"package scaleguard\n\n{findings}\n", built_in=True)


def embedded(modules: Iterable[Module]) -> Ask:
    """All rules judged by the embedded engine, which the compiled ones are held to."""
    added = list(modules)
    rules, engine = catalogue(added), Engine(added, [ENTRYPOINT])

    def ask(document: dict[str, Any]) -> list[Verdict]:
        return read_findings(engine.answer(ENTRYPOINT, document), document, rules)

    return ask
