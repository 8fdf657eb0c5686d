"""How long `scaleguard review` takes for 10,000 documents, and how much memory.

Processor time is what is held to the limit: it says the same on a machine that does other things,
and without any it is what a person waits.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.corpus import DOCUMENTS, write

MOST_SECONDS = 30.0
MOST_MEBIBYTES = 400


def measure(folder: Path, form: str) -> tuple[float, float, float]:
    """Review a folder; return processor seconds, seconds and MiB."""
    command = [sys.executable, "-m", "webhook", "review", str(folder), "-o", form]
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 1:  # the corpus has conflicts
        raise SystemExit(f"the review ended with status {process.returncode}")
    took = time.monotonic() - began
    return usage.ru_utime + usage.ru_stime, took, usage.ru_maxrss / 1024


def main() -> None:
    """Print a line for each form of output; fail where a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("forms", nargs="*", default=["text", "json", "sarif"])
    given = parser.parse_args()
    passed = []
    with tempfile.TemporaryDirectory(prefix="scaleguard-bench-") as folder:
        files = write(Path(folder))
        print(f"{DOCUMENTS} documents in {files} files, {os.cpu_count()} processors")
        for form in given.forms:
            seconds, took, mebibytes = measure(Path(folder), form)
            print(f"{form:9} {seconds:5.1f} s of processor, {took:5.1f} s, {mebibytes:4.0f} MiB")
            if seconds > MOST_SECONDS or mebibytes > MOST_MEBIBYTES:
                passed.append(form)
    if passed:
        limits = f"{MOST_SECONDS:.0f} s and {MOST_MEBIBYTES} MiB"
        raise SystemExit(f"more than {limits}: {', '.join(passed)}")


if __name__ == "__main__":
    main()
