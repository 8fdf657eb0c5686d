"""Fuzz one target with Atheris, which keeps inputs that reach code no other reached.

    build/fuzz/bin/python -m tests.fuzz.engine TARGET EXECUTIONS SECONDS SEED

Writes a line of JSON twice a second, the last one at its end.
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from random import Random

import atheris

with atheris.instrument_imports(include=["webhook"]):
    from tests.fuzz.registry import inputs, load

    TARGET = load(sys.argv[1])

from tests.fuzz.mutation import MOST_BYTES
from tests.fuzz.watched import Watched


def main(name: str, executions: int, seconds: float, seed: int) -> None:
    """Fuzz until one of the bounds is reached."""
    given = inputs(name, TARGET)
    mutate = TARGET.mutate(given)
    watched = Watched(name, TARGET)

    def execute(data: bytes) -> None:
        watched.execute(data)
        ends = watched.count >= executions or watched.seconds >= seconds
        if watched.look() or ends:
            say(watched, ends=ends)
        if ends:
            os._exit(0)  # libFuzzer would go on; what it keeps is gone with its folder

    def custom(data: bytes, _size: int, number: int) -> bytes:
        return mutate(data, Random(number))  # noqa: S311 - it is repeated, not secret

    with tempfile.TemporaryDirectory() as folder, watched:
        for number, one in enumerate(given):
            (Path(folder) / str(number)).write_bytes(one)
        flags = [
            f"-seed={seed}",
            "-runs=-1",
            f"-max_len={MOST_BYTES}",
            "-verbosity=0",
            "-timeout=9999",
        ]
        atheris.Setup(["fuzz", folder, *flags, "-rss_limit_mb=0"], execute, custom_mutator=custom)
        atheris.Fuzz()


def say(watched: Watched, *, ends: bool) -> None:
    """Tell how far it is."""
    print(
        json.dumps(
            {
                "executions": watched.count,
                "seconds": watched.seconds,
                "slowest": watched.slowest,
                "slowest_input": watched.slowest_input[:200].decode(errors="replace"),
                "resident_mb": watched.memory[-1][1] / 1024 if watched.memory else 0,
                "slope": watched.slope(),
                "found": watched.found if ends else list(watched.found),
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
