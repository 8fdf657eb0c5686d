"""`scaleguard demo` as a new user runs it, into a pipe."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

WIDEST_LINE = 120


def test_the_demo_tells_the_main_job(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "webhook", "demo", "--report-dir", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    story = done.stdout
    assert "\x1b" not in story, "no colours in a pipe"
    assert max(map(len, story.splitlines())) <= WIDEST_LINE
    assert "nvidia.com/gpu Exists NoSchedule" in story
    assert "hpa-vpa-same-metric" in story
    assert "3 pods fitted, 1 refused" in story
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [each["allowed"] for each in report["admission"]] == [True] * 4 + [False, True]
    assert report["review"]["summary"]["denied"] == 2
    left = subprocess.run(
        ["pgrep", "-f", "scaleguard-demo-"], capture_output=True, text=True, check=False
    )
    assert left.stdout == "", "nothing is left running"
