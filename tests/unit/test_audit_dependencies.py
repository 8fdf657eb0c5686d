"""What is said of known vulnerabilities: what nothing is known of is not said to be clean."""

from typing import Any

import pytest

from scripts.audit_dependencies import CLEAN, UNKNOWN, VULNERABLE, told

GOOD = {"name": "flask", "version": "3.1", "vulns": []}
BAD = {
    "name": "old",
    "version": "1.0",
    "vulns": [{"id": "CVE-1", "fix_versions": ["1.1", "2.0"]}, {"id": "CVE-2", "fix_versions": []}],
}
FOUND = ["old 1.0: CVE-1, mended in 1.1, 2.0", "old 1.0: CVE-2, mended in no version"]

LACKING = "of 6 of 7 packages the data cannot be had, and nothing is known"


def unknown(number: int) -> list[dict[str, Any]]:
    return [{"name": f"p{one}", "skip_reason": "not found"} for one in range(number)]


@pytest.mark.parametrize(
    ("packages", "status", "said"),
    [
        ([GOOD], CLEAN, ["no vulnerability is known of 1 packages"]),
        ([GOOD, BAD], VULNERABLE, FOUND),
        (
            [GOOD, *unknown(2)],
            UNKNOWN,
            ["of 2 of 3 packages the data cannot be had, and nothing is known: p0, p1"],
        ),
        (
            [BAD, *unknown(6)],
            VULNERABLE,
            [
                *FOUND,
                f"{LACKING}: p0, p1, p2, p3, p4 …",
            ],
        ),
        (None, UNKNOWN, ["the data cannot be had (above): nothing is known of any package"]),
    ],
)
def test_what_is_known_of_packages(packages: Any, status: int, said: list[str]) -> None:
    assert told(packages) == (status, said)
