"""From what rules said to findings: actions, exemptions, modes, the ratchet. Nowhere else."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from webhook.core.finding import Action, Finding, weaker
from webhook.core.gather import Facts
from webhook.core.mode import Mode
from webhook.core.overlap_documents import Overlap
from webhook.core.pod_facts import PodFacts
from webhook.core.verdict import Settings, Verdict

_INDEX = re.compile(r"\[\d+\]")

KEPT = "only a warning: it was there before this update"


def conclude(
    verdicts: Iterable[Verdict], facts: Facts | PodFacts, settings: Settings
) -> list[Finding]:
    """Turn verdicts on one object into its findings, one per rule, resource and counterpart.

    `settings` are those of its namespace.
    """
    merged: dict[tuple[object, ...], Finding] = {}
    for verdict in sorted(verdicts, key=_said):
        overlap = facts.overlaps[verdict.overlap] if verdict.overlap is not None else None
        finding = _finding(verdict, overlap, facts, settings)
        if finding.action is Action.OFF:
            continue
        key = _same(finding)
        if overlap is not None and overlap.related and overlap.related[0].name is None:
            # Counterparts that are still to be named are told apart by nothing but their place.
            key = (*key, verdict.overlap)
        other = merged.get(key)
        merged[key] = finding if other is None else _join(other, finding)
    concluded = in_order(merged.values(), settings)
    return [_in_mode(finding, settings.mode) for finding in concluded]


def in_order(findings: Iterable[Finding], settings: Settings) -> list[Finding]:
    """Sort the findings on one object as they are always listed."""
    order = {rule: position for position, rule in enumerate(settings.rules)}
    return sorted(findings, key=lambda finding: _place(finding, order))


def _same(finding: Finding) -> tuple[object, ...]:
    """What makes two findings the same one.

    What an object says by itself it may say in several places, each a finding of its own.
    """
    return finding.subject if finding.related else (*finding.subject, finding.path)


def _said(verdict: Verdict) -> tuple[int, str]:
    """A fixed order of verdicts: engines answer with sets, each in an order of its own."""
    return -1 if verdict.overlap is None else verdict.overlap, verdict.message


def _finding(
    verdict: Verdict, overlap: Overlap | None, facts: Facts | PodFacts, settings: Settings
) -> Finding:
    action = _configured(verdict, settings)
    exempt = overlap.exempt if overlap is not None else facts.exempt
    exempted_by = exempt.get(verdict.rule)
    if exempted_by is not None:
        action = weaker(action, Action.AUDIT)
    if overlap is None:
        fixes = facts.fixes if isinstance(facts, Facts) else {}
        return Finding(
            verdict.rule,
            action,
            verdict.message,
            verdict.remedy,
            verdict.path,
            verdict.resource_name,
            verdict.containers,
            exempted_by=exempted_by,
            fix=fixes.get(verdict.fix or ""),
        )
    return Finding(
        verdict.rule,
        action,
        verdict.message,
        verdict.remedy,
        verdict.path or overlap.path,
        verdict.resource_name or overlap.resource,
        overlap.containers,
        related=overlap.related,
        workload=str(overlap.workload),
        exempted_by=exempted_by,
        fix=overlap.fix,
    )


def _configured(verdict: Verdict, settings: Settings) -> Action:
    """Apply the configured action of a rule.

    A verdict as strong as the rule's default takes the configured action; a milder one (the rule
    itself found reasons) stays milder, and follows only where the configuration is milder still.
    """
    default = settings.rules[verdict.rule].default
    configured = settings.actions.get(verdict.rule, default)
    if verdict.action.strength >= default.strength:
        return configured
    return weaker(verdict.action, configured)


def _in_mode(finding: Finding, mode: Mode) -> Finding:
    """Make no more of a finding than the mode lets come of it, and keep what it would have been."""
    action = weaker(finding.action, mode.strongest)
    if action is finding.action:
        return finding
    return replace(finding, action=action, would=finding.action)


def _join(one: Finding, other: Finding) -> Finding:
    """Keep the stronger of two findings that say the same (two versions of one counterpart)."""
    strong, weak = (one, other) if one.action.strength >= other.action.strength else (other, one)
    if strong.action is not weak.action:
        return strong
    together = tuple(dict.fromkeys((*strong.containers, *weak.containers)))
    everywhere = not strong.containers or not weak.containers
    return replace(strong, containers=() if everywhere else together)


def _place(finding: Finding, order: dict[str, int]) -> tuple[object, ...]:
    counterpart = str(finding.related[0]) if finding.related else ""
    return order[finding.rule], finding.resource_name or "", counterpart, finding.path or ""


def ratchet(new: Iterable[Finding], old: Iterable[Finding]) -> list[Finding]:
    """Let an update keep what the object had: a denial that stays or shrinks becomes a warning.

    What the old object did not have, had only as a warning or under an exemption, or had on fewer
    containers, is denied. In other modes than enforce the same goes for what would be.
    """
    denied = [finding for finding in old if finding.enforced is Action.DENY]
    had = {_same(finding): finding for finding in denied}
    listed = list(new)
    kept = {
        _same(one)
        for one in listed
        if one.enforced is Action.DENY and _within(one, had.get(_same(one)))
    }
    moved = Counter(_apart_from_places(one) for one in denied if _same(one) not in kept)
    concluded = []
    for finding in listed:
        stays = _same(finding) in kept
        place = _apart_from_places(finding)
        is_denied = finding.enforced is Action.DENY
        if is_denied and not stays and not finding.related and moved[place]:
            moved[place] -= 1
            stays = True
        concluded.append(_kept(finding) if stays else finding)
    return concluded


def _kept(finding: Finding) -> Finding:
    action = weaker(finding.action, Action.WARN)
    return replace(
        finding,
        action=action,
        would=None if action is Action.WARN else Action.WARN,
        message=f"{finding.message}; {KEPT}",
    )


def is_kept(new: Finding, old: Finding) -> bool:
    """Whether another judgement of the same object said as much already, as strongly."""
    is_as_strong = new.enforced.strength <= old.enforced.strength
    return is_as_strong and _same(new) == _same(old) and _within(new, old)


def _apart_from_places(finding: Finding) -> tuple[object, ...]:
    """What a finding is about, wherever in a list: what is put before a member moves it."""
    return (*finding.subject, _INDEX.sub("[]", finding.path or ""))


def _within(new: Finding, old: Finding | None) -> bool:
    if old is None:
        return False
    return not old.containers or (
        bool(new.containers) and set(new.containers) <= set(old.containers)
    )
