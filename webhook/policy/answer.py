"""What an engine answers, read strictly: an answer that is no set of findings is no "allowed"."""

from collections.abc import Collection, Mapping
from typing import Any

from webhook.core.finding import Action
from webhook.core.verdict import CannotJudge, Verdict

ENTRYPOINT = "scaleguard/findings"

_ACTIONS = {action.value: action for action in Action}
_LONGEST_FINDING_SHOWN = 200


def read_findings(
    answer: Any, document: Mapping[str, Any], rules: Collection[str]
) -> list[Verdict]:
    """Read the set of findings on a document; `rules` are the ids that there are.

    Raises `CannotJudge` for everything that is not one, that is of no such rule (its configured
    action would be ignored), or about an overlap which the document does not have.
    """
    if not isinstance(answer, list):
        raise CannotJudge(
            f"the rules answered {type(answer).__name__} instead of a set of findings"
        )
    overlaps = {overlap.get("id") for overlap in document.get("overlaps", ())}
    verdicts = [_verdict(member, overlaps) for member in answer]
    for verdict in verdicts:
        if verdict.rule not in rules:
            raise CannotJudge(
                f"a finding is of rule {verdict.rule!r}, which no METADATA names; there are: "
                f"{', '.join(rules)}"
            )
    return verdicts


def _verdict(member: Any, overlaps: set[Any]) -> Verdict:
    try:
        return Verdict(
            _text(member["rule"]),
            _ACTIONS[member["action"]],
            _text(member["message"]),
            _text(member.get("remedy", "")),
            _overlap(member.get("overlap"), overlaps),
            _optional_text(member.get("path")),
            _optional_text(member.get("resourceName")),
            _texts(member.get("containers", [])),
        )
    except (KeyError, TypeError, AttributeError) as error:
        shown = str(member)[:_LONGEST_FINDING_SHOWN]
        raise CannotJudge(f"a rule's finding lacks or misuses {error}: {shown}") from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a {type(value).__name__} where text is due")
    return value


def _optional_text(value: Any) -> str | None:
    return None if value is None else _text(value)


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(f"a {type(value).__name__} where a list is due")
    return tuple(map(_text, value))


def _overlap(value: Any, overlaps: set[Any]) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value not in overlaps:
        raise TypeError(f"overlap {value!r}, which the document does not have")
    return value
