"""How things stand with workloads: what the background scan delivers, and what views get."""

from typing import Any

from webhook.audit.delivered import is_moment
from webhook.audit.findings import Found
from webhook.core.autoscalers.target import WorkloadKey
from webhook.core.fields import Raw, members, text
from webhook.core.frozen import frozen
from webhook.core.standing import Standing, read_standing


@frozen
class Telling:
    """What the leader of the controllers tells at once."""

    cluster: str
    replica: str
    at: float
    """When it was so, in seconds since 1970: what is older does not count."""
    standings: tuple[Standing, ...]
    pass_began: float | None = None
    """With the last delivery of a pass over everything: when that began."""

    def as_json(self) -> dict[str, Any]:
        """Write it as docs/decisions/0011 has it."""
        return {
            "cluster": self.cluster,
            "replica": self.replica,
            "at": self.at,
            "standings": [one.as_json() for one in self.standings],
            "passBegan": self.pass_began,
        }


def read_telling(raw: Raw) -> Telling:
    """Read the body of a delivery, all of it; raises `ValueError` that names the place."""
    listed, at, began = raw.get("standings"), raw.get("at"), raw.get("passBegan")
    if not is_moment(at):
        raise ValueError("at: seconds since 1970 are needed")
    if began is not None and not (is_moment(began) and began <= at):
        raise ValueError("passBegan: null, or seconds since 1970 that are not after at")
    if not isinstance(listed, list):
        raise ValueError("standings: a list is needed")  # noqa: TRY004 - of what was sent
    read = tuple(_standing(f"standings[{place}]", one) for place, one in members(raw, "standings"))
    if len(read) != len(listed):
        raise ValueError("standings: each has to be an object")
    return Telling(
        text(raw, "cluster"),
        text(raw, "replica"),
        float(at),
        read,
        float(began) if began is not None else None,
    )


def _standing(place: str, raw: Raw) -> Standing:
    try:
        return read_standing(raw)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error


@frozen(kw_only=True)
class Asked:
    """Which workloads are meant; what is None or False narrows nothing."""

    cluster: str | None = None
    namespace: str | None = None
    workload: str | None = None
    """The name of the workload."""
    conflicts: bool = False
    """Only those at which two meet."""


@frozen
class Kept:
    """How things stand with a workload, as it was told last."""

    cluster: str
    seen: float
    workload: WorkloadKey
    who_scales: dict[str, Any] | None
    findings: tuple[Found, ...]

    def as_json(self) -> dict[str, Any]:
        """Say it as it is answered over HTTP."""
        return {
            "cluster": self.cluster,
            "seen": self.seen,
            "workload": self.workload.as_json(),
            "whoScales": self.who_scales,
            "findings": [one.as_json() for one in self.findings],
        }


@frozen
class StandingsPage:
    """A part of the map, by namespace and name."""

    standings: tuple[Kept, ...]
    next: str | None
    """What to give as `after` for the next part; None: this is the last one."""

    def as_json(self) -> dict[str, Any]:
        """Say it as it is answered over HTTP."""
        return {"standings": [one.as_json() for one in self.standings], "next": self.next}
