"""The plan of rules: OPA's intermediate representation, as rego-cpp makes it."""

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from webhook.core.frozen import frozen
from webhook.errors import PolicyError
from webhook.policy.source import Module

# Half a second of processor time, which a pod of few millicores waits for.
_LONGEST_SECONDS = 120.0

# Modules are looked for where this process does, and nowhere else: the folder of a user may well
# have one that is called webhook.
_PROGRAM = (
    f"import sys; sys.path[:] = sys.argv[1:]; from {__package__}.planning import main; main()"
)


@frozen
class Plan:
    """Functions, and the texts that their statements name by number."""

    functions: Sequence[dict[str, Any]]
    strings: Sequence[str]


def plan(modules: Iterable[Module], entrypoints: Sequence[str]) -> Plan:
    """Plan rules; raises `PolicyError` naming every file that the engine refuses.

    In a process of its own: the engine would keep 40 MB of this one for ever. And it brings an
    allocator of its own, with which it aborts where a library had loaded that of C++ before it, as
    those of aiohttp and SQLAlchemy do.
    """
    asked = {
        "modules": [[str(one.path), one.name, one.text, one.built_in] for one in modules],
        "entrypoints": list(entrypoints),
    }
    said = _asked(json.dumps(asked))
    if "refused" in said:
        raise PolicyError(said["refused"])
    return Plan(**said)


def _asked(text: str) -> dict[str, Any]:
    try:
        done = subprocess.run(  # noqa: S603 - it is this program
            [sys.executable, "-P", "-c", _PROGRAM, *sys.path],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=_LONGEST_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PolicyError(f"the rules cannot be planned: {error}") from error
    try:
        said: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        how = done.stderr.strip().rpartition("\n")[2] or f"exit status {done.returncode}"
        raise PolicyError(f"the rules cannot be planned: {how}") from error
    return said
