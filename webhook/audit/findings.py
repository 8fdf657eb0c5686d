"""What views ask of the store, and what they get: in process or over HTTP, in the same JSON."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from webhook.core.fields import Raw, mapping, members, text
from webhook.core.frozen import frozen

MOST_AT_ONCE: Final = 1000

MOST_SEARCHED: Final = 200
"""Characters of a search, each word of which is looked for in each row."""


@frozen(kw_only=True)
class Filters:
    """Which findings are meant; what is None or False narrows nothing."""

    since: float | None = None
    """Repeated at or after this, in seconds since 1970."""
    until: float | None = None
    """Made before this for the first time."""
    cluster: str | None = None
    namespace: str | None = None
    """Empty: what is in none."""
    rule: str | None = None
    kind: str | None = None
    action: str | None = None
    user: str | None = None
    workload: str | None = None
    """The name of the object, its owner, or the workload on which autoscalers meet."""
    decision: str | None = None
    q: str | None = None
    """Words that have to occur in what a row shows, in any case; or the id of a decision."""
    would_deny: bool = False
    """What only the mode let through."""
    open: bool | None = None
    """What the background scan found and still stands, or what was so and is over."""


@frozen
class Found:
    """A finding, and how often it was made."""

    cluster: str
    replica: str
    fingerprint: str
    count: int
    first_seen: float
    last_seen: float
    last_decision: str
    record: dict[str, Any]
    """As `Record.as_json` wrote it."""
    resolved: float | None = None
    """When what the background scan found was over."""

    @property
    def namespace(self) -> str:
        """The namespace of the object; empty where it is in none."""
        return str(self.record["object"]["namespace"] or "")

    def as_json(self) -> dict[str, Any]:
        """Say it as it is shown, over HTTP and in reports."""
        return {
            "cluster": self.cluster,
            "replica": self.replica,
            "fingerprint": self.fingerprint,
            "count": self.count,
            "firstSeen": self.first_seen,
            "lastSeen": self.last_seen,
            "lastDecision": self.last_decision,
            "record": self.record,
            "resolved": self.resolved,
        }


@frozen
class Page:
    """A part of what was found, newest first."""

    findings: tuple[Found, ...]
    next: str | None
    """What to give as `after` for the next part; None: this is the last one."""

    def as_json(self) -> dict[str, Any]:
        """Say it as it is answered over HTTP."""
        return {"findings": [one.as_json() for one in self.findings], "next": self.next}


class Total(StrEnum):
    """By what decisions are counted."""

    RULE = "rule"
    NAMESPACE = "namespace"
    DAY = "day"


class BadCursorError(ValueError):
    """What was given as `after` is nothing that a page said."""


class BadQuestionError(ValueError):
    """A filter that is none; the message says which."""


_TEXTS: Final = tuple(
    one.name for one in fields(Filters) if one.name not in {"since", "until", "would_deny", "open"}
)
FILTERS: Final = (*("since", "until"), *_TEXTS, "wouldDeny", "open")
"""The filters as parameters of a URL."""


def filters_of(parameters: Mapping[str, str]) -> Filters:
    """Read filters from the parameters of a URL, passing over others; raises `BadQuestionError`."""
    given = {name: parameters[name] for name in ("since", "until") if name in parameters}
    times = {name: _time(name, written) for name, written in given.items()}
    texts = {name: parameters[name] for name in _TEXTS if name in parameters}
    if len(texts.get("q", "")) > MOST_SEARCHED:
        raise BadQuestionError(f"q: write at most {MOST_SEARCHED} characters")
    would, is_open = switch(parameters, "wouldDeny"), switch(parameters, "open")
    return Filters(would_deny=would is True, open=is_open, **times, **texts)  # type: ignore[arg-type]


def switch(parameters: Mapping[str, str], name: str) -> bool | None:
    """Read a switch, None where it is not given; raises `BadQuestionError`."""
    written = parameters.get(name)
    if written not in {None, "true", "false"}:
        raise BadQuestionError(f"{name}: write true or false")
    return None if written is None else written == "true"


def parameters_of(filters: Filters) -> dict[str, str]:
    """Write filters as `filters_of` reads them."""
    times = {"since": filters.since, "until": filters.until}
    written = {name: repr(value) for name, value in times.items() if value is not None}
    for name in _TEXTS:
        value = getattr(filters, name)
        if value is not None:
            written[name] = value
    if filters.open is not None:
        written["open"] = "true" if filters.open else "false"
    return written | ({"wouldDeny": "true"} if filters.would_deny else {})


def found_of(raw: Raw) -> Found:
    """Read what `Found.as_json` wrote."""
    return Found(
        text(raw, "cluster"),
        text(raw, "replica"),
        text(raw, "fingerprint"),
        int(raw.get("count", 0)),
        float(raw.get("firstSeen", 0)),
        float(raw.get("lastSeen", 0)),
        text(raw, "lastDecision"),
        dict(mapping(raw, "record")),
        float(raw["resolved"]) if raw.get("resolved") is not None else None,
    )


def page_of(raw: Raw) -> Page:
    """Read what `Page.as_json` wrote."""
    findings = tuple(found_of(one) for _, one in members(raw, "findings"))
    return Page(findings, text(raw, "next") or None)


def _time(name: str, written: str) -> float:
    """Read seconds since 1970, or a time with its zone (RFC 3339)."""
    try:
        seconds = float(written)
    except ValueError:
        seconds = _seconds(written)
    if not 0 <= seconds < _LAST_SECONDS:
        raise BadQuestionError(
            f"{name}: {written!r} is no time: write 2026-01-31T09:00:00Z, or seconds since 1970"
        )
    return seconds


def _seconds(written: str) -> float:
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        return -1.0
    return at.timestamp() if at.tzinfo is not None else -1.0


_LAST_SECONDS: Final = 4_102_444_800
"""The year 2100."""
