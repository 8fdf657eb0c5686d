"""A progress bar for work that is long."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# Below this many steps work is over before a bar could be read.
STEPS_FOR_A_BAR = 50

Progress = Callable[[str, int, int], None]
"""Told (what, steps done, all steps)."""


@contextmanager
def progress_bar(steps_for_a_bar: int = STEPS_FOR_A_BAR) -> Iterator[Progress]:
    """Show a progress bar on stderr where that is a terminal and the work is long."""
    if not sys.stderr.isatty():
        yield lambda _what, _done, _all: None
        return
    from rich.console import Console  # noqa: PLC0415 - only on a terminal
    from rich.progress import Progress as Bar  # noqa: PLC0415

    tasks: dict[str, Any] = {}
    with Bar(console=Console(stderr=True), transient=True) as bar:

        def progress(what: str, done: int, all_: int) -> None:
            if all_ < steps_for_a_bar:
                return
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=all_)
            bar.update(tasks[what], completed=done)

        yield progress
