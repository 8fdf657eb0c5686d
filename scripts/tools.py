"""Say at once what `make test` would miss minutes later: a Go that can build the control plane."""

import sys

from tests.controlplane.catalogue import PROGRAMS
from tests.controlplane.toolchain import ToolchainError, go_identity

HOW = """\
Debian, Ubuntu:  apt install golang-go          Fedora, RHEL:  dnf install golang
Where that one is older than wanted, GOTOOLCHAIN=auto makes it fetch the right one by itself.
Without Go there is still:  make check"""


def main() -> int:
    """Return the exit status."""
    try:
        for group in {program.group for program in PROGRAMS.values()}:
            go_identity(group)
    except ToolchainError as error:
        sys.stderr.write(f"make test: {error}\n{HOW}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
