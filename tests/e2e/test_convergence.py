"""What the guard is for: an HPA and a VPA on the same metric never settle; the planned pair does.

The load is constant and the HPA content at the start, so nothing would have to change. What the
autoscalers make of it is measured on the real ones, with nobody in their way.
"""

import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import pytest

from tests.bench.chart import HEIGHT, WIDTH, svg
from tests.bench.convergence import PICTURE, SAID, chart, read, write
from tests.bench.pairs import (
    COMPLEMENTARY,
    CONFLICTING,
    CONTROLLED,
    CPU,
    REPLICAS,
    USED_GIBIBYTES,
    Raw,
    Sample,
    Series,
    complementary,
    conflicting,
    review,
    watch,
    workload,
)
from tests.controlplane.build import binary
from tests.e2e.lab import lab

GROWN_TO = 2 * REPLICAS
WITHIN_SECONDS = 100.0


@pytest.mark.controlplane
@pytest.mark.slow
def test_the_refused_pair_drifts_and_the_planned_pair_stays() -> None:
    for name in ("vpa-recommender", "vpa-updater", "vpa-admission-controller"):
        binary(name)
    with lab() as running:
        series = watch(running, WITHIN_SECONDS, until=has_drifted)
    print(*(f"{name} {sample}" for name, listed in series.items() for sample in listed), sep="\n")

    drifting = series[CONFLICTING]
    assert drifting[-1].replicas >= GROWN_TO, "twice the pods, of a load that never changed"
    assert drifting[-1].cpu < CPU * 0.75, "each asking for less and less"
    assert len(changes(drifting)) >= 2, "again and again, each after what the other did"
    assert last_half(drifting)[-1].replicas > last_half(drifting)[0].replicas, "to this moment"

    steady = series[COMPLEMENTARY]
    assert {sample.replicas for sample in last_half(steady)} == {REPLICAS}
    assert {sample.cpu for sample in steady} == {CPU}
    assert {sample.utilization for sample in last_half(steady)} == {70}
    # And it is no idle one: each pod was given the memory that it uses, with the VPA's margin.
    assert steady[-1].memory > USED_GIBIBYTES


def has_drifted(series: Series) -> bool:
    samples = series[CONFLICTING]
    return bool(samples) and samples[-1].replicas >= GROWN_TO


def changes(samples: list[Sample]) -> list[tuple[int, int]]:
    """The steps in which the number of pods went somewhere else."""
    replicas = [sample.replicas for sample in samples]
    return [(before, now) for before, now in pairwise(replicas) if before != now]


def last_half(samples: list[Sample]) -> list[Sample]:
    return [sample for sample in samples if sample.seconds >= samples[-1].seconds / 2]


def test_the_two_vpas_differ_in_what_they_control_alone() -> None:
    one, other = conflicting("ml")["spec"], complementary("ml")["spec"]
    assert policy(one).pop("controlledResources") == CONTROLLED[CONFLICTING]
    assert policy(other).pop("controlledResources") == CONTROLLED[COMPLEMENTARY]
    assert one == other


def policy(spec: Raw) -> Raw:
    found: list[Raw] = spec["resourcePolicy"]["containerPolicies"]
    return found[0]


def test_the_one_is_refused_and_the_other_is_not() -> None:
    refused = findings(review(*workload("ml"), conflicting("ml")))
    same = [finding for finding in refused if finding["rule"] == "hpa-vpa-same-metric"]
    # Both sides are told.
    assert {(finding["action"], finding["resourceName"]) for finding in same} == {("deny", "cpu")}
    assert findings(review(*workload("ml"), complementary("ml"))) == []


def findings(said: Raw) -> list[Raw]:
    return [finding for result in said["results"] for finding in result["findings"]]


def test_a_series_is_kept_as_it_was_and_drawn_inside_of_its_picture(tmp_path: Path) -> None:
    series = {
        CONFLICTING: [Sample(0.0, 4, 2.0, 8.0, 70), Sample(61.5, 33, 0.213, 21.5, 86)],
        COMPLEMENTARY: [Sample(0.0, 4, 2.0, 8.0, 70), Sample(61.5, 4, 2.0, 24.1, 70)],
    }
    write(series, tmp_path / "series.csv")
    assert read(tmp_path / "series.csv") == series
    drawn = svg(chart(series))
    root = ET.fromstring(drawn)  # noqa: S314 - it was drawn a line above
    said = {element.text for element in root.iter() if element.tag.endswith("text")}
    assert {*SAID.values(), "33", "0.21", "40"} <= said
    for element in root.iter():
        x, y = float(element.get("x") or element.get("cx") or 0), float(element.get("y") or 0)
        assert 0 <= x < WIDTH - 10
        assert 0 <= y < HEIGHT


def test_the_page_says_what_its_picture_shows() -> None:
    root = ET.parse(PICTURE).getroot()  # noqa: S314 - our own
    shown = {element.text or "" for element in root.iter() if element.tag.endswith("text")}
    page = PICTURE.with_suffix(".md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| ")]
    ends = {row[1].strip(): [cell.strip() for cell in row[2:4]] for row in rows}
    for what in ("refused", "planned"):
        pods, cpu = ends[what]
        assert {pods, f"{float(cpu):.2g}"} <= shown, what
    assert f"{ends['refused'][0]} instead of {REPLICAS}" in page
