"""What the chart's ServiceAccounts may do, as kubectl lists it and docs/rights.md shows it.

    python -m tests.e2e.can_i

writes the page anew.
"""

import re
import shlex
import tempfile
from pathlib import Path

from tests.controlplane.cluster import ControlPlane
from tests.e2e.chart import CHART, Helm

PAGE = CHART.parents[1] / "docs" / "rights.md"

_BLOCK = re.compile(r"(?<=```sh\n)kubectl (.+)\n```\n\n```text\n(?:.*\n)*?(?=```)")


def shown() -> str:
    """The page with what the API server of a control plane of its own answers."""
    with ControlPlane() as plane, tempfile.TemporaryDirectory() as folder:
        where = ("--namespace", "scaleguard", "--create-namespace", "--no-hooks")
        helm = Helm(Path(folder), plane.kubeconfig)
        helm("install", "scaleguard", str(CHART), *where, "--set", "audit.enabled=true")

        def answered(block: re.Match[str]) -> str:
            said = plane.kubectl(*shlex.split(block[1])).stdout
            header, *lines = (line.rstrip() for line in said.splitlines())
            listed = "\n".join((header, *sorted(lines)))
            return f"kubectl {block[1]}\n```\n\n```text\n{listed}\n"

        return _BLOCK.sub(answered, PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    PAGE.write_text(shown(), encoding="utf-8")
