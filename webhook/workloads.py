"""What a schema cannot say of the kinds that a configuration adds to those of the catalogue."""

from collections.abc import Iterator, Mapping
from typing import Any

from webhook.core.autoscalers.kinds import AUTOSCALERS
from webhook.core.objects import GroupKind
from webhook.knowledge import STEPS_ABOVE, shipped_kinds


def workload_faults(data: Any) -> Iterator[str]:
    """Yield kinds that are known already, and places that are none."""
    listed = data.get("workloads") if isinstance(data, dict) else None
    seen: dict[GroupKind, str] = {}
    for index, written in enumerate(listed if isinstance(listed, list) else ()):
        if not isinstance(written, dict):
            continue
        place = f"workloads[{index}]"
        group, kind = written.get("group"), written.get("kind")
        if isinstance(group, str) and isinstance(kind, str):
            named = GroupKind(group, kind)
            if named in AUTOSCALERS:
                yield f"{place}: {kind} of {group} is an autoscaler, and makes no pods"
            elif named in shipped_kinds():
                yield f"{place}: {kind} of {group} is known without being listed: leave it out"
            elif named in seen:
                yield f"{place}: {kind} of {group} is listed already: {seen[named]}"
            seen.setdefault(named, place)
        yield from _misplaced(written.get("templates"), f"{place}.templates")


def _misplaced(templates: Any, place: str) -> Iterator[str]:
    for index, written in enumerate(templates if isinstance(templates, list) else ()):
        if isinstance(written, dict) and _leads_out(written):
            yield (
                f"{place}[{index}].metadata: {written['metadata']} above {written['podSpec']} is "
                "outside of the object"
            )


def _leads_out(written: Mapping[str, Any]) -> bool:
    above, path = STEPS_ABOVE.get(str(written.get("metadata")), 0), written.get("podSpec")
    return isinstance(path, str) and above > len(path.replace("[]", ".[]").split("."))
