"""What runs in the process of the rules of users: compile them, then judge one document at a time.

Whatever happens here harms nobody: the other side (`process.py`) has a deadline, and ends this
process. It ends by itself where nobody is left who could.
"""

import json
import os
import resource
import signal
from collections.abc import Sequence
from math import ceil
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from webhook.core.verdict import CannotJudge
from webhook.policy.source import Module

if TYPE_CHECKING:
    from webhook.policy.embedded import Engine

READY = "ready"

# A finding takes some hundred bytes; the owner reads an answer as a whole.
_MOST_ANSWER_BYTES = 2**20

# Processor time beyond the deadline of a document. Its owner has ended this process long before,
# unless it was ended itself.
_SPARE_SECONDS = 2


def entrypoint(package: str) -> str:
    """Return the entrypoint of the findings of a package."""
    return f"{package.replace('.', '/')}/findings"


def work(
    connection: Connection, modules: Sequence[Module], packages: Sequence[str], seconds: float
) -> None:
    """Compile rules, tell that they are ready or why not, and judge until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the owner, who ends this one
    # What a native library says on stderr when it crashes is for its authors.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    # Here alone: it takes 15 MB, which the process that starts this one has no use for.
    from webhook.policy.embedded import Engine  # noqa: PLC0415

    try:
        engine = Engine(modules, [entrypoint(package) for package in packages])
    except Exception as error:  # noqa: BLE001 - it is raised again where somebody can see it
        connection.send(error)
        return
    connection.send(READY)
    while True:
        try:
            document, asked = json.loads(connection.recv_bytes())
        except EOFError:
            return
        _end_after(seconds)
        engine.put(document)
        for package in asked:
            connection.send_bytes(_answer(engine, package))


def _answer(engine: "Engine", package: str) -> bytes:
    said: dict[str, Any]
    try:
        said = {"answer": engine.evaluate(entrypoint(package), undefined=[])}
    except CannotJudge as error:
        said = {"error": str(error)}
    written = json.dumps(said).encode()
    if len(written) > _MOST_ANSWER_BYTES:
        return json.dumps({"error": f"it answered {len(written):,} bytes"}).encode()
    return written


def _end_after(seconds: float) -> None:
    """End this process by itself some time behind the deadline, in case nobody else is left."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = ceil(used.ru_utime + used.ru_stime + seconds) + _SPARE_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))
