"""Plan rules: `python -m webhook.policy.compiled.planning`, whose words are those of `plan`.

Reads the rules from standard input and writes their plan, or why there is none.
"""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from regopy import BundleFormat

from webhook.errors import PolicyError
from webhook.policy.compiled.plan import Plan
from webhook.policy.embedded import Engine
from webhook.policy.source import Module


def main() -> None:
    """Answer what is asked."""
    asked = json.load(sys.stdin)
    modules = [Module(Path(path), *others) for path, *others in asked["modules"]]
    try:
        engine = Engine(modules, asked["entrypoints"])
    except PolicyError as error:
        said = {"refused": str(error)}
    else:
        said = asdict(_plan(engine))
    json.dump(said, sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # to give back what the engine holds takes a tenth of a second


def _plan(engine: Engine) -> Plan:
    with TemporaryDirectory(prefix="scaleguard-plan-") as folder:
        engine.save(Path(folder), BundleFormat.JSON)
        read = json.loads(Path(folder, "plan.json").read_text(encoding="utf-8"))
    strings = [_text(one["value"]) for one in read["static"]["strings"]]
    return Plan(read["funcs"]["funcs"], strings)


def _text(written: str) -> str:
    """Read a text of a rule: rego-cpp keeps its escapes, and with some its quotes."""
    quoted = written if written.startswith('"') else f'"{written}"'
    text: str = json.loads(quoted)
    return text


if __name__ == "__main__":
    main()
