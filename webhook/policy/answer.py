"""What an engine answers, read strictly: an answer that is no set of findings is no "allowed"."""

from collections.abc import Mapping
from typing import Any

from webhook.core.finding import Action
from webhook.core.verdict import CannotJudge, Rule, Verdict

ENTRYPOINT = "scaleguard/findings"

_ACTIONS = {action.value: action for action in Action if action is not Action.OFF}
_LONGEST_VALUE_SHOWN = 120


def read_findings(
    answer: Any, document: Mapping[str, Any], rules: Mapping[str, Rule]
) -> list[Verdict]:
    """Read the set of findings on a document; `rules` are those that there are.

    Raises `CannotJudge` for everything that is not one, that is of no such rule (its configured
    action would be ignored), or about an overlap which the document does not have.
    """
    if not isinstance(answer, list):
        raise CannotJudge(
            f"the rules answered {type(answer).__name__} instead of a set of findings"
        )
    overlaps = {overlap.get("id") for overlap in document.get("overlaps", ())}
    return [_verdict(member, overlaps, rules) for member in answer]


def _verdict(member: Any, overlaps: set[Any], rules: Mapping[str, Rule]) -> Verdict:
    rule = _rule(member, rules)
    try:
        return Verdict(
            rule.rule,
            _action(member.get("action")),
            _text(member, "message"),
            _text(member, "remedy") if "remedy" in member else rule.remedy,
            _overlap(member.get("overlap"), overlaps),
            _optional_text(member, "path"),
            _optional_text(member, "resourceName"),
            _texts(member, "containers"),
            _optional_text(member, "fix"),
        )
    except _Odd as odd:
        raise CannotJudge(f"{rule.path}: a finding of {rule.rule}: {odd}") from odd


def _rule(member: Any, rules: Mapping[str, Rule]) -> Rule:
    """Return the rule that a finding is of. Its file is known before where there is but one."""
    paths = {rule.path for rule in rules.values()}
    place = f"{paths.pop()}: " if len(paths) == 1 else ""
    if not isinstance(member, dict):
        raise CannotJudge(
            f"{place}a finding: it is {_shown(member)}, not an object with rule, action and message"
        )
    name = member.get("rule")
    if not isinstance(name, str):
        raise CannotJudge(f"{place}a finding: {_wrong('rule', name, 'text')}")
    if name not in rules:
        raise CannotJudge(
            f"{place}a finding is of rule {name!r}, which no METADATA names; there are: "
            f"{', '.join(rules)}"
        )
    return rules[name]


class _Odd(Exception):  # noqa: N818 - it never leaves this module
    """What is wrong with a finding."""


def _wrong(key: str, value: Any, due: str) -> str:
    return f"{key} is missing" if value is None else f"{key} is {_shown(value)}, not {due}"


def _shown(value: Any) -> str:
    return repr(value)[:_LONGEST_VALUE_SHOWN]


def _action(value: Any) -> Action:
    found = _ACTIONS.get(value) if isinstance(value, str) else None
    if found is None:
        raise _Odd(_wrong("action", value, "deny, warn or audit"))
    return found


def _text(member: Mapping[str, Any], key: str) -> str:
    value = member.get(key)
    if not isinstance(value, str):
        raise _Odd(_wrong(key, value, "text"))
    return value


def _optional_text(member: Mapping[str, Any], key: str) -> str | None:
    return None if member.get(key) is None else _text(member, key)


def _texts(member: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = member.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise _Odd(_wrong(key, value, "a list of names"))
    return tuple(value)


def _overlap(value: Any, overlaps: set[Any]) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value not in overlaps:
        raise _Odd(_wrong("overlap", value, "the `id` of an overlap of the document"))
    return value
