"""What containers ask for: cpu, memory, and every accelerator of the catalogue.

Everything made here is what an API server accepts, unless `odd` is set: then quantities may also be
templates that nobody filled in, and extended resources may stand in the requests alone.
"""

from typing import Any

import yaml
from hypothesis import strategies as st

from webhook.core import quantity
from webhook.knowledge import FOLDER

Raw = dict[str, Any]

COMPUTE = ("cpu", "memory")

# The ways in which people and programs write the same amounts, JSON numbers included.
CPU = (
    *("0", "100u", "1m", "100m", "250m", ".5", "0.5", "500m", "1", "1.", "+1", "1000m", "1.5"),
    *("2e0", "2000m", "0.002k", "4", "1e1", "16", 0, 1, 2, 0.5),
)
MEMORY = (
    *("0", "1500m", "64Mi", "67108864", "0.0625Gi", "129e6", "129M", "1E9", "1e9", "1Gi", "1.5Gi"),
    *("1536Mi", "8Gi", "12G", "16777216Ki", "64Gi", 0, 1073741824),
)
FIGURES = {"cpu": CPU, "memory": MEMORY}

CATALOGUE = yaml.safe_load((FOLDER / "accelerators.yaml").read_text(encoding="utf-8"))
FAMILIES: list[Raw] = CATALOGUE["families"]
DEVICE_CLASSES = sorted(
    pattern.replace("*", "example")
    for family in FAMILIES
    for key in ("deviceClasses", "sliceClasses")
    for pattern in family.get(key, ())
)
OTHER_CLASSES = ("imex.nvidia.com", "compute-domain-daemon.nvidia.com", "fpga.example.com")

# What a `*` of the catalogue stands for; the middle ones are amounts, whatever the family.
_FILLINGS = ("910", "1g.5gb", "910-memory", "gpu.vmemory", "a.shared")
OTHER_RESOURCES = (
    *("vpc.amazonaws.com/efa", "rdma/hca", "gpu.intel.com/i915_monitoring", "example.com/fpga"),
    *("amd.com/gpus", "nvidia.com/gpu-count", "qat.intel.com/generic"),
)


def names_of(family: Raw) -> list[str]:
    """The resource names of a family, patterns filled in."""
    patterns = [pattern for listed in family.get("resources", {}).values() for pattern in listed]
    filled = {pattern.replace("*", filling) for pattern in patterns for filling in _FILLINGS}
    return sorted(filled)


# By family first: one with many names is no likelier than one with a single name.
ACCELERATORS = st.sampled_from(FAMILIES).flatmap(lambda one: st.sampled_from(names_of(one)))
COUNTS = st.sampled_from([1, "1", 2, 8, "4e0", "1k", 0, "0"])
ODD_COUNTS = COUNTS | st.sampled_from(["${GPU_COUNT}", "500m", None])


def nanos(value: Any) -> int:
    return quantity.parse(value) or 0


def amounts(resource: str, figures: tuple[Any, ...]) -> st.SearchStrategy[Raw]:
    """Requests and limits of one resource: either, both or none, the request never the larger."""
    one = st.sampled_from(figures)
    pair = st.lists(one, min_size=2, max_size=2).map(lambda two: sorted(two, key=nanos))
    return st.one_of(
        st.just({}),
        one.map(lambda value: {"requests": {resource: value}}),
        one.map(lambda value: {"limits": {resource: value}}),
        one.map(lambda value: {"requests": {resource: value}, "limits": {resource: value}}),
        pair.map(lambda two: {"requests": {resource: two[0]}, "limits": {resource: two[1]}}),
    )


def extended(names: st.SearchStrategy[str], *, odd: bool = False) -> st.SearchStrategy[Raw]:
    """An extended resource: in the limits, or the same in both."""
    places = [("limits",), ("requests", "limits"), *([("requests",)] if odd else [])]
    return st.builds(
        lambda name, count, where: {kind: {name: count} for kind in where},
        names,
        ODD_COUNTS if odd else COUNTS,
        st.sampled_from(places),
    )


def merged(parts: list[Raw]) -> Raw:
    """One mapping of all; where two name the same resource, the first one does it alone."""
    made: Raw = {}
    named: set[str] = set()
    for part in parts:
        own = {name for listed in part.values() for name in listed}
        if not own & named:
            for kind, listed in part.items():
                made.setdefault(kind, {}).update(listed)
        named |= own
    return made


def resources(*, accelerated: bool, odd: bool = False) -> st.SearchStrategy[Raw]:
    """The resources of a container, claims left out."""
    compute = [amounts(name, FIGURES[name]) for name in COMPUTE]
    devices = st.lists(extended(ACCELERATORS, odd=odd), min_size=1, max_size=2)
    others = st.lists(extended(st.sampled_from(OTHER_RESOURCES), odd=odd), max_size=1)
    return st.builds(
        lambda compute, devices, others: merged([*compute, *devices, *others]),
        st.tuples(*compute).map(list),
        devices if accelerated else st.just([]),
        others,
    )


# More than all containers together ever ask for: less would be refused.
_POD_CPU, _POD_MEMORY = ("200", "200e0", "1k"), ("1Ti", "1024Gi", "2Ti")
POD_LEVEL: st.SearchStrategy[Raw] = st.builds(
    lambda cpu, memory: merged([cpu, memory]),
    amounts("cpu", _POD_CPU),
    amounts("memory", _POD_MEMORY),
)
