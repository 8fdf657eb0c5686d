"""Certificates as a person reads them in a terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from webhook.cli.doctor_text import SIGNS, STYLES
from webhook.cli.output import visible
from webhook.doctor.inspected import Inspected
from webhook.doctor.verdict import State, Verdict

_DAY = "%Y-%m-%d"
_SOON_DAYS = 14
_INDENT = " " * 15


def show(
    place: str,
    found: Sequence[Inspected],
    verdicts: Sequence[Verdict],
    console: Console | None = None,
) -> None:
    """Print each certificate, then whom it is trusted by."""
    out = console or Console(highlight=False, soft_wrap=True)
    out.print(Text(visible(place), "bold"))
    for one in found:
        _certificate(out, one)
    for verdict in verdicts:
        line = Text("  ").append(f"{SIGNS[verdict.state]} ", STYLES[verdict.state])
        out.print(line.append(visible(verdict.message)))


def _certificate(out: Console, one: Inspected) -> None:
    info = one.info
    out.print(Text(f"  {one.role:<13}", "cyan").append(visible(info.subject)))
    names = [*info.dns_names, *map(str, info.ip_addresses)]
    if names:
        out.print(_line("for", ", ".join(names)))
    if info.issuer != info.subject:
        out.print(_line("by", info.issuer))
    left = f"{one.days_left} day{'' if one.days_left == 1 else 's'} left"
    style = "yellow" if one.days_left < _SOON_DAYS else "green"
    life = _line("valid", f"{info.not_before:{_DAY}} to {info.not_after:{_DAY}}, ")
    renewal = f", to be renewed on {one.renewal:{_DAY}}"
    out.print(life.append(left, style).append(renewal, "dim"))
    out.print(_line("sha256", info.fingerprint, "dim"))
    for problem in one.problems:
        sign = Text(_INDENT).append(f"{SIGNS[State.FAULT]} ", STYLES[State.FAULT])
        out.print(sign.append(visible(problem)))


def _line(name: str, said: str, style: str = "") -> Text:
    return Text(_INDENT).append(f"{name} ", "dim").append(visible(said), style)
