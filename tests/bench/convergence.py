"""An HPA and a VPA on the same metric, and the pair that scaleguard plans, on the real programs.

    python -m tests.bench.convergence
    python -m tests.bench.convergence --target 95 --picture build/95.svg
    python -m tests.bench.convergence --drawn-from build/convergence.csv

The first runs both for minutes, writes the series and draws docs/convergence.svg, the second with
an HPA that wants something else; the third only draws.
"""

import argparse
import csv
import math
from collections.abc import Sequence
from dataclasses import asdict, fields
from itertools import pairwise
from pathlib import Path

from tests.bench.chart import Chart, Line, Panel, svg
from tests.bench.pairs import COMPLEMENTARY, CONFLICTING, TARGET_PERCENT, Sample, Series, watch
from tests.e2e.lab import lab

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "convergence.svg"
TABLE = ROOT / "build" / "convergence.csv"
SECONDS = 240.0

COLORS = {CONFLICTING: "#c2410c", COMPLEMENTARY: "#0f766e"}
SAID = {
    CONFLICTING: "HPA on cpu + VPA on cpu and memory: never settles",
    COMPLEMENTARY: "HPA on cpu + the VPA of scaleguard, on memory: settles",
}


def chart(series: Series) -> Chart:
    """The picture of a run."""
    most = max(sample.replicas for sample in series[CONFLICTING])
    largest = max(sample.cpu for samples in series.values() for sample in samples)
    last = max(sample.seconds for samples in series.values() for sample in samples)
    step = 30 if last < 200 else 60
    return Chart(
        title="The same model server twice, and a load that never changes",
        key={COLORS[name]: SAID[name] for name in series},
        panels=[
            Panel(
                "Pods, each holding one GPU",
                [
                    Line(stairs(samples), COLORS[name], str(samples[-1].replicas))
                    for name, samples in series.items()
                ],
                ticks(most),
            ),
            Panel(
                "cpu that each pod asks for, in cores",
                [
                    Line(
                        [(sample.seconds, sample.cpu) for sample in samples],
                        COLORS[name],
                        f"{samples[-1].cpu:.2g}",
                    )
                    for name, samples in series.items()
                ],
                ticks(largest),
            ),
        ],
        seconds=range(0, math.ceil(last / step) * step + 1, step),
        note="Real HPA controller and VPA, their clocks sped up: a cpu sample halves its weight "
        "in 5 seconds instead of a day.",
    )


def stairs(samples: Sequence[Sample]) -> list[tuple[float, float]]:
    """Replicas as what they are, whole numbers that change at once."""
    points = [(samples[0].seconds, float(samples[0].replicas))]
    for before, now in pairwise(samples):
        points += [(now.seconds, float(before.replicas)), (now.seconds, float(now.replicas))]
    return points


def ticks(most: float) -> list[float]:
    """Four or five round numbers from 0 up, the last not below the most."""
    rough = most / 4
    unit = 10 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (0.5, 1, 2, 2.5, 5, 10) if unit * factor * 4 >= most)
    return [step * number for number in range(math.ceil(most / step) + 1)]


def write(series: Series, path: Path) -> None:
    """Keep the series as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        names = [field.name for field in fields(Sample)]
        table = csv.DictWriter(file, ["pair", *names])
        table.writeheader()
        for name, samples in series.items():
            table.writerows({"pair": name, **asdict(sample)} for sample in samples)


def read(path: Path) -> Series:
    """Read what was kept."""
    series: Series = {CONFLICTING: [], COMPLEMENTARY: []}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            series[row["pair"]].append(
                Sample(
                    seconds=float(row["seconds"]),
                    replicas=int(row["replicas"]),
                    cpu=float(row["cpu"]),
                    memory=float(row["memory"]),
                    utilization=int(row["utilization"]),
                )
            )
    return series


def main() -> None:
    """Run both pairs, keep what they did and draw it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long they run")
    parser.add_argument("--target", type=int, default=TARGET_PERCENT, help="of the HPA, in percent")
    parser.add_argument("--picture", type=Path, default=PICTURE, help="where it is drawn")
    parser.add_argument("--drawn-from", type=Path, help="a series that was kept: run nothing")
    given = parser.parse_args()
    if given.drawn_from is None:
        with lab() as running:
            series = watch(running, given.seconds, target=given.target)
        write(series, TABLE)
        print(f"series: {TABLE}")
    else:
        series = read(given.drawn_from)
    for name, samples in series.items():
        first, last = samples[0], samples[-1]
        print(
            f"{name:14} pods {first.replicas} -> {last.replicas}, each asks for "
            f"{first.cpu:g} -> {last.cpu:g} cores and {first.memory:g} -> {last.memory:g} GiB, "
            f"uses {first.utilization} -> {last.utilization} % of its cpu"
        )
    given.picture.write_text(svg(chart(series)), encoding="utf-8")
    print(f"picture: {given.picture}")


if __name__ == "__main__":
    main()
