"""Build profiles from what a configuration says of them, completed by defaults."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from webhook.core import quantity
from webhook.core.accelerators import glob
from webhook.core.kinds import WorkloadClass
from webhook.core.nodes import NodeShape, read_taints, smallest_shares
from webhook.core.profile import ExtraToleration, Figures, Match, Profile, Profiles, SharedMemory
from webhook.core.selector import read_selector
from webhook.core.vpa_plan.terms import VpaTerms, Wish
from webhook.errors import ConfigError
from webhook.knowledge import tolerations

Written = Mapping[str, Any]


def build_profiles(data: Written) -> Profiles:
    """Build the values for everybody and the named profiles of a checked configuration."""
    shapes = tuple(_shape(written) for written in data.get("nodeShapes", ()))
    base = _flavoured(_overlaid(Profile(), data, ""), data)
    return Profiles(
        base,
        {
            written["name"]: (
                _overlaid(replace(base, name=written["name"]), written, written["name"]),
                _match(written["match"]) if "match" in written else None,
            )
            for written in data.get("profiles", ())
        },
        shapes,
        smallest_shares(shapes),
    )


def _flavoured(base: Profile, data: Written) -> Profile:
    """Add the tolerations of the cluster's flavours, before those that the configuration lists."""
    ready_made = tuple(
        ExtraToleration(raw, f"flavour {flavour}")
        for flavour in data.get("flavours", ())
        for raw in tolerations()["flavours"][flavour]
    )
    return replace(base, extra_tolerations=(*ready_made, *base.extra_tolerations))


def _overlaid(under: Profile, written: Written, name: str) -> Profile:
    """Lay what is written over a profile: tolerations are added, everything else replaces."""
    where = f"profile {name}, " if name else "configuration, "
    figures = {
        key: _figures(value, f"{where}requests.{key}")
        for key, value in written.get("requests", {}).items()
    }
    every = figures.get("device")
    return replace(
        under,
        per_device={
            each: figures.get(each.value) or every or under.per_device[each]
            for each in WorkloadClass
        },
        per_slice=figures.get("slice", under.per_slice),
        sidecar=figures.get("sidecar", under.sidecar),
        cpu_only=figures.get("cpuOnly", under.cpu_only),
        extra_tolerations=(
            *under.extra_tolerations,
            *(
                ExtraToleration(raw, f"{where}extraTolerations")
                for raw in written.get("extraTolerations", ())
            ),
        ),
        network=_network(written, under),
        shared_memory=_shared_memory(written, under),
        protect=written.get("protectFromEviction", under.protect),
        vpa=_vpa(written.get("vpa", {}), under.vpa),
    )


def _network(written: Written, under: Profile) -> Any:
    if "networkTolerations" not in written:
        return under.network
    names = tolerations()["network"] if written["networkTolerations"] else ()
    return tuple(glob(name) for name in names)


def _shared_memory(written: Written, under: Profile) -> SharedMemory | None:
    said = written.get("sharedMemory")
    if said is None:
        return under.shared_memory
    if isinstance(said, bool):
        return SharedMemory() if said else None
    return SharedMemory(str(said))


def _vpa(written: Written, under: VpaTerms) -> VpaTerms:
    said = written.get("mode")
    return VpaTerms(
        under.wish if said is None else Wish(said),
        {**under.least, **_nanos(written.get("minAllowed", {}))},
        {**under.most, **_nanos(written.get("maxAllowed", {}))},
    )


def _nanos(written: Written) -> dict[str, int]:
    return {resource: nanos(value) for resource, value in written.items()}


def _match(written: Written) -> Match:
    return Match(
        frozenset(map(WorkloadClass, written.get("classes", ()))),
        frozenset(written.get("accelerators", ())),
        read_selector(written.get("namespaceSelector", {})),
    )


def _shape(written: Written) -> NodeShape:
    return NodeShape(
        written["name"],
        {name: nanos(value) for name, value in written["allocatable"].items()},
        written.get("labels", {}),
        read_taints(written, "taints"),
    )


def _figures(written: Written, source: str) -> Figures:
    return Figures(nanos(written["cpu"]), nanos(written["memory"]), source)


def nanos(value: Any) -> int:
    """Read a quantity that has been checked."""
    amount = quantity.parse(value)
    if amount is None:
        raise ConfigError(f"{value!r} is no quantity")
    return amount


def profile_faults(data: Any) -> Iterator[str]:
    """Yield what a schema cannot say of profiles: two of one name."""
    listed = data.get("profiles") if isinstance(data, dict) else None
    names: set[str] = set()
    for index, written in enumerate(listed if isinstance(listed, list) else ()):
        name = written.get("name") if isinstance(written, dict) else None
        if isinstance(name, str) and name in names:
            yield f"profiles[{index}].name: {name!r}: another profile has this name"
        elif isinstance(name, str):
            names.add(name)
