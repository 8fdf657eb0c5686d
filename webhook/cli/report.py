"""`scaleguard report`: what was refused and why, from the audit."""

import json
import re
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from webhook.audit.findings import Filters, Found
from webhook.audit.reading import Reader, following, newest
from webhook.cli.options import EXISTING_FILE, logging_options, option, set_up_logging
from webhook.cli.output import echo_utf8
from webhook.cli.progress import progress_bar
from webhook.core.record import RecordKind
from webhook.errors import ScaleguardError

if TYPE_CHECKING:
    from rich.console import Console

_EXAMPLES = """\b
Examples:
  scaleguard report --since 24h
  scaleguard report 3f1c9a2e6b7d
  scaleguard report -n shop --rule hpa-vpa-same-metric -o json
  scaleguard report --would-deny -o html > report.html
  scaleguard report --url https://localhost:8443 --ca-file ca.crt --token-file token --follow
"""

_FORMS = ("table", "json", "csv", "html", "openreports")
_FOLLOWED = ("table", "json")
_FOLLOW_SECONDS = 2.0

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class Moment(click.ParamType[float]):
    """A time: how long ago, or which."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return seconds since 1970."""
        if isinstance(value, float):
            return value
        if match := re.fullmatch(r"(\d{1,9})([smhdw])", value):
            return max(0.0, time.time() - int(match[1]) * _UNITS[match[2]])
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            self.fail(
                f"{value!r} is no time: write 30m, 24h, 7d or 2026-01-31T09:00:00Z", param, ctx
            )
        return at.astimezone().timestamp() if at.tzinfo is None else at.timestamp()


@click.command(epilog=_EXAMPLES)
@click.argument("decision", required=False, metavar="[DECISION]")
@option("--store", metavar="URL", help="Database to read; by default audit.db in --data.")
@option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("scaleguard-audit"),
    show_default=True,
    help="Folder of the SQLite file.",
)
@option(
    "--url", metavar="URL", help="Ask the scaleguard audit at this https:// in place of a store."
)
@option("--token-file", type=EXISTING_FILE, help="File with the token for --url.")
@option("--ca-file", type=EXISTING_FILE, help="Certificates that the one of --url is checked by.")
@option("--since", type=Moment(), help="Seen since then: 30m, 24h, 7d, or a time.")
@option("--until", type=Moment(), help="Seen for the first time before then.")
@option("--cluster", metavar="NAME", help="Of one cluster.")
@option("-n", "--namespace", metavar="NAME", help="In one namespace.")
@option("--rule", metavar="ID", help="Of one rule.")
@option("--kind", type=click.Choice([one.value for one in RecordKind]), help="Of one kind.")
@option("--action", type=click.Choice(["deny", "warn", "audit", "patch"]), help="What was done.")
@option("--user", metavar="USER", help="Asked for by one user.")
@option("--workload", metavar="NAME", help="The object's name, its owner's, or the workload's.")
@option("--would-deny", is_flag=True, help="Only what another mode would have refused.")
@option(
    "--open/--resolved",
    default=None,
    help="Of the background scan: only what still stands, or what is over.",
)
@option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=1000,
    show_default=True,
    help="At most so many findings, the newest.",
)
@option(
    "-o",
    "--output",
    type=click.Choice(_FORMS),
    default="table",
    show_default=True,
    help="Form of the output.",
)
@option("--follow", is_flag=True, help="Print what comes, until Ctrl-C; json: a line for each.")
@logging_options
def command(  # noqa: PLR0913 - one parameter per option
    *,
    decision: str | None,
    store: str | None,
    data: Path,
    url: str | None,
    token_file: Path | None,
    ca_file: Path | None,
    limit: int,
    output: str,
    follow: bool,
    log_format: str,
    log_level: str,
    **filters: Any,
) -> None:
    """Tell what was refused, warned of, exempted or changed; with a DECISION all about that one.

    A decision is the id at the end of a denial's message. Repeats are one finding, with a count.
    """
    set_up_logging(log_format, log_level)
    if url is not None and store is not None:
        raise click.UsageError("--url asks a server, --store reads a database: give one of them")
    if follow and (output not in _FOLLOWED or decision is not None):
        raise click.UsageError("--follow prints a table or json, and no single decision")
    from webhook.wiring.reporting import reader_of  # noqa: PLC0415 - a database is large

    reader = reader_of(
        store or f"sqlite:///{data.resolve() / 'audit.db'}", url, token_file, ca_file
    )
    try:
        if decision is not None:
            _tell_decision(reader, decision, output)
        else:
            _tell(reader, Filters(**filters), limit, output, follow=follow)
    finally:
        reader.close()


def _tell(reader: Reader, filters: Filters, limit: int, form: str, *, follow: bool) -> None:
    with progress_bar() as progress:
        found, more = newest(
            reader, filters, limit, lambda done: progress("reading findings", done, limit)
        )
    if not follow:
        _print(found, form)
        if more:
            click.echo(f"there are more than these {limit}: raise --limit", err=True)
        return
    show = _followed(form)
    show(found[::-1])
    try:
        for fresh in following(reader, filters, found, _pause, _told_and_again):
            show(fresh)
    except KeyboardInterrupt:
        return


def _told_and_again(error: ScaleguardError) -> None:
    click.echo(f"{error}; asking again", err=True)


def _pause() -> bool:
    time.sleep(_FOLLOW_SECONDS)
    return True


def _followed(form: str) -> Callable[[list[Found]], None]:
    """Return what prints findings as they come; a table's head once."""
    if form == "json":
        return _lines
    from webhook.cli.report_text import console, show  # noqa: PLC0415 - rich, for tables alone

    out, shown = console(), 0

    def more(found: list[Found]) -> None:
        nonlocal shown
        show(found, out, heads=shown == 0)
        shown += 1

    return more


def _lines(found: list[Found]) -> None:
    for one in found:
        echo_utf8(json.dumps(one.as_json()))


def _tell_decision(reader: Reader, name: str, form: str) -> None:
    found = reader.decision(name)
    if not found:
        raise ScaleguardError(
            f"no decision {name} is known: it may be older than what is kept, or not delivered yet"
        )
    if form != "table":
        _print(list(found), form)
        return
    from webhook.cli.report_text import console, show_decision  # noqa: PLC0415 - as above

    show_decision(name, found, console())


def _print(found: list[Found], form: str) -> None:
    match form:
        case "json":
            echo_utf8(json.dumps({"findings": [one.as_json() for one in found]}, indent=2))
        case "csv":
            from webhook.audit.forms import csv  # noqa: PLC0415 - each form when it is wanted

            echo_utf8(csv.render(found), nl=False)
        case "html":
            from webhook.audit.forms import html  # noqa: PLC0415

            echo_utf8(html.render(found, time.time()), nl=False)
        case "openreports":
            from webhook.audit.forms import openreports  # noqa: PLC0415

            echo_utf8(openreports.render(found), nl=False)
        case _:
            _table(found)


def _table(found: list[Found]) -> None:
    from webhook.cli.report_text import console, show  # noqa: PLC0415 - as above

    out: Console = console()
    if found:
        show(found, out)
    else:
        out.print("nothing was found")
