"""Rules of users that do well, and others."""

from pathlib import Path

from webhook.policy.source import Module

# Each on objects that are called so alone: what a rule does with one document is seen on the next.
RUNAWAY = 'input.object.name == "runaway"\n\treplace("abc", "", "x")'
"""The embedded engine (regopy 1.5) never ends with this, and takes half a GiB a second."""
CRASH = f'input.object.name == "crash"\n\tregex.match("{"(" * 60_000}", "a")'
"""The embedded engine overflows its stack on this."""
GREEDY = (
    'input.object.name == "greedy"\n'
    "\tcount([1 | some i in numbers.range(1, 9000); some j in numbers.range(1, 9000); i == j]) > 0"
)
"""The engine needs minutes for this."""
GOOD = "input.version == 1"


def rule(name: str, condition: str = GOOD) -> str:
    return f"""\
# METADATA
# title: A rule of the house
# description: It says what it is told to say.
# custom:
#   rule: custom/{name}
#   default: warn
#   remedy: none
package scaleguard.rules.house.{name}

findings contains finding if {{
	{condition}
	finding := {{"rule": "custom/{name}", "action": "warn", "message": input.object.text}}
}}
"""


def module_of(name: str, condition: str = GOOD) -> Module:
    return Module(Path("rules") / f"{name}.rego", f"{name}.rego", rule(name, condition), False)  # noqa: FBT003


def document(name: str = "web") -> dict[str, object]:
    return {"version": 1, "object": {"name": name, "text": f"HPA {name}"}, "overlaps": []}
