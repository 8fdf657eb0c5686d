"""What an engine answers, read strictly: an answer that is no set of findings is no "allowed"."""

from typing import Any

from webhook.core.finding import Action
from webhook.core.verdict import CannotJudge, Verdict

ENTRYPOINT = "scaleguard/findings"

_ACTIONS = {action.value: action for action in Action}


def read_findings(answer: Any) -> list[Verdict]:
    """Read the set of findings; raises `CannotJudge` for everything that is not one."""
    if not isinstance(answer, list):
        raise CannotJudge(
            f"the rules answered {type(answer).__name__} instead of a set of findings"
        )
    return [_verdict(member) for member in answer]


def _verdict(member: Any) -> Verdict:
    try:
        return Verdict(
            _text(member["rule"]),
            _ACTIONS[member["action"]],
            _text(member["message"]),
            _text(member.get("remedy", "")),
            member.get("overlap"),
            member.get("path"),
            member.get("resourceName"),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise CannotJudge(
            f"a rule's finding lacks or misuses {error}: {str(member)[:200]}"
        ) from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a {type(value).__name__} where text is due")
    return value
