"""Everything that a review judges, read from paths; charts and kustomizations are rendered."""

from collections.abc import Callable, Sequence
from pathlib import Path

import click

from webhook.cli.output import visible
from webhook.cli.progress import Progress
from webhook.core.frozen import frozen
from webhook.manifests import Entry, Source, Unreadable, files, read_file
from webhook.manifests.paths import STDIN
from webhook.rendering.programs import Programs, on_the_path
from webhook.rendering.rendered import render
from webhook.rendering.roots import ONLY_FOR_ROOTS, Root, plan

EMPTY_STDIN = (
    "standard input is empty: the command before the pipe printed nothing, and may have failed"
)

_MOST_NAMED = 3


class Once:
    """Standard input, which can be read only once, for whoever asks."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._read = read
        self._content: bytes | None = None

    def __call__(self) -> bytes:
        """Return its bytes."""
        if self._content is None:
            self._content = self._read()
        return self._content


@frozen
class Renderer:
    """The programs that render, and values for charts."""

    programs: Programs
    values: tuple[str, ...] = ()


def renderer(values: Sequence[Path]) -> Renderer:
    """Find the programs."""
    return Renderer(on_the_path(), tuple(str(file) for file in values))


def read_paths(
    paths: Sequence[str],
    stdin: Callable[[], bytes],
    renderer: Renderer | None,
    progress: Progress,
) -> dict[str, list[Entry]]:
    """Read files, folders and `-`; return entries by file, those of a root by its own file."""
    if renderer is None:
        planned: Sequence[str | Root] = files(paths)
    else:
        planned = plan(files(paths, ONLY_FOR_ROOTS), renderer.programs.names)
        _refuse_idle_values(planned, renderer)
        _tell_missing(planned, renderer.programs)
    found: dict[str, list[Entry]] = {}
    for done, one in enumerate(planned, start=1):
        if isinstance(one, Root):
            assert renderer is not None  # noqa: S101 - it made the plan
            found[one.file] = render(one, renderer.programs, renderer.values)
        elif one == STDIN and not stdin().strip():
            found[one] = [Unreadable(Source(STDIN, 1), EMPTY_STDIN)]
        else:
            found[one] = list(read_file(one, stdin))
        progress("reading", done, len(planned))
    return found


def _refuse_idle_values(planned: Sequence[str | Root], renderer: Renderer) -> None:
    charts = any(isinstance(one, Root) and one.chart is not None for one in planned)
    if renderer.values and not charts:
        raise click.UsageError("--helm-values: there is no chart (Chart.yaml) below these paths")


def _tell_missing(planned: Sequence[str | Root], programs: Programs) -> None:
    """Tell on stderr what is not rendered, a line for each program that is missing."""
    missing: dict[str, list[str]] = {}
    for one in planned:
        if isinstance(one, Root) and one.program not in programs.names:
            missing.setdefault(one.program, []).append(one.folder)
    for program, folders in missing.items():
        more = f" and {len(folders) - _MOST_NAMED} more" if len(folders) > _MOST_NAMED else ""
        named = ", ".join(folders[:_MOST_NAMED])
        line = f"not rendered: there is no {program} on the PATH: {named}{more}"
        click.echo(visible(line), err=True)
