"""Lines over time as an SVG, two panels side by side: light, and readable without a legend."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 920, 424
LEFT, TOP, PANEL_WIDTH, PANEL_HEIGHT, BETWEEN = 56, 138, 340, 216, 104
INK, MUTED, GRID = "#1f2937", "#6b7280", "#e5e7eb"
FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """A curve; its last value stands at its end."""

    points: Points
    color: str
    last: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One quantity over time."""

    title: str
    lines: Sequence[Line]
    ticks: Sequence[float]
    """From 0 up; the last is the top."""


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn."""

    title: str
    key: Mapping[str, str]
    """What each colour stands for."""
    panels: Sequence[Panel]
    seconds: Sequence[int]
    note: str


def svg(chart: Chart) -> str:
    """Draw a chart."""
    box = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} role="img" font-family="{FONT}">',
        f"<title>{escape(chart.title)}</title>",
        # A page may be dark: the picture brings its own paper.
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#ffffff"/>',
        _text(LEFT - 32, 36, chart.title, size=18, weight=600),
        *_key(chart.key),
    ]
    for number, panel in enumerate(chart.panels):
        left = LEFT + number * (PANEL_WIDTH + BETWEEN)
        drawn += _panel(panel, chart.seconds, left)
    drawn.append(_text(LEFT - 32, HEIGHT - 16, chart.note, size=12, color=MUTED))
    return "\n".join([*drawn, "</svg>", ""])


def _key(key: Mapping[str, str]) -> list[str]:
    drawn = []
    for row, (color, said) in enumerate(key.items()):
        y = 62 + 22 * row
        drawn.append(
            f'<rect x="{LEFT - 32}" y="{y - 6}" width="18" height="4" rx="2" fill="{color}"/>'
        )
        drawn.append(_text(LEFT - 6, y, said, color=color, weight=600))
    return drawn


def _panel(panel: Panel, seconds: Sequence[int], left: float) -> list[str]:
    top, bottom, most = TOP, TOP + PANEL_HEIGHT, panel.ticks[-1]
    drawn = [_text(left, top - 16, panel.title, weight=600)]
    for tick in panel.ticks:
        y = bottom - tick / most * PANEL_HEIGHT
        drawn.append(
            f'<path d="M{left} {y:.1f}h{PANEL_WIDTH}" stroke="{GRID if tick else MUTED}"/>'
        )
        drawn.append(_text(left - 8, y + 4, f"{tick:g}", size=12, color=MUTED, anchor="end"))
    for second in seconds:
        x = left + second / seconds[-1] * PANEL_WIDTH
        drawn.append(_text(x, bottom + 20, f"{second} s", size=12, color=MUTED, anchor="middle"))
    for line in panel.lines:
        placed = [
            (left + x / seconds[-1] * PANEL_WIDTH, bottom - y / most * PANEL_HEIGHT)
            for x, y in line.points
        ]
        way = "L".join(f"{x:.1f} {y:.1f}" for x, y in placed)
        look = f'fill="none" stroke="{line.color}" stroke-width="2.5" stroke-linejoin="round"'
        drawn.append(f'<path d="M{way}" {look}/>')
        x, y = placed[-1]
        drawn.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{line.color}"/>')
        drawn.append(_text(x + 9, y + 5, line.last, color=line.color, weight=600))
    return drawn


def _text(  # noqa: PLR0913 - what SVG says of a text
    x: float,
    y: float,
    said: str,
    *,
    size: int = 14,
    weight: int = 400,
    color: str = INK,
    anchor: str = "start",
) -> str:
    look = f'font-size="{size}" font-weight="{weight}" fill="{color}" text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {look}>{escape(said)}</text>'
