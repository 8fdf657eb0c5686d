"""What `plan` does in a process of its own: rules from standard input, their plan to the other."""

import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from regopy import BundleFormat

from webhook.errors import PolicyError
from webhook.policy.embedded import Engine
from webhook.policy.source import Module


def main() -> None:
    """Answer what is asked."""
    asked = json.load(sys.stdin)
    modules = [Module(Path(path), *others) for path, *others in asked["modules"]]
    said: dict[str, Any]
    try:
        engine = Engine(modules, asked["entrypoints"])
    except PolicyError as error:
        said = {"refused": str(error)}
    else:
        said = _plan(engine)
    sys.stdout.write(json.dumps(said))
    sys.stdout.flush()
    os._exit(0)  # to give back what the engine holds takes a tenth of a second


def _plan(engine: Engine) -> dict[str, Any]:
    """Return the members of a `Plan`."""
    with TemporaryDirectory(prefix="scaleguard-plan-") as folder:
        engine.save(Path(folder), BundleFormat.JSON)
        read = json.loads(Path(folder, "plan.json").read_text(encoding="utf-8"))
    strings = [_text(one["value"]) for one in read["static"]["strings"]]
    return {"functions": read["funcs"]["funcs"], "strings": strings}


def _text(written: str) -> str:
    """Read a text of a rule: rego-cpp keeps its escapes, and with some its quotes."""
    quoted = written if written.startswith('"') else f'"{written}"'
    text: str = json.loads(quoted)
    return text
