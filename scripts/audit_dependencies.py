"""Ask for known vulnerabilities of what the locks pin: `make audit-dependencies`.

    python scripts/audit_dependencies.py [-s osv]

Ends with 0 where none is known, 1 where there is one, and 2 where the data cannot be had of all of
it: a package that nobody could say anything of is no clean one.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "requirements"
CLEAN, VULNERABLE, UNKNOWN = 0, 1, 2
_MOST_NAMES = 5

Package = dict[str, Any]


def asked(options: list[str]) -> list[Package] | None:
    """Ask about all locks; None where there is no answer, of which pip-audit says why."""
    locks = [word for lock in sorted(LOCKS.glob("*.txt")) for word in ("-r", str(lock))]
    fixed = ["--disable-pip", "--require-hashes", "--progress-spinner=off", "--format=json"]
    command = [sys.executable, "-m", "pip_audit", *fixed, *options, *locks]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - no shell
    try:
        found: list[Package] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        sys.stderr.buffer.write(done.stderr)
        return None
    return found


def told(packages: list[Package] | None) -> tuple[int, list[str]]:
    """Return how it ends, and what is to be said."""
    if packages is None:
        return UNKNOWN, ["the data cannot be had (above): nothing is known of any package"]
    lines = [
        f"{one['name']} {one['version']}: {vulnerability['id']}, mended in "
        f"{', '.join(vulnerability['fix_versions']) or 'no version'}"
        for one in packages
        for vulnerability in one.get("vulns", ())
    ]
    unknown = [one["name"] for one in packages if "skip_reason" in one]
    if unknown:
        lines.append(
            f"of {len(unknown)} of {len(packages)} packages the data cannot be had, and nothing is "
            f"known: {', '.join(unknown[:_MOST_NAMES])}{' …' if len(unknown) > _MOST_NAMES else ''}"
        )
    if not lines:
        return CLEAN, [f"no vulnerability is known of {len(packages)} packages"]
    return (VULNERABLE if len(lines) > bool(unknown) else UNKNOWN), lines


if __name__ == "__main__":
    status, said = told(asked(sys.argv[1:]))
    sys.stdout.write("".join(f"{line}\n" for line in said))
    raise SystemExit(status)
