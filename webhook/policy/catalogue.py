"""What rules say of themselves: the METADATA comment before a package."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import yaml

from webhook import plain_yaml
from webhook.core.finding import Action
from webhook.core.verdict import Rule
from webhook.errors import Faults, PolicyError
from webhook.policy.source import Module

_MARK = "# METADATA"

PLACE = re.compile(r"scaleguard\.rules\.\w+\.\w+")
"""Where `policies/main.rego` looks for rules: a family and a rule below it."""

PREFIX = "custom/"
"""How the id of every rule of a user begins."""

# Behind the built-in rules, which say 10, 20 and so on.
DEFAULT_ORDER = 1000


def catalogue(modules: Iterable[Module]) -> dict[str, Rule]:
    """Return every rule by its id, sorted by `custom.order`, then by id.

    A module is a rule when its METADATA has `custom.rule`. Raises `PolicyError` naming every module
    whose metadata cannot be read or says too little.
    """
    rules: dict[str, Rule] = {}
    faults = Faults()
    for module in modules:
        with faults.noted():
            rule = _rule(module, metadata(module))
            if rule is not None and rule.rule in rules:
                raise PolicyError(
                    f"{module.path}: a rule {rule.rule} exists already: choose another id"
                )
            if rule is not None:
                rules[rule.rule] = rule
    faults.refuse()
    return {
        rule.rule: rule for rule in sorted(rules.values(), key=lambda one: (one.order, one.rule))
    }


# Both the catalogue and who asks what is a rule read it, and in a process often the same modules.
@lru_cache(maxsize=512)
def metadata(module: Module) -> dict[str, Any]:
    """Read the first METADATA comment of a module; empty where there is none. Nobody changes it."""
    lines = module.text.splitlines()
    if _MARK not in lines:
        return {}
    block = []
    for line in lines[lines.index(_MARK) + 1 :]:
        if not line.startswith("#"):
            break
        block.append(line[1:].removeprefix(" "))
    try:
        read = plain_yaml.load("\n".join(block))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        below = min(mark.line, len(block) - 1) if mark is not None else 0
        number = lines.index(_MARK) + 2 + below
        told = getattr(error, "problem", None) or error
        raise PolicyError(
            f"{module.path}: line {number}: the METADATA comment is not YAML: {told}"
        ) from None
    return read if isinstance(read, dict) else {}


def says_a_rule(module: Module) -> bool:
    """Whether the METADATA of a module names a rule."""
    custom = metadata(module).get("custom")
    return isinstance(custom, dict) and "rule" in custom


def _rule(module: Module, read: dict[str, Any]) -> Rule | None:
    if not says_a_rule(module):
        return None
    custom = read["custom"]
    missing = [name for name in ("default", "remedy") if name not in custom]
    missing += [name for name in ("title", "description") if name not in read]
    if missing:
        raise PolicyError(
            f"{module.path}: the METADATA of rule {custom['rule']} lacks {', '.join(missing)}"
        )
    check_place(module)
    if not module.built_in:
        _check_id(module, str(custom["rule"]))
    return Rule(
        str(custom["rule"]),
        str(read["title"]),
        _default(module, custom["default"]),
        str(custom["remedy"]),
        str(read["description"]).strip(),
        tuple(str(link) for link in read.get("related_resources") or ()),
        _order(module, custom.get("order", DEFAULT_ORDER)),
        str(module.path),
    )


def check_place(module: Module) -> None:
    """Refuse a rule in a package that nobody asks."""
    if not PLACE.fullmatch(module.package):
        raise PolicyError(
            f"{module.path}: package {module.package}: a rule is found only in a package"
            " scaleguard.rules.<family>.<rule>"
        )


def _check_id(module: Module, rule: str) -> None:
    """A rule of a user is called custom/ and its package, or the end of that, as it is written."""
    named = rule.removeprefix(PREFIX)
    if rule == named or not f".{module.package}".endswith(f".{named}"):
        family, name = module.package.split(".")[2:]
        raise PolicyError(
            f"{module.path}: rule {rule}: write {PREFIX}{name} or {PREFIX}{family}.{name}, by its"
            f" package {module.package}"
        )


def _default(module: Module, value: Any) -> Action:
    written = "off" if value is False else value  # YAML reads an unquoted off as a boolean
    try:
        return Action(written)
    except ValueError:
        raise PolicyError(
            f"{module.path}: default is {value!r}, not deny, warn, audit or off"
        ) from None


def _order(module: Module, value: Any) -> int:
    if type(value) is not int:
        raise PolicyError(f"{module.path}: order is {value!r}, not a whole number")
    return value
