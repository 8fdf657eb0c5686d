"""What rules say of themselves: the METADATA comment before a package."""

import re
from collections.abc import Iterable
from typing import Any

import yaml

from webhook.core.finding import Action
from webhook.core.verdict import Rule
from webhook.errors import PolicyError
from webhook.policy.source import Module

_MARK = "# METADATA"

# Where `policies/main.rego` looks for rules: a family and a rule below it.
_PLACE = re.compile(r"scaleguard\.rules\.\w+\.\w+")

# Built-in rules are listed in this order everywhere: what is refused first, hints last.
_ORDER = (
    "hpa-vpa-same-metric",
    "duplicate-hpa",
    "duplicate-vpa",
    "hpa-vpa-alias-metric",
    "hpa-no-effect",
    "vpa-no-effect",
)


def catalogue(modules: Iterable[Module]) -> dict[str, Rule]:
    """Return every rule by its id: the built-in ones in their order, then others by id.

    A module is a rule when its METADATA has `custom.rule`. Raises `PolicyError` for metadata that
    cannot be read or that says too little.
    """
    rules: dict[str, Rule] = {}
    for module in modules:
        rule = _rule(module, metadata(module))
        if rule is None:
            continue
        if rule.rule in rules:
            raise PolicyError(
                f"{module.path}: a rule {rule.rule} exists already: choose another id"
            )
        rules[rule.rule] = rule
    ordered = sorted(
        rules, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name)
    )
    return {name: rules[name] for name in ordered}


def metadata(module: Module) -> dict[str, Any]:
    """Read the first METADATA comment of a module; empty where there is none."""
    lines = module.text.splitlines()
    if _MARK not in lines:
        return {}
    block = []
    for line in lines[lines.index(_MARK) + 1 :]:
        if not line.startswith("#"):
            break
        block.append(line[1:].removeprefix(" "))
    try:
        read = yaml.safe_load("\n".join(block))
    except yaml.YAMLError as error:
        raise PolicyError(f"{module.path}: the METADATA comment is not YAML: {error}") from error
    return read if isinstance(read, dict) else {}


def _rule(module: Module, read: dict[str, Any]) -> Rule | None:
    custom = read.get("custom")
    if not isinstance(custom, dict) or "rule" not in custom:
        return None
    missing = [name for name in ("default", "remedy") if name not in custom]
    missing += [name for name in ("title", "description") if name not in read]
    if missing:
        raise PolicyError(
            f"{module.path}: the METADATA of rule {custom['rule']} lacks {', '.join(missing)}"
        )
    if not _PLACE.fullmatch(module.package):
        raise PolicyError(
            f"{module.path}: package {module.package}: a rule is found only in a package"
            " scaleguard.rules.<family>.<rule>"
        )
    return Rule(
        str(custom["rule"]),
        str(read["title"]),
        _default(module, custom["default"]),
        str(custom["remedy"]),
        str(read["description"]).strip(),
        tuple(str(link) for link in read.get("related_resources") or ()),
    )


def _default(module: Module, value: Any) -> Action:
    written = "off" if value is False else value  # YAML reads an unquoted off as a boolean
    try:
        return Action(written)
    except ValueError:
        raise PolicyError(
            f"{module.path}: default is {value!r}, not deny, warn, audit or off"
        ) from None
